"""Squares numbers, slowly, in JSON; what is no number closes the connection. On asyncio. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from functools import partial

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol

# 4000 to 4999 are for applications (RFC 6455 section 7.4.2).
NOT_A_NUMBER = 4000


class SlowSquareServerProtocol(WebSocketServerProtocol):
    # How many questions of one client are worked on at a time. 1, the default, answers in the order of the questions;
    # with more, the quick answers come first. For those that are over it, the client is not read from.
    maxConcurrentMessages = 10

    def __init__(self, delay: float) -> None:
        super().__init__()
        self.delay = delay

    async def onMessage(self, payload: bytes, isBinary: bool) -> None:
        try:
            number = json.loads(payload)
        except ValueError:
            number = None
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 1000:
            # Said to the client. Other errors in here are our own: they are logged, and it is told only 1011.
            self.sendClose(NOT_A_NUMBER, "a number from 0 to 1000 is needed")
            return
        square = await self.slow_square(number)
        # Meanwhile the client may have gone.
        if self.state == self.STATE_OPEN:
            self.sendMessage(json.dumps({"number": number, "square": square}))

    async def slow_square(self, number: int) -> int:
        # In a program, a database or another server would be asked here.
        await asyncio.sleep(number * self.delay)
        return number * number


async def main(host: str, port: int, delay: float) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = partial(SlowSquareServerProtocol, delay)
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"slow square server on ws://{host}:{port}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await factory.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds per unit of the number")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(args.host, args.port, args.delay))
