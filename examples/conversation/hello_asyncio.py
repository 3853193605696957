"""Says hello and prints the answer, on asyncio.

python hello_asyncio.py [URL]
"""

from __future__ import annotations

from on_asyncio import run

from wsframework.asyncio import connect


async def hello(url: str = "ws://127.0.0.1:8765") -> None:
    async with connect(url) as ws:
        await ws.send("Hello, world!")
        print(f"Received: {await ws.recv()!r}", flush=True)


run(hello)
