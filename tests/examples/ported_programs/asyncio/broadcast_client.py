# mypy: ignore-errors
# Says a word and prints what it hears, until it has heard itself and a few ticks.
import asyncio
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol


class BroadcastClientProtocol(WebSocketClientProtocol):
    def __init__(self):
        WebSocketClientProtocol.__init__(self)
        self.ticks = 0
        self.heard = False

    def sendHello(self):
        self.sendMessage(self.factory.word.encode("utf8"))

    def onOpen(self):
        self.sendHello()

    def onMessage(self, payload, isBinary):
        text = payload.decode("utf8")
        if text.startswith("tick"):
            self.ticks += 1
        else:
            print(f"heard {text}")
            self.heard = self.heard or text.startswith(self.factory.word)
        if self.heard and self.ticks >= 3 and self.state == WebSocketClientProtocol.STATE_OPEN:
            self.sendClose()

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean}")
        self.factory.closed.set_result(None)


async def main():
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = BroadcastClientProtocol
    factory.word = sys.argv[2]
    loop = asyncio.get_running_loop()
    factory.closed = loop.create_future()
    await loop.create_connection(factory, factory.host, factory.port)
    await factory.closed


if __name__ == "__main__":
    asyncio.run(main())
