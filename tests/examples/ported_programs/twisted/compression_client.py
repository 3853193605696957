# mypy: ignore-errors
# Offers compression, and exchanges a message three times.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
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
        reactor.stop()


def accept(response):
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response)
    return None


if __name__ == "__main__":
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = CompressionClientProtocol
    factory.setProtocolOptions(
        perMessageCompressionOffers=[PerMessageDeflateOffer()], perMessageCompressionAccept=accept
    )
    connectWS(factory)
    reactor.run()
