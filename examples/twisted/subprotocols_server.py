"""Speaks two languages: clients choose one by a subprotocol, on Twisted. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from wsframework.twisted.websocket import (
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


async def main(reactor: Any, host: str, port: int) -> None:
    factory = WebSocketServerFactory(protocols=SUBPROTOCOLS)
    factory.protocol = SumServerProtocol
    address = reactor.listenTCP(port, factory, interface=host).getHost()
    reactor.callWhenRunning(print, f"sum server on ws://{address.host}:{address.port}", flush=True)
    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    react(main, (args.host, args.port))
