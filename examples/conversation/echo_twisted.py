"""Sends every message back to where it came from, on Twisted.

python echo_twisted.py [PORT]
"""

from __future__ import annotations

import sys

from wsframework.twisted.conversation import Conversation, serve


async def echo(ws: Conversation) -> None:
    async for message in ws:
        await ws.send(message)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
serve(echo, "127.0.0.1", port).run(lambda server: print(f"serving on {server.url}", flush=True))
