# mypy: ignore-errors
# Accepts whatever compression the client offers, and says what that saved.
import asyncio
import contextlib
import sys

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
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


async def main():
    factory = WebSocketServerFactory("ws://127.0.0.1:9000")
    factory.protocol = CompressionServerProtocol
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("listening on", server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
