"""Squares numbers, and says how conversations that go wrong ended, on Twisted.

python errors_twisted.py PORT
"""

from __future__ import annotations

import sys

from wsframework.exceptions import ConnectionClosedError
from wsframework.twisted.conversation import Conversation, serve


async def square(ws: Conversation) -> None:
    try:
        async for message in ws:
            await ws.send(str(float(message) ** 2))
    except ConnectionClosedError as error:
        print(f"Connection closed with error: {error}", flush=True)
    except Exception as error:
        print(f"Unhandled exception: {error}", flush=True)
        await ws.close(1011)


serve(square, "127.0.0.1", int(sys.argv[1])).run(lambda server: print(f"serving on {server.url}", flush=True))
