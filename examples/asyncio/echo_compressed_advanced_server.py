"""Sends every message back, and decides itself how it is compressed, on asyncio. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from wsframework.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept


def accept(offers: list[PerMessageDeflateOffer]) -> PerMessageDeflateOfferAccept | None:
    """Choose one of the offers; they come in the order in which the client likes them."""
    for offer in offers:
        if offer.accept_no_context_takeover:
            # Best for a server with many clients: nothing is kept between two messages, in neither direction.
            return PerMessageDeflateOfferAccept(offer, request_no_context_takeover=True, no_context_takeover=True)
    for offer in offers:
        if offer.accept_max_window_bits:
            # Next best: little is kept. What the client asks of us must be kept to as well.
            bits = min(10, offer.request_max_window_bits or 10)
            return PerMessageDeflateOfferAccept(offer, request_max_window_bits=10, window_bits=bits, mem_level=3)
    # Anything else would take too much memory; the connection is opened without compression.
    return None


class EchoServerProtocol(WebSocketServerProtocol):
    def onOpen(self) -> None:
        # One, or none if the client did not offer it.
        in_use = ", ".join(map(str, self.websocket_extensions_in_use))
        print(f"{self.peer} uses {in_use or 'no compression'}", flush=True)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        # Octets are pictures here, which are compressed already.
        self.sendMessage(payload, isBinary, doNotCompress=isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        stats = self.trafficStats
        sizes = f"{stats.outgoingOctetsAppLevel} octets of messages went as {stats.outgoingOctetsWebSocketLevel}"
        print(f"{self.peer} is gone: {sizes}", flush=True)


async def main(host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"echo server on ws://{host}:{port}", flush=True)
    try:
        # Ctrl-C cancels this. serve_forever() would close the connections before anything could be said to them.
        await asyncio.Event().wait()
    finally:
        server.close()
        await factory.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(args.host, args.port))
