"""Connecting and listening by URL, on a loop that writes down what it is asked for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from tests.backends.streams import accept
from wsframework.asyncio.connecting import connectWS, create_client_agent, listenWS
from wsframework.asyncio.testing import AsyncioMemoryLink, VirtualTimeLoop
from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol, WebSocketServerFactory
from wsframework.exceptions import HandshakeError, HandshakeRejected, HandshakeTimeout, ProxyError
from wsframework.websocket.interfaces import IWebSocketClientAgent


class RecordingLoop(VirtualTimeLoop):
    """Connections are made in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []
        self.options: dict[str, Any] = {}
        self.links: list[AsyncioMemoryLink] = []
        self.error: Exception | None = None
        self.is_stuck = False

    async def _make(self, factory: Any, asked: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self.asked.append(asked)
        self.options = options
        if self.is_stuck:
            await self.create_future()
        if self.error is not None:
            raise self.error
        self.links.append(AsyncioMemoryLink(factory(), self))
        return None, self.links[-1].protocol

    async def create_connection(self, factory: Any, host: Any, port: Any, **options: Any) -> Any:  # type: ignore[override]
        return await self._make(factory, (host, port), options)

    async def create_unix_connection(self, factory: Any, path: Any, **options: Any) -> Any:  # type: ignore[override]
        return await self._make(factory, (path,), options)

    async def create_server(self, factory: Any, host: Any, port: Any, **options: Any) -> Any:  # type: ignore[override]
        self.asked.append((factory, host, port, options))
        return "server"

    async def create_unix_server(self, factory: Any, path: Any, **options: Any) -> Any:  # type: ignore[override]
        self.asked.append((factory, path, options))
        return "server"

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.run_until_complete(coroutine)


@pytest.fixture
def loop() -> Iterator[RecordingLoop]:
    """One for each test."""
    made = RecordingLoop()
    yield made
    made.settle()
    made.close()


def client(loop: RecordingLoop, url: str | None) -> WebSocketClientFactory:
    """A client's factory."""
    return WebSocketClientFactory(url, loop=loop)


def test_connecting_to_a_port(loop: RecordingLoop) -> None:
    """The result is the protocol, whose opening handshake has begun."""
    address = ("192.0.2.7", 0)
    protocol = loop.run(connectWS(client(loop, "ws://example.com:9000/chat"), bindAddress=address))
    assert isinstance(protocol, WebSocketClientProtocol)
    assert protocol.state == protocol.STATE_CONNECTING
    assert loop.asked == [("example.com", 9000)]
    assert loop.options == {"ssl": None, "server_hostname": None, "local_addr": address}
    accept(loop.links[0])
    assert loop.run(_wait(protocol.is_open)) is protocol


async def _wait(later: Any) -> Any:
    return await later


def test_connecting_over_tls(loop: RecordingLoop) -> None:
    """It is the default that verifies; a context of my own is taken as it is."""
    factory = client(loop, "wss://example.com./chat")
    loop.run(connectWS(factory))
    context = loop.options["ssl"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert loop.options["server_hostname"] == "example.com"
    assert loop.asked == [("example.com.", 443)]
    mine = ssl.create_default_context()
    loop.run(connectWS(factory, mine))
    assert loop.options["ssl"] is mine


def test_connecting_to_a_unix_socket(loop: RecordingLoop) -> None:
    """With TLS too, for who wants it."""
    loop.run(connectWS(client(loop, "ws://unix:/tmp/socket")))
    assert loop.asked == [("/tmp/socket",)]
    assert loop.options == {"ssl": None, "server_hostname": None}
    loop.run(connectWS(client(loop, "wss://unix:/tmp/socket")))
    assert loop.options["ssl"].check_hostname
    assert loop.options["server_hostname"] == "localhost"


def test_connecting_takes_a_limited_time(loop: RecordingLoop) -> None:
    """The transport has its own."""
    loop.is_stuck = True
    connecting = loop.create_task(connectWS(client(loop, "ws://example.com"), timeout=3))
    loop.settle()
    loop.advance(2.9)
    assert not connecting.done()
    loop.advance(0.2)
    assert isinstance(connecting.exception(), TimeoutError)


PROXY = {"host": "proxy.example", "port": 3128}
SECURE_PROXY = {"scheme": "https", "host": "proxy.example", "port": 3128}
YES = b"HTTP/1.1 200 OK\r\n\r\n"


def test_connecting_through_a_proxy(loop: RecordingLoop) -> None:
    """The loop is asked for the proxy only; the result is the protocol, when there is a way to the server."""
    factory = WebSocketClientFactory("ws://example.com:9000/chat", loop=loop, proxy=PROXY)
    address = ("192.0.2.7", 0)
    connecting = loop.create_task(connectWS(factory, bindAddress=address))
    loop.settle()
    assert loop.asked == [("proxy.example", 3128)]
    assert loop.options == {"ssl": None, "server_hostname": None, "local_addr": address}
    link = loop.links[0]
    assert link.take() == b"CONNECT example.com:9000 HTTP/1.1\r\nHost: example.com:9000\r\n\r\n"
    assert not connecting.done()
    link.receive(YES)
    loop.settle()
    protocol = connecting.result()
    assert isinstance(protocol, WebSocketClientProtocol)
    assert protocol.peer == "tcp4:192.0.2.1:54321"
    accept(link)
    assert loop.run(_wait(protocol.is_open)) is protocol


def test_connecting_to_a_proxy_over_tls(loop: RecordingLoop) -> None:
    """It is the default that verifies; a context of my own for the proxy is taken as it is."""
    factory = WebSocketClientFactory("ws://example.com", loop=loop, proxy=SECURE_PROXY)
    mine = ssl.create_default_context()
    for proxy in (SECURE_PROXY, SECURE_PROXY | {"tls": mine}):
        factory.proxy = proxy
        connecting = loop.create_task(connectWS(factory))
        loop.settle()
        assert loop.options["server_hostname"] == "proxy.example"
        context = loop.options["ssl"]
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        connecting.cancel()
        loop.settle()
        assert loop.links[-1].aborted
    assert context is mine


def test_what_a_proxy_needs_is_checked_at_once(loop: RecordingLoop) -> None:
    """A context of the other backend, or one for a server without TLS."""
    factory = WebSocketClientFactory("ws://example.com", loop=loop, proxy=SECURE_PROXY | {"tls": True})
    with pytest.raises(TypeError, match="proxy: tls must be an SSLContext, not bool"):
        loop.run(connectWS(factory))
    with pytest.raises(TypeError, match="proxy: tls"):
        create_client_agent(loop).open("ws://example.com", {"proxy": factory.proxy})
    factory.proxy = PROXY
    with pytest.raises(ValueError, match="begins with ws://"):
        loop.run(connectWS(factory, CONTEXT))
    assert loop.asked == []


@pytest.mark.parametrize("answer", [b"", YES[:-1], b"HTTP/1.1 403 No\r\n\r\nbecause"])
def test_the_way_through_a_proxy_takes_a_limited_time(loop: RecordingLoop, answer: bytes) -> None:
    """All of it together; the refusal counts, if one was begun."""
    factory = WebSocketClientFactory("ws://example.com", loop=loop, proxy=PROXY)
    connecting = loop.create_task(connectWS(factory, timeout=3))
    loop.settle()
    loop.links[0].receive(answer)
    loop.advance(2.9)
    assert not connecting.done()
    loop.advance(0.2)
    error = connecting.exception()
    assert isinstance(error, ProxyError if b"403" in answer else TimeoutError)
    assert loop.links[0].aborted


def test_a_factory_that_fails_leaves_no_connection(loop: RecordingLoop) -> None:
    """My own error comes out, and the proxy sees the end."""

    def fail() -> Any:
        raise LookupError("no protocol today")

    factory = WebSocketClientFactory("ws://example.com", loop=loop, proxy=PROXY)
    factory.protocol = fail
    connecting = loop.create_task(connectWS(factory))
    loop.settle()
    loop.links[0].receive(YES)
    loop.settle()
    assert isinstance(connecting.exception(), LookupError)
    assert loop.links[0].aborted


def test_a_loop_that_ends_closes_what_is_on_its_way(loop: RecordingLoop) -> None:
    """`asyncio.run` cancels all tasks at its end; nobody waits for ever then."""
    factory = WebSocketClientFactory("ws://example.com", loop=loop, proxy=PROXY)
    protocol = factory()
    link = AsyncioMemoryLink(protocol, loop)
    loop.settle()
    opening, closing = protocol.is_open, protocol.is_closed
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.settle()
    assert link.aborted
    assert isinstance(opening.exception(), HandshakeError)
    assert closing.result() is protocol


def test_a_proxy_that_is_gone_with_the_answer_is_no_way(loop: RecordingLoop) -> None:
    """It agreed, and the connection was reset before anybody could use it."""
    factory = WebSocketClientFactory("ws://example.com", loop=loop, proxy=PROXY)
    connecting = loop.create_task(connectWS(factory))
    loop.settle()
    loop.links[0].receive(YES)
    loop.links[0].cut()
    loop.settle()
    assert isinstance(connecting.exception(), ProxyError)
    assert b"GET" not in loop.links[0].take()


def test_listening_on_a_port(loop: RecordingLoop) -> None:
    """On all interfaces unless told otherwise."""
    factory = WebSocketServerFactory("ws://localhost:9000", loop=loop)
    assert loop.run(listenWS(factory)) == "server"
    loop.run(listenWS(factory, backlog=7, interface="127.0.0.1"))
    assert loop.asked == [
        (factory, None, 9000, {"ssl": None, "backlog": 50}),
        (factory, "127.0.0.1", 9000, {"ssl": None, "backlog": 7}),
    ]


def test_listening_over_tls_and_on_a_unix_socket(loop: RecordingLoop) -> None:
    """With the context that I give."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tcp = WebSocketServerFactory("wss://localhost:9000", loop=loop)
    unix = WebSocketServerFactory("ws://unix:/tmp/socket", loop=loop)
    loop.run(listenWS(tcp, context))
    loop.run(listenWS(unix, backlog=7))
    assert loop.asked == [
        (tcp, None, 9000, {"ssl": context, "backlog": 50}),
        (unix, "/tmp/socket", {"ssl": None, "backlog": 7}),
    ]


CONTEXT = ssl.create_default_context()


@pytest.mark.parametrize(
    ("url", "arguments", "error", "words"),
    [
        (None, {}, ValueError, "needs a url"),
        ("ws://localhost", {"ssl": CONTEXT}, ValueError, "begins with ws://"),
        ("wss://localhost", {"ssl": True}, TypeError, "must be an SSLContext, not bool"),
        ("ws://unix:/tmp/socket", {"bindAddress": ("", 0)}, ValueError, "bindAddress"),
    ],
)
def test_what_cannot_be_connected_is_refused_at_once(
    loop: RecordingLoop, url: str | None, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Nothing was tried."""
    with pytest.raises(error, match=words):
        loop.run(connectWS(client(loop, url), **arguments))
    assert loop.asked == []


@pytest.mark.parametrize(
    ("url", "arguments", "error", "words"),
    [
        (None, {}, ValueError, "needs a url"),
        ("wss://localhost", {}, ValueError, "needs ssl"),
        ("wss://localhost", {"ssl": "cert.pem"}, TypeError, "must be an SSLContext, not str"),
        ("ws://localhost", {"ssl": CONTEXT}, ValueError, "begins with ws://"),
        ("ws://unix:/tmp/socket", {"interface": "127.0.0.1"}, ValueError, "interface"),
    ],
)
def test_what_cannot_be_listened_on_is_refused_at_once(
    loop: RecordingLoop, url: str | None, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    """A secure server without a certificate above all."""
    with pytest.raises(error, match=words):
        loop.run(listenWS(WebSocketServerFactory(url, loop=loop), **arguments))
    assert loop.asked == []


def test_the_agent_gives_the_open_protocol(loop: RecordingLoop) -> None:
    """Of the class that I ask for, with the options that I give."""

    class Mine(WebSocketClientProtocol):
        pass

    agent = create_client_agent(loop)
    verifyObject(IWebSocketClientAgent, agent)
    options = {"headers": {"X-Token": "1"}, "protocols": ["chat"], "autoPingSize": 8}
    opening = agent.open("ws://192.0.2.1:9000/chat?a=b", options, Mine)
    loop.settle()
    head = bytes(loop.links[0].sent)
    assert head.startswith(b"GET /chat?a=b HTTP/1.1\r\nHost: 192.0.2.1:9000\r\n")
    assert b"\r\nX-Token: 1\r\n" in head
    assert b"\r\nSec-WebSocket-Protocol: chat\r\n" in head
    assert not opening.done()
    accept(loop.links[0])
    loop.settle()
    assert type(opening.result()) is Mine
    assert opening.result().factory._options.autoPingSize == 8


def test_the_agent_belongs_to_the_loop_that_runs(loop: RecordingLoop) -> None:
    """Unless it was given another."""

    async def run() -> Any:
        opening = create_client_agent().open("ws://192.0.2.1", timeout=None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        accept(loop.links[0])
        return await opening

    assert isinstance(loop.run(run()), WebSocketClientProtocol)
    with pytest.raises(RuntimeError, match="running"):
        create_client_agent().open("ws://192.0.2.1")


def test_the_agent_fails_with_the_servers_answer(loop: RecordingLoop) -> None:
    """Status, headers and the beginning of the body."""
    opening = create_client_agent(loop).open("ws://192.0.2.1")
    loop.settle()
    loop.links[0].receive(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno")
    loop.settle()
    error = opening.exception()
    assert isinstance(error, HandshakeRejected)
    assert (error.status, error.headers["www-authenticate"], error.body) == (401, "Basic", b"no")


def test_the_agent_never_waits_for_ever(loop: RecordingLoop) -> None:
    """A server that says nothing is given up on."""
    opening = create_client_agent(loop).open("ws://192.0.2.1", {"openHandshakeTimeout": 2})
    loop.settle()
    loop.advance(1.9)
    assert not opening.done()
    loop.advance(0.2)
    assert isinstance(opening.exception(), HandshakeTimeout)


def test_the_agent_fails_as_the_transport_fails(loop: RecordingLoop) -> None:
    """With the loop's own error."""
    loop.error = ConnectionRefusedError("nobody there")
    opening = create_client_agent(loop).open("ws://192.0.2.1")
    loop.settle()
    assert opening.exception() is loop.error


def test_cancelling_drops_the_attempt(loop: RecordingLoop) -> None:
    """In the middle of the opening handshake, and before there is a connection."""
    opening = create_client_agent(loop).open("ws://192.0.2.1")
    loop.settle()
    opening.cancel()
    loop.settle()
    assert opening.cancelled()
    assert loop.links[0].aborted
    loop.is_stuck = True
    opening = create_client_agent(loop).open("ws://192.0.2.1")
    loop.settle()
    opening.cancel()
    loop.settle()
    assert opening.cancelled()
    assert len(loop.links) == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("http://x",), ValueError),
        ((7,), TypeError),
        (("ws://x", {"orgin": "y"}), TypeError),
        (("ws://x", {"proxy": {"host": "p", "port": "1"}}), TypeError),
        (("ws://unix:/x", {"proxy": "http://p"}), ValueError),
        (("ws://x", {"origin": "a\nb"}), ValueError),
        (("ws://x", {"autoPingSize": 1}), ValueError),
        (("ws://x", None, None, CONTEXT), ValueError),
        (("wss://x", None, None, True), TypeError),
    ],
)
def test_unfit_arguments_are_raised_at_once(
    loop: RecordingLoop, arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    """Not by a Future that nobody looks at."""
    with pytest.raises(error):
        create_client_agent(loop).open(*arguments)
    assert loop.asked == []
