"""Pings its clients, tells how long they take, and drops those that do not answer, on Twisted. Ctrl-C ends it."""

from __future__ import annotations

import argparse
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class KeepaliveServerProtocol(WebSocketServerProtocol):
    def onAutoPong(
        self, ping_sent_ns: int, ping_seq: int, pong_received_ns: int, rtt_ms: float, payload: bytes
    ) -> None:
        print(f"{self.peer} answered ping {ping_seq} in {rtt_ms:.3f} ms", flush=True)

    def onAutoPingTimeout(self) -> None:
        # It is dropped without a word: a peer that is gone (a cable, a suspended laptop) would not hear it.
        print(f"{self.peer} did not answer", flush=True)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        print(f"{self.peer} is gone: {code} {reason or ''}", flush=True)


async def main(reactor: Any, host: str, port: int, interval: float, timeout: float) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = KeepaliveServerProtocol
    # Without pings, TCP would not notice for hours that a silent peer is gone. They also keep proxies and NATs in
    # between from forgetting the connection.
    factory.setProtocolOptions(autoPingInterval=interval, autoPingTimeout=timeout)
    address = reactor.listenTCP(port, factory, interface=host).getHost()
    reactor.callWhenRunning(print, f"keepalive server on ws://{address.host}:{address.port}", flush=True)
    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    parser.add_argument("--interval", type=float, default=20.0, help="seconds between two pings")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for the answer")
    args = parser.parse_args()
    react(main, (args.host, args.port, args.interval, args.timeout))
