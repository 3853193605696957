# mypy: ignore-errors
# Answers a few pings and then no more; in between it pings on its own.
import asyncio
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol


class KeepaliveClientProtocol(WebSocketClientProtocol):
    def onOpen(self):
        self.pings = 0
        self.sendPing(b"are you there?")

    def onPing(self, payload):
        self.pings += 1
        print(f"ping {self.pings} received, {len(payload)} bytes")
        if self.pings <= 3:
            self.sendPong(payload)

    def onPong(self, payload):
        print(f"pong received: {payload.decode('utf8')}")

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}")
        self.factory.closed.set_result(None)


async def main():
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = KeepaliveClientProtocol
    loop = asyncio.get_running_loop()
    factory.closed = loop.create_future()
    await loop.create_connection(factory, factory.host, factory.port)
    await factory.closed


if __name__ == "__main__":
    asyncio.run(main())
