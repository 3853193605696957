"""Sends what one client says to all the others, on Twisted.

python broadcast_twisted.py [PORT]
"""

from __future__ import annotations

import sys

from wsframework.twisted.conversation import Conversation, serve
from wsframework.websocket.broadcast import Broadcast

# Nobody in it waits for the others: what one does not take at once is kept for them, within limits.
connected = Broadcast()


async def tell_others(ws: Conversation) -> None:
    connected.add(ws)
    async for message in ws:
        print(f"Received message: {message!r}", flush=True)
        text = message if isinstance(message, str) else repr(message)
        connected.send(f"New message: {text}", exclude=[ws])


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
serve(tell_others, "127.0.0.1", port, origins="same").run(lambda server: print(f"serving on {server.url}", flush=True))
