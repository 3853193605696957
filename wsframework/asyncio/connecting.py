"""Connecting and listening by URL on asyncio.

protocol = await connectWS(WebSocketClientFactory("wss://example.com/chat"))
server = await listenWS(WebSocketServerFactory("ws://localhost:9000"))
protocol = await create_client_agent().open("wss://example.com/chat", {"protocols": ["chat"]})
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from ssl import SSLContext, create_default_context
from typing import Any, TypeVar, overload

from zope.interface import implementer

from wsframework.asyncio.tunnel import check_proxy_context, open_tunnel
from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol, WebSocketServerFactory
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

__all__ = [
    "WebSocketClientAgent",
    "check_client_options",
    "check_transport_config",
    "connectWS",
    "create_client_agent",
    "listenWS",
    "when_open",
]

ProtocolT = TypeVar("ProtocolT", bound=WebSocketClientProtocol)


async def connectWS(
    factory: WebSocketClientFactory,
    ssl: SSLContext | None = None,
    timeout: float | None = 30,
    bindAddress: tuple[str, int] | None = None,
) -> WebSocketClientProtocol:
    """Connect `factory` to the server that its URL names: the protocol, when its transport is connected.

    The opening handshake is still to come then: `await protocol.is_open`. `ssl` decides about TLS for a wss URL; the
    default verifies the server's certificate against the system's authorities and the name in the URL, and sends the
    name (SNI). `timeout` is in seconds, None for no limit, and for the transport with TLS; the opening handshake has
    the option openHandshakeTimeout. `bindAddress` is the (host, port) to connect from.

    A factory that has a proxy is connected through it: `timeout` is then for the way through the proxy, too, and
    `bindAddress` is where to connect to the proxy from. `ssl` is for the server in any case.

    `ValueError` for a factory without a URL, an `ssl` for a ws URL, or a `bindAddress` for a unix socket;
    `TimeoutError`, `ssl.SSLError` or another `OSError` when it cannot be connected, `ProxyError` when the proxy gives
    no way.
    """
    check_factory(factory, WebSocketClientFactory)
    place = place_of(factory)
    proxy = factory._proxy
    context = _client_context(place, ssl)
    check_proxy_context(proxy)
    if proxy is not None:
        return await open_tunnel(factory, proxy, place, context, timeout, bindAddress)  # type: ignore[no-any-return]
    if place.unix_path is not None and bindAddress is not None:
        raise ValueError("bindAddress: a unix socket is connected to from nowhere")
    loop = factory._get_loop()
    # uvloop wants None for plain TCP.
    name = place.tls_name if place.is_secure else None
    async with asyncio.timeout(timeout):
        if place.unix_path is not None:
            _, protocol = await loop.create_unix_connection(factory, place.unix_path, ssl=context, server_hostname=name)
        else:
            _, protocol = await loop.create_connection(
                factory, place.host, place.port, ssl=context, server_hostname=name, local_addr=bindAddress
            )
    return protocol  # type: ignore[no-any-return]


async def listenWS(
    factory: WebSocketServerFactory, ssl: SSLContext | None = None, backlog: int = 50, interface: str | None = None
) -> asyncio.Server:
    """Listen on the port, or the unix socket, that the URL of `factory` names; the result can stop that.

    `ssl` has the certificate and key for a wss URL, `backlog` is how many connections may wait to be accepted,
    `interface` the address to listen on, all of IPv4 and IPv6 by default. The URL's host is the name that clients use
    and does not matter here.

    `ValueError` for a factory without a URL, a wss URL without `ssl`, a ws URL with it (the listener would not be
    encrypted), or an `interface` for a unix socket; `OSError` if the system refuses.
    """
    check_factory(factory, WebSocketServerFactory)
    place = place_of(factory)
    _check_context(place, ssl)
    if place.is_secure and ssl is None:
        raise ValueError("a server with a wss URL needs ssl, a context with its certificate and key")
    loop = factory._get_loop()
    if place.unix_path is None:
        return await loop.create_server(factory, interface or None, place.port, ssl=ssl, backlog=backlog)
    if interface:
        raise ValueError("interface: a unix socket has none")
    return await loop.create_unix_server(factory, place.unix_path, ssl=ssl, backlog=backlog)


def create_client_agent(loop: asyncio.AbstractEventLoop | None = None) -> WebSocketClientAgent:
    """What opens client connections by URL, on `loop` (None: the one that runs at that time)."""
    return WebSocketClientAgent(loop)


@implementer(IWebSocketClientAgent)
class WebSocketClientAgent:
    """Opens client connections by URL; see `open`. Made by `create_client_agent`."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    # An interface has no overloads.
    @overload
    def open(  # type: ignore[override]
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        protocol_class: None = None,
        ssl: SSLContext | None = None,
        timeout: float | None = 30,
    ) -> asyncio.Future[WebSocketClientProtocol]: ...
    @overload
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None,
        protocol_class: Callable[[], ProtocolT],
        ssl: SSLContext | None = None,
        timeout: float | None = 30,
    ) -> asyncio.Future[ProtocolT]: ...
    @overload
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        *,
        protocol_class: Callable[[], ProtocolT],
        ssl: SSLContext | None = None,
        timeout: float | None = 30,
    ) -> asyncio.Future[ProtocolT]: ...
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        protocol_class: Callable[[], Any] | None = None,
        ssl: SSLContext | None = None,
        timeout: float | None = 30,
    ) -> asyncio.Future[Any]:
        """Connect to `url`: a Future of the protocol, when its connection is open.

        `options` may have the keys `origin`, `protocols`, `useragent`, `headers` and `proxy`, as a client factory, and
        the names of options of `setProtocolOptions`. `protocol_class` makes the protocol, `WebSocketClientProtocol` by
        default. `ssl` and `timeout` are as in `connectWS`. `TypeError` or `ValueError` for unfit arguments are raised
        here, not by the Future.

        The Future fails with a `HandshakeError` (`HandshakeRejected` with status, headers and the beginning of the
        body, `ProxyError`, `HandshakeTimeout`) or with the error of the transport, an `OSError`. Cancelling it drops
        the attempt.
        """
        session, protocol_options = split_client_options(options)
        check_transport_config(url)
        loop = self._loop or asyncio.get_running_loop()
        factory = WebSocketClientFactory(url, loop=loop, **session)
        factory.setProtocolOptions(**protocol_options)
        factory.protocol = protocol_class or WebSocketClientProtocol
        _check_context(place_of(factory), ssl)
        check_proxy_context(factory._proxy)
        return loop.create_task(_open(factory, ssl, timeout))


async def _open(factory: WebSocketClientFactory, ssl: SSLContext | None, timeout: float | None) -> Any:
    with advising(factory):
        return await when_open(await connectWS(factory, ssl, timeout))


async def when_open(protocol: Any) -> Any:
    """`protocol`, when it is open; whoever cancels this drops the connection."""
    try:
        return await protocol._new_opening()
    except asyncio.CancelledError:
        protocol.dropConnection(abort=True)
        raise


def _client_context(place: Place, ssl: SSLContext | None) -> SSLContext | None:
    _check_context(place, ssl)
    return create_default_context() if place.is_secure and ssl is None else ssl


def _check_context(place: Place, ssl: SSLContext | None) -> None:
    if ssl is None:
        return
    if not isinstance(ssl, SSLContext):
        raise TypeError(f"ssl must be an SSLContext, not {type(ssl).__name__}")
    if not place.is_secure:
        raise ValueError("a TLS context was given, but the URL begins with ws:// and not with wss://")
