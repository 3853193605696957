"""Prints every message and sends it back with a word before it, on asyncio.

python echo_print_asyncio.py [PORT]
"""

from __future__ import annotations

from on_asyncio import run_server

from wsframework.asyncio.conversation import Conversation


async def echo(ws: Conversation) -> None:
    async for message in ws:
        print(f"Received message: {message!r}", flush=True)
        await ws.send(f"Echo: {message!r}" if isinstance(message, bytes) else f"Echo: {message}")


run_server(echo)
