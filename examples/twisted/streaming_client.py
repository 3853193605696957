"""Sends one long message to the streaming server, in one of four ways, and compares hashes, on Twisted.

message     as a whole: it is in memory, and has the limit maxMessagePayloadSize (16 MiB)
frame       frame by frame: the length need not be known before
streaming   in one frame, whose length must be known, piece by piece
producer    as frame, but asked for each by the connection instead of waiting for it
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IPullProducer, IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import react
from zope.interface import implementer

from wsframework import WebSocketError
from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol

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


@implementer(IPullProducer)
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


async def main(reactor: Any, url: str, mode: str, size: int) -> None:
    factory = WebSocketClientFactory(url)
    factory.protocol = HashClientProtocol
    endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, factory.host, factory.port)
    if factory.isSecure:
        endpoint = wrapClientTLS(optionsForClientTLS(factory.host), endpoint)
    try:
        client: Any = await endpoint.connect(factory)
        await client.is_open
        await client.send(mode, size)
    except (ConnectError, WebSocketError) as error:
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
    react(main, (args.url, args.mode, args.size))
