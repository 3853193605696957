"""Sends every message back to where it came from, on asyncio.

python echo_asyncio.py [PORT]
"""

from __future__ import annotations

from on_asyncio import run_server

from wsframework.asyncio.conversation import Conversation


async def echo(ws: Conversation) -> None:
    async for message in ws:
        await ws.send(message)


run_server(echo)
