"""Sends lines over a stream inside of WebSocket and prints those that come back, on Twisted.

python wrapping_client.py URL LINE ...
"""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from wsframework import WebSocketError
from wsframework.twisted.websocket import WrappingWebSocketClientFactory


class Talk(LineOnlyReceiver):
    delimiter = b"\n"
    transport: Any

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = list(lines)

    def connectionMade(self) -> None:
        # The stream is connected when the WebSocket connection is open.
        self.say_next()

    def lineReceived(self, line: bytes) -> None:
        print(line.decode())
        self.say_next()

    def say_next(self) -> None:
        if self.lines:
            self.sendLine(self.lines.pop(0).encode())
        else:
            self.transport.loseConnection()


async def main(reactor: Any, url: str, *lines: str) -> None:
    factory = WrappingWebSocketClientFactory(Factory.forProtocol(partial(Talk, lines)), url)
    endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, factory.host, factory.port)
    if factory.isSecure:
        endpoint = wrapClientTLS(optionsForClientTLS(factory.host), endpoint)
    try:
        client: Any = await endpoint.connect(factory)
        await client.is_open
    except (ConnectError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    await client.is_closed


if __name__ == "__main__":
    react(main, sys.argv[1:] or ["ws://127.0.0.1:9000", "Hello, world!"])
