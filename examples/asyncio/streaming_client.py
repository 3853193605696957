"""Sends one long message to the streaming server, in one of four ways, and compares hashes, on asyncio.

message     as a whole: it is in memory, and has the limit maxMessagePayloadSize (16 MiB)
frame       frame by frame: the length need not be known before
streaming   in one frame, whose length must be known, piece by piece
producer    as frame, but asked for each by the connection instead of waiting for it
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
from collections.abc import Iterator

from wsframework import WebSocketError
from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

PIECE = bytes(range(256)) * 256


def pieces(size: int) -> Iterator[bytes]:
    """The message, which is nowhere as a whole."""
    for start in range(0, size, len(PIECE)):
        yield PIECE[: size - start]


class HashClientProtocol(WebSocketClientProtocol):
    answer = ""

    async def send(self, mode: str, size: int) -> None:
        if mode == "message":
            self.sendMessage(b"".join(pieces(size)), isBinary=True)
            return
        self.beginMessage(isBinary=True)
        if mode == "producer":
            self.registerProducer(PieceProducer(self, size), streaming=False)
            return
        if mode == "streaming":
            self.beginMessageFrame(size)
        for piece in pieces(size):
            if mode == "streaming":
                self.sendMessageFrameData(piece)
            else:
                self.sendMessageFrame(piece)
            # Without this, all of it would be waiting in memory.
            await self.drain()
        self.endMessage()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.answer = payload.decode()
        self.sendClose(1000)


class PieceProducer:
    """Sends the next piece whenever there is room for it."""

    def __init__(self, client: HashClientProtocol, size: int) -> None:
        self.client = client
        self.pieces = pieces(size)

    def resumeProducing(self) -> None:
        piece = next(self.pieces, None)
        if piece is not None:
            self.client.sendMessageFrame(piece)
            return
        self.client.unregisterProducer()
        self.client.endMessage()

    def stopProducing(self) -> None:
        """The connection ended before the message did. What a producer reads from would be closed here."""


async def main(url: str, mode: str, size: int) -> None:
    factory = WebSocketClientFactory(url)
    factory.protocol = HashClientProtocol
    loop = asyncio.get_running_loop()
    try:
        _, client = await loop.create_connection(factory, factory.host, factory.port, ssl=factory.isSecure or None)
        await client.is_open
        await client.send(mode, size)
    except (OSError, WebSocketError) as error:
        sys.exit(f"cannot send to {url}: {error}")
    await client.is_closed
    sha256 = hashlib.sha256()
    for piece in pieces(size):
        sha256.update(piece)
    print(f"{mode}: {client.answer}")
    if client.answer != f"{size} {sha256.hexdigest()}":
        sys.exit(f"but {size} octets with the hash {sha256.hexdigest()} were sent")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", default="ws://127.0.0.1:9000")
    parser.add_argument("--mode", choices=["message", "frame", "streaming", "producer"], default="frame")
    parser.add_argument("--size", type=int, default=10_000_000, help="octets to send")
    args = parser.parse_args()
    asyncio.run(main(args.url, args.mode, args.size))
