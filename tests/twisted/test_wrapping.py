"""What Twisted's protocols expect of a transport, beyond sending and receiving."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.task import Clock
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from tests.backends.programs import KEY, frames, request
from wsframework._core.codec import encode_frame
from wsframework.testing.memory import MemoryLink
from wsframework.twisted.testing import TwistedMemoryBackend, TwistedMemoryLink
from wsframework.twisted.wrapping import WrappingWebSocketClientFactory, WrappingWebSocketServerFactory

ADDRESS = IPv4Address("TCP", "192.0.2.1", 54321)


class Plain(Protocol):
    """The wrapped protocol."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.reason: Any = None

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)

    def connectionLost(self, reason: Any) -> None:  # type: ignore[override]
        assert self.reason is None, "told once"
        self.reason = reason.value


class Producer:
    """Writes what it is asked to."""

    def __init__(self, consumer: Any, pieces: int = 0) -> None:
        self.consumer = consumer
        self.pieces = pieces
        self.events: list[str] = []
        self.error: Exception | None = None

    def resumeProducing(self) -> None:
        self.events.append("go on")
        if self.error is not None:
            raise self.error
        if self.pieces:
            self.pieces -= 1
            self.consumer.write(b"x" * 500)
            if not self.pieces:
                self.consumer.unregisterProducer()

    def pauseProducing(self) -> None:
        self.events.append("wait")

    def stopProducing(self) -> None:
        self.events.append("stop")


def opened(protocol: Any = Plain, **options: Any) -> tuple[Any, Any, TwistedMemoryBackend]:
    """A server's stream: the link, the wrapped protocol, and the reactor's clock to turn."""
    backend = TwistedMemoryBackend()
    factory = WrappingWebSocketServerFactory(Factory.forProtocol(protocol), "ws://localhost:9000", backend.clock)
    factory.setProtocolOptions(sendHighWaterMark=1000, **options)
    link = backend.connect(factory)
    link.receive(request("Sec-WebSocket-Protocol: binary"))
    link.take()
    return link, link.protocol.wrappedProtocol, backend


def test_the_transport_is_what_it_says() -> None:
    """It can be adapted, as the protocols of twisted.web do."""
    _, stream, _ = opened()
    for interface in (ITransport, IConsumer, IPushProducer):
        verifyObject(interface, stream.transport)
    assert stream.transport.getPeer() == ADDRESS
    assert stream.transport.getHost() == IPv4Address("TCP", "192.0.2.2", 80)
    assert stream.connected


def test_a_protocol_of_lines_runs_unchanged() -> None:
    """Lines do not care where messages end."""

    class Shout(LineReceiver):
        transport: Any

        def lineReceived(self, line: bytes) -> None:
            if line == b"quit":
                self.transport.loseConnection()
            else:
                self.transport.writeSequence([line.upper(), b"!\r\n"])

    link, stream, _ = opened(Shout)
    for piece in (b"he", b"llo\r", b"\nworld\r\nquit\r\n", b"late\r\n"):
        link.receive(encode_frame(2, piece, KEY))
    assert frames(link.take()) == [(2, b"HELLO!\r\n"), (2, b"WORLD!\r\n"), (8, b"\x03\xe8")]
    assert stream.transport.disconnecting


def test_a_push_producer_waits_for_a_slow_peer() -> None:
    """And goes on with it."""
    link, stream, _ = opened()
    producer = Producer(stream.transport)
    stream.transport.registerProducer(producer, True)
    link.stall()
    stream.transport.write(b"x" * 1001)
    assert producer.events == ["wait"]
    link.unstall()
    assert producer.events == ["wait", "go on"]
    stream.transport.unregisterProducer()
    link.stall()
    stream.transport.write(b"x" * 1001)
    late = Producer(stream.transport)
    stream.transport.registerProducer(late, True)
    assert (producer.events[2:], late.events) == ([], ["wait"])


def test_a_pull_producer_is_asked_while_the_peer_keeps_up() -> None:
    """And not while it does not."""
    link, stream, backend = opened()
    producer = Producer(stream.transport, pieces=6)
    link.stall()
    stream.transport.registerProducer(producer, False)
    backend.settle()
    assert producer.pieces == 4
    link.unstall()
    backend.settle()
    assert producer.pieces == 0
    assert link.take().count(b"x") == 3000
    assert backend.pending_timers() == 0


def test_a_pull_producer_that_is_taken_away_is_asked_no_more() -> None:
    """Also while the next question is due, or the peer does not keep up."""
    link, stream, backend = opened()
    producer = Producer(stream.transport, pieces=9)
    stream.transport.registerProducer(producer, False)
    stream.transport.unregisterProducer()
    link.stall()
    stream.transport.write(b"x" * 1001)
    stream.transport.registerProducer(producer, False)
    stream.transport.unregisterProducer()
    link.unstall()
    backend.settle()
    assert producer.pieces == 9
    assert backend.pending_timers() == 0


def test_there_is_one_producer_at_a_time() -> None:
    """As on every transport."""
    _, stream, _ = opened()
    producer = Producer(stream.transport)
    stream.transport.registerProducer(producer, True)
    with pytest.raises(RuntimeError, match="a producer is registered already"):
        stream.transport.registerProducer(producer, True)
    assert producer.events == []


def test_a_producer_hears_of_the_end() -> None:
    """The one that is there and the one that comes too late."""
    link, stream, backend = opened()
    producer = Producer(stream.transport, pieces=3)
    stream.transport.registerProducer(producer, False)
    link.cut()
    late = Producer(stream.transport)
    stream.transport.registerProducer(late, True)
    assert (producer.events, late.events) == (["stop"], ["stop"])
    backend.settle()
    assert producer.events == ["stop"]
    assert backend.pending_timers() == 0


def test_losing_the_connection_waits_for_the_producer() -> None:
    """It has more to send, and says when it has not."""
    link, stream, backend = opened()
    producer = Producer(stream.transport, pieces=3)
    stream.transport.registerProducer(producer, False)
    stream.transport.loseConnection()
    assert link.take() == b""
    backend.settle()
    sent = link.take()
    assert sent.count(b"x") == 1500
    assert sent.endswith(b"\x88\x02\x03\xe8")


def test_a_consumer_that_wants_nothing_more_ends_the_stream() -> None:
    """The transport is a producer too."""
    link, stream, _ = opened()
    stream.transport.stopProducing()
    assert frames(link.take()) == [(8, b"\x03\xe8")]


@pytest.mark.parametrize("kind", [WrappingWebSocketServerFactory, WrappingWebSocketClientFactory])
def test_a_factory_that_refuses_makes_no_connection(kind: Any) -> None:
    """buildProtocol may return None."""

    class Refusing(Factory):
        def buildProtocol(self, addr: object) -> None:
            assert addr == ADDRESS

    assert kind(Refusing(), "ws://localhost", Clock()).buildProtocol(ADDRESS) is None


@pytest.mark.parametrize("kind", [WrappingWebSocketServerFactory, WrappingWebSocketClientFactory])
def test_the_wrapped_factory_starts_and_stops_along(kind: Any) -> None:
    """It may open and close files in there."""

    class Counting(Factory):
        noisy = False
        running = 0

        def startFactory(self) -> None:
            self.running += 1

        def stopFactory(self) -> None:
            self.running -= 1

    inner = Counting()
    outer = kind(inner, "ws://localhost", Clock())
    outer.doStart()
    assert inner.running == 1
    outer.doStop()
    assert inner.running == 0


def test_the_wrapped_factory_hears_of_its_connector() -> None:
    """So that one that reconnects does."""
    told: list[Any] = []

    class Telling(ClientFactory):
        def startedConnecting(self, connector: Any) -> None:
            told.append(connector)

        def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
            told.append(("failed", connector, reason))

        def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
            told.append(("lost", connector, reason))

    reason = Failure(ConnectionDone())  # type: ignore[no-untyped-call]
    for inner in (Telling(), Factory()):
        outer: Any = WrappingWebSocketClientFactory(inner, "ws://localhost", Clock())
        outer.startedConnecting("connector")
        outer.clientConnectionFailed("connector", reason)
        outer.clientConnectionLost("connector", reason)
    assert told == ["connector", ("failed", "connector", reason), ("lost", "connector", reason)]


def test_a_protocol_that_raises_at_the_beginning_is_told_of_the_end() -> None:
    """It was connected, if only for a moment."""

    class Failing(Plain):
        def connectionMade(self) -> None:
            raise LookupError("no such room")

    link, stream, _ = opened(Failing)
    link.cut()
    assert stream.reason is not None


def test_two_ends_in_memory() -> None:
    """The client's end and the server's, with a protocol that is written for TCP."""
    from wsframework.testing.memory import exchange

    backend = TwistedMemoryBackend()
    ends: list[MemoryLink] = []
    for kind in (WrappingWebSocketServerFactory, WrappingWebSocketClientFactory):
        factory = kind(Factory.forProtocol(Plain), "ws://localhost", backend.clock)
        ends.append(TwistedMemoryLink(factory.buildProtocol(ADDRESS), backend.clock))
    server, client = ends
    exchange(backend, server, client, piece=1)
    client.protocol.wrappedProtocol.transport.write(b"hello")
    exchange(backend, server, client, piece=1)
    assert server.protocol.wrappedProtocol.received == [b"hello"]
    server.protocol.wrappedProtocol.transport.loseConnection()
    exchange(backend, server, client, piece=1)
    assert isinstance(client.protocol.wrappedProtocol.reason, ConnectionDone)
    assert isinstance(server.protocol.wrappedProtocol.reason, ConnectionDone)
