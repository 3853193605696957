"""Asks for a question every 10 seconds, and answers every question with No, on Twisted.

python asker_twisted.py [URL [SECONDS]]
"""

from __future__ import annotations

from on_twisted import every, run

from wsframework.twisted import connect


async def ask_and_answer(url: str = "ws://127.0.0.1:8765/ws", seconds: str = "10") -> None:
    async with connect(url) as ws, every(float(seconds), lambda: ws.send("Ask me a question.")):
        async for message in ws:
            if isinstance(message, str) and "?" in message:
                await ws.send("No.")


run(ask_and_answer)
