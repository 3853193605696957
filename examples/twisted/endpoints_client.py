r"""Sends lines to a server on whatever endpoint a string describes, and prints those that come back, on Twisted.

python endpoints_client.py ENDPOINT LINE ...     for example 'wsframework:tcp\:localhost\:9000:url=ws\://localhost\:9000'
"""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from wsframework import WebSocketError

ENDPOINT = r"wsframework:tcp\:localhost\:9000:url=ws\://localhost\:9000"


class Talk(LineOnlyReceiver):
    delimiter = b"\n"
    transport: Any

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = list(lines)
        self.is_over: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.say_next()

    def lineReceived(self, line: bytes) -> None:
        print(line.decode())
        self.say_next()

    def say_next(self) -> None:
        if self.lines:
            self.sendLine(self.lines.pop(0).encode())
        else:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_over.callback(None)


async def main(reactor: Any, description: str = ENDPOINT, *lines: str) -> None:
    endpoint = clientFromString(reactor, description)
    try:
        # The protocol is connected: also WebSocket's handshake is done.
        talk: Any = await endpoint.connect(Factory.forProtocol(partial(Talk, lines or ("Hello, world!",))))
    except (ConnectError, WebSocketError) as error:
        sys.exit(f"cannot connect to {description}: {error}")
    await talk.is_over


if __name__ == "__main__":
    react(main, sys.argv[1:])
