# mypy: ignore-errors
# Squares numbers, which takes its time. One that is too large ends the connection with a code of its own.
import asyncio
import contextlib
import json
import sys

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class SlowSquareServerProtocol(WebSocketServerProtocol):
    async def slowsquare(self, x):
        if x > 5:
            raise ValueError("number too large")
        await asyncio.sleep(0.05)
        return x * x

    async def onMessage(self, payload, isBinary):
        if not isBinary:
            x = json.loads(payload.decode("utf8"))
            try:
                res = await self.slowsquare(x)
            except ValueError as e:
                self.sendClose(3000, f"Exception raised: {e}")
            else:
                self.sendMessage(json.dumps(res).encode("utf8"))


async def main():
    factory = WebSocketServerFactory()
    factory.protocol = SlowSquareServerProtocol
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("listening on", server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
