"""WebSocket protocols and factories for asyncio.

    loop.create_server(factory, host, port)            loop.create_connection(factory, host, port)

A factory belongs to a loop: the one given as `loop`, else the one that runs when it is first needed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Self

import txaio.aio

from wsframework._core.client_connection import ClientConnection
from wsframework._core.headers import HeadersInput
from wsframework._core.server_connection import ServerConnection
from wsframework.asyncio.port import AsyncioClientPort, AsyncioPort, AsyncioServerPort, log, user_log
from wsframework.asyncio.receiving import ReceivingProtocol
from wsframework.asyncio.tunnel import begin_by_hand
from wsframework.asyncio.util import is_network, transport_details
from wsframework.exceptions import HandshakeError
from wsframework.websocket import factory as neutral_factory
from wsframework.websocket import protocol as neutral_protocol
from wsframework.websocket import unrouted as neutral_unrouted
from wsframework.websocket.connecting import NOT_ENCRYPTED
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


class WebSocketAdapterProtocol(ReceivingProtocol):
    """What asyncio calls, for servers and clients."""

    log = user_log

    if TYPE_CHECKING:
        # What kind of later results there is here.

        @property
        def is_open(self) -> asyncio.Future[Self]: ...
        @is_open.setter
        def is_open(self, future: asyncio.Future[Any]) -> None: ...
        @property
        def is_closed(self) -> asyncio.Future[Self]: ...
        @is_closed.setter
        def is_closed(self, future: asyncio.Future[Any]) -> None: ...
        def drain(self) -> asyncio.Future[None]: ...

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is connected."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write"), "a stream transport is needed"
        self.transport = transport  # type: ignore[assignment]
        self._begin()

    def _begin(self) -> None:
        raise AssertionError("a role decides this")

    def _set_up(self, port: AsyncioPort) -> None:
        options = port.connection.options
        self._port = port
        self._connection = port.connection
        self.factory._remember(self)
        port.set_no_delay(options.tcpNoDelay)
        if options.logOctets:
            port.log_writes()
        self.transport.set_write_buffer_limits(high=options.sendHighWaterMark)
        self._set_up_receiving(self.transport, self.factory._get_loop())

    def eof_received(self) -> None:
        """The peer has ended its half. asyncio closes the transport, but only after what waits to be written."""
        if self.transport.get_write_buffer_size():
            self._port.connection.ended(describe_loss(None))

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone."""
        self._port.connection.lost(describe_loss(exc or self._failure))

    def pause_writing(self) -> None:
        """The transport has enough to send."""
        self._port.connection.pause_writing()

    def resume_writing(self) -> None:
        """The transport has room again."""
        self._port.connection.resume_writing()

    def _new_future(self) -> asyncio.Future[Any]:
        return self.factory._new_future()  # type: ignore[no-any-return]

    def _resolve(self, future: Any, result: object) -> None:
        self.factory._resolve(future, result)

    def _is_done(self, future: asyncio.Future[Any]) -> bool:
        return future.done()

    def _reject(self, future: Any, error: Exception) -> None:
        if not future.done():
            self.factory._txaio.reject(future, error)


class WebSocketServerProtocol(WebSocketAdapterProtocol, neutral_protocol.WebSocketServerProtocol):
    """A server's end of one connection, on asyncio."""

    factory: WebSocketServerFactory

    def _begin(self) -> None:
        factory = self.factory
        port = AsyncioServerPort(self, self.transport, factory._get_loop())
        details = self._transport_details = transport_details(self.transport, True)
        options = factory._options_for(self)
        policy = factory._policy(options, details.is_secure)
        peer = details.peer or "unknown"
        port.begin(ServerConnection(port, options, peer, policy, factory.server, factory._keys, os.urandom))
        self._set_up(port)
        port.connection.connected()


class _UnroutedProtocol(neutral_unrouted.UnroutedProtocol, WebSocketServerProtocol):
    """Stands in until a request says whose it is, on asyncio."""

    _kind = WebSocketServerProtocol

    def _hand_over(self, protocol: neutral_protocol.WebSocketServerProtocol) -> None:
        assert isinstance(protocol, WebSocketServerProtocol), "checked when it was made"
        self._port.set_timer(None)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)


class WebSocketClientProtocol(WebSocketAdapterProtocol, neutral_protocol.WebSocketClientProtocol):
    """A client's end of one connection, on asyncio."""

    factory: WebSocketClientFactory
    # The transport leads to the server, where the factory has a proxy; and what sees to that.
    _is_tunnelled = False
    _tunnelling: asyncio.Task[None] | None = None

    def _begin(self) -> None:
        factory = self.factory
        port = AsyncioClientPort(self, self.transport, factory._get_loop())
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


class _ClosingProtocol(asyncio.Protocol):
    """In place of a protocol that could not be made."""

    def connection_made(self, transport: Any) -> None:
        transport.abort()


class WebSocketAdapterFactory:
    """What asyncio calls, for servers and clients: the factory itself makes the protocols."""

    log = user_log
    isServer: ClassVar[bool]
    protocol: Callable[[], Any]
    _new_protocol: Callable[[], Any]
    _loop: asyncio.AbstractEventLoop | None

    def __call__(self) -> Any:
        """A new protocol for a new connection. An override must set its attribute `factory`.

        Where a server's cannot be made that is logged, and the result is one that closes the connection.
        """
        try:
            return self._new_protocol()
        except Exception:
            if not self.isServer:
                raise
            # A loop that accepts connections would say nothing, and leave the socket open.
            log.exception("the protocol of a connection could not be made; closing the connection")
            return _ClosingProtocol()

    def connection_made(self, transport: Any) -> None:
        """asyncio takes this for a protocol, because it was given the class of this factory: that is logged."""
        name = type(self).__name__
        log.error("create_server or create_connection was given the class %s; give it a factory: %s()", name, name)
        transport.set_protocol(_ClosingProtocol())
        transport.abort()

    def doStart(self) -> None:
        """A reactor was given this factory: `TypeError`."""
        raise TypeError(
            "this factory is for asyncio, and Twisted calls it: import it from wsframework.twisted.websocket"
        )

    def _get_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that this factory belongs to: the one given, or the one that runs; None without either."""
        with suppress(RuntimeError):
            return self._get_loop()
        return None

    @property
    def _txaio(self) -> Any:
        return txaio.aio.with_config(loop=self._get_loop())  # type: ignore[no-untyped-call]

    def _new_future(self) -> asyncio.Future[Any]:
        return self._txaio.create_future()  # type: ignore[no-any-return]

    def _resolve(self, future: Any, result: object) -> None:
        if not future.done():
            self._txaio.resolve(future, result)

    def _wake(self, function: Callable[[], None]) -> object:
        return self._get_loop().call_soon_threadsafe(function)

    def _now(self) -> float:
        return self._get_loop().time()

    def _later(self, seconds: float, function: Callable[[], None]) -> asyncio.TimerHandle:
        return self._get_loop().call_later(seconds, function)


class WebSocketServerFactory(WebSocketAdapterFactory, neutral_factory.WebSocketServerFactory):
    """Makes servers' ends of connections: `loop.create_server(factory, ...)`; arguments as in the base class."""

    protocol: Callable[[], WebSocketServerProtocol] = WebSocketServerProtocol
    _kind = WebSocketServerProtocol
    _unrouted = _UnroutedProtocol

    if TYPE_CHECKING:

        @property
        def connections(self) -> list[WebSocketServerProtocol]: ...  # type: ignore[override]
        def shutdown(
            self, code: int = 1001, reason: str | None = None, deadline: float = 5.0, spread: float = 0.0
        ) -> asyncio.Future[ShutdownResult]: ...

    def __init__(
        self,
        url: str | None = None,
        protocols: Iterable[str] | None = None,
        server: str | None = "wsframework",
        headers: HeadersInput = None,
        externalPort: int | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = loop
        neutral_factory.WebSocketServerFactory.__init__(self, url, protocols, server, headers, externalPort)


class WebSocketClientFactory(WebSocketAdapterFactory, neutral_factory.WebSocketClientFactory):
    """Makes clients' ends of connections: `loop.create_connection(factory, ...)`; arguments as in the base class."""

    protocol: Callable[[], WebSocketClientProtocol] = WebSocketClientProtocol
    _kind = WebSocketClientProtocol

    def __init__(
        self,
        url: str | None = None,
        origin: str | None = None,
        protocols: Iterable[str] | None = None,
        useragent: str | None = "wsframework",
        headers: HeadersInput = None,
        proxy: ProxyInput = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = loop
        neutral_factory.WebSocketClientFactory.__init__(self, url, origin, protocols, useragent, headers, proxy)


# At the end, because these modules build on the classes above.
from wsframework.asyncio.connecting import (  # noqa: E402
    check_client_options,
    check_transport_config,
    connectWS,
    create_client_agent,
    listenWS,
)
from wsframework.asyncio.wrapping import (  # noqa: E402
    WrappingWebSocketAdapter,
    WrappingWebSocketClientFactory,
    WrappingWebSocketClientProtocol,
    WrappingWebSocketServerFactory,
    WrappingWebSocketServerProtocol,
)
