"""The echoes of our programs, before the suite sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.echo import Program
from wsframework.asyncio.testing import AsyncioMemoryBackend
from wsframework.asyncio.websocket import WebSocketClientProtocol, WebSocketServerProtocol
from wsframework.testing import exchange

MESSAGES = [(b"", False), (b"", True), ("Öl".encode() * 40, False), (bytes(range(256)) * 300, True)]
# Octet by octet a shorter one says the same: two fragments of which each needs the longer form of length.
SHORTER = [*MESSAGES[:-1], (bytes(range(256)) * 3, True)]


class Listener(WebSocketClientProtocol):
    def onOpen(self) -> None:
        self.heard: list[tuple[bytes, bool]] = []
        self.frames: list[int] = []

    def onMessageFrame(self, payload: list[bytes]) -> None:
        self.frames.append(len(b"".join(payload)))
        super().onMessageFrame(payload)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.heard.append((payload, isBinary))


@pytest.fixture
def backend() -> Iterator[AsyncioMemoryBackend]:
    backend = AsyncioMemoryBackend()
    yield backend
    backend.close()


def connected(backend: AsyncioMemoryBackend, api: str, compressed: bool) -> tuple[Any, Any]:
    program = Program("wsframework", "asyncio", api)
    server = backend.make_server(program.echo_on(WebSocketServerProtocol))
    program.set_options(server)
    client = backend.make_client(Listener, url="ws://localhost/")
    client.setProtocolOptions(perMessageCompressionOffers=compressed or [])
    ends = backend.connect(server), backend.connect(client)
    exchange(backend, *ends)
    return ends


@pytest.mark.parametrize(("piece", "messages"), [(1, SHORTER), (7, MESSAGES), (65536, MESSAGES)], ids=[1, 7, 65536])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("api", ["message", "streaming"])
def test_what_is_sent_comes_back(
    backend: AsyncioMemoryBackend, api: str, compressed: bool, piece: int, messages: list[tuple[bytes, bool]]
) -> None:
    """Text and binary, empty and long, whole and octet by octet, plain and compressed: the echo is what I sent."""
    server, client = connected(backend, api, compressed)
    assert bool(server.protocol.websocket_extensions_in_use) == compressed
    for payload, is_binary in messages:
        client.protocol.sendMessage(payload, is_binary, fragmentSize=max(500, len(payload) // 4))
        exchange(backend, server, client, piece=piece)
    assert client.protocol.heard == messages


def test_streams_echo_binary_in_frames_as_they_came(backend: AsyncioMemoryBackend) -> None:
    """The lowest part of the sending API is used too: the echo has the frames that I sent, and the end."""
    server, client = connected(backend, "streaming", compressed=False)
    client.protocol.sendMessage(b"\xff" * 700, isBinary=True, fragmentSize=300)
    exchange(backend, server, client, piece=7)
    assert client.protocol.frames == [300, 300, 100, 0]


def test_streams_say_at_once_that_text_is_invalid(backend: AsyncioMemoryBackend) -> None:
    """Inside of a long frame, too, I am told 1007: the echo is not in the way of the Close."""
    server, client = connected(backend, "streaming", compressed=False)
    client.protocol.beginMessage()
    client.protocol.beginMessageFrame(1000)
    client.protocol.sendMessageFrameData(b"valid so far \xff")
    exchange(backend, server, client)
    assert client.protocol.remoteCloseCode == 1007


def test_no_limit_is_in_the_way_of_the_suite(backend: AsyncioMemoryBackend) -> None:
    """It sends more fragments than anybody should take, and wants to see close codes."""
    server, _ = connected(backend, "message", compressed=False)
    protocol = server.protocol
    assert (protocol.maxMessageFragments, protocol.maxMessagePayloadSize, protocol.failByDrop) == (0, 0, False)
