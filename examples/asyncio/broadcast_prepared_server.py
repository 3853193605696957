"""Sends news to everybody, framed once, with a policy for those who do not keep up, on asyncio.

What a client sends is news for all others. Ctrl-C says goodbye to all, tells what became of the messages, and ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from functools import partial
from itertools import count

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
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


async def tell_time(factory: WebSocketServerFactory, everybody: Broadcast, interval: float) -> None:
    for number in count(1):
        await asyncio.sleep(interval)
        # Made once and sent twice: to the group, and to this process's log. A server with several groups, one for each
        # room for example, prepares a message once for all of them.
        news = factory.prepareMessage(f"news {number}")
        everybody.send_prepared(news)
        print(f"{news.payload.decode()} to {len(everybody)}", flush=True)


async def main(host: str, port: int, interval: float, policy: str, max_octets: int) -> None:
    everybody = Broadcast(Overflow(policy), max_octets)
    factory = WebSocketServerFactory()
    factory.protocol = partial(NewsServerProtocol, everybody)
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"news server on ws://{host}:{port}", flush=True)
    try:
        await tell_time(factory, everybody, interval)
    finally:
        server.close()
        await factory.shutdown()
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
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(args.host, args.port, args.interval, args.policy, args.max_octets))
