"""How octets come from asyncio's transports: real sockets on asyncio's and uvloop's loops, and transports of others."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.backends.programs import KEY, request
from wsframework._core.codec import encode_frame
from wsframework.asyncio.testing import AsyncioMemoryBackend
from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from wsframework.build import COMPILED
from wsframework.websocket.placing import READ_SIZE
from wsframework.websocket.routing import Router

PATIENCE = 30

# Around what frames, buffers and reads are sized by.
SIZES = [0, 1, 125, 126, 65535, 65536, READ_SIZE - 14, READ_SIZE, READ_SIZE + 1, 262144, 1048576, 3000017]


class Echo(WebSocketServerProtocol):
    """Sends everything back, and notes how it ended."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        assert type(payload) is bytes
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.factory.ended.set_result((wasClean, reason))  # type: ignore[attr-defined]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """What runs a coroutine on a loop of that kind."""
    if request.param == "uvloop":
        return partial(run_on, pytest.importorskip("uvloop").new_event_loop)
    return partial(run_on, None)


def run_on(new_loop: Callable[[], asyncio.AbstractEventLoop] | None, coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop of its own, for a while."""

    async def main() -> None:
        async with asyncio.timeout(PATIENCE):
            await coroutine

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


class Way:
    """Over what sockets a server is reached."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.path = str(folder / "socket")
        self.server_context: ssl.SSLContext | None = None
        self.client_context: ssl.SSLContext | None = None
        if kind == "tls":
            authority = trustme.CA()
            self.server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.issue_cert("localhost").configure_cert(self.server_context)
            self.client_context = ssl.create_default_context()
            authority.configure_trust(self.client_context)

    @asynccontextmanager
    async def listening(self, factory: Any) -> AsyncIterator[Callable[..., Coroutine[Any, Any, Any]]]:
        """What opens a connection to `factory`: the streams of a client whose handshake is done."""
        loop = asyncio.get_running_loop()
        factory.ended = loop.create_future()
        if self.kind == "unix":
            server = await loop.create_unix_server(factory, self.path)
        else:
            server = await loop.create_server(factory, "127.0.0.1", 0, ssl=self.server_context)
        writers: list[asyncio.StreamWriter] = []

        async def connect(early: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            if self.kind == "unix":
                reader, writer = await asyncio.open_unix_connection(self.path)
            else:
                port = server.sockets[0].getsockname()[1]
                name = None if self.client_context is None else "localhost"
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=self.client_context, server_hostname=name
                )
            writers.append(writer)
            writer.write(request() + early)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            return reader, writer

        try:
            yield connect
        finally:
            server.close()
            for writer in writers:
                writer.transport.abort()
            # Until the server's ends are gone, too.
            while factory.connections:
                await asyncio.sleep(0)


@pytest.fixture(params=["tcp", "unix", "tls"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    """Each kind of sockets."""
    return Way(request.param, tmp_path)


@pytest.fixture
def tcp(tmp_path: Path) -> Way:
    """Plain TCP."""
    return Way("tcp", tmp_path)


def echo_factory(protocol: type[WebSocketServerProtocol] = Echo, **options: Any) -> Any:
    """A factory of echoes that takes messages of any size."""
    factory = WebSocketServerFactory()
    factory.protocol = protocol
    factory.setProtocolOptions(maxMessagePayloadSize=0, **options)
    return factory


async def converse(streams: Any, payloads: list[bytes], seed: int) -> None:
    """Send these messages in random pieces; the same must come back, octet by octet."""
    chance = random.Random(seed)
    reader, writer = streams
    sent = b"".join(encode_frame(2, payload, KEY) for payload in payloads)
    expected = b"".join(encode_frame(2, payload, None) for payload in payloads)
    reply = asyncio.ensure_future(reader.readexactly(len(expected)))
    while sent:
        size = chance.choice([1, 7, 1400, 20000, 200000, 2000000])
        writer.write(sent[:size])
        sent = sent[size:]
        await writer.drain()
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    assert await reply == expected


def some_payloads(seed: int, sizes: list[int]) -> list[bytes]:
    """Random messages of these sizes, in a random order."""
    chance = random.Random(seed)
    return [chance.randbytes(size) for size in chance.sample(sizes, len(sizes))]


@pytest.mark.parametrize("seed", range(3))
def test_messages_of_all_sizes_arrive_as_they_were_sent(run: Any, way: Way, seed: int) -> None:
    """However the network cuts them."""

    async def main() -> None:
        async with way.listening(echo_factory()) as connect:
            await converse(await connect(), some_payloads(seed, SIZES), seed)

    run(main())


def test_connections_that_receive_at_the_same_time_do_not_mix(run: Any, way: Way) -> None:
    """Nobody reads what was meant for another."""

    async def main() -> None:
        async with way.listening(echo_factory()) as connect:
            peers = [await connect() for _ in range(6)]
            await asyncio.gather(
                *(
                    converse(streams, [bytes([number]) * size for size in SIZES], number)
                    for number, streams in enumerate(peers)
                )
            )

    run(main())


def test_who_overrides_data_received_sees_every_octet(run: Any, way: Way) -> None:
    """As on every other protocol of asyncio; also those of large messages."""
    seen = bytearray()

    class Watching(Echo):
        def data_received(self, data: bytes) -> None:
            seen.extend(data)
            super().data_received(data)

    payloads = some_payloads(0, SIZES)

    async def main() -> None:
        async with way.listening(echo_factory(Watching)) as connect:
            await converse(await connect(), payloads, 0)

    run(main())
    assert seen == request() + b"".join(encode_frame(2, payload, KEY) for payload in payloads)


def test_the_option_logOctets_shows_every_octet(run: Any, tcp: Way, caplog: pytest.LogCaptureFixture) -> None:
    """Also those of large messages, in both directions."""
    caplog.set_level(logging.DEBUG, "wsframework.asyncio")
    payload = random.Random(1).randbytes(1 << 20)

    async def main() -> None:
        async with tcp.listening(echo_factory(logOctets=True)) as connect:
            await converse(await connect(), [payload], 0)

    run(main())
    lines = [record.getMessage().split() for record in caplog.records if " RAW " in record.getMessage()]
    received, sent = (
        bytes.fromhex("".join(line[-1] for line in lines if line[1] == direction)) for direction in ("<", ">")
    )
    assert received == request() + encode_frame(2, payload, KEY)
    assert sent.endswith(encode_frame(2, payload, None))


def test_a_router_hands_over_in_the_middle_of_a_large_chunk(run: Any, way: Way) -> None:
    """The client did not wait for the answer before it sent its first message."""
    router = Router()
    router.add("/chat", Echo)
    payload = random.Random(2).randbytes(1 << 20)
    expected = encode_frame(2, payload, None)

    async def main() -> None:
        factory = echo_factory()
        factory.setRouter(router)
        async with way.listening(factory) as connect:
            reader, _ = await connect(early=encode_frame(2, payload, KEY))
            assert await reader.readexactly(len(expected)) == expected

    run(main())


def test_a_reset_in_the_middle_of_a_large_message_is_a_loss(run: Any, tmp_path: Path) -> None:
    """Whoever heard of it first. Here it comes after octets that are as many as are received at once."""
    way = Way("unix", tmp_path)

    async def main() -> None:
        factory = echo_factory()
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        class Opened(Echo):
            def onOpen(self) -> None:
                opened.set_result(self)

        factory.protocol = Opened
        async with way.listening(factory):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(way.path)
                peer.sendall(request())
                protocol = await opened
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
                # A socket that is closed with something unread in it resets the other one.
                protocol.sendMessage(b"unread", True)
                octets = encode_frame(2, b"x" * 1000000, KEY)[:READ_SIZE]
                assert peer.send(octets) == READ_SIZE
            clean, reason = await factory.ended
            assert not clean
            assert reason.startswith("the transport was lost: ")

    run(main())


def test_who_pauses_in_a_message_gets_the_rest_later(run: Any, way: Way) -> None:
    """A callback that takes its time, with large messages right behind each other."""

    class Slow(Echo):
        async def onMessage(self, payload: bytes, isBinary: bool) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            self.sendMessage(payload, isBinary)

    async def main() -> None:
        async with way.listening(echo_factory(Slow)) as connect:
            await converse(await connect(), some_payloads(4, SIZES + SIZES), 4)

    run(main())


def test_connections_of_a_loop_share_one_buffer(tcp: Way) -> None:
    """An idle connection has no memory for what may come. Another loop has another buffer."""
    protocols: list[Any] = []

    class Known(Echo):
        def onOpen(self) -> None:
            protocols.append(self)

    async def main() -> None:
        async with tcp.listening(echo_factory(Known)) as connect:
            await connect()
            await connect()
            assert len({id(protocol.get_buffer(-1).obj) for protocol in protocols}) == 1

    run_on(None, main())
    first = protocols[0].get_buffer(-1).obj
    protocols.clear()
    run_on(None, main())
    assert protocols[0].get_buffer(-1).obj is not first


@pytest.mark.skipif(not COMPILED, reason="only the compiled build receives into the message")
def test_a_large_message_is_received_where_it_stays(tcp: Way) -> None:
    """No copy in between: what the transport is given is not the shared buffer."""
    given: set[int] = set()

    class Watched(Echo):
        def get_buffer(self, sizehint: int) -> memoryview:
            room = super().get_buffer(sizehint)
            given.add(id(room.obj))
            return room

    async def main() -> None:
        async with tcp.listening(echo_factory(Watched)) as connect:
            reader, writer = await connect()
            frame = encode_frame(2, b"x" * 3000000, KEY)
            for start in range(0, len(frame), 100000):
                writer.write(frame[start : start + 100000])
                await writer.drain()
            await reader.readexactly(3000010)

    run_on(None, main())
    assert len(given) > 1


def test_the_protocols_are_of_both_kinds() -> None:
    """asyncio gives buffers to the one, uvloop octets to the other."""
    assert issubclass(WebSocketServerProtocol, asyncio.BufferedProtocol)
    assert issubclass(WebSocketServerProtocol, asyncio.Protocol)


# Transports that are not known.


@pytest.fixture
def backend() -> Any:
    """asyncio in memory."""
    backend = AsyncioMemoryBackend()
    yield backend
    backend.close()


def opened_in_memory(backend: AsyncioMemoryBackend) -> Any:
    """A connection, whose transport is of a kind that nobody knows."""
    factory = backend.make_server(Echo)
    factory.ended = backend.later()  # type: ignore[attr-defined]
    link = backend.connect(factory)
    link.receive(request())
    link.take()
    return link


def test_a_transport_that_is_not_known_may_keep_the_buffer_for_long(backend: AsyncioMemoryBackend) -> None:
    """Two of them wait for octets at the same time, as those of a proactor would."""
    links = [opened_in_memory(backend) for _ in range(2)]
    buffers = [link.protocol.get_buffer(-1) for link in links]
    for buffer, payload in zip(buffers, (b"one", b"two"), strict=True):
        buffer[:9] = encode_frame(2, payload, KEY)
    for link, payload in zip(links, (b"one", b"two"), strict=True):
        link.protocol.buffer_updated(9)
        assert link.take() == encode_frame(2, payload, None)


def test_such_a_transport_keeps_no_memory_of_an_idle_connection(backend: AsyncioMemoryBackend) -> None:
    """The buffer is for one turn."""
    protocol = opened_in_memory(backend).protocol
    first = protocol.get_buffer(-1)
    first[:9] = encode_frame(2, b"one", KEY)
    protocol.buffer_updated(9)
    assert protocol._buffer is None


@pytest.mark.parametrize("hint", [1, 9, 100, 10**9])
def test_a_buffer_is_as_large_as_the_transport_wants_or_less(backend: AsyncioMemoryBackend, hint: int) -> None:
    """asyncio's proactor says how much there is, and comes again for the rest."""
    link = opened_in_memory(backend)
    octets = encode_frame(2, b"one", KEY)
    while octets:
        buffer = link.protocol.get_buffer(hint)
        assert 0 < len(buffer) <= READ_SIZE
        size = min(len(buffer), len(octets))
        buffer[:size] = octets[:size]
        octets = octets[size:]
        link.protocol.buffer_updated(size)
    assert link.take() == encode_frame(2, b"one", None)


def test_what_a_transport_goes_on_writing_into_is_copied(backend: AsyncioMemoryBackend) -> None:
    """Some give a bytearray to data_received."""
    link = opened_in_memory(backend)
    octets = bytearray(encode_frame(2, b"one", KEY))
    link.protocol.data_received(octets[:5])
    half = octets[5:]
    link.protocol.data_received(half)
    half[:] = bytes(len(half))
    assert link.take() == encode_frame(2, b"one", None)
