"""Conversations for those who show a token (JWT) in their first message, for as long as the token is valid."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from either import Conversation

__all__ = ["converse", "create_token"]

# Processes that share it take each other's tokens. At least 32 octets.
SECRET_KEY = os.environ.get("JWT_SECRET") or secrets.token_urlsafe(32)
SECONDS_FOR_TOKEN = 10


def create_token(username: str) -> str:
    """A token for somebody, valid for an hour."""
    payload = {"username": username, "exp": datetime.now(UTC) + timedelta(hours=1)}
    return jwt.encode(payload, SECRET_KEY, algorithm="HS256")


def verify_token(token: Any) -> dict[str, Any] | None:
    """What a token says; None if it is not from here or has expired."""
    try:
        return jwt.decode(token, SECRET_KEY, algorithms=["HS256"], options={"require": ["exp", "username"]})
    except (jwt.InvalidTokenError, ValueError):
        return None


async def converse(ws: Conversation, later: Callable[..., Callable[[], object]]) -> None:
    """`later(seconds, function, *arguments)` starts a timer and returns how to stop it."""
    stop_timer = later(SECONDS_FOR_TOKEN, ws.sendClose, 1008, "no token came in time")
    user: dict[str, Any] | None = None
    try:
        while True:
            try:
                match await ws.recv_json():
                    case {"type": "auth", "token": token} if user is None:
                        user = verify_token(token)
                        if user is None:
                            await ws.send_json({"type": "auth_error", "message": "Invalid or expired token"})
                            return
                        stop_timer()
                        stop_timer = later(user["exp"] - time.time(), ws.sendClose, 1008, "the token has expired")
                        await ws.send_json({"type": "auth_success", "message": f"Welcome {user['username']}!"})
                    case _ if user is None:
                        await ws.send_json({"type": "error", "message": "Authentication required"})
                    case {"type": "ping"}:
                        await ws.send_json({"type": "pong"})
                    case {"type": "message", "message": message}:
                        await ws.send_json({"type": "echo", "username": user["username"], "message": message})
                    case _:
                        await ws.send_json({"type": "error", "message": "A ping or a message, please"})
            except ValueError:
                await ws.send_json({"type": "error", "message": "Invalid JSON message"})
    finally:
        stop_timer()
