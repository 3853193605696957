"""A server as a class: who is connected, and what is done with a message, on Twisted.

python organized_twisted.py [PORT]
"""

from __future__ import annotations

import sys

from wsframework.twisted.conversation import Conversation, serve


class WebSocketServer:
    def __init__(self) -> None:
        self.connected_clients: set[Conversation] = set()

    async def handler(self, ws: Conversation) -> None:
        self.connected_clients.add(ws)
        try:
            async for message in ws:
                await self.process_message(ws, message)
        finally:
            self.connected_clients.remove(ws)

    async def process_message(self, ws: Conversation, message: str | bytes) -> None:
        await ws.send(f"{len(message)} for one of {len(self.connected_clients)}")


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
serve(WebSocketServer().handler, "127.0.0.1", port).run(lambda server: print(f"serving on {server.url}", flush=True))
