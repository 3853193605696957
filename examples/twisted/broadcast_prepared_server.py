"""Sends news to everybody, framed once, with a policy for those who do not keep up, on Twisted.

What a client sends is news for all others. Ctrl-C says goodbye to all, tells what became of the messages, and ends it.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from wsframework.websocket.broadcast import Broadcast, Overflow


class NewsServerProtocol(WebSocketServerProtocol):
    def __init__(self, everybody: Broadcast) -> None:
        super().__init__()
        self.everybody = everybody

    def onOpen(self) -> None:
        # Whoever is closed leaves the group by itself.
        self.everybody.add(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.everybody.send(payload, isBinary, exclude=[self])


async def tell_time(reactor: Any, factory: WebSocketServerFactory, everybody: Broadcast, interval: float) -> None:
    for number in count(1):
        await deferLater(reactor, interval)
        # Made once and sent twice: to the group, and to this process's log. A server with several groups, one for each
        # room for example, prepares a message once for all of them.
        news = factory.prepareMessage(f"news {number}")
        everybody.send_prepared(news)
        print(f"{news.payload.decode()} to {len(everybody)}", flush=True)


async def main(reactor: Any, host: str, port: int, interval: float, policy: str, max_octets: int) -> None:
    everybody = Broadcast(Overflow(policy), max_octets)
    factory = WebSocketServerFactory()
    factory.protocol = partial(NewsServerProtocol, everybody)
    address = reactor.listenTCP(port, factory, interface=host).getHost()
    reactor.callWhenRunning(print, f"news server on ws://{address.host}:{address.port}", flush=True)

    def leave() -> Deferred[Any]:
        gone: Deferred[Any] = factory.shutdown()
        return gone.addCallback(tell_counts, everybody)

    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", leave)
    await tell_time(reactor, factory, everybody, interval)


def tell_counts(_: object, everybody: Broadcast) -> None:
    counts = everybody.counts
    print(f"sent {counts.sent}, dropped {counts.dropped}, disconnected {counts.disconnected}", flush=True)


if __name__ == "__main__":
    # With WAIT, `send` raises an error when somebody does not keep up: for programs that wait for drain().
    policies = [policy.value for policy in Overflow if policy not in (Overflow.WAIT, Overflow.LATEST_PER_KEY)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between two news")
    parser.add_argument("--policy", choices=policies, default=Overflow.DISCONNECT.value)
    parser.add_argument("--max-octets", type=int, default=1 << 20, help="what may wait for one client")
    args = parser.parse_args()
    react(main, (args.host, args.port, args.interval, args.policy, args.max_octets))
