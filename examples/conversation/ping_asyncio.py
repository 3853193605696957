"""Pings every client every 10 seconds, and drops those who do not answer until the next time, on asyncio.

python ping_asyncio.py [PORT [SECONDS]]
"""

from __future__ import annotations

import sys

from wsframework.asyncio.conversation import Conversation, serve

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0


async def keep_alive(ws: Conversation) -> None:
    # The framework pings by itself. This one measures how long the way there and back is.
    print(f"{ws.peer} answers in {await ws.ping():.4f} seconds", flush=True)
    async for message in ws:
        print(f"{ws.peer} says {message!r}", flush=True)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
serve(keep_alive, "127.0.0.1", port, autoPingInterval=SECONDS, autoPingTimeout=SECONDS).run(
    lambda server: print(f"serving on {server.url}", flush=True)
)
