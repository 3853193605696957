"""Sends a text and a binary message, prints what comes back, and closes, on asyncio.

python echo_client.py [URL]
"""

from __future__ import annotations

import asyncio
import sys

from wsframework import WebSocketError
from wsframework.asyncio.websocket import ConnectionResponse, WebSocketClientFactory, WebSocketClientProtocol


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


async def main(url: str) -> None:
    factory = WebSocketClientFactory(url)
    factory.protocol = EchoClientProtocol
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(factory, factory.host, factory.port, ssl=factory.isSecure or None)
    # An error if the server answers, but not as a WebSocket server that takes us.
    await client.is_open
    await client.is_closed


if __name__ == "__main__":
    url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9000"
    try:
        asyncio.run(main(url))
    except (OSError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
