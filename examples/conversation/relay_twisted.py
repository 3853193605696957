"""Relays what anybody says to all, with a browser page, on Twisted. Ctrl-C says goodbye to everybody and ends it.

python relay_twisted.py [PORT]
"""

from __future__ import annotations

import itertools
import sys

from page import page

from wsframework.twisted.conversation import Conversation, serve
from wsframework.websocket.broadcast import Broadcast

everybody = Broadcast()
numbers = itertools.count()


async def relay(ws: Conversation) -> None:
    number = next(numbers)
    everybody.add(ws)
    async for message in ws:
        if isinstance(message, str):
            # Waits for nobody: what one does not take at once is kept for them, within limits.
            everybody.send(f"{number}: {message}")


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
serve({"/ws": relay}, "127.0.0.1", port, origins="same", http={"/": page("relay.html")}).run(
    lambda server: print(f"serving on {server.url}", flush=True)
)
