"""A server for streams, without a word about WebSocket, inside of WebSocket, on Twisted. Ctrl-C ends it.

It turns every line around.
"""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import argparse
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from wsframework.twisted.websocket import WrappingWebSocketServerFactory


class LineTurner(LineOnlyReceiver):
    # As for listenTCP: there are no messages here, but a stream. Any IProtocol will do.
    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        self.sendLine(line.rstrip(b"\r")[::-1])


async def main(reactor: Any, host: str, port: int) -> None:
    factory = WrappingWebSocketServerFactory(Factory.forProtocol(LineTurner))
    address = reactor.listenTCP(port, factory, interface=host).getHost()
    reactor.callWhenRunning(print, f"wrapping server on ws://{address.host}:{address.port}", flush=True)
    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    react(main, (args.host, args.port))
