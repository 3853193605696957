# mypy: ignore-errors
# Offers compression, and exchanges a message three times.
import asyncio
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from wsframework.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)


class CompressionClientProtocol(WebSocketClientProtocol):
    def onOpen(self):
        print("in use:", [extension.EXTENSION_NAME for extension in self.websocket_extensions_in_use])
        self.count = 0
        self.sendMessage(b"What is said again and again. " * 50)

    def onMessage(self, payload, isBinary):
        print(f"received {len(payload)} bytes, the same: {payload == b'What is said again and again. ' * 50}")
        self.count += 1
        if self.count == 3:
            self.sendClose(1000)
        else:
            self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        stats = self.trafficStats.__json__()
        print(f"closed: {wasClean} {code}, ratios below a quarter:", end=" ")
        print(stats["outgoingCompressionRatio"] < 0.25, stats["incomingCompressionRatio"] < 0.25)


def accept(response):
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response)
    return None


async def main():
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = CompressionClientProtocol
    factory.setProtocolOptions(
        perMessageCompressionOffers=[PerMessageDeflateOffer()], perMessageCompressionAccept=accept
    )
    loop = asyncio.get_running_loop()
    _, proto = await loop.create_connection(factory, "127.0.0.1", factory.port)
    await proto.is_closed


if __name__ == "__main__":
    asyncio.run(main())
