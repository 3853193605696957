"""Sends every message to everybody, and a tick now and then, on asyncio. Ctrl-C says goodbye to all and ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class BroadcastServerProtocol(WebSocketServerProtocol):
    # Whoever does not keep up with all the others is dropped before much is kept for them.
    maxSendBuffer = 1024 * 1024

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        broadcast(self.factory, payload, isBinary)


def broadcast(factory: WebSocketServerFactory, payload: bytes, is_binary: bool = False) -> None:
    # `connections` are those that are open now, as a list of its own: one of them may well end during the loop.
    for connection in factory.connections:
        connection.sendMessage(payload, is_binary)


async def tick(factory: WebSocketServerFactory, interval: float) -> None:
    number = 0
    while True:
        await asyncio.sleep(interval)
        number += 1
        broadcast(factory, f"tick {number} to {len(factory.connections)}".encode())


async def main(host: str, port: int, interval: float) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = BroadcastServerProtocol
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"broadcast server on ws://{host}:{port}", flush=True)
    try:
        await tick(factory, interval)
    finally:
        server.close()
        await factory.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between two ticks")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(args.host, args.port, args.interval))
