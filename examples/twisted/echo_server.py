"""Sends every message back to where it came from, on Twisted. Ctrl-C says goodbye to everybody and ends it."""

from __future__ import annotations

import argparse
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from wsframework.twisted.websocket import ConnectionRequest, WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onConnect(self, request: ConnectionRequest) -> None:
        print(f"{request.peer} connects", flush=True)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        # A client that asks and never reads its answers needs no code: it is not read from until it does.
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        print(f"{self.peer} is gone: {code} {reason or ''}", flush=True)


async def main(reactor: Any, host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    address = reactor.listenTCP(port, factory, interface=host).getHost()
    reactor.callWhenRunning(print, f"echo server on ws://{address.host}:{address.port}", flush=True)
    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    react(main, (args.host, args.port))
