# mypy: ignore-errors
# Makes several offers, and takes or refuses what the server makes of them.
import asyncio
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from wsframework.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

PICTURE = bytes(range(256)) * 4


class CompressionClientProtocol(WebSocketClientProtocol):
    def onOpen(self):
        if not self.websocket_extensions_in_use:
            print("in use: nothing")
        for extension in self.websocket_extensions_in_use:
            print("in use:", extension.__json__())

    def onMessage(self, payload, isBinary):
        stats = self.trafficStats
        if not isBinary:
            print(f"text of {len(payload)} bytes came as less:", stats.incomingOctetsWebSocketLevel < len(payload) / 4)
            stats.reset()
            self.sendMessage(PICTURE, isBinary=True, doNotCompress=True)
        else:
            print(f"picture, the same: {payload == PICTURE}, both ways as", end=" ")
            print(stats.outgoingOctetsWebSocketLevel, stats.incomingOctetsWebSocketLevel)
            self.sendClose(1000)

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}")


OFFERS = {
    "alone": PerMessageDeflateOffer(request_no_context_takeover=True),
    "small": PerMessageDeflateOffer(request_max_window_bits=10),
    "other": PerMessageDeflateOffer(accept_max_window_bits=False),
}


def accept(response):
    print("answered:", response.__json__())
    if "refuse" in sys.argv:
        return None
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response, mem_level=3)
    return None


async def main():
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = CompressionClientProtocol
    factory.setProtocolOptions(
        perMessageCompressionOffers=[OFFERS[name] for name in sys.argv[2].split(",")],
        perMessageCompressionAccept=accept,
    )
    loop = asyncio.get_running_loop()
    _, proto = await loop.create_connection(factory, "127.0.0.1", factory.port)
    await proto.is_closed


if __name__ == "__main__":
    asyncio.run(main())
