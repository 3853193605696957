"""Sends text and JSON, then prints what comes until the connection is closed, on Twisted.

python client_twisted.py [URL]
"""

from __future__ import annotations

from on_twisted import run

from wsframework.exceptions import ConnectionClosedError
from wsframework.twisted import connect


async def client(url: str = "ws://127.0.0.1:8765/ws") -> None:
    async with connect(url) as ws:
        await ws.send("Hello, Server!")
        await ws.send_json({"type": "greeting", "message": "Hello"})
        try:
            async for message in ws:
                print(f"Received {'text' if isinstance(message, str) else 'binary'}: {message!r}", flush=True)
            print("WebSocket closed", flush=True)
        except ConnectionClosedError as error:
            print(f"WebSocket error: {error}", flush=True)


run(client)
