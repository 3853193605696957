"""Says hello and prints the answer, on Twisted.

python hello_twisted.py [URL]
"""

from __future__ import annotations

from on_twisted import run

from wsframework.twisted import connect


async def hello(url: str = "ws://127.0.0.1:8765") -> None:
    async with connect(url) as ws:
        await ws.send("Hello, world!")
        print(f"Received: {await ws.recv()!r}", flush=True)


run(hello)
