"""Sends lines over a stream inside of WebSocket and prints those that come back, on asyncio.

python wrapping_client.py URL LINE ...
"""

from __future__ import annotations

import asyncio
import sys

from wsframework import WebSocketError
from wsframework.asyncio.websocket import WrappingWebSocketClientFactory


async def main(url: str, *lines: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(f"{line}\n".encode())
            await writer.drain()
            print((await reader.readline()).decode().rstrip())
        writer.close()

    # The stream is connected when the WebSocket connection is open.
    factory = WrappingWebSocketClientFactory(lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader(), talk), url)
    loop = asyncio.get_running_loop()
    try:
        _, client = await loop.create_connection(factory, factory.host, factory.port, ssl=factory.isSecure or None)
        await client.is_open
    except (OSError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    await client.is_closed


if __name__ == "__main__":
    asyncio.run(main(*(sys.argv[1:] or ["ws://127.0.0.1:9000", "Hello, world!"])))
