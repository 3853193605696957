"""Connecting and listening by URL, and streams in WebSocket, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from twisted.internet.error import CannotListenError

from tests.interop.homes import Home
from tests.interop.sides import Certificates, bounded
from wsframework.asyncio.connecting import create_client_agent
from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from wsframework.asyncio.wrapping import WrappingWebSocketServerFactory
from wsframework.exceptions import HandshakeRejected, HandshakeTimeout
from wsframework.websocket import ConnectionDeny

pytestmark = pytest.mark.interop


class Echo(WebSocketServerProtocol):
    """In the test's own loop."""

    def onConnect(self, request: Any) -> None:
        if request.path == "/closed":
            raise ConnectionDeny(401, headers={"WWW-Authenticate": "Basic"}, body="not you")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


async def serve(context: ssl.SSLContext | None = None, path: str | None = None) -> tuple[asyncio.Server, int]:
    """An echo server in the test's loop, and its port."""
    loop = asyncio.get_running_loop()
    factory = WebSocketServerFactory()
    factory.protocol = Echo
    if path is not None:
        return await loop.create_unix_server(factory, path, ssl=context), 0
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=context)
    return server, server.sockets[0].getsockname()[1]


@dataclass
class Received:
    """What came to a client's protocol, from the home's thread."""

    messages: list[bytes]
    ended: list[tuple[bool, int | None]]


async def ask(home: Home, connect: Callable[[Any], Any], message: bytes = b"hello") -> Received:
    """In the home: connect a client's protocol, send a message, wait for the answer and close."""
    received = Received([], [])

    class Client(home.module.WebSocketClientProtocol):  # type: ignore[misc, name-defined]
        def onOpen(self) -> None:
            self.sendMessage(message, True)

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            received.messages.append(payload)
            self.sendClose(1000)

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            received.ended.append((wasClean, code))

    async def conversation() -> None:
        protocol = await connect(Client)
        await protocol.is_closed

    await home.run(conversation())
    return received


def agent_of(home: Home) -> Any:
    """An agent on the home's reactor or loop."""
    return home.module.create_client_agent(**home.factory_arguments())


def client_tls(home: Home, certificates: Certificates, name: str = "localhost") -> dict[str, Any]:
    """The argument that makes a client trust the test's authority."""
    if home.module.__name__.startswith("wsframework.asyncio"):
        return {"ssl": certificates.client}
    from twisted.internet.ssl import Certificate, optionsForClientTLS

    authority = Certificate.loadPEM(certificates.authority_file.read_bytes())
    return {"contextFactory": optionsForClientTLS(name, trustRoot=authority)}


def server_tls(home: Home, certificates: Certificates) -> dict[str, Any]:
    """The argument that gives a server its certificate."""
    if home.module.__name__.startswith("wsframework.asyncio"):
        return {"ssl": certificates.server}
    from twisted.internet.ssl import DefaultOpenSSLContextFactory

    files = str(certificates.key_file), str(certificates.chain_file)
    return {"contextFactory": DefaultOpenSSLContextFactory(*files)}  # type: ignore[no-untyped-call]


@bounded
async def test_the_agent_opens_a_conversation(home: Home) -> None:
    """By name, so that all addresses of the name are tried."""
    server, port = await serve()
    async with server:
        agent = agent_of(home)
        received = await ask(home, lambda protocol: agent.open(f"ws://localhost:{port}", None, protocol))
    assert received == Received([b"hello"], [(True, 1000)])


@bounded
async def test_the_agent_tells_why_it_was_refused(home: Home) -> None:
    """Status, headers and body."""
    server, port = await serve()
    async with server:
        agent = agent_of(home)
        with pytest.raises(HandshakeRejected) as caught:
            await ask(home, lambda protocol: agent.open(f"ws://127.0.0.1:{port}/closed", None, protocol))
    error = caught.value
    assert (error.status, error.headers["www-authenticate"], error.body) == (401, "Basic", b"not you")


@bounded
async def test_the_agent_gives_up_on_a_server_that_says_nothing(home: Home) -> None:
    """It accepts my connection, and that is all it does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        agent = agent_of(home)
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(HandshakeTimeout):
            await ask(home, lambda protocol: agent.open(url, {"openHandshakeTimeout": 0.2}, protocol))


@bounded
async def test_the_agent_fails_where_nobody_listens(home: Home) -> None:
    """With the error of the transport, whatever the backend calls it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        agent = agent_of(home)
        url = f"ws://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(Exception, match=r"(?i)refused|connect call failed|111"):
            await ask(home, lambda protocol: agent.open(url, None, protocol))


@bounded
async def test_cancelling_the_agent_drops_the_connection(home: Home) -> None:
    """The server sees it end."""
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *streams: accepted.put_nowait(streams), "127.0.0.1", 0)
    async with server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        opening = await home.call(lambda: agent_of(home).open(url))
        reader, writer = await accepted.get()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET / HTTP/1.1\r\n")

        async def cancel() -> str:
            opening.cancel()
            try:
                await opening
            except BaseException as error:
                return type(error).__name__
            return "opened"

        assert await home.run(cancel()) == "CancelledError"
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@bounded
async def test_tls_with_an_authority_of_my_own(home: Home, certificates: Certificates) -> None:
    """The server is told the name that I want (SNI)."""
    names: list[str | None] = []
    certificates.server.sni_callback = lambda _, name, __: names.append(name)
    server, port = await serve(certificates.server)
    async with server:
        agent = agent_of(home)
        arguments = client_tls(home, certificates)
        received = await ask(home, lambda protocol: agent.open(f"wss://localhost:{port}", None, protocol, **arguments))
    certificates.server.sni_callback = None
    assert received == Received([b"hello"], [(True, 1000)])
    assert names == ["localhost"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@bounded
async def test_tls_by_default_trusts_the_systems_authorities(
    home: Home, certificates: Certificates, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the test's authority is one of them."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority_file))
    server, port = await serve(certificates.server)
    async with server:
        agent = agent_of(home)
        received = await ask(home, lambda protocol: agent.open(f"wss://{host}:{port}", None, protocol))
    assert received.messages == [b"hello"]


@pytest.mark.parametrize("way", ["agent", "connectWS"])
@bounded
async def test_tls_by_default_refuses_an_unknown_authority(home: Home, certificates: Certificates, way: str) -> None:
    """Nothing is sent to whoever that is."""
    server, port = await serve(certificates.server)
    async with server:
        with pytest.raises(Exception, match=r"(?i)certificate.?verify.?failed"):
            await ask(home, opener(home, way, f"wss://localhost:{port}"))


@pytest.mark.parametrize("way", ["agent", "connectWS"])
@bounded
async def test_tls_by_default_refuses_another_name(
    home: Home, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The authority is good, but the certificate is somebody else's."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("other.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    server, port = await serve(context)
    async with server:
        with pytest.raises(Exception, match=r"(?i)hostname mismatch|VerificationError"):
            await ask(home, opener(home, way, f"wss://localhost:{port}"))


def opener(home: Home, way: str, url: str) -> Callable[[Any], Any]:
    """What connects by `url`, in one of two ways."""
    if way == "agent":
        return lambda protocol: agent_of(home).open(url, None, protocol)
    return lambda protocol: connect(home, url, protocol)


async def connect(home: Home, url: str, protocol: Any, **arguments: Any) -> Any:
    """In the home: what connectWS has made, when it is open."""
    module = home.module
    factory = module.WebSocketClientFactory(url, **home.factory_arguments())
    if home.module.__name__.startswith("wsframework.asyncio"):
        factory.protocol = protocol
        return await (await module.connectWS(factory, **arguments)).is_open
    from twisted.internet.defer import Deferred

    # A connector tells nobody when it is connected; the protocol knows.
    connected: Deferred[Any] = Deferred()

    class Telling(protocol):  # type: ignore[misc]
        def onConnecting(self, transport_details: object) -> None:
            connected.callback(self)

    factory.protocol = Telling
    module.connectWS(factory, **arguments)
    return await (await connected).is_open


@bounded
async def test_connecting_by_url(home: Home, certificates: Certificates, socket_path: str) -> None:
    """Over TCP, TLS and a unix socket."""
    plain, port = await serve()
    secure, secure_port = await serve(certificates.server)
    unix, _ = await serve(path=socket_path)
    arguments = client_tls(home, certificates)
    async with plain, secure, unix:
        for url, more in (
            (f"ws://127.0.0.1:{port}", {}),
            (f"wss://localhost:{secure_port}", arguments),
            (f"ws://unix:{socket_path}", {}),
        ):

            async def connecting(protocol: Any, url: str = url, more: dict[str, Any] = more) -> Any:
                return await connect(home, url, protocol, **more)

            received = await ask(home, connecting)
            assert received == Received([b"hello"], [(True, 1000)])


async def listen(home: Home, url: Callable[[], str], **arguments: Any) -> tuple[str, Any]:
    """In the home: an echo server that listens by URL, and that URL. A port may be gone before it is listened on."""
    module = home.module

    class Server(module.WebSocketServerProtocol):  # type: ignore[misc, name-defined]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

    for _ in range(20):
        chosen = url()
        factory = module.WebSocketServerFactory(chosen, **home.factory_arguments())
        factory.protocol = Server
        try:
            listening = module.listenWS(factory, **arguments)
            return chosen, await listening if hasattr(listening, "__await__") else listening
        except (OSError, CannotListenError):
            continue
    raise AssertionError("no port is free")


async def stop(listening: Any) -> None:
    """In the home: listen no more."""
    if hasattr(listening, "stopListening"):
        await listening.stopListening()
    else:
        listening.close()


def free_port() -> int:
    """A port that nobody listens on, for now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@bounded
async def test_listening_by_url(home: Home, certificates: Certificates, socket_path: str) -> None:
    """Over TCP, TLS and a unix socket; an agent in the test's loop comes to see."""
    local = {"interface": "127.0.0.1"}
    ways: list[tuple[Callable[[], str], dict[str, Any], ssl.SSLContext | None]] = [
        (lambda: f"ws://127.0.0.1:{free_port()}", local, None),
        (lambda: f"wss://localhost:{free_port()}", local | server_tls(home, certificates), certificates.client),
        (lambda: f"ws://unix:{socket_path}", {}, None),
    ]
    for choose, arguments, context in ways:
        url, listening = await home.run(listen(home, choose, **arguments))
        protocol: Any = await create_client_agent().open(url, ssl=context)
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        protocol.onMessage = lambda payload, _, answers=answers: answers.put_nowait(payload)
        protocol.sendMessage("hello")
        assert await answers.get() == b"hello"
        protocol.sendClose(1000)
        await protocol.is_closed
        await home.run(stop(listening))


# Streams.


@bounded
async def test_streams_in_both_directions_at_once(home: Home) -> None:
    """Each end sends 30 MB before it has read anything: neither waits for the other for ever."""
    size, piece = 30_000_000, b"0123456789abcdef" * 4096
    server_done = asyncio.get_running_loop().create_future()

    async def serve_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send() -> None:
            for _ in range(0, size, len(piece)):
                writer.write(piece)
                await writer.drain()

        sending = asyncio.create_task(send())
        digest, count = hashlib.sha256(), 0
        while count < size:
            data = await reader.read(1 << 16)
            count += len(data)
            digest.update(data)
        await sending
        writer.close()
        server_done.set_result((count, digest.hexdigest()))

    loop = asyncio.get_running_loop()

    def make() -> asyncio.Protocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), serve_stream)

    total = -(-size // len(piece)) * len(piece)
    expected = hashlib.sha256(piece * (total // len(piece))).hexdigest()
    server = await loop.create_server(WrappingWebSocketServerFactory(make, "ws://localhost"), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        result = await home.run(blast(home, port, piece, total))
        assert await server_done == (total, expected)
    assert result == (total, expected)


async def blast(home: Home, port: int, piece: bytes, total: int) -> Any:
    """In the home: a wrapped client that writes everything at once."""
    kind = blasting_protocol(home, piece, total)
    if home.module.__name__.startswith("wsframework.asyncio"):
        loop = asyncio.get_running_loop()
        factory = home.module.WrappingWebSocketClientFactory(
            lambda: kind(loop.create_future()), f"ws://127.0.0.1:{port}"
        )
        _, websocket = await loop.create_connection(factory, "127.0.0.1", port)
        return await websocket.wrappedProtocol.done
    from twisted.internet.defer import Deferred
    from twisted.internet.endpoints import TCP4ClientEndpoint
    from twisted.internet.protocol import Factory

    from wsframework.twisted.endpoints import WebSocketClientEndpoint

    reactor = home.factory_arguments()["reactor"]
    below = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    endpoint = WebSocketClientEndpoint(reactor, below, f"ws://127.0.0.1:{port}")
    protocol: Any = await endpoint.connect(Factory.forProtocol(lambda: kind(Deferred())))
    return await protocol.done


def blasting_protocol(home: Home, piece: bytes, total: int) -> Any:
    """A stream protocol of the home's backend; `done` gets what came, when the stream is lost."""

    class Blast:
        def __init__(self, done: Any) -> None:
            self.done = done
            self.digest = hashlib.sha256()
            self.count = 0

        def begin(self, transport: Any) -> None:
            for _ in range(total // len(piece)):
                transport.write(piece)

        def receive(self, data: bytes) -> None:
            self.digest.update(data)
            self.count += len(data)

        @property
        def outcome(self) -> Any:
            return self.count, self.digest.hexdigest()

    if home.module.__name__.startswith("wsframework.asyncio"):

        class AsyncioBlast(Blast, asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                self.begin(transport)

            def data_received(self, data: bytes) -> None:
                self.receive(data)

            def connection_lost(self, exc: Exception | None) -> None:
                self.done.set_result(self.outcome)

        return AsyncioBlast
    from twisted.internet.protocol import Protocol

    class TwistedBlast(Blast, Protocol):
        def connectionMade(self) -> None:
            self.begin(self.transport)

        def dataReceived(self, data: bytes) -> None:
            self.receive(data)

        def connectionLost(self, reason: object = None) -> None:
            self.done.callback(self.outcome)

    return TwistedBlast
