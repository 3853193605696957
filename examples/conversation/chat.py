"""A chat room: {"type": "join", "username": ...} enters it, {"type": "message", "message": ...} speaks in it."""

from __future__ import annotations

import itertools
import json
import logging
from typing import TYPE_CHECKING

from wsframework.websocket.broadcast import Broadcast

if TYPE_CHECKING:
    from either import Conversation

__all__ = ["LARGEST_MESSAGE", "ChatRoom", "chat"]

MAX_NAME, MAX_TEXT = 24, 2000
# One of so many characters, each as an escape.
LARGEST_MESSAGE = 12 * MAX_TEXT + 100

logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)


class ChatRoom:
    """Who is here. Nobody waits for those who do not keep up: they are sent away when too much waits for them."""

    def __init__(self) -> None:
        self.users: dict[Conversation, str] = {}
        self.everybody = Broadcast()

    def tell(self, kind: str, username: str, message: str, exclude: tuple[Conversation, ...] = ()) -> None:
        """Tell everybody here."""
        self.everybody.send(json.dumps({"type": kind, "username": username, "message": message}), exclude=exclude)

    async def hear(self, ws: Conversation, message: object) -> None:
        """Do what somebody asks for."""
        match message:
            case {"type": "join", **rest} if ws not in self.users and isinstance(rest.get("username", ""), str):
                await self.join(ws, clean(" ".join(str(rest.get("username", "")).split()), MAX_NAME) or "Anonymous")
            case {"type": "message", "message": str(text)} if ws in self.users:
                self.tell("message", self.users[ws], clean(text, MAX_TEXT))
            case _:
                await ws.send_json({"type": "error", "message": "Join once, with a username; then send messages"})

    async def join(self, ws: Conversation, wanted: str) -> None:
        """Let somebody in. No two people have one name: the second Ada is Ada 2."""
        names = (wanted if number == 1 else f"{wanted} {number}" for number in itertools.count(1))
        username = self.users[ws] = next(name for name in names if name not in self.users.values())
        logger.info("User %s joined the chat", username)
        self.everybody.add(ws)
        users = list(self.users.values())
        await ws.send_json({"type": "system", "message": f"Welcome {username}!", "username": username, "users": users})
        self.tell("user_joined", username, f"{username} joined the chat", exclude=(ws,))

    def leave(self, ws: Conversation) -> None:
        """Let somebody go who may have been here."""
        username = self.users.pop(ws, None)
        if username is not None:
            logger.info("User %s left the chat", username)
            self.tell("user_left", username, f"{username} left the chat", exclude=(ws,))


def clean(text: str, limit: int) -> str:
    """So many characters of it, without those that cannot be seen (or sent); line ends stay."""
    return "".join(character for character in text if character.isprintable() or character == "\n")[:limit]


room = ChatRoom()


async def chat(ws: Conversation) -> None:
    try:
        while True:
            try:
                await room.hear(ws, await ws.recv_json())
            except ValueError:
                await ws.send_json({"type": "error", "message": "Invalid JSON message"})
    finally:
        room.leave(ws)
