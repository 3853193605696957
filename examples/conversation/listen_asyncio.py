"""Prints every message until the server closes the connection, on asyncio.

python listen_asyncio.py [URL]
"""

from __future__ import annotations

from on_asyncio import run

from wsframework.asyncio import connect


async def listen(url: str = "ws://127.0.0.1:8765") -> None:
    async with connect(url) as ws:
        async for message in ws:
            print(f"Received: {message!r}", flush=True)


run(listen)
