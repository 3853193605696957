"""Offers several kinds of compression, says how it takes what the server chose, and shows the sizes, on asyncio.

python echo_compressed_advanced_client.py [URL] [--offer alone] [--offer small] [--offer large]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from wsframework import WebSocketError
from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from wsframework.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

OFFERS = {
    # Each message is compressed for itself, in both directions.
    "alone": PerMessageDeflateOffer(accept_no_context_takeover=True, request_no_context_takeover=True),
    # The server refers back to no more than 2 KiB, and may ask the same of us.
    "small": PerMessageDeflateOffer(
        accept_no_context_takeover=False, accept_max_window_bits=True, request_max_window_bits=11
    ),
    # What takes most memory and makes least data.
    "large": PerMessageDeflateOffer(accept_no_context_takeover=False, accept_max_window_bits=False),
}


def accept(response: PerMessageDeflateResponse) -> PerMessageDeflateResponseAccept | None:
    """Take what the server made of one of the offers; with None there would be no connection."""
    # How we compress inside of what was agreed on is our own business.
    return PerMessageDeflateResponseAccept(response, mem_level=4, compression_level=6)


TEXT = "What is said again and again, again and again. " * 20
PICTURE = os.urandom(1000)


class EchoClientProtocol(WebSocketClientProtocol):
    def onOpen(self) -> None:
        in_use = ", ".join(map(str, self.websocket_extensions_in_use))
        print(f"uses {in_use or 'no compression'}")
        self.send("text", TEXT)
        self.send("text again", TEXT)
        # Compression would only make it longer, and push out what later messages can refer to.
        self.send("picture", PICTURE, doNotCompress=True)

    def send(self, name: str, message: str | bytes, doNotCompress: bool = False) -> None:
        before = self.trafficStats.outgoingOctetsWebSocketLevel
        self.sendMessage(message, isBinary=isinstance(message, bytes), doNotCompress=doNotCompress)
        print(f"{name}: {len(message)} octets as {self.trafficStats.outgoingOctetsWebSocketLevel - before}")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if isBinary:
            # The answers come in the order of the questions, so this was the last.
            print("the picture is the same" if payload == PICTURE else "the picture is another one")
            self.sendClose(1000)


async def main(url: str, names: list[str]) -> None:
    factory = WebSocketClientFactory(url)
    factory.protocol = EchoClientProtocol
    factory.setProtocolOptions(
        perMessageCompressionOffers=[OFFERS[name] for name in names], perMessageCompressionAccept=accept
    )
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(factory, factory.host, factory.port, ssl=factory.isSecure or None)
    # An error if the server answers, but not as a WebSocket server that takes us.
    await client.is_open
    await client.is_closed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", default="ws://127.0.0.1:9000")
    parser.add_argument("--offer", action="append", choices=OFFERS, help="may be repeated, the best first")
    args = parser.parse_args()
    try:
        asyncio.run(main(args.url, args.offer or list(OFFERS)))
    except (OSError, WebSocketError) as error:
        sys.exit(f"cannot connect to {args.url}: {error}")
