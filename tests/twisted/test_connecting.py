"""Connecting and listening by URL, against a reactor in memory."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError, ConnectionDone
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as UserTimeout
from twisted.internet.interfaces import IConnector, IListeningPort, IReactorPluggableNameResolver
from twisted.internet.ssl import CertificateOptions, optionsForClientTLS
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from wsframework._core.key import accept_key
from wsframework.exceptions import HandshakeRejected, HandshakeTimeout, ProxyError
from wsframework.twisted.connecting import connectWS, create_client_agent, listenWS
from wsframework.twisted.testing import MemoryReactorClockResolver
from wsframework.twisted.tunnel import TunnelFactory
from wsframework.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.websocket.interfaces import IWebSocketClientAgent


@implementer(IReactorPluggableNameResolver)
class MemoryReactor(MemoryReactorClockResolver):
    """Names can be looked up, on every version of Twisted."""

    def installNameResolver(self, resolver: Any) -> Any:
        raise NotImplementedError("no test needs another one")


def client(url: str | None) -> tuple[Any, WebSocketClientFactory]:
    """A reactor in memory and a client's factory that belongs to it."""
    reactor = MemoryReactor()
    factory = WebSocketClientFactory(url, reactor=reactor)
    factory.protocol = WebSocketClientProtocol
    return reactor, factory


def server(url: str | None) -> tuple[Any, WebSocketServerFactory]:
    """A reactor in memory and a server's factory that belongs to it."""
    reactor = MemoryReactor()
    factory = WebSocketServerFactory(url, reactor=reactor)
    factory.protocol = WebSocketServerProtocol
    return reactor, factory


def test_connecting_to_a_port() -> None:
    """Autobahn's arguments, and a connector as the result."""
    reactor, factory = client("ws://example.com:9000/chat")
    connector = connectWS(factory, timeout=5, bindAddress=("192.0.2.7", 0))
    assert IConnector.providedBy(connector)
    assert reactor.tcpClients == [("example.com", 9000, factory, 5, ("192.0.2.7", 0))]


def test_connecting_over_tls() -> None:
    """It is the default that verifies; a context of my own is taken as it is."""
    reactor, factory = client("wss://example.com/chat")
    connectWS(factory)
    connectWS(factory, optionsForClientTLS("other.example"))
    for host, port, stream, timeout, bind in reactor.tcpClients:
        assert (host, port, timeout, bind) == ("example.com", 443, 30, None)
        assert isinstance(stream, TLSMemoryBIOFactory)
        assert stream.wrappedFactory is factory
    assert len(reactor.tcpClients) == 2


def test_connecting_to_a_unix_socket() -> None:
    """With TLS too, for who wants it."""
    reactor, factory = client("ws://unix:/tmp/socket")
    connector = connectWS(factory, timeout=5)
    assert IConnector.providedBy(connector)
    assert reactor.unixClients == [("/tmp/socket", factory, 5, 0)]
    reactor, factory = client("wss://unix:/tmp/socket")
    connectWS(factory)
    assert isinstance(reactor.unixClients[0][1], TLSMemoryBIOFactory)


PROXY = {"host": "proxy.example", "port": 3128}
SECURE_PROXY = {"scheme": "https", "host": "proxy.example", "port": 3128}
YES = b"HTTP/1.1 200 OK\r\n\r\n"


class Telling(WebSocketClientFactory):
    """Notes what its connector tells."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.told: list[Any] = []

    def startedConnecting(self, connector: Any) -> None:
        self.told.append("started")

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.told.append(("failed", reason.value))

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        self.told.append(("lost", reason.value))


def memory_transport() -> Any:
    """Keeps what is written."""
    return StringTransport()  # type: ignore[no-untyped-call]


class ThroughProxy:
    """connectWS of a factory that has a proxy, and the proxy's end."""

    def __init__(self, timeout: Any = 5) -> None:
        self.reactor: Any = MemoryReactor()
        self.factory = Telling("ws://example.com:9000/chat", proxy=PROXY, reactor=self.reactor)
        self.connector = connectWS(self.factory, timeout=timeout, bindAddress=("192.0.2.7", 0))
        call: tuple[Any, ...] = self.reactor.tcpClients[0]
        host, port, self.stream, waiting, bind = call
        assert (host, port, waiting, bind) == ("proxy.example", 3128, timeout, ("192.0.2.7", 0))
        self.reach()

    def connect_again(self) -> None:
        self.stream.startedConnecting(self.connector)
        self.reach()

    def reach(self) -> None:
        self.reactor.advance(1)
        self.protocol: Any = self.stream.buildProtocol(None)
        self.transport = memory_transport()
        self.protocol.makeConnection(self.transport)
        assert self.transport.value() == b"CONNECT example.com:9000 HTTP/1.1\r\nHost: example.com:9000\r\n\r\n"
        self.transport.clear()

    def lose(self) -> None:
        reason = Failure(ConnectionDone())  # type: ignore[no-untyped-call]
        self.protocol.connectionLost(reason)
        self.stream.clientConnectionLost(self.connector, reason)

    @property
    def kinds(self) -> list[Any]:
        return [told if isinstance(told, str) else (told[0], type(told[1])) for told in self.factory.told]


def test_connecting_through_a_proxy() -> None:
    """The reactor is asked for the proxy only, and the factory for a protocol when there is a way to the server."""
    through = ThroughProxy()
    through.protocol.dataReceived(YES)
    assert through.transport.value().startswith(b"GET /chat HTTP/1.1\r\nHost: example.com:9000\r\n")
    assert through.protocol.inner.peer == "tcp4:192.168.1.1:54321"
    through.lose()
    assert through.kinds == ["started", ("lost", ConnectionDone)]
    assert through.protocol.inner.state == WebSocketClientProtocol.STATE_CLOSED
    assert through.reactor.getDelayedCalls() == []


def test_no_way_through_a_proxy_is_a_failure_to_connect() -> None:
    """So a factory that connects again does, and has the time again."""
    through = ThroughProxy()
    through.protocol.dataReceived(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    assert through.transport.disconnected
    through.protocol.dataReceived(b"more")
    through.lose()
    assert through.kinds == ["started", ("failed", ProxyError)]
    through.connect_again()
    through.reactor.advance(3.9)
    assert not through.transport.disconnected
    through.reactor.advance(0.2)
    assert through.transport.disconnected
    through.lose()
    assert through.kinds[2:] == ["started", ("failed", UserTimeout)]
    through.connect_again()
    through.lose()
    assert through.kinds[4:] == ["started", ("failed", ProxyError)]
    through.connect_again()
    through.protocol.dataReceived(YES)
    through.lose()
    assert through.kinds[6:] == ["started", ("lost", ConnectionDone)]
    assert through.reactor.getDelayedCalls() == []


def test_a_connector_that_never_reached_the_proxy_has_failed() -> None:
    """As without one."""
    through = ThroughProxy(timeout=None)
    through.stream.clientConnectionFailed(through.connector, Failure(Refused()))  # type: ignore[no-untyped-call]
    assert through.kinds == ["started", ("failed", Refused)]
    assert through.reactor.getDelayedCalls() == []


def test_tls_through_a_proxy_and_to_it() -> None:
    """Two layers, each with its own context."""
    reactor, factory = client("wss://example.com")
    factory.proxy = SECURE_PROXY
    connectWS(factory)
    factory.proxy = SECURE_PROXY | {"tls": optionsForClientTLS("other.example")}
    connectWS(factory, optionsForClientTLS("other.example"))
    for host, port, stream, *_ in reactor.tcpClients:
        assert (host, port) == ("proxy.example", 3128)
        assert isinstance(stream, TLSMemoryBIOFactory)
        assert isinstance(stream.wrappedFactory, TunnelFactory)
        assert isinstance(stream.wrappedFactory.wrappedFactory, TLSMemoryBIOFactory)
    reactor, factory = client("ws://example.com")
    factory.proxy = PROXY
    with pytest.raises(ValueError, match="begins with ws://"):
        connectWS(factory, CertificateOptions())
    assert reactor.tcpClients == []


def test_who_asks_a_tunnel_late_is_told_the_same() -> None:
    """The agent may look when all is over already."""
    through = ThroughProxy()
    through.protocol.dataReceived(YES)
    inner: list[Any] = []
    through.protocol.when_through().addCallback(inner.append)
    assert inner == [through.protocol.inner]
    through = ThroughProxy()
    through.lose()
    errors: list[Any] = []
    through.protocol.when_through().addErrback(errors.append)
    assert isinstance(errors[0].value, ProxyError)


def test_listening_on_a_port() -> None:
    """Autobahn's arguments, and a port as the result."""
    reactor, factory = server("ws://localhost:9000")
    port = listenWS(factory, backlog=7, interface="127.0.0.1")
    assert IListeningPort.providedBy(port)
    assert reactor.tcpServers == [(9000, factory, 7, "127.0.0.1")]


def test_listening_over_tls() -> None:
    """With the context that I give."""
    reactor, factory = server("wss://localhost:9000")
    listenWS(factory, CertificateOptions())
    ((port, stream, backlog, interface),) = reactor.tcpServers
    assert (port, backlog, interface) == (9000, 50, "")
    assert isinstance(stream, TLSMemoryBIOFactory)
    assert stream.wrappedFactory is factory


def test_listening_on_a_unix_socket() -> None:
    """With TLS too, for who wants it."""
    reactor, factory = server("ws://unix:/tmp/socket")
    port = listenWS(factory, backlog=7)
    assert IListeningPort.providedBy(port)
    assert [call[:3] for call in reactor.unixServers] == [("/tmp/socket", factory, 7)]
    reactor, factory = server("wss://unix:/tmp/socket")
    listenWS(factory, CertificateOptions())
    assert isinstance(reactor.unixServers[0][1], TLSMemoryBIOFactory)


@pytest.mark.parametrize(
    ("url", "arguments", "words"),
    [
        (None, {}, "needs a url"),
        ("ws://localhost", {"contextFactory": CertificateOptions()}, "begins with ws://"),
        ("ws://unix:/tmp/socket", {"bindAddress": ("", 0)}, "bindAddress"),
    ],
)
def test_what_cannot_be_connected_is_refused_at_once(url: str | None, arguments: dict[str, Any], words: str) -> None:
    """Nothing was tried."""
    reactor, factory = client(url)
    with pytest.raises(ValueError, match=words):
        connectWS(factory, **arguments)
    assert reactor.tcpClients == reactor.unixClients == []


@pytest.mark.parametrize(
    ("url", "arguments", "words"),
    [
        (None, {}, "needs a url"),
        ("wss://localhost", {}, "needs a contextFactory"),
        ("ws://localhost", {"contextFactory": CertificateOptions()}, "begins with ws://"),
        ("ws://unix:/tmp/socket", {"interface": "127.0.0.1"}, "interface"),
    ],
)
def test_what_cannot_be_listened_on_is_refused_at_once(url: str | None, arguments: dict[str, Any], words: str) -> None:
    """A secure server without a certificate above all."""
    reactor, factory = server(url)
    with pytest.raises(ValueError, match=words):
        listenWS(factory, **arguments)
    assert reactor.tcpServers == reactor.unixServers == []


class Attempt:
    """An agent that connects to an address, and the server's end of that."""

    def __init__(self, url: str = "ws://192.0.2.1:9000/chat?a=b", *arguments: Any, **more: Any) -> None:
        self.reactor: Any = MemoryReactor()
        agent = create_client_agent(self.reactor)
        verifyObject(IWebSocketClientAgent, agent)
        self.opening: Deferred[Any] = agent.open(url, *arguments, **more)
        self.results: list[Any] = []
        self.opening.addBoth(self.results.append)
        # The name resolver answers in the reactor's next turn, and connecting begins after that.
        self.reactor.advance(0)
        self.transport: Any = StringTransport()  # type: ignore[no-untyped-call]

    @property
    def outcome(self) -> Any:
        (result,) = self.results
        return result.value if isinstance(result, Failure) else result

    def connect(self) -> Any:
        made = self.reactor.unixClients or self.reactor.tcpClients
        factory = made[0][1 if self.reactor.unixClients else 2]
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        return self.protocol

    def accept(self) -> None:
        head = self.transport.value().decode()
        key = next(line.split()[1] for line in head.splitlines() if line.lower().startswith("sec-websocket-key:"))
        self.protocol.dataReceived(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()
        )

    def lose(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]


def test_the_agent_gives_the_open_protocol() -> None:
    """Of the class that I ask for, with the options that I give."""

    class Mine(WebSocketClientProtocol):
        pass

    options = {"headers": {"X-Token": "1"}, "protocols": ["chat"], "origin": "https://x.example", "autoPingSize": 8}
    attempt = Attempt("ws://192.0.2.1:9000/chat?a=b", options, Mine)
    # The resolver in memory takes everything for this address.
    assert attempt.reactor.tcpClients[0][:2] == ("127.0.0.1", 9000)
    assert attempt.reactor.tcpClients[0][3] == 30
    attempt.connect()
    assert attempt.results == []
    head = attempt.transport.value()
    assert head.startswith(b"GET /chat?a=b HTTP/1.1\r\nHost: 192.0.2.1:9000\r\n")
    for line in (b"X-Token: 1", b"Sec-WebSocket-Protocol: chat", b"Origin: https://x.example"):
        assert line in head.splitlines()
    attempt.accept()
    assert type(attempt.outcome) is Mine
    assert attempt.outcome.state == Mine.STATE_OPEN
    opened: Any = attempt.outcome
    assert opened.autoPingSize == 8


def test_the_agent_connects_to_unix_sockets() -> None:
    """By their URL."""
    attempt = Attempt("ws://unix:/tmp/socket", timeout=7)
    assert attempt.reactor.unixClients[0][0] == "/tmp/socket"
    assert attempt.reactor.unixClients[0][2] == 7
    attempt.connect()
    attempt.accept()
    assert isinstance(attempt.outcome, WebSocketClientProtocol)


def test_the_agent_fails_with_the_servers_answer() -> None:
    """Status, headers and the beginning of the body."""
    attempt = Attempt()
    attempt.connect()
    answer = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno"
    attempt.protocol.dataReceived(answer)
    assert attempt.transport.disconnected
    attempt.lose()
    error = attempt.outcome
    assert isinstance(error, HandshakeRejected)
    assert (error.status, error.headers["www-authenticate"], error.body) == (401, "Basic", b"no")


def test_the_agent_never_waits_for_ever() -> None:
    """A server that says nothing is given up on."""
    attempt = Attempt(options={"openHandshakeTimeout": 2})
    attempt.connect()
    attempt.reactor.advance(2.1)
    assert attempt.transport.disconnected
    attempt.lose()
    assert isinstance(attempt.outcome, HandshakeTimeout)


def test_the_agent_fails_as_the_transport_fails() -> None:
    """With the reactor's own error."""
    attempt = Attempt()
    attempt.reactor.tcpClients[0][2].clientConnectionFailed(None, Failure(Refused()))  # type: ignore[no-untyped-call]
    attempt.reactor.advance(1)
    assert isinstance(attempt.outcome, Refused)


def test_cancelling_drops_the_attempt() -> None:
    """In the middle of the opening handshake, and before there is a connection."""
    attempt = Attempt()
    attempt.connect()
    attempt.opening.cancel()
    assert attempt.transport.disconnected
    assert isinstance(attempt.outcome, CancelledError)
    attempt.lose()
    attempt = Attempt()
    attempt.opening.cancel()
    assert isinstance(attempt.outcome, ConnectingCancelledError)


def test_what_others_do_with_is_open_does_not_reach_the_agent() -> None:
    """A protocol that swallows the failure of its own is_open has not opened."""

    class Swallowing(WebSocketClientProtocol):
        def onConnecting(self, transport_details: object) -> None:
            self.is_open.addBoth(lambda _: None)

    attempt = Attempt(protocol_class=Swallowing)
    attempt.connect()
    attempt.lose()
    assert isinstance(attempt.results[0], Failure)
    attempt = Attempt(protocol_class=Swallowing)
    attempt.connect()
    attempt.accept()
    assert isinstance(attempt.outcome, Swallowing)


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
        (("ws://x", None, None, CertificateOptions()), ValueError),
    ],
)
def test_unfit_arguments_are_raised_at_once(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    """Not by a Deferred that nobody looks at."""
    reactor = MemoryReactor()
    with pytest.raises(error):
        create_client_agent(reactor).open(*arguments)
    assert reactor.tcpClients == []
