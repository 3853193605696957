"""Sends every message back, compressed where the client offers that, on asyncio. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onOpen(self) -> None:
        # One, or none if the client did not offer it.
        in_use = ", ".join(map(str, self.websocket_extensions_in_use))
        print(f"{self.peer} uses {in_use or 'no compression'}", flush=True)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        stats = self.trafficStats
        sizes = f"{stats.outgoingOctetsAppLevel} octets of messages went as {stats.outgoingOctetsWebSocketLevel}"
        print(f"{self.peer} is gone: {sizes}", flush=True)


async def main(host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    # Take what a client offers (permessage-deflate), with windows of 4 KiB.
    factory.setProtocolOptions(perMessageCompressionAccept=True)
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
