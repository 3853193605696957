"""Says something to everybody at a broadcast server and prints what is said there until Ctrl-C, on asyncio.

python broadcast_client.py [URL [TEXT]]
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from wsframework import WebSocketError
from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

URL = "ws://127.0.0.1:9000"
TEXT = "Hello, everybody!"


class BroadcastClientProtocol(WebSocketClientProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        print(f"{len(payload)} octets" if isBinary else payload.decode(), flush=True)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        print(f"closed: {code} {reason or ''}", flush=True)


async def main(url: str = URL, text: str = TEXT) -> None:
    factory = WebSocketClientFactory(url)
    factory.protocol = BroadcastClientProtocol
    loop = asyncio.get_running_loop()
    try:
        _, client = await loop.create_connection(factory, factory.host, factory.port, ssl=factory.isSecure or None)
        await client.is_open
    except (OSError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    client.sendMessage(text)
    try:
        # Shielded, because it is needed once more when Ctrl-C cancels the waiting.
        await asyncio.shield(client.is_closed)
    finally:
        client.sendClose(1000)
        await client.is_closed


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
