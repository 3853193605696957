"""Sends every message back, over a unix socket, on asyncio. Ctrl-C ends it.

python unix_server.py [PATH]
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


async def main(path: str = "/tmp/wsframework.sock") -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    # A socket that an earlier server left there is replaced. Who may connect is decided by the folder's permissions.
    server = await asyncio.get_running_loop().create_unix_server(factory, path)
    print(f"echo server on ws://unix:{path}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await factory.shutdown()
        # Python 3.13 and newer do it themselves.
        Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
