"""What to annotate with: the options by name and type, what callbacks may return, results that come now or later.

Nothing here does anything; it is for type checkers and editors. `Unpack[ServerOptionsDict]` is what
`setProtocolOptions` of a server's factory takes, for functions of your own that pass options on:

    def make_factory(**options: Unpack[ServerOptionsDict]) -> WebSocketServerFactory:
        factory = WebSocketServerFactory()
        factory.setProtocolOptions(**options)
        return factory

The names, types and defaults are those of the table in `wsframework.options`, which is what counts when a program
runs. None as a value leaves an option as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeAlias, TypedDict, TypeVar

from wsframework._core.headers import HeadersInput
from wsframework.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from wsframework.websocket.types import ConnectingRequest, ConnectionAccept, HttpResponse

__all__ = [
    "ClientOptionAttributes",
    "ClientOptionsDict",
    "ConnectAnswer",
    "ConnectingAnswer",
    "Event",
    "HttpAnswer",
    "NowOrLater",
    "OfferAcceptor",
    "ResponseAcceptor",
    "RouteOptionsDict",
    "ServerOptionAttributes",
    "ServerOptionsDict",
]

T = TypeVar("T")

NowOrLater: TypeAlias = T | Awaitable[T]
"""A result, or a Deferred, a Future or the coroutine of an `async def` that brings it."""

ConnectAnswer: TypeAlias = str | tuple[str | None, HeadersInput] | ConnectionAccept | None
"""What a server's `onConnect` returns, now or later."""

ConnectingAnswer: TypeAlias = ConnectingRequest | None
"""What a client's `onConnecting` returns, now or later."""

HttpAnswer: TypeAlias = HttpResponse | None
"""What `onHttpRequest` returns, now or later."""

Event: TypeAlias = Literal["connect", "open", "message", "ping", "pong", "close"]
"""The events of `on` and `off`."""

OfferAcceptor: TypeAlias = Callable[[list[PerMessageDeflateOffer]], PerMessageDeflateOfferAccept | None]
"""A server's perMessageCompressionAccept, where it is a function or a `DeflatePolicy`."""

ResponseAcceptor: TypeAlias = Callable[[PerMessageDeflateResponse], PerMessageDeflateResponseAccept | None]
"""A client's perMessageCompressionAccept, where it is a function or a `DeflatePolicy`."""


class _EveryOptionsDict(TypedDict, total=False):
    """What servers, clients and routes have in common."""

    logOctets: bool | None
    logFrames: bool | None
    trackTimings: bool | None
    utf8validateIncoming: bool | None
    applyMask: bool | None
    maxFramePayloadSize: int | None
    maxMessagePayloadSize: int | None
    maxMessageFragments: int | None
    sendHighWaterMark: int | None
    maxSendBuffer: int | None
    maxConcurrentMessages: int | None
    autoFragmentSize: int | None
    failByDrop: bool | None
    echoCloseCodeReason: bool | None
    onConnectTimeout: float | None
    closeHandshakeTimeout: float | None
    tcpNoDelay: bool | None
    autoPingInterval: float | None
    autoPingTimeout: float | None
    autoPingSize: int | None
    autoPingRestartOnAnyTraffic: bool | None


class _CommonOptionsDict(_EveryOptionsDict, total=False):
    """What servers and clients have in common."""

    maxHandshakeSize: int | None
    maxHandshakeHeaders: int | None
    openHandshakeTimeout: float | None


class RouteOptionsDict(_EveryOptionsDict, total=False):
    """The options that a route may have: those of a server that do not count before the path is known."""

    perMessageCompressionAccept: OfferAcceptor | bool | None
    webStatus: bool | None
    requireMaskedClientFrames: bool | None
    maskServerFrames: bool | None
    allowedOrigins: list[str] | tuple[str, ...] | None
    allowNullOrigin: bool | None
    trustXForwardedFor: int | None


class ServerOptionsDict(RouteOptionsDict, _CommonOptionsDict, total=False):
    """The options of a server: of its factory's `setProtocolOptions`, and of `serve`."""

    versions: list[int] | tuple[int, ...] | None
    maxConnections: int | None
    serveFlashSocketPolicy: bool | None
    flashSocketPolicy: str | None


class ClientOptionsDict(_CommonOptionsDict, total=False):
    """The options of a client: of its factory's `setProtocolOptions`, and of `connect`."""

    perMessageCompressionAccept: ResponseAcceptor | bool | None
    version: int | None
    acceptMaskedServerFrames: bool | None
    maskClientFrames: bool | None
    serverConnectionDropTimeout: float | None
    perMessageCompressionOffers: (
        list[PerMessageDeflateOffer] | tuple[PerMessageDeflateOffer, ...] | Literal[True] | None
    )


class _CommonOptionAttributes:
    """The options that servers and clients have in common, as attributes of protocols and factories."""

    logOctets: bool
    logFrames: bool
    trackTimings: bool
    utf8validateIncoming: bool
    applyMask: bool
    maxFramePayloadSize: int
    maxMessagePayloadSize: int
    maxHandshakeSize: int
    maxHandshakeHeaders: int
    maxMessageFragments: int
    sendHighWaterMark: int
    maxSendBuffer: int
    maxConcurrentMessages: int
    autoFragmentSize: int
    failByDrop: bool
    echoCloseCodeReason: bool
    openHandshakeTimeout: float
    onConnectTimeout: float
    closeHandshakeTimeout: float
    tcpNoDelay: bool
    autoPingInterval: float
    autoPingTimeout: float
    autoPingSize: int
    autoPingRestartOnAnyTraffic: bool


class ServerOptionAttributes(_CommonOptionAttributes):
    """The options of a server, as attributes of its protocols and factory."""

    perMessageCompressionAccept: OfferAcceptor | bool
    versions: Sequence[int]
    webStatus: bool
    requireMaskedClientFrames: bool
    maskServerFrames: bool
    allowedOrigins: Sequence[str]
    allowNullOrigin: bool | None
    maxConnections: int
    trustXForwardedFor: int
    serveFlashSocketPolicy: bool
    flashSocketPolicy: str


class ClientOptionAttributes(_CommonOptionAttributes):
    """The options of a client, as attributes of its protocols and factory."""

    perMessageCompressionAccept: ResponseAcceptor | bool
    version: int
    acceptMaskedServerFrames: bool
    maskClientFrames: bool
    serverConnectionDropTimeout: float
    perMessageCompressionOffers: Sequence[PerMessageDeflateOffer] | Literal[True]
