"""Sends messages compressed (permessage-deflate), checks what comes back, and shows what that saved, on asyncio.

python echo_compressed_client.py [URL]
"""

from __future__ import annotations

import asyncio
import json
import sys

from wsframework import WebSocketError
from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

# What many messages look like: little is different from one to the next.
MESSAGES = [
    json.dumps({"sensor": 7, "place": "greenhouse 2, above the tomatoes", "reading": number, "unit": "degrees Celsius"})
    for number in range(100)
]


class EchoClientProtocol(WebSocketClientProtocol):
    def onOpen(self) -> None:
        in_use = ", ".join(map(str, self.websocket_extensions_in_use))
        print(f"uses {in_use or 'no compression'}")
        for message in MESSAGES:
            self.sendMessage(message)
        self.waiting = list(MESSAGES)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if payload.decode() != self.waiting.pop(0):
            raise ValueError("this is not what was sent")
        if not self.waiting:
            self.sendClose(1000)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        stats = self.trafficStats
        for direction in ("outgoing", "incoming"):
            before, after = (getattr(stats, f"{direction}Octets{level}Level") for level in ("App", "WebSocket"))
            print(f"{direction}: {before} octets as {after}")


async def main(url: str) -> None:
    factory = WebSocketClientFactory(url)
    factory.protocol = EchoClientProtocol
    # The default of what there is to offer; if the server does not take it, messages go as they are.
    factory.setProtocolOptions(perMessageCompressionOffers=True)
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
