# mypy: ignore-errors
# As people write it who follow the guide: without annotations. The port is an argument; 0 takes any, and it is printed.
import asyncio
import contextlib
import sys

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class MyServerProtocol(WebSocketServerProtocol):
    def onConnect(self, request):
        print("Client connecting: {}".format(request.peer))  # noqa: UP032

    def onOpen(self):
        print("WebSocket connection open.")

    def onMessage(self, payload, isBinary):
        ## echo back message verbatim
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        print("WebSocket connection closed: {}".format(reason))  # noqa: UP032


async def main():
    factory = WebSocketServerFactory()
    factory.protocol = MyServerProtocol

    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
