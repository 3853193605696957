"""Testing WebSocket protocols on Twisted without sockets and without waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHostnameResolver, IReactorPluggableNameResolver, ITransport
from twisted.internet.task import Clock, LoopingCall
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure
from zope.interface import implementer

from wsframework.testing.memory import MemoryBackend, MemoryLink, Pumper
from wsframework.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.websocket.connecting import check_transport_config, split_client_options

__all__ = [
    "MemoryAgent",
    "MemoryReactorClock",
    "MemoryReactorClockResolver",
    "ReactorClock",
    "TwistedMemoryBackend",
    "TwistedMemoryLink",
    "TwistedPumper",
    "create_memory_agent",
    "create_pumper",
]

ProtocolT = TypeVar("ProtocolT", bound=WebSocketClientProtocol)


class TwistedMemoryLink(MemoryLink):
    """The far end of a Twisted protocol."""

    def __init__(self, protocol: Any, clock: Clock) -> None:
        super().__init__(protocol)
        self._clock = clock
        self.producer: Any = None
        protocol.makeConnection(_Transport(self))

    def dropped(self) -> None:
        """As a real transport: the protocol hears of it from the reactor."""
        super().dropped()
        self._clock.callLater(0, self._lose, ConnectionAborted())

    def _receive(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def _tell_lost(self, error: Exception | None) -> None:
        if self.producer is not None:
            self.producer.stopProducing()
        self.protocol.connectionLost(Failure(error or ConnectionDone()))  # type: ignore[no-untyped-call]

    def _pause_writer(self) -> None:
        if self.producer is not None:
            self.producer.pauseProducing()

    def _resume_writer(self) -> None:
        if self.producer is not None:
            self.producer.resumeProducing()


@implementer(ITransport)
class _Transport:
    """The near end."""

    def __init__(self, link: TwistedMemoryLink) -> None:
        self._link = link
        self._aborted = False

    @property
    def bufferSize(self) -> int:
        return self._link.high_water_mark

    @bufferSize.setter
    def bufferSize(self, size: int) -> None:
        self._link.high_water_mark = size

    # As `FileDescriptor` shows what is not sent yet.

    @property
    def dataBuffer(self) -> bytes:
        return b"\0" * self._link.buffered

    offset = 0
    _tempDataLen = 0

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.1", 54321)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.2", 80)

    def write(self, data: bytes) -> None:
        self._link.wrote(data)

    def writeSequence(self, data: Any) -> None:
        self._link.wrote(b"".join(data))

    def loseWriteConnection(self) -> None:
        self._link.ended()

    def loseConnection(self) -> None:
        # All of it, at once: nothing that was written waits here.
        self.abortConnection()

    def abortConnection(self) -> None:
        if not self._aborted and not self._link.lost:
            self._aborted = True
            self._link.dropped()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._link.producer = producer

    def unregisterProducer(self) -> None:
        self._link.producer = None

    def pauseProducing(self) -> None:
        self._link.read(False)

    def resumeProducing(self) -> None:
        self._link.read(True)


class ReactorClock(Clock):
    """A clock that can also be called from other threads."""

    def callFromThread(self, function: Any, *args: Any, **kwargs: Any) -> None:
        """At the next `advance`."""
        self.callLater(0, function, *args, **kwargs)

    def callInThread(self, function: Any, *args: Any, **kwargs: Any) -> None:
        """In this thread, at the next `advance`."""
        self.callLater(0, function, *args, **kwargs)


class TwistedMemoryBackend(MemoryBackend):
    """Twisted with a `Clock` in the reactor's place."""

    name = "twisted"
    server_protocol = WebSocketServerProtocol
    client_protocol = WebSocketClientProtocol
    server_factory = WebSocketServerFactory
    client_factory = WebSocketClientFactory

    def __init__(self) -> None:
        self.clock = ReactorClock()

    def connect(self, factory: Any) -> TwistedMemoryLink:
        """See the base class."""
        return TwistedMemoryLink(factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 54321)), self.clock)

    def make_server(self, protocol: type[Any] | None = None, **session: Any) -> WebSocketServerFactory:
        """See the base class."""
        factory = WebSocketServerFactory(reactor=self.clock, **session)
        factory.protocol = protocol or WebSocketServerProtocol
        return factory

    def make_client(self, protocol: type[Any] | None = None, **session: Any) -> WebSocketClientFactory:
        """See the base class."""
        factory = WebSocketClientFactory(reactor=self.clock, **session)
        factory.protocol = protocol or WebSocketClientProtocol
        return factory

    def settle(self) -> None:
        """See the base class."""
        self.clock.advance(0)

    def advance(self, seconds: float) -> None:
        """See the base class."""
        end = self.clock.seconds() + seconds
        while True:
            calls = [call.getTime() for call in self.clock.getDelayedCalls() if call.getTime() <= end]
            if not calls:
                break
            self.clock.advance(max(0.0, min(calls) - self.clock.seconds()))
        self.clock.advance(max(0.0, end - self.clock.seconds()))

    def later(self) -> Deferred[Any]:
        """See the base class."""
        return Deferred()

    def resolve(self, later: Any, result: object = None) -> None:
        """See the base class."""
        later.callback(result)

    def fail(self, later: Any, error: Exception) -> None:
        """See the base class."""
        later.errback(error)

    def outcome(self, later: Any) -> tuple[str, Any]:
        """See the base class."""
        found: list[tuple[str, Any]] = []

        def note_result(result: object) -> object:
            found.append(("result", result))
            return result

        def note_error(failure: Failure) -> None:
            found.append(("error", failure.value))

        later.addCallbacks(note_result, note_error)
        return found[0] if found else ("waiting", None)

    def pending_timers(self) -> int:
        """See the base class."""
        return len(self.clock.getDelayedCalls())

    def close(self) -> None:
        """Nothing to give back."""


@implementer(IHostnameResolver)
class _LoopbackResolver:
    """Every name is this machine."""

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        resolutionReceiver.resolutionBegan(None)
        resolutionReceiver.addressResolved(IPv4Address("TCP", "127.0.0.1", portNumber))
        resolutionReceiver.resolutionComplete()
        return resolutionReceiver


@implementer(IReactorPluggableNameResolver)
class MemoryReactorClockResolver(MemoryReactor, ReactorClock):
    """A reactor in memory, with a clock that `advance` moves and names that all lead to this machine."""

    def __init__(self) -> None:
        MemoryReactor.__init__(self)  # type: ignore[no-untyped-call]
        ReactorClock.__init__(self)
        self.nameResolver: Any = _LoopbackResolver()

    def installNameResolver(self, resolver: Any) -> Any:
        """Use another; returns the one before. (Older Twisted's memory reactor has no resolver.)"""
        before, self.nameResolver = self.nameResolver, resolver
        return before


# Autobahn's other name for it.
MemoryReactorClock = MemoryReactorClockResolver


class TwistedPumper(Pumper):
    """A pumper that `start` lets work by itself until `stop`, on the real reactor."""

    _loop: LoopingCall | None = None

    def start(self) -> Deferred[None]:
        """Carry in every turn of the reactor from now on; a Deferred that has its result already."""
        if self._loop is None:
            self._loop = LoopingCall(self.flush)
            self._loop.start(0.001)
        return _done()

    def stop(self) -> Deferred[None]:
        """The end of `start`."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        return _done()


class MemoryAgent:
    """Opens connections to servers in memory: a client agent without a network. Made by `create_memory_agent`."""

    def __init__(self, reactor: Any, pumper: Pumper, server_protocol: Callable[[], WebSocketServerProtocol]) -> None:
        self._reactor = reactor
        self._pumper = pumper
        self._server_protocol = server_protocol

    @overload
    def open(
        self,
        transport_config: str,
        options: Mapping[str, Any] | None = None,
        protocol_class: None = None,
    ) -> Deferred[WebSocketClientProtocol]: ...
    @overload
    def open(
        self,
        transport_config: str,
        options: Mapping[str, Any] | None,
        protocol_class: Callable[[], ProtocolT],
    ) -> Deferred[ProtocolT]: ...
    @overload
    def open(
        self,
        transport_config: str,
        options: Mapping[str, Any] | None = None,
        *,
        protocol_class: Callable[[], ProtocolT],
    ) -> Deferred[ProtocolT]: ...
    def open(
        self,
        transport_config: str,
        options: Mapping[str, Any] | None = None,
        protocol_class: Callable[[], Any] | None = None,
    ) -> Deferred[Any]:
        """A Deferred of the client's protocol, when its connection is open; as a client agent's `open`."""
        session, protocol_options = split_client_options(options)
        # There is no network to go through.
        session.pop("proxy", None)
        check_transport_config(transport_config)
        server_factory = WebSocketServerFactory(reactor=self._reactor)
        server_factory.protocol = self._server_protocol
        client_factory = WebSocketClientFactory(transport_config, reactor=self._reactor, **session)
        client_factory.setProtocolOptions(**protocol_options)
        client_factory.protocol = protocol_class or WebSocketClientProtocol
        address = IPv4Address("TCP", "127.0.0.1", 80)
        client = TwistedMemoryLink(client_factory.buildProtocol(address), self._reactor)
        self._pumper.add(client, TwistedMemoryLink(server_factory.buildProtocol(address), self._reactor))
        opening: Deferred[Any] = client.protocol._new_opening()
        # Those who only flush by hand find the handshake done.
        while self._pumper.flush():
            pass
        return opening


def create_memory_agent(
    reactor: Any, pumper: Pumper, server_protocol: Callable[[], WebSocketServerProtocol]
) -> MemoryAgent:
    """An agent whose connections all lead to a new `server_protocol`, by way of `pumper`, on the clock `reactor`."""
    return MemoryAgent(reactor, pumper, server_protocol)


def create_pumper() -> TwistedPumper:
    """A pumper for `create_memory_agent`: `start` it, or call `flush()` by hand."""
    return TwistedPumper()


def _done() -> Deferred[None]:
    deferred: Deferred[None] = Deferred()
    deferred.callback(None)
    return deferred
