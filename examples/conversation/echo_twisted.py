"""Sends every message back to where it came from, on Twisted.

python echo_twisted.py [PORT]
"""

from __future__ import annotations

from on_twisted import run_server

from wsframework.twisted.conversation import Conversation


async def echo(ws: Conversation) -> None:
    async for message in ws:
        await ws.send(message)


run_server(echo)
