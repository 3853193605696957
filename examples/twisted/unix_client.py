"""Sends a message over a unix socket and prints what comes back, on Twisted.

python unix_client.py [URL]         ws://unix:/path/of/socket or, with a resource, ws://unix:%2Fpath%2Fof%2Fsocket:/chat
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.error import ConnectError
from twisted.internet.task import react

from wsframework import WebSocketError
from wsframework.twisted.websocket import WebSocketClientProtocol, create_client_agent


class EchoClientProtocol(WebSocketClientProtocol):
    def onOpen(self) -> None:
        print(f"connected to {self.peer}")
        self.sendMessage("Hello, neighbour!")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        print(f"text: {payload.decode()}")
        self.sendClose(1000)


async def main(reactor: Any, url: str = "ws://unix:/tmp/wsframework.sock") -> None:
    try:
        # The URL decides what to connect to: here a unix socket, as reactor.connectUNIX.
        client = await create_client_agent(reactor).open(url, protocol_class=EchoClientProtocol)
    except (ConnectError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    await client.is_closed


if __name__ == "__main__":
    react(main, sys.argv[1:])
