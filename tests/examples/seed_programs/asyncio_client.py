# mypy: ignore-errors
# As people write it who follow the guide: without annotations. The port is an argument.
import asyncio
import contextlib
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol


class MyClientProtocol(WebSocketClientProtocol):
    def onConnect(self, response):
        print("Connected to Server: {}".format(response.peer))  # noqa: UP032

    def onOpen(self):
        self.sendMessage("Hello, world!".encode("utf8"))  # noqa: UP012

    def onMessage(self, payload, isBinary):
        if isBinary:
            print("Binary message received: {0} bytes".format(len(payload)))  # noqa: UP030, UP032
        else:
            print("Text message received: {0}".format(payload.decode("utf8")), flush=True)  # noqa: UP030


async def main():
    factory = WebSocketClientFactory()
    factory.protocol = MyClientProtocol

    loop = asyncio.get_running_loop()
    await loop.create_connection(factory, "127.0.0.1", int(sys.argv[1]))
    await loop.create_future()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
