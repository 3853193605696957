"""A server as a class: who is connected, and what is done with a message, on Twisted.

python organized_twisted.py [PORT]
"""

from __future__ import annotations

from on_twisted import run_server

from wsframework.twisted.conversation import Conversation


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


run_server(WebSocketServer().handler)
