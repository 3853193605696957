"""Sends the time every second, and prints what is answered, on Twisted.

python periodic_twisted.py [URL [SECONDS]]
"""

from __future__ import annotations

import time

from on_twisted import every, run

from wsframework.twisted import connect


async def send_periodically(url: str = "ws://127.0.0.1:8765", seconds: str = "1") -> None:
    async with connect(url) as ws, every(float(seconds), lambda: ws.send(f"Current time: {time.time()}")):
        # Whoever only sends, and is answered, has to receive too: what nobody takes stands in the way of pings.
        async for message in ws:
            print(f"Received: {message!r}", flush=True)


run(send_periodically)
