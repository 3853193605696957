"""Talks to those who show a token, until it expires, on Twisted. Prints a token to try it with.

JWT_SECRET=... python auth_twisted.py [PORT]         without JWT_SECRET the secret is a new one each time
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from auth import converse, create_token
from twisted.internet import reactor

from wsframework.twisted.conversation import ServerConversation, serve

clock: Any = reactor  # a module to type checkers


def later(seconds: float, function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    call = clock.callLater(seconds, function, *arguments)
    return lambda: call.active() and call.cancel()


async def handler(ws: ServerConversation) -> None:
    await converse(ws, later)


print(f"a token for a guest: {create_token('guest')}", flush=True)
port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
serve({"/ws": handler}, "127.0.0.1", port, origins="same").run(
    lambda server: print(f"serving on {server.url}", flush=True)
)
