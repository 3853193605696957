"""What asyncio's protocols and streams expect of a transport, beyond sending and receiving."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backends.programs import KEY, close, frames, request
from wsframework._core.codec import encode_frame
from wsframework.asyncio.testing import AsyncioMemoryBackend, AsyncioMemoryLink
from wsframework.asyncio.wrapping import WrappedTransport, WrappingWebSocketServerFactory


@pytest.fixture
def backend() -> Iterator[AsyncioMemoryBackend]:
    """A loop with virtual time."""
    made = AsyncioMemoryBackend()
    yield made
    made.close()


def opened(backend: AsyncioMemoryBackend, make: Any = asyncio.Protocol) -> tuple[AsyncioMemoryLink, WrappedTransport]:
    """A server's stream: the link, and the transport that the wrapped protocol has."""
    transports: list[Any] = []

    def wrapped() -> Any:
        protocol = make()

        class Noting(type(protocol)):  # type: ignore[misc]
            def connection_made(self, transport: Any) -> None:
                transports.append(transport)
                super().connection_made(transport)

        if type(protocol) is asyncio.Protocol:
            return Noting()
        protocol.__class__ = Noting
        return protocol

    link = backend.connect(WrappingWebSocketServerFactory(wrapped, "ws://localhost:9000", backend.loop))
    link.receive(request("Sec-WebSocket-Protocol: binary"))
    backend.settle()
    link.take()
    return link, transports[0]


def test_the_transport_tells_about_itself(backend: AsyncioMemoryBackend) -> None:
    """What the one below tells, and which WebSocket connection it is."""
    link, transport = opened(backend)
    assert isinstance(transport, asyncio.Transport)
    assert transport.get_extra_info("peername") == ("192.0.2.1", 54321)
    assert transport.get_extra_info("websocket") is link.protocol
    assert transport.get_extra_info("cipher") is None
    assert transport.get_extra_info("cipher", "none") == "none"


def test_the_protocol_can_be_exchanged(backend: AsyncioMemoryBackend) -> None:
    """As programs do that upgrade a connection."""
    link, transport = opened(backend)
    assert transport.get_protocol() is link.protocol.wrappedProtocol

    class Other(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            transport.write(data[::-1])

    other = Other()
    transport.set_protocol(other)
    assert transport.get_protocol() is other
    link.receive(encode_frame(2, b"abc", KEY))
    assert frames(link.take()) == [(2, b"cba")]


def test_the_state_of_reading_and_closing_can_be_asked(backend: AsyncioMemoryBackend) -> None:
    """At any time."""
    link, transport = opened(backend)
    assert transport.is_reading()
    assert not transport.is_closing()
    transport.pause_reading()
    assert not transport.is_reading()
    transport.resume_reading()
    assert transport.is_reading()
    transport.close()
    assert transport.is_closing()
    assert not transport.is_reading()
    transport.pause_reading()
    link.receive(close(1000))
    link.end()
    assert transport.is_closing()


def test_the_limits_of_the_write_buffer_are_those_of_the_transport_below(backend: AsyncioMemoryBackend) -> None:
    """The size counts all that waits."""
    link, transport = opened(backend)
    transport.set_write_buffer_limits(high=5000)
    assert link.high_water_mark == 5000
    link.protocol.transport.get_write_buffer_limits = lambda: (1250, 5000)
    assert transport.get_write_buffer_limits() == (1250, 5000)
    assert transport.get_write_buffer_size() == 0
    link.stall()
    transport.write(b"x" * 100)
    assert transport.get_write_buffer_size() == 102


def test_there_is_no_half_close(backend: AsyncioMemoryBackend) -> None:
    """WebSocket has none."""
    _, transport = opened(backend)
    assert not transport.can_write_eof()
    with pytest.raises(NotImplementedError, match="one direction"):
        transport.write_eof()


def test_lines_can_be_written_together(backend: AsyncioMemoryBackend) -> None:
    """As one write."""
    link, transport = opened(backend)
    transport.writelines([b"one", b"two"])
    assert frames(link.take()) == [(2, b"onetwo")]


def test_streams_run_unchanged(backend: AsyncioMemoryBackend) -> None:
    """StreamReader and StreamWriter, as asyncio.start_server has them."""
    ended: list[str] = []

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        ended.append("in order")

    def make() -> asyncio.Protocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=backend.loop), shout, loop=backend.loop)

    link, _ = opened(backend, make)
    for piece in (b"he", b"llo\nwor", b"ld\n"):
        link.receive(encode_frame(2, piece, KEY))
        backend.settle()
    assert frames(link.take()) == [(2, b"HELLO\n"), (2, b"WORLD\n")]
    link.receive(close(1000))
    link.end()
    backend.settle()
    assert ended == ["in order"]
