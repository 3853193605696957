"""Sends a text and a binary message, prints what comes back, and closes, on Twisted.

python echo_client.py [URL]
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import react

from wsframework import WebSocketError
from wsframework.twisted.websocket import ConnectionResponse, WebSocketClientFactory, WebSocketClientProtocol


class EchoClientProtocol(WebSocketClientProtocol):
    def onConnect(self, response: ConnectionResponse) -> None:
        print(f"connected to {response.peer}")

    def onOpen(self) -> None:
        self.sendMessage("Hello, world!")
        self.sendMessage(b"\x00\x01\x02\xff", isBinary=True)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if not isBinary:
            print(f"text: {payload.decode()}")
            return
        print(f"binary: {payload.hex(' ')}")
        # The answers come in the order of the questions, so this was the last.
        self.sendClose(1000, "that was all")

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        print(f"closed: {code} {reason or ''}")


async def main(reactor: Any, url: str) -> None:
    factory = WebSocketClientFactory(url)
    factory.protocol = EchoClientProtocol
    endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, factory.host, factory.port)
    if factory.isSecure:
        endpoint = wrapClientTLS(optionsForClientTLS(factory.host), endpoint)
    try:
        client: Any = await endpoint.connect(factory)
        # An error if the server answers, but not as a WebSocket server that takes us.
        await client.is_open
    except (ConnectError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    await client.is_closed


if __name__ == "__main__":
    react(main, sys.argv[1:] or ["ws://127.0.0.1:9000"])
