"""Through an HTTP proxy on Twisted.

No interface of Twisted's says how to give a transport another protocol, so the one that asks the proxy stays, and
passes on what it is told to the one that goes through. Who connects by URL gets a protocol when there is a way to the
server (`TunnelFactory`). Who gives a factory that has a proxy to `reactor.connectTCP` or an endpoint connects to that
proxy, and has the protocol before: then it asks for the way itself (`begin_by_hand`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, TimeoutError
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure

from wsframework._core.constants import State
from wsframework._core.tunnel import Tunnel
from wsframework.exceptions import HandshakeTimeout, ProxyError
from wsframework.websocket.connecting import Place, place_of
from wsframework.websocket.proxy import Proxy, new_tunnel

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol

__all__ = ["TunnelFactory", "TunnelProtocol", "begin_by_hand", "over_tls"]


def over_tls(factory: Any, contextFactory: Any, tls_name: str, reactor: Any, *, is_client: bool = True) -> Any:
    """A factory that speaks TLS for `factory`; by default it verifies that the other end is `tls_name`."""
    # Only here: Twisted can be installed without what TLS needs.
    from twisted.internet.ssl import optionsForClientTLS
    from twisted.protocols.tls import TLSMemoryBIOFactory

    if contextFactory is None:
        contextFactory = optionsForClientTLS(tls_name)
    return TLSMemoryBIOFactory(contextFactory, is_client, factory, clock=reactor)


class TunnelProtocol(Protocol):
    """What the transport calls: asks the proxy, and then passes everything on to `inner`."""

    transport: Any
    inner: Any = None
    error: Exception | None = None
    """Why there is no way."""

    def __init__(self, tunnel: Tunnel, reactor: Any) -> None:
        self._tunnel = tunnel
        self._reactor = reactor
        self._timer: Any = None
        self._waiting: list[Deferred[Any]] = []

    # What the two ways of use decide.

    def build(self) -> Any:
        """The protocol that goes through."""
        raise AssertionError("a subclass decides this")

    def seconds_left(self) -> float | None:
        """How long there is to wait for the way, None for ever."""
        raise AssertionError("a subclass decides this")

    def too_late(self) -> Exception:
        """What says that they have passed."""
        raise AssertionError("a subclass decides this")

    def failed(self, error: Exception) -> None:
        """There is no way; the transport is dropped after this."""

    # What the transport calls.

    def connectionMade(self) -> None:
        """The proxy is there: ask it."""
        seconds = self.seconds_left()
        if seconds is not None:
            self._timer = self._reactor.callLater(seconds, self._expire)
        self.transport.write(self._tunnel.request)

    def dataReceived(self, data: bytes) -> None:
        """The proxy answers, or what is behind it speaks."""
        if self.inner is not None:
            self.inner.dataReceived(data)
        elif self.error is None:
            try:
                rest = self._tunnel.receive(data)
            except ProxyError as error:
                self._fail(error)
                self.drop()
            else:
                if rest is not None:
                    self._pass(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        if self.inner is not None:
            self.inner.connectionLost(reason)
        elif self.error is None:
            is_ordered = isinstance(reason.value, ConnectionDone)
            error = self._tunnel.ended("the proxy closed it" if is_ordered else str(reason.value))
            error.__cause__ = reason.value
            self._fail(error)

    def _pass(self, rest: bytes) -> None:
        self._stop_timer()
        self.inner = self.build()
        self.inner.makeConnection(self.transport)
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(self.inner)
        if rest:
            self.inner.dataReceived(rest)

    def _fail(self, error: Exception) -> None:
        self._stop_timer()
        self.error = error
        self.failed(error)
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.errback(error)

    def _expire(self) -> None:
        self._timer = None
        self._fail(self._tunnel.refusal or self.too_late())
        self.drop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def drop(self) -> None:
        """End the transport at once."""
        getattr(self.transport, "abortConnection", self.transport.loseConnection)()

    def when_through(self) -> Deferred[Any]:
        """A Deferred of `inner`, connected; cancelling it drops the transport."""
        deferred: Deferred[Any] = Deferred(self._cancel)
        if self.inner is not None:
            deferred.callback(self.inner)
        elif self.error is not None:
            deferred.errback(self.error)
        else:
            self._waiting.append(deferred)
        return deferred

    def _cancel(self, deferred: Deferred[Any]) -> None:
        self._waiting.remove(deferred)
        self.drop()


class _TunnelByUrl(TunnelProtocol):
    """Goes through to what a factory builds."""

    def __init__(self, tunnel: Tunnel, reactor: Any, build: Callable[[], Any], deadline: float | None) -> None:
        super().__init__(tunnel, reactor)
        self._build = build
        self._deadline = deadline

    def build(self) -> Any:
        """See the base class."""
        return self._build()

    def seconds_left(self) -> float | None:
        """See the base class."""
        return None if self._deadline is None else max(0.0, self._deadline - self._reactor.seconds())

    def too_late(self) -> Exception:
        """See the base class."""
        return TimeoutError(string="no way through the proxy in time")  # type: ignore[no-untyped-call]


class TunnelFactory(WrappingFactory):
    """What to connect to the proxy, for `factory` to be connected to the server at `place`.

    With `contextFactory` as in `connectWS`. `timeout` is in seconds and for both ways; a connector that connects again
    has it again. What `factory` is told is what it would be told without a proxy: that there is a connection, when
    there is one to the server; that there is none, when there is no way to it.
    """

    noisy = False

    def __init__(
        self,
        factory: WebSocketClientFactory,
        proxy: Proxy,
        place: Place,
        contextFactory: Any,
        timeout: float | None,
    ) -> None:
        reactor = factory.reactor
        stream = over_tls(factory, contextFactory, place.tls_name, reactor) if place.is_secure else factory
        super().__init__(stream)  # type: ignore[no-untyped-call]
        self._proxy = proxy
        self._place = place
        self._options = factory._options
        self._reactor = reactor
        self._timeout = timeout
        self._latest: TunnelProtocol | None = None
        self._begin()

    def _begin(self) -> None:
        self._deadline = None if self._timeout is None else self._reactor.seconds() + self._timeout

    def startedConnecting(self, connector: Any) -> None:
        """A connector begins, or begins again."""
        self._begin()
        self._latest = None
        super().startedConnecting(connector)  # type: ignore[no-untyped-call]

    def buildProtocol(self, addr: Any) -> Any:
        """What asks the proxy."""
        tunnel = new_tunnel(self._proxy, self._place, self._options)
        self._latest = _TunnelByUrl(tunnel, self._reactor, lambda: self._build(addr), self._deadline)
        return self._latest

    def _build(self, addr: Any) -> Any:
        inner = self.wrappedFactory.buildProtocol(addr)
        (inner.wrappedProtocol if self._place.is_secure else inner)._is_tunnelled = True
        return inner

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        """The connection to the proxy is gone; to the factory that is one to the server, or a failure to connect."""
        latest, self._latest = self._latest, None
        if latest is None or latest.error is None:
            super().clientConnectionLost(connector, reason)  # type: ignore[no-untyped-call]
        else:
            super().clientConnectionFailed(connector, Failure(latest.error))  # type: ignore[no-untyped-call]


def begin_by_hand(protocol: WebSocketClientProtocol) -> None:
    """The transport that `protocol` was given leads to a proxy: go on when it leads to the server.

    Until then the protocol has a connection that does nothing, except that it can be dropped, and takes what fails.
    """
    factory = protocol.factory
    proxy = factory._proxy
    assert proxy is not None, "asked before"
    place = place_of(factory)
    outer = _TunnelByHand(new_tunnel(proxy, place, factory._options), protocol, place)
    # The transport goes on calling the protocol, and these instead of its own methods.
    vars(protocol).update(dataReceived=outer.dataReceived, connectionLost=outer.connectionLost)
    outer.makeConnection(protocol.transport)  # type: ignore[no-untyped-call]


class _TunnelByHand(TunnelProtocol):
    """Goes through to a protocol that is there already."""

    def __init__(self, tunnel: Tunnel, protocol: WebSocketClientProtocol, place: Place) -> None:
        super().__init__(tunnel, protocol.factory.reactor)
        self._protocol = protocol
        self._idle: Any = protocol._connection
        self._place = place

    def build(self) -> Any:
        """See the base class."""
        behind = _Behind(self._protocol)
        if not self._place.is_secure:
            return behind
        single = _Single(behind)
        return over_tls(single, None, self._place.tls_name, self._reactor).buildProtocol(None)

    def seconds_left(self) -> float | None:
        """See the base class."""
        return self._idle.options.openHandshakeTimeout or None

    def too_late(self) -> Exception:
        """See the base class."""
        return HandshakeTimeout("no way through the proxy within openHandshakeTimeout")

    def failed(self, error: Exception) -> None:
        """See the base class."""
        self._idle.fail_opening(error)

    def dataReceived(self, data: bytes) -> None:
        """Octets arrived, perhaps after the application has dropped the connection."""
        if self.inner is None and self._idle.state is not State.CONNECTING:
            self.drop()
        else:
            super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        super().connectionLost(reason)
        protocol = self._protocol
        if self.inner is None:
            type(protocol).connectionLost(protocol, reason)
        for name in ("dataReceived", "connectionLost"):
            del vars(protocol)[name]


class _Behind(Protocol):
    """Stands for a protocol whose own methods are the tunnel's."""

    def __init__(self, protocol: WebSocketClientProtocol) -> None:
        self._protocol = protocol

    def makeConnection(self, transport: Any) -> None:
        """There is the way."""
        protocol = self._protocol
        protocol.factory._forget(protocol)
        protocol.transport = transport
        protocol._is_tunnelled = True
        protocol._begin()

    def dataReceived(self, data: bytes) -> None:
        """Octets arrived."""
        type(self._protocol).dataReceived(self._protocol, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        type(self._protocol).connectionLost(self._protocol, reason)


class _Single(ClientFactory):
    """Has one protocol, made before."""

    noisy = False

    def __init__(self, protocol: _Behind) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: Any) -> _Behind:
        """That one."""
        return self._protocol
