"""Sends every message back to where it came from, on asyncio. Ctrl-C says goodbye to everybody and ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from wsframework.asyncio.websocket import ConnectionRequest, WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onConnect(self, request: ConnectionRequest) -> None:
        print(f"{request.peer} connects", flush=True)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        # A client that asks and never reads its answers needs no code: it is not read from until it does.
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        print(f"{self.peer} is gone: {code} {reason or ''}", flush=True)


async def main(host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"echo server on ws://{host}:{port}", flush=True)
    try:
        # Ctrl-C cancels this. serve_forever() would close the connections before anything could be said to them.
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
