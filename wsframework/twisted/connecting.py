"""Connecting and listening by URL on Twisted.

    connectWS(WebSocketClientFactory("wss://example.com/chat"))         listenWS(WebSocketServerFactory("ws://:9000"))
    protocol = await create_client_agent(reactor).open("wss://example.com/chat", {"protocols": ["chat"]})

TLS is done here instead of by `reactor.connectSSL` and its relatives, because those take the clock of the global
reactor, and a factory may belong to another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from zope.interface import implementer

from wsframework.twisted.tunnel import TunnelFactory, over_tls
from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, WebSocketServerFactory
from wsframework.websocket.connecting import (
    Place,
    advising,
    check_client_options,
    check_factory,
    check_transport_config,
    place_of,
    split_client_options,
)
from wsframework.websocket.interfaces import IWebSocketClientAgent
from wsframework.websocket.proxy import Proxy

if TYPE_CHECKING:
    from twisted.internet import interfaces

    # Interfaces of zope's leave `self` out, so without a plugin a type checker takes each call of a method for a
    # mistake. These are Twisted's in words that every checker understands. What an address has depends on its kind.

    class IConnector(interfaces.IConnector):
        def connect(self) -> None: ...  # type: ignore[misc]
        def disconnect(self) -> None: ...  # type: ignore[misc]
        def stopConnecting(self) -> None: ...  # type: ignore[misc]
        def getDestination(self) -> Any: ...  # type: ignore[misc]

    class IListeningPort(interfaces.IListeningPort):
        def startListening(self) -> None: ...  # type: ignore[misc]
        def stopListening(self) -> Deferred[None] | None: ...  # type: ignore[misc]
        def getHost(self) -> Any: ...  # type: ignore[misc]


__all__ = [
    "WebSocketClientAgent",
    "check_client_options",
    "check_transport_config",
    "connectWS",
    "create_client_agent",
    "listenWS",
    "open_factory",
    "when_open",
]

ProtocolT = TypeVar("ProtocolT", bound=WebSocketClientProtocol)


def connectWS(
    factory: WebSocketClientFactory,
    contextFactory: Any = None,
    timeout: float = 30,
    bindAddress: Any = None,
) -> IConnector:
    """Connect `factory` to the server that its URL names; the connector can stop that, and connect again.

    `contextFactory` decides about TLS for a wss URL; the default verifies the server's certificate against the
    system's authorities and the name in the URL, and sends the name (SNI). `timeout` is in seconds and for the
    transport; the opening handshake has the option openHandshakeTimeout. `bindAddress` is the (host, port) to connect
    from. What fails is told to the factory (`clientConnectionFailed`) and to the protocol (`is_open`).

    A factory that has a proxy is connected through it: `timeout` is then for the way through the proxy, too, and
    `bindAddress` is where to connect to the proxy from. `contextFactory` is for the server in any case. When the proxy
    gives no way, that is a `ProxyError`, told to the factory.

    `TypeError` for what is no client factory of Twisted's; `ValueError` for one without a URL, a `contextFactory` for a
    ws URL, or a `bindAddress` for a unix socket.
    """
    check_factory(factory, WebSocketClientFactory)
    place = place_of(factory)
    reactor = factory.reactor
    proxy = factory._proxy
    if proxy is not None:
        stream = _over_proxy(factory, proxy, place, contextFactory, timeout)
        return reactor.connectTCP(proxy.host, proxy.port, stream, timeout, bindAddress)  # type: ignore[no-any-return]
    stream = _over_tls(factory, place, contextFactory, reactor, is_client=True)
    if place.unix_path is None:
        return reactor.connectTCP(place.host, place.port, stream, timeout, bindAddress)  # type: ignore[no-any-return]
    if bindAddress is not None:
        raise ValueError("bindAddress: a unix socket is connected to from nowhere")
    return reactor.connectUNIX(place.unix_path, stream, timeout)  # type: ignore[no-any-return]


def listenWS(
    factory: WebSocketServerFactory, contextFactory: Any = None, backlog: int = 50, interface: str = ""
) -> IListeningPort:
    """Listen on the port, or the unix socket, that the URL of `factory` names; the result can stop that.

    `contextFactory` has the certificate and key for a wss URL, `backlog` is how many connections may wait to be
    accepted, `interface` the address to listen on, all of IPv4 by default and all of IPv6 as "::". The URL's host is
    the name that clients use and does not matter here.

    `ValueError` for a factory without a URL, a wss URL without a `contextFactory`, a ws URL with one (the listener
    would not be encrypted), or an `interface` for a unix socket; `CannotListenError` if the system refuses.
    """
    check_factory(factory, WebSocketServerFactory)
    place = place_of(factory)
    reactor = factory.reactor
    if place.is_secure and contextFactory is None:
        raise ValueError("a server with a wss URL needs a contextFactory, which has its certificate and key")
    stream = _over_tls(factory, place, contextFactory, reactor, is_client=False)
    if place.unix_path is None:
        return reactor.listenTCP(place.port, stream, backlog, interface)  # type: ignore[no-any-return]
    if interface:
        raise ValueError("interface: a unix socket has none")
    return reactor.listenUNIX(place.unix_path, stream, backlog)  # type: ignore[no-any-return]


def create_client_agent(reactor: Any = None) -> WebSocketClientAgent:
    """What opens client connections by URL, on `reactor` (None: the global one)."""
    return WebSocketClientAgent(reactor)


@implementer(IWebSocketClientAgent)
class WebSocketClientAgent:
    """Opens client connections by URL; see `open`. Made by `create_client_agent`."""

    def __init__(self, reactor: Any = None) -> None:
        self._reactor = reactor

    # An interface has no overloads.
    @overload
    def open(  # type: ignore[override]
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        protocol_class: None = None,
        contextFactory: Any = None,
        timeout: float = 30,
    ) -> Deferred[WebSocketClientProtocol]: ...
    @overload
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None,
        protocol_class: Callable[[], ProtocolT],
        contextFactory: Any = None,
        timeout: float = 30,
    ) -> Deferred[ProtocolT]: ...
    @overload
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        *,
        protocol_class: Callable[[], ProtocolT],
        contextFactory: Any = None,
        timeout: float = 30,
    ) -> Deferred[ProtocolT]: ...
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        protocol_class: Callable[[], Any] | None = None,
        contextFactory: Any = None,
        timeout: float = 30,
    ) -> Deferred[Any]:
        """Connect to `url`: a Deferred of the protocol, when its connection is open.

        `options` may have the keys `origin`, `protocols`, `useragent`, `headers` and `proxy`, as a client factory, and
        the names of options of `setProtocolOptions`. `protocol_class` makes the protocol, `WebSocketClientProtocol` by
        default. `contextFactory` and `timeout` are as in `connectWS`. `TypeError` or `ValueError` for unfit arguments
        are raised here, not by the Deferred.

        The Deferred fails with a `HandshakeError` (`HandshakeRejected` with status, headers and the beginning of the
        body, `ProxyError`, `HandshakeTimeout`) or with the error of the transport. Cancelling it drops the attempt.
        IPv6 and IPv4 addresses of a name are tried side by side (RFC 8305).
        """
        session, protocol_options = split_client_options(options)
        check_transport_config(url)
        factory = WebSocketClientFactory(url, reactor=self._reactor, **session)
        factory.setProtocolOptions(**protocol_options)
        factory.protocol = protocol_class or WebSocketClientProtocol
        return open_factory(factory, contextFactory, timeout)


def open_factory(factory: WebSocketClientFactory, contextFactory: Any = None, timeout: float = 30) -> Deferred[Any]:
    """Connect `factory` to the server that its URL names: a Deferred of the protocol, when its connection is open."""
    place = place_of(factory)
    reactor = factory.reactor
    proxy = factory._proxy
    if proxy is None:
        stream = _over_tls(factory, place, contextFactory, reactor, is_client=True)
        endpoint = _endpoint(place, reactor, timeout)
    else:
        stream = _over_proxy(factory, proxy, place, contextFactory, timeout)
        endpoint = HostnameEndpoint(reactor, proxy.host, proxy.port, timeout=timeout)
    return Deferred.fromCoroutine(_open_advised(factory, endpoint, stream, place.is_secure))


async def _open_advised(factory: WebSocketClientFactory, endpoint: Any, stream: Any, is_secure: bool) -> Any:
    with advising(factory):
        return await _open(endpoint, stream, factory._proxy, is_secure)


async def _open(endpoint: Any, stream: Any, proxy: Proxy | None, is_secure: bool) -> Any:
    transport_user = await endpoint.connect(stream)
    if proxy is not None:
        asking = transport_user.wrappedProtocol if proxy.is_secure else transport_user
        transport_user = await asking.when_through()
    return await when_open(transport_user.wrappedProtocol if is_secure else transport_user)


async def when_open(protocol: Any) -> Any:
    """`protocol`, when it is open; whoever cancels this drops the connection."""
    try:
        return await protocol._new_opening()
    except CancelledError:
        protocol.dropConnection(abort=True)
        raise


def _endpoint(place: Place, reactor: Any, timeout: float) -> Any:
    if place.unix_path is not None:
        return UNIXClientEndpoint(reactor, place.unix_path, timeout)  # type: ignore[no-untyped-call]
    return HostnameEndpoint(reactor, place.host, place.port, timeout=timeout)


def _over_tls(factory: Any, place: Place, contextFactory: Any, reactor: Any, *, is_client: bool) -> Any:
    """What to give to the reactor: for a wss URL a factory that speaks TLS for `factory`."""
    _check_context(place, contextFactory)
    if not place.is_secure:
        return factory
    return over_tls(factory, contextFactory, place.tls_name, reactor, is_client=is_client)


def _over_proxy(
    factory: WebSocketClientFactory, proxy: Proxy, place: Place, contextFactory: Any, timeout: float | None
) -> Any:
    """What to connect to the proxy."""
    _check_context(place, contextFactory)
    stream = TunnelFactory(factory, proxy, place, contextFactory, timeout)
    return over_tls(stream, proxy.tls, proxy.tls_name, factory.reactor) if proxy.is_secure else stream


def _check_context(place: Place, contextFactory: Any) -> None:
    if contextFactory is not None and not place.is_secure:
        raise ValueError("a contextFactory was given, but the URL begins with ws:// and not with wss://")
