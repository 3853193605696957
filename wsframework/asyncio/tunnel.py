"""Through an HTTP proxy on asyncio.

Who connects by URL gets a protocol when there is a way to the server (`open_tunnel`). Who gives a factory that has a
proxy to `loop.create_connection` connects to that proxy, and has the protocol before: then it asks for the way itself
(`begin_by_hand`).
"""

from __future__ import annotations

import asyncio
from ssl import SSLContext, create_default_context
from typing import TYPE_CHECKING, Any

from wsframework._core.constants import State
from wsframework._core.tunnel import Tunnel
from wsframework.exceptions import HandshakeError, HandshakeTimeout, ProxyError
from wsframework.websocket.connecting import Place, place_of
from wsframework.websocket.port import describe_loss
from wsframework.websocket.proxy import Proxy, new_tunnel

if TYPE_CHECKING:
    from wsframework._core.client_connection import ClientConnection
    from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

__all__ = ["TunnelProtocol", "begin_by_hand", "check_proxy_context", "open_tunnel"]


class TunnelProtocol(asyncio.Protocol):
    """What the transport calls until there is a way to the server."""

    transport: asyncio.Transport

    def __init__(self, tunnel: Tunnel, loop: asyncio.AbstractEventLoop) -> None:
        self._tunnel = tunnel
        self._loop = loop
        self._answered: asyncio.Future[None] = loop.create_future()
        self._error: ProxyError | None = None
        self._early = b""
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The proxy is there: ask it."""
        self.transport = transport  # type: ignore[assignment]
        self.transport.write(self._tunnel.request)

    def data_received(self, data: bytes) -> None:
        """The proxy answers, or what is behind it speaks before it was given another protocol."""
        if self._answered.done():
            self._early += data
            return
        try:
            rest = self._tunnel.receive(bytes(data))
        except ProxyError as error:
            self._answer(error)
            return
        if rest is not None:
            self._early = rest
            # Nothing more comes until somebody else is there to take it.
            self.transport.pause_reading()
            self._answer(None)

    def eof_received(self) -> None:
        """The proxy has nothing more to say; the transport closes itself."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The proxy is gone."""
        self._is_lost = True
        self._end(exc)

    def _end(self, exc: Exception | None) -> None:
        if not self._answered.done():
            error = self._tunnel.ended(str(exc) if exc and str(exc) else "the proxy closed it")
            error.__cause__ = exc
            self._answer(error)

    def _answer(self, error: ProxyError | None) -> None:
        self._error = error
        if not self._answered.done():
            self._answered.set_result(None)

    async def pass_through(self, place: Place, context: SSLContext | None) -> asyncio.Transport:
        """The transport to `place`, with TLS where it has a `context`, when that is there; `ProxyError` if not.

        Whatever is raised, the transport is gone then.
        """
        try:
            await self._answered
            if self._error is not None:
                raise self._error
            transport: asyncio.Transport | None = self.transport
            if context is not None:
                name = place.tls_name
                transport = await self._loop.start_tls(self.transport, self, context, server_hostname=name)
            if transport is None or self._is_lost or transport.is_closing():
                if transport is not None:
                    transport.abort()
                raise ProxyError("the proxy gave a way to the server and ended it at once")
            return transport
        except BaseException:
            self.transport.abort()
            raise

    @property
    def refusal(self) -> ProxyError | None:
        """What the proxy had said already, for whoever has waited too long for all of it."""
        return self._tunnel.refusal

    def hand_over(self, protocol: WebSocketClientProtocol, transport: asyncio.Transport) -> None:
        """Let `transport` call `protocol` from now on."""
        # Before `protocol` is told of it, which may want to read nothing for now.
        if not transport.is_reading():
            transport.resume_reading()
        transport.set_protocol(protocol)

    def give_early(self, protocol: WebSocketClientProtocol) -> None:
        """Give `protocol` what came through the tunnel before there was anybody to take it."""
        early, self._early = self._early, b""
        if early:
            protocol.data_received(early)


def check_proxy_context(proxy: Proxy | None) -> None:
    """`TypeError` unless the proxy's `tls` is what asyncio knows."""
    if proxy is not None and proxy.tls is not None and not isinstance(proxy.tls, SSLContext):
        raise TypeError(f"proxy: tls must be an SSLContext, not {type(proxy.tls).__name__}")


async def open_tunnel(
    factory: WebSocketClientFactory,
    proxy: Proxy,
    place: Place,
    context: SSLContext | None,
    timeout: float | None,
    local_addr: tuple[str, int] | None,
) -> Any:
    """A protocol of `factory`, on a transport that goes through `proxy`, within `timeout` seconds."""
    loop = factory._get_loop()
    stream = TunnelProtocol(new_tunnel(proxy, place, factory._options), loop)
    try:
        async with asyncio.timeout(timeout):
            await _connect(stream, proxy, loop, local_addr)
            transport = await stream.pass_through(place, context)
    except TimeoutError as error:
        if stream.refusal is not None:
            raise stream.refusal from error
        raise
    try:
        protocol = factory()
    except BaseException:
        transport.abort()
        raise
    protocol._is_tunnelled = True
    stream.hand_over(protocol, transport)
    protocol.connection_made(transport)
    stream.give_early(protocol)
    return protocol


async def _connect(
    stream: TunnelProtocol, proxy: Proxy, loop: asyncio.AbstractEventLoop, local_addr: tuple[str, int] | None
) -> None:
    context = (proxy.tls or create_default_context()) if proxy.is_secure else None
    # uvloop wants None for plain TCP.
    name = proxy.tls_name if proxy.is_secure else None
    await loop.create_connection(
        lambda: stream, proxy.host, proxy.port, ssl=context, server_hostname=name, local_addr=local_addr
    )


def begin_by_hand(protocol: WebSocketClientProtocol) -> None:
    """The transport that `protocol` was given leads to a proxy: go on when it leads to the server.

    Until then the protocol has a connection that does nothing, except that it can be dropped, and takes what fails.
    """
    factory, proxy = protocol.factory, protocol.factory._proxy
    assert proxy is not None, "asked before"
    idle: Any = protocol._port.connection
    place = place_of(factory)
    loop = factory._get_loop()
    stream = TunnelProtocol(new_tunnel(proxy, place, factory._options), loop)
    protocol.transport.set_protocol(stream)
    stream.connection_made(protocol.transport)
    protocol._tunnelling = loop.create_task(_pass_by_hand(protocol, idle, stream, place))


async def _pass_by_hand(
    protocol: WebSocketClientProtocol, idle: ClientConnection, stream: TunnelProtocol, place: Place
) -> None:
    try:
        transport = await _pass_in_time(stream, place, idle.options.openHandshakeTimeout)
    except HandshakeError as error:
        idle.fail_opening(error)
        idle.lost(describe_loss(None))
        return
    except asyncio.CancelledError:
        idle.lost("the application dropped the connection")
        raise
    if idle.state is not State.CONNECTING:
        # Dropped in the same turn.
        transport.abort()
        idle.lost(describe_loss(None))
        return
    protocol.factory._forget(protocol)
    stream.hand_over(protocol, transport)
    protocol.transport = transport
    # Of the transport before, which may be below TLS now.
    protocol._socket = None
    protocol._may_go_on = False
    protocol._is_tunnelled = True
    protocol._begin()
    stream.give_early(protocol)


async def _pass_in_time(stream: TunnelProtocol, place: Place, seconds: float) -> asyncio.Transport:
    """As `pass_through`, with all that can fail as a `HandshakeError`, which is what is_open is rejected with."""
    try:
        context = create_default_context() if place.is_secure else None
        async with asyncio.timeout(seconds or None):
            return await stream.pass_through(place, context)
    except TimeoutError as error:
        raise stream.refusal or HandshakeTimeout("no way through the proxy within openHandshakeTimeout") from error
    except OSError as error:
        raise HandshakeError(f"no TLS through the proxy: {error}") from error
