"""Speaks two languages: clients choose one by a subprotocol, on asyncio. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json

from wsframework.asyncio.websocket import (
    ConnectionDeny,
    ConnectionRequest,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)

# The best first.
SUBPROTOCOLS = ["sum.json", "sum.text"]


class SumServerProtocol(WebSocketServerProtocol):
    def onConnect(self, request: ConnectionRequest) -> str:
        # Without this method, the client's order would count among those that are given to the factory, and clients
        # that offer none of them would be taken too.
        for name in SUBPROTOCOLS:
            if name in request.protocols:
                return name
        raise ConnectionDeny(ConnectionDeny.BAD_REQUEST, body=f"offer one of {', '.join(SUBPROTOCOLS)}\n")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        try:
            if self.websocket_protocol_in_use == "sum.json":
                self.sendMessage(json.dumps({"sum": sum(json.loads(payload)["numbers"])}))
            else:
                self.sendMessage(str(sum(map(int, payload.split()))))
        except (ValueError, TypeError, LookupError):
            self.sendClose(1007, "numbers are needed")


async def main(host: str, port: int) -> None:
    factory = WebSocketServerFactory(protocols=SUBPROTOCOLS)
    factory.protocol = SumServerProtocol
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"sum server on ws://{host}:{port}", flush=True)
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
