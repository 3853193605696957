# mypy: ignore-errors
# Tries subprotocols, given after the URL, and says how that went.
import asyncio
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol


class ServiceClientProtocol(WebSocketClientProtocol):
    def onConnect(self, response):
        print(f"speaking {response.protocol}")

    def onOpen(self):
        self.sendMessage(b"Hello")

    def onMessage(self, payload, isBinary):
        print("received " + payload.decode("utf8"))
        if payload != b"I reverse":
            self.sendClose(3999, "thank you")

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}, status line: {self.http_status_line}")
        self.factory.closed.set_result(None)


async def main():
    factory = WebSocketClientFactory(sys.argv[1], protocols=sys.argv[2:])
    factory.protocol = ServiceClientProtocol
    loop = asyncio.get_running_loop()
    factory.closed = loop.create_future()
    await loop.create_connection(factory, factory.host, factory.port)
    await factory.closed


if __name__ == "__main__":
    asyncio.run(main())
