"""Endpoints, and the strings that describe them."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    UNIXServerEndpoint,
    clientFromString,
    serverFromString,
)
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.plugin import IPlugin, getPlugins
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from tests.backends.programs import KEY, frames, request
from wsframework._core.codec import encode_frame
from wsframework._core.key import accept_key
from wsframework.exceptions import HandshakeRejected
from wsframework.twisted.endpoints import ClientParser, ServerParser, WebSocketClientEndpoint, WebSocketServerEndpoint
from wsframework.twisted.wrapping import WrappingWebSocketServerFactory


class Echo(Protocol):
    """A stream protocol."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


FACTORY = Factory.forProtocol(Echo)


def memory_reactor() -> Any:
    """A reactor in memory."""
    return MemoryReactorClock()  # type: ignore[no-untyped-call]


def test_the_plugin_is_found() -> None:
    """By its prefix, for servers and clients."""
    found = [plugin for plugin in getPlugins(IPlugin) if getattr(plugin, "prefix", None) == "wsframework"]
    assert sorted(type(plugin).__name__ for plugin in found) == ["ClientParser", "ServerParser"]


@pytest.mark.parametrize(
    "below",
    [r"tcp\:9000\:interface=127.0.0.1", r"tcp\:9000\:interface\=127.0.0.1", r"tcp\:port=9000\:interface=127.0.0.1"],
)
def test_a_server_is_described_by_a_string(below: str) -> None:
    """Whether the equals signs of the endpoint below are escaped or not."""
    reactor = memory_reactor()
    endpoint = serverFromString(reactor, rf"wsframework:{below}:url=ws\://localhost\:9000")  # type: ignore[no-untyped-call]
    verifyObject(IStreamServerEndpoint, endpoint)
    endpoint.listen(FACTORY)
    ((port, factory, _, interface),) = reactor.tcpServers
    assert (port, interface) == (9000, "127.0.0.1")
    assert isinstance(factory, WrappingWebSocketServerFactory)
    assert factory.wrappedFactory is FACTORY
    assert factory.url == "ws://localhost:9000"
    assert factory.reactor is reactor


def test_other_endpoints_can_be_below() -> None:
    """A unix socket for example."""
    reactor = memory_reactor()
    endpoint = serverFromString(reactor, r"wsframework:unix\:/tmp/socket\:mode=660:url=ws\://localhost")  # type: ignore[no-untyped-call]
    assert isinstance(endpoint._endpoint, UNIXServerEndpoint)
    endpoint.listen(FACTORY)
    assert reactor.unixServers[0][0] == "/tmp/socket"


@pytest.mark.parametrize(
    ("parameters", "compression", "fragment", "protocols"),
    [
        ("", True, 0, ["binary", "base64"]),
        (":compression=false", False, 0, ["binary", "base64"]),
        (":compression=True:autofrag=1000", True, 1000, ["binary", "base64"]),
        (":subprotocol=mqtt:autofrag=0", True, 0, ["mqtt", "binary", "base64"]),
    ],
)
def test_parameters_become_options(parameters: str, compression: bool, fragment: int, protocols: list[str]) -> None:
    """The same for servers and clients."""
    reactor = memory_reactor()
    text = rf"url=ws\://localhost\:9000{parameters}"
    serverFromString(reactor, rf"wsframework:tcp\:9000:{text}").listen(FACTORY)  # type: ignore[no-untyped-call]
    clientFromString(reactor, rf"wsframework:tcp\:127.0.0.1\:9000:{text}").connect(FACTORY)  # type: ignore[no-untyped-call]
    server = reactor.tcpServers[0][1]
    client = reactor.tcpClients[0][2]._wrappedFactory
    for factory in (server, client):
        protocol = factory.protocol()
        protocol.factory = factory
        assert protocol.perMessageCompressionAccept is compression
        assert protocol.autoFragmentSize == fragment
        assert factory.protocols == protocols


@pytest.mark.parametrize("parser", [ServerParser().parseStreamServer, ClientParser().parseStreamClient])
@pytest.mark.parametrize(
    ("arguments", "parameters", "words"),
    [
        ((), {"url": "ws://x"}, "one endpoint comes after wsframework:"),
        (("",), {"url": "ws://x"}, "one endpoint comes after wsframework:"),
        (("tcp", "9000"), {"url": "ws://x"}, "here are 2: tcp, 9000"),
        (("tcp:9000",), {"url": "ws://x", "tcp:1:interface": "::"}, "here are 2"),
        (("tcp:9000",), {}, "needs the parameter url="),
        (("tcp:9000",), {"url": "http://x"}, "must start with ws://"),
        (("tcp:9000",), {"url": "ws://x", "compress": "true"}, "unknown parameter compress=.*mean compression="),
        (("tcp:9000",), {"url": "ws://x", "debug": "true"}, "unknown parameter debug=.*known are url, compression"),
        (("tcp:9000",), {"url": "ws://x", "compression": "yes"}, "compression must be true or false, not 'yes'"),
        (("tcp:9000",), {"url": "ws://x", "autofrag": "-1"}, "autofrag must be a number of octets"),
        (("tcp:9000",), {"url": "ws://x", "autofrag": "²"}, "autofrag must be a number of octets"),
        (("tcp:9000",), {"url": "ws://x", "subprotocol": "a b"}, "subprotocol 'a b'"),
    ],
)
def test_a_wrong_string_says_what_is_wrong(
    parser: Any, arguments: tuple[str, ...], parameters: dict[str, str], words: str
) -> None:
    """Before anything listens or connects."""
    with pytest.raises(ValueError, match=words):
        parser(memory_reactor(), *arguments, **parameters)


def test_a_server_endpoint_carries_a_stream() -> None:
    """Below it is any stream endpoint."""
    reactor = memory_reactor()
    below = TCP4ServerEndpoint(reactor, 9000)  # type: ignore[no-untyped-call]
    endpoint = WebSocketServerEndpoint(reactor, below, "ws://localhost:9000", autoFragmentSize=2)
    verifyObject(IStreamServerEndpoint, endpoint)
    ports: list[Any] = []
    endpoint.listen(FACTORY).addCallback(ports.append)
    assert ports[0].getHost().port == 9000
    protocol = reactor.tcpServers[0][1].buildProtocol(None)
    transport: Any = StringTransport()  # type: ignore[no-untyped-call]
    protocol.makeConnection(transport)
    protocol.dataReceived(request())
    transport.clear()
    protocol.dataReceived(encode_frame(2, b"abc", KEY))
    assert frames(transport.value()) == [(2, b"ab"), (0, b"c")]


class Attempt:
    """A client endpoint that connects, and the server's end of that."""

    def __init__(self) -> None:
        self.reactor = memory_reactor()
        below = TCP4ClientEndpoint(self.reactor, "127.0.0.1", 9000)
        endpoint = WebSocketClientEndpoint(self.reactor, below, "ws://localhost:9000/stream")
        verifyObject(IStreamClientEndpoint, endpoint)
        self.connecting: Deferred[Any] = endpoint.connect(FACTORY)
        self.results: list[Any] = []
        self.connecting.addBoth(self.results.append)
        self.websocket = self.reactor.tcpClients[0][2].buildProtocol(None)
        self.transport: Any = StringTransport()  # type: ignore[no-untyped-call]
        self.websocket.makeConnection(self.transport)

    def answer(self, text: str) -> None:
        head = self.transport.value().decode()
        key = next(line.split()[1] for line in head.splitlines() if line.lower().startswith("sec-websocket-key:"))
        self.websocket.dataReceived(text.replace("ACCEPT", accept_key(key)).encode())


def test_a_client_endpoint_gives_the_stream_protocol() -> None:
    """When it is connected and not before, as every endpoint does."""
    attempt = Attempt()
    assert attempt.transport.value().startswith(b"GET /stream HTTP/1.1\r\n")
    assert attempt.results == []
    attempt.answer(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Protocol: binary\r\n\r\n"
    )
    (protocol,) = attempt.results
    assert type(protocol) is Echo
    assert protocol.connected


def test_a_client_endpoint_fails_with_the_servers_answer() -> None:
    """So that who connects hears why there is no stream."""
    attempt = Attempt()
    attempt.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    attempt.websocket.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]
    (failure,) = attempt.results
    assert isinstance(failure.value, HandshakeRejected)
    assert failure.value.status == 404


def test_cancelling_drops_the_attempt() -> None:
    """In the middle of the opening handshake."""
    attempt = Attempt()
    attempt.connecting.cancel()
    (failure,) = attempt.results
    assert isinstance(failure.value, CancelledError)
    assert attempt.transport.disconnected


def test_a_client_endpoint_fails_as_the_one_below() -> None:
    """With the same error."""

    class Failing:
        def connect(self, factory: object) -> Deferred[Any]:
            return succeed(None).addCallback(lambda _: 1 // 0)

    results: list[Any] = []
    WebSocketClientEndpoint(memory_reactor(), Failing(), "ws://x").connect(FACTORY).addBoth(results.append)  # type: ignore[arg-type]
    assert results[0].type is ZeroDivisionError
