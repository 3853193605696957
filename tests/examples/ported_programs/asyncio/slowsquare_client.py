# mypy: ignore-errors
# Asks for squares one after the other, until the server has had enough.
import asyncio
import json
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol


class SlowSquareClientProtocol(WebSocketClientProtocol):
    numbers = (2, 1.5, 3, 10, 4)

    def ask(self):
        number = next(self.remaining)
        self.sendMessage(json.dumps(number).encode("utf8"))
        print(f"asked for the square of {number}")

    def onOpen(self):
        self.remaining = iter(self.numbers)
        self.ask()

    def onMessage(self, payload, isBinary):
        if not isBinary:
            res = json.loads(payload.decode("utf8"))
            print(f"result received: {res}")
            self.ask()

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code} {reason}")
        self.factory.closed.set_result(None)


async def main():
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = SlowSquareClientProtocol
    loop = asyncio.get_running_loop()
    factory.closed = loop.create_future()
    await loop.create_connection(factory, factory.host, factory.port)
    await factory.closed


if __name__ == "__main__":
    asyncio.run(main())
