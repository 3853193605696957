# mypy: ignore-errors
# Connects again and again, also before there is a server, until it has had three conversations.
import asyncio
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol


class ReconnectingProtocol(WebSocketClientProtocol):
    def onOpen(self):
        self.factory.conversations += 1
        self.sendMessage(f"conversation {self.factory.conversations}".encode())

    def onMessage(self, payload, isBinary):
        print("received " + payload.decode("utf8"))

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code} {reason}")
        self.done.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = ReconnectingProtocol
    factory.conversations = 0
    while factory.conversations < 3:
        print("connecting")
        try:
            _, proto = await loop.create_connection(factory, factory.host, factory.port)
        except ConnectionRefusedError:
            print("connection failed, trying again")
            await asyncio.sleep(0.2)
        else:
            proto.done = loop.create_future()
            await proto.is_closed
            await proto.done
            print("connection lost")


if __name__ == "__main__":
    asyncio.run(main())
