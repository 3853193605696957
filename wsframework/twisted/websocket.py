"""WebSocket protocols and factories for Twisted.

    reactor.listenTCP(port, factory)            reactor.connectTCP(host, port, factory)

and any stream endpoint. A factory belongs to a reactor: the one given as `reactor`, else the global one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import txaio.tx
from twisted.internet import protocol as twisted_protocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.python.failure import Failure
from zope.interface import classImplements

import twisted
from wsframework._core.channel import receive_on
from wsframework._core.client_connection import ClientConnection
from wsframework._core.headers import HeadersInput
from wsframework._core.server_connection import ServerConnection
from wsframework.exceptions import HandshakeError
from wsframework.twisted.port import TwistedClientPort, TwistedPort, TwistedServerPort, log
from wsframework.twisted.tunnel import begin_by_hand
from wsframework.twisted.util import is_network, transport_details
from wsframework.websocket import factory as neutral_factory
from wsframework.websocket import protocol as neutral_protocol
from wsframework.websocket import unrouted as neutral_unrouted
from wsframework.websocket.connecting import NOT_ENCRYPTED
from wsframework.websocket.placing import READ_SIZE
from wsframework.websocket.port import describe_loss
from wsframework.websocket.proxy import ProxyInput
from wsframework.websocket.types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    ConnectionRequest,
    ConnectionResponse,
)

if TYPE_CHECKING:
    from wsframework.websocket.shutdown import ShutdownResult

__all__ = [
    "ConnectingRequest",
    "ConnectionAccept",
    "ConnectionDeny",
    "ConnectionRequest",
    "ConnectionResponse",
    "WebSocketAdapterFactory",
    "WebSocketAdapterProtocol",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
    "WrappingWebSocketAdapter",
    "WrappingWebSocketClientFactory",
    "WrappingWebSocketClientProtocol",
    "WrappingWebSocketServerFactory",
    "WrappingWebSocketServerProtocol",
    "check_client_options",
    "check_transport_config",
    "connectWS",
    "create_client_agent",
    "listenWS",
]


class WebSocketAdapterProtocol(neutral_protocol.WebSocketProtocol, twisted_protocol.Protocol):
    """What Twisted calls, for servers and clients."""

    log = log
    transport: Any
    _port: TwistedPort

    if TYPE_CHECKING:
        # What kind of later results there is here.

        @property
        def is_open(self) -> Deferred[Self]: ...
        @is_open.setter
        def is_open(self, future: Deferred[Any]) -> None: ...
        @property
        def is_closed(self) -> Deferred[Self]: ...
        @is_closed.setter
        def is_closed(self, future: Deferred[Any]) -> None: ...
        def drain(self) -> Deferred[None]: ...

    def connectionMade(self) -> None:
        """The transport is connected."""
        self._begin()

    def _begin(self) -> None:
        raise AssertionError("a role decides this")

    def _set_up(self, port: TwistedPort) -> None:
        options = port.connection.options
        self._port = port
        self._connection = port.connection
        self.factory._remember(self)
        is_overridden = getattr(self.dataReceived, "__func__", None) is not WebSocketAdapterProtocol.dataReceived
        port.set_up(options.tcpNoDelay, options.sendHighWaterMark, not is_overridden and not options.logOctets)

    def dataReceived(self, data: bytes) -> None:
        """Octets arrived."""
        # A router may put another protocol in place of this one meanwhile.
        port = self._port
        connection = port.connection
        if port.logs_octets:
            port.log_octets(False, data)
        receive_on(connection, data)
        if len(data) >= READ_SIZE:
            port.receive_rest()

    def connectionLost(self, reason: Failure = twisted_protocol.connectionDone) -> None:
        """The transport is gone."""
        assert reason.value is not None, "a failure that ends a connection holds an exception"
        self._port.connection.lost(describe_loss(self._port.loss(reason.value)))

    def _new_future(self) -> Deferred[Any]:
        return self.factory._new_future()  # type: ignore[no-any-return]

    def _resolve(self, future: Any, result: object) -> None:
        self.factory._resolve(future, result)

    def _is_done(self, future: Deferred[Any]) -> bool:
        return future.called

    def _reject(self, future: Any, error: Exception) -> None:
        if not future.called:
            self.factory._txaio.reject(future, error)


class WebSocketServerProtocol(WebSocketAdapterProtocol, neutral_protocol.WebSocketServerProtocol):
    """A server's end of one connection, on Twisted."""

    factory: WebSocketServerFactory
    # A resource of a web server has its own.
    _port_type: Callable[..., TwistedServerPort] = TwistedServerPort

    def _begin(self) -> None:
        factory = self.factory
        port = self._port_type(self, self.transport, factory._get_reactor())
        details = self._transport_details = transport_details(self.transport, True)
        options = factory._options_for(self)
        policy = factory._policy(options, details.is_secure)
        peer = details.peer or "unknown"
        port.begin(ServerConnection(port, options, peer, policy, factory.server, factory._keys, os.urandom))
        self._set_up(port)
        port.connection.connected()


class _UnroutedProtocol(neutral_unrouted.UnroutedProtocol, WebSocketServerProtocol):
    """Stands in until a request says whose it is, on Twisted.

    No interface of Twisted's says how to give a transport another protocol, and with wrappers around it there are many
    ways; so the transport goes on calling this, which passes on what it is told.
    """

    _kind = WebSocketServerProtocol
    _successor: WebSocketServerProtocol | None = None

    def _hand_over(self, protocol: neutral_protocol.WebSocketServerProtocol) -> None:
        assert isinstance(protocol, WebSocketServerProtocol), "checked when it was made"
        self._port.set_timer(None)
        self.transport.unregisterProducer()
        if "_port_type" in vars(self):
            protocol._port_type = self._port_type
        protocol.makeConnection(self.transport)  # type: ignore[no-untyped-call]
        self._successor = protocol

    def dataReceived(self, data: bytes) -> None:
        """Octets arrived."""
        (super().dataReceived if self._successor is None else self._successor.dataReceived)(data)

    def connectionLost(self, reason: Failure = twisted_protocol.connectionDone) -> None:
        """The transport is gone."""
        (super().connectionLost if self._successor is None else self._successor.connectionLost)(reason)


class WebSocketClientProtocol(WebSocketAdapterProtocol, neutral_protocol.WebSocketClientProtocol):
    """A client's end of one connection, on Twisted."""

    factory: WebSocketClientFactory
    # The transport leads to the server, where the factory has a proxy.
    _is_tunnelled = False

    def _begin(self) -> None:
        factory = self.factory
        port = TwistedClientPort(self, self.transport, factory._get_reactor())
        details = self._transport_details = transport_details(self.transport, False)
        options = factory._options_for(self)
        port.begin(ClientConnection(port, options, details.peer or "unknown", factory._keys, os.urandom))
        self._set_up(port)
        if factory.isSecure and not details.is_secure and factory._proxy is None and is_network(self.transport):
            port.connection.fail_opening(HandshakeError(NOT_ENCRYPTED))
        elif factory._proxy is None or self._is_tunnelled:
            port.connection.connected()
        else:
            begin_by_hand(self)


class WebSocketAdapterFactory:
    """What Twisted calls, for servers and clients."""

    log = log
    noisy = False
    isServer: ClassVar[bool]
    protocol: Callable[[], Any]
    _new_protocol: Callable[[], Any]
    _reactor: Any
    _txaio: Any = txaio.tx.with_config()  # type: ignore[no-untyped-call]

    def buildProtocol(self, addr: object) -> Any:
        """A new protocol for a new connection. An override must set its attribute `factory`.

        Where a server's cannot be made that is logged, and the result is None, which closes the connection.
        """
        try:
            return self._build(addr)
        except Exception as error:
            if not self.isServer:
                raise
            # A port would log it, too, and leave the socket open.
            failure = Failure(error)  # type: ignore[no-untyped-call]
            log.failure("the protocol of a connection could not be made; closing the connection", failure)
            return None

    def _build(self, addr: object) -> Any:
        return self._new_protocol()

    def __call__(self) -> Any:
        """An asyncio loop was given this factory: `TypeError`, logged because a loop that accepts would keep silent."""
        text = "this factory is for Twisted, and asyncio calls it: import it from wsframework.asyncio.websocket"
        logging.getLogger("wsframework.twisted").error(text)
        raise TypeError(text)

    def _get_reactor(self) -> Any:
        if self._reactor is None:
            from twisted.internet import reactor

            self._reactor = reactor
        return self._reactor

    @property
    def reactor(self) -> Any:
        """The reactor that this factory belongs to."""
        return self._get_reactor()

    def _new_future(self) -> Deferred[Any]:
        return self._txaio.create_future()  # type: ignore[no-any-return]

    def _resolve(self, future: Any, result: object) -> None:
        if not future.called:
            self._txaio.resolve(future, result)

    def _wake(self, function: Callable[[], None]) -> object:
        return self._get_reactor().callFromThread(function)

    def _now(self) -> float:
        return self._get_reactor().seconds()  # type: ignore[no-any-return]

    def _later(self, seconds: float, function: Callable[[], None]) -> Any:
        return self._get_reactor().callLater(seconds, function)


class WebSocketServerFactory(
    WebSocketAdapterFactory, neutral_factory.WebSocketServerFactory, twisted_protocol.ServerFactory
):
    """Makes servers' ends: `reactor.listenTCP(port, factory)`; arguments as in the base class."""

    # To Twisted, the factory of a protocol is any Factory.
    protocol: Callable[[], WebSocketServerProtocol] = WebSocketServerProtocol  # type: ignore[assignment]
    _kind = WebSocketServerProtocol
    _unrouted = _UnroutedProtocol

    if TYPE_CHECKING:

        @property
        def connections(self) -> list[WebSocketServerProtocol]: ...  # type: ignore[override]
        def shutdown(
            self, code: int = 1001, reason: str | None = None, deadline: float = 5.0, spread: float = 0.0
        ) -> Deferred[ShutdownResult]: ...

    def __init__(
        self,
        url: str | None = None,
        protocols: Iterable[str] | None = None,
        server: str | None = "wsframework",
        headers: HeadersInput = None,
        externalPort: int | None = None,
        reactor: Any = None,
    ) -> None:
        self._reactor = reactor
        neutral_factory.WebSocketServerFactory.__init__(self, url, protocols, server, headers, externalPort)

    def acceptableProtocols(self) -> list[bytes]:
        """What TLS may agree on (ALPN): WebSocket begins as HTTP/1.1."""
        return [b"http/1.1"]


# Since 26.4 a context of Twisted's refuses every client that says what it speaks (ALPN), as browsers do, unless the
# factory has this interface. Older versions change the context for it when that is in use, which pyOpenSSL does not
# allow any more; they get along without. The client factory has no such interface: it offers nothing, as contexts of
# `ssl` do by themselves, because servers with that trouble would refuse it. Who has to offer something gives a context
# with `acceptableProtocols`.
if int(twisted.__version__.partition(".")[0]) >= 26:
    classImplements(WebSocketServerFactory, IProtocolNegotiationFactory)


class WebSocketClientFactory(
    WebSocketAdapterFactory, neutral_factory.WebSocketClientFactory, twisted_protocol.ClientFactory
):
    """Makes clients' ends: `reactor.connectTCP(host, port, factory)`; arguments as in the base class."""

    # To Twisted, the factory of a protocol is any Factory.
    protocol: Callable[[], WebSocketClientProtocol] = WebSocketClientProtocol  # type: ignore[assignment]
    _kind = WebSocketClientProtocol

    def __init__(
        self,
        url: str | None = None,
        origin: str | None = None,
        protocols: Iterable[str] | None = None,
        useragent: str | None = "wsframework",
        headers: HeadersInput = None,
        proxy: ProxyInput = None,
        reactor: Any = None,
    ) -> None:
        self._reactor = reactor
        neutral_factory.WebSocketClientFactory.__init__(self, url, origin, protocols, useragent, headers, proxy)


# At the end, because these modules build on the classes above.
from wsframework.twisted.connecting import (  # noqa: E402
    check_client_options,
    check_transport_config,
    connectWS,
    create_client_agent,
    listenWS,
)
from wsframework.twisted.wrapping import (  # noqa: E402
    WrappingWebSocketAdapter,
    WrappingWebSocketClientFactory,
    WrappingWebSocketClientProtocol,
    WrappingWebSocketServerFactory,
    WrappingWebSocketServerProtocol,
)
