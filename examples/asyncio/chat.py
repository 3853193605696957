"""A chat room with a browser page on the same port, on asyncio. Ctrl-C says goodbye to everybody and ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from functools import partial
from pathlib import Path

# The room and its page are the same for both backends.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chat"))

from room import ChatFactory, ChatProtocol, Room

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class ChatServerProtocol(ChatProtocol, WebSocketServerProtocol):
    server = "asyncio"


class ChatServerFactory(ChatFactory, WebSocketServerFactory):
    pass


async def main(host: str, port: int) -> None:
    factory = ChatServerFactory()
    factory.protocol = partial(ChatServerProtocol, Room())
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"chat on http://{host}:{port}/", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await factory.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(args.host, args.port))
