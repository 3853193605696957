# mypy: ignore-errors
# Accepts whatever compression the client offers, and says what that saved.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from wsframework.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept


class CompressionServerProtocol(WebSocketServerProtocol):
    def onOpen(self):
        print("in use:", [extension.EXTENSION_NAME for extension in self.websocket_extensions_in_use])

    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        stats = self.trafficStats
        print(f"closed: {wasClean} {code}, received {stats.incomingOctetsAppLevel}", end=", ")
        print("which were shorter:", stats.incomingOctetsWebSocketLevel < stats.incomingOctetsAppLevel / 4)


def accept(offers):
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


if __name__ == "__main__":
    factory = WebSocketServerFactory("ws://127.0.0.1:9000")
    factory.protocol = CompressionServerProtocol
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    port = reactor.listenTCP(int(sys.argv[1]), factory)
    print("listening on", port.getHost().port)
    reactor.run()
