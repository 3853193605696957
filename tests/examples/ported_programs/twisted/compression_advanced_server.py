# mypy: ignore-errors
# Chooses among the client's offers, and says how it compresses itself.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from wsframework.websocket.compress import PERMESSAGE_COMPRESSION_EXTENSION, PerMessageDeflateOfferAccept


class CompressionServerProtocol(WebSocketServerProtocol):
    def onOpen(self):
        for extension in self.websocket_extensions_in_use:
            print("in use:", extension.__json__())
        # The same message for everybody, compressed or not as each connection has it.
        self.sendPreparedMessage(self.factory.prepareMessage(b"welcome, " * 100, isBinary=False))

    def onMessage(self, payload, isBinary):
        # Octets are pictures here, which are compressed already.
        self.sendMessage(payload, isBinary, doNotCompress=isBinary)

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}")


def accept(offers):
    for offer in offers:
        print("offered:", offer.get_extension_string(), offer.request_max_window_bits)
    classes = PERMESSAGE_COMPRESSION_EXTENSION["permessage-deflate"]
    for offer in offers:
        if isinstance(offer, classes["Offer"]) and offer.request_no_context_takeover:
            return PerMessageDeflateOfferAccept(offer, request_no_context_takeover=True)
    for offer in offers:
        if offer.accept_max_window_bits and offer.request_max_window_bits:
            bits = offer.request_max_window_bits
            accepted = PerMessageDeflateOfferAccept(offer, request_max_window_bits=9, window_bits=bits, mem_level=2)
            print("accepted:", accepted.__json__()["window_bits"], accepted.get_extension_string())
            return accepted
    return None


if __name__ == "__main__":
    factory = WebSocketServerFactory("ws://127.0.0.1:9000")
    factory.protocol = CompressionServerProtocol
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    port = reactor.listenTCP(int(sys.argv[1]), factory)
    print("listening on", port.getHost().port)
    reactor.run()
