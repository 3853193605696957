"""Prints every message until the server closes the connection, on Twisted.

python listen_twisted.py [URL]
"""

from __future__ import annotations

from on_twisted import run

from wsframework.twisted import connect


async def listen(url: str = "ws://127.0.0.1:8765") -> None:
    async with connect(url) as ws:
        async for message in ws:
            print(f"Received: {message!r}", flush=True)


run(listen)
