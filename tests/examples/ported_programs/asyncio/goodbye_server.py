# mypy: ignore-errors
# Answers one message and closes.
import asyncio
import contextlib
import sys

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class GoodbyeServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)
        self.sendClose(1000, "goodbye")


class GoodbyeServerFactory(WebSocketServerFactory):
    protocol = GoodbyeServerProtocol


async def main():
    factory = GoodbyeServerFactory("ws://127.0.0.1:" + sys.argv[1])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("listening on", server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
