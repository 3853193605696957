"""Conversations in JSON: {"type": "echo", "message": ...} is for oneself, {"type": "broadcast", ...} for everybody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wsframework.websocket.broadcast import Broadcast

if TYPE_CHECKING:
    from either import Conversation

__all__ = ["converse"]

everybody = Broadcast()


async def converse(ws: Conversation) -> None:
    everybody.add(ws)
    while True:
        try:
            match await ws.recv_json():
                case {"type": "echo", "message": message}:
                    await ws.send_json({"type": "echo_response", "message": message})
                case {"type": "broadcast", "message": message}:
                    everybody.send(json.dumps({"type": "broadcast", "message": message}, allow_nan=False))
                case _:
                    await ws.send_json({"type": "error", "message": "An echo or a broadcast, with a message, please"})
        except ValueError:
            await ws.send_json({"type": "error", "message": "Invalid JSON message"})
