"""Talks to those who show a token, until it expires, on Twisted. Prints a token to try it with.

JWT_SECRET=... python auth_twisted.py [PORT]         without JWT_SECRET the secret is a new one each time
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auth import converse, create_token
from on_twisted import run_server
from twisted.internet import reactor

from wsframework.twisted.conversation import ServerConversation

clock: Any = reactor  # a module to type checkers


def later(seconds: float, function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    call = clock.callLater(seconds, function, *arguments)
    return lambda: call.active() and call.cancel()


async def handler(ws: ServerConversation) -> None:
    await converse(ws, later)


print(f"a token for a guest: {create_token('guest')}", flush=True)
run_server({"/ws": handler})
