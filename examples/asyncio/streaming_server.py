"""Hashes messages of any length while they come, on asyncio. Ctrl-C says goodbye to everybody and ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class HashServerProtocol(WebSocketServerProtocol):
    # maxMessagePayloadSize and maxMessageFragments are about messages that are put together, which none is here.

    def onMessageBegin(self, isBinary: bool) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()

    def onMessageFrameData(self, payload: bytes) -> None:
        # Pieces are as the network brings them, so the memory needed does not depend on message or frame.
        self.size += len(payload)
        self.sha256.update(payload)

    def onMessageEnd(self) -> None:
        self.sendMessage(f"{self.size} {self.sha256.hexdigest()}")


async def main(host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = HashServerProtocol
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"streaming server on ws://{host}:{port}", flush=True)
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
