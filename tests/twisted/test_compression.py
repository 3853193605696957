"""permessage-deflate where only Twisted has something: web sites, endpoint strings, and its clients that come back."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol, ReconnectingClientFactory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.backends.compressed import JSON, Frame, frames_of, header_of
from tests.backends.programs import note_taker
from wsframework.twisted.resource import WebSocketResource
from wsframework.twisted.testing import TwistedMemoryBackend
from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketServerFactory, WebSocketServerProtocol
from wsframework.websocket import Router
from wsframework.websocket.compress import DeflatePolicy

NAME = "permessage-deflate"
ADDRESS = IPv4Address("TCP", "192.0.2.1", 50000)


class Transport(StringTransport):
    """A TCP connection, as far as anybody looks here."""

    def unregisterProducer(self) -> None:
        # No complaint if there is none, as with real transports.
        self.producer = None


class Wire:
    """Two protocols, each with a transport to the other, and what has gone between them."""

    def __init__(self, server: Any, client: Any) -> None:
        self._ends = [(end, Transport(peerAddress=ADDRESS)) for end in (server, client)]  # type: ignore[no-untyped-call]
        self.sent = {"server": b"", "client": b""}
        for protocol, transport in self._ends:
            protocol.makeConnection(transport)
        self.pump()

    def pump(self) -> None:
        """Carry octets until both are quiet."""
        moved = True
        while moved:
            moved = False
            for role, (_, source), (target, _) in zip(self.sent, self._ends, reversed(self._ends), strict=True):
                octets = source.value()  # type: ignore[no-untyped-call]
                source.clear()  # type: ignore[no-untyped-call]
                if octets:
                    moved = True
                    self.sent[role] += octets
                    target.dataReceived(octets)

    def handshake(self) -> str | None:
        """What the server answered to the client's offers."""
        head, _, self.sent["server"] = self.sent["server"].partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        _, _, self.sent["client"] = self.sent["client"].partition(b"\r\n\r\n")
        return header_of(head, "Sec-WebSocket-Extensions")

    def frames(self, role: str) -> list[Frame]:
        """What one end has sent since the last call."""
        self.pump()
        octets, self.sent[role] = self.sent[role], b""
        return frames_of(octets)


class Echo(WebSocketServerProtocol):
    """Says what was said."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


def visitor(clock: Clock, path: str = "/ws") -> Any:
    """A client of ours that offers compression."""
    factory = WebSocketClientFactory(f"ws://localhost{path}", reactor=clock)
    factory.protocol = note_taker(TwistedMemoryBackend(), "client")
    factory.setProtocolOptions(perMessageCompressionOffers=True)
    return factory.buildProtocol(ADDRESS)


def site(factory: WebSocketServerFactory, clock: Clock) -> Any:
    """A connection of a site with the resource at /ws."""
    root = Resource()  # type: ignore[no-untyped-call]
    root.putChild(b"ws", WebSocketResource(factory))
    found = Site(root, reactor=clock)  # type: ignore[no-untyped-call]
    return found.buildProtocol(ADDRESS)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("accepts", [False, True])
def test_a_resource_compresses_as_its_factory_says(accepts: bool) -> None:
    """Behind a site it is the same connection as without one."""
    clock = Clock()
    factory = WebSocketServerFactory(reactor=clock)
    factory.protocol = Echo
    factory.setProtocolOptions(perMessageCompressionAccept=accepts)
    client = visitor(clock)
    wire = Wire(site(factory, clock), client)
    assert (wire.handshake() is not None) is accepts
    for _ in range(3):
        client.sendMessage(JSON)
    for role in ("client", "server"):
        assert [frame.compressed for frame in wire.frames(role)] == [accepts] * 3
    assert client.events[2:] == [JSON] * 3


def test_routes_below_a_resource_have_options_of_their_own() -> None:
    """One path compresses, the other does not."""
    clock = Clock()
    router = Router()
    router.add("/ws/on", Echo, perMessageCompressionAccept=DeflatePolicy.large())
    router.add("/ws/off", Echo)
    factory = WebSocketServerFactory(reactor=clock)
    factory.router = router
    for path, answer in {"/ws/on": f"{NAME}; client_max_window_bits=15", "/ws/off": None}.items():
        client = visitor(clock, path)
        wire = Wire(site(factory, clock), client)
        assert wire.handshake() == answer
        client.sendMessage(JSON)
        assert [frame.compressed for frame in wire.frames("server")] == [answer is not None]
        assert client.events[2:] == [JSON]


class Stream(Protocol):
    """A stream protocol that keeps what it gets."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""

    def dataReceived(self, data: bytes) -> None:
        self.data += data


@pytest.mark.parametrize("ours", ["", ":compression=true", ":compression=false"])
@pytest.mark.parametrize("theirs", ["", ":compression=true", ":compression=false"])
def test_endpoint_strings_say_whether_to_compress(ours: str, theirs: str) -> None:
    """It is on unless one of the two says no."""
    reactor: Any = MemoryReactorClock()  # type: ignore[no-untyped-call]
    streams = Factory.forProtocol(Stream)
    text = r"url=ws\://localhost\:9000"
    serverFromString(reactor, rf"wsframework:tcp\:9000:{text}{ours}").listen(streams)  # type: ignore[no-untyped-call]
    connecting = clientFromString(reactor, rf"wsframework:tcp\:127.0.0.1\:9000:{text}{theirs}").connect(streams)  # type: ignore[no-untyped-call]
    server = reactor.tcpServers[0][1].buildProtocol(ADDRESS)
    client = reactor.tcpClients[0][2].buildProtocol(ADDRESS)
    wire = Wire(server, client)
    connected: list[Any] = []
    connecting.addCallback(connected.append)
    is_on = "false" not in ours + theirs
    assert (wire.handshake() is not None) is is_on
    connected[0].transport.write(JSON.encode())
    server.wrappedProtocol.transport.write(JSON.encode())
    for role in ("client", "server"):
        (frame,) = wire.frames(role)
        assert frame.compressed is is_on
    assert connected[0].data == server.wrappedProtocol.data == JSON.encode()


class Returning(WebSocketClientFactory, ReconnectingClientFactory):
    """As Autobahn's users write a client that comes back."""

    protocol = note_taker(TwistedMemoryBackend(), "client")


def test_a_client_that_comes_back_begins_anew() -> None:
    """Neither end refers to what was said over the connection before."""
    clock = Clock()
    server = WebSocketServerFactory(reactor=clock)
    server.protocol = Echo
    server.setProtocolOptions(perMessageCompressionAccept=True)
    client = Returning("ws://localhost/", reactor=clock)
    client.setProtocolOptions(perMessageCompressionOffers=True)
    sizes = []
    for _ in range(3):
        protocol = client.buildProtocol(ADDRESS)
        wire = Wire(server.buildProtocol(ADDRESS), protocol)
        assert wire.handshake() is not None
        for _ in range(2):
            protocol.sendMessage(JSON)
        sizes.append([[len(frame.payload) for frame in wire.frames(role)] for role in ("client", "server")])
        assert protocol.events[2:] == [JSON] * 2
    assert sizes[0] == sizes[1] == sizes[2]
    assert sizes[0][0][1] < sizes[0][0][0] / 4
