"""The factories that hold what many connections share: options, session parameters, the set of connections."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from weakref import WeakSet

from zope.interface import implementer

from wsframework._core.closure import Closure
from wsframework._core.connection import check_close
from wsframework._core.constants import State
from wsframework._core.deflate import Compression, Deflater
from wsframework._core.handshake import ClientHello, ServerPolicy, new_key
from wsframework._core.headers import HeadersInput, check_not_given, header_pairs
from wsframework._core.outgoing import MaskKeys
from wsframework._core.uri import OriginPatterns, format_host, parse_uri
from wsframework.options import ClientOptions, CommonOptions, ServerOptions, option_names
from wsframework.websocket.agreeing import client_offers
from wsframework.websocket.attributes import OptionAttribute
from wsframework.websocket.interfaces import IWebSocketClientChannelFactory, IWebSocketServerChannelFactory
from wsframework.websocket.making import ProtocolMaking
from wsframework.websocket.pages import status_page, upgrade_required
from wsframework.websocket.payload import message_payload
from wsframework.websocket.prepared import PreparedMessage
from wsframework.websocket.protocol import (
    WebSocketClientProtocol,
    WebSocketProtocol,
    WebSocketServerProtocol,
)
from wsframework.websocket.proxy import ProxyInput, checked_proxy
from wsframework.websocket.routing import Route
from wsframework.websocket.shutdown import Shutdown, ShutdownResult
from wsframework.websocket.statistics import FactoryStatistics, Totals
from wsframework.websocket.threads import ThreadInbox
from wsframework.websocket.timeouts import Timeouts
from wsframework.websocket.types import ConnectingRequest, HttpRequest, HttpResponse, checked_protocols
from wsframework.websocket.unrouted import RoutedFactory
from wsframework.websocket.url import UrlAttributes

if TYPE_CHECKING:
    from typing import Unpack

    from wsframework.websocket.hints import (
        ClientOptionAttributes,
        ClientOptionsDict,
        HttpAnswer,
        NowOrLater,
        ServerOptionAttributes,
        ServerOptionsDict,
    )

    # What `_install_options` adds, for type checkers.
    _ServerOptions = ServerOptionAttributes
    _ClientOptions = ClientOptionAttributes
else:
    _ServerOptions = _ClientOptions = object

__all__ = ["WebSocketClientFactory", "WebSocketFactory", "WebSocketServerFactory"]

OptionsT = TypeVar("OptionsT", bound=CommonOptions)
ProtocolT = TypeVar("ProtocolT", bound=WebSocketProtocol)

# Keys drawn before a fork must not be used on both sides of it.
_all_keys: WeakSet[MaskKeys] = WeakSet()


def _reset_keys() -> None:
    for keys in _all_keys:
        keys.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_keys)


class _FactoryOption:
    """An option as an attribute of a factory: reads it, and sets it for the connections to come."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else getattr(instance._options, self._name)

    def __set__(self, instance: Any, value: object) -> None:
        instance.setProtocolOptions(**{self._name: value})


class WebSocketFactory(UrlAttributes, ProtocolMaking, Generic[OptionsT, ProtocolT]):
    """What server and client factories share. `protocol` is the class (or a callable) that makes each connection."""

    isServer: ClassVar[bool]
    _options: OptionsT
    _option_names: ClassVar[frozenset[str]]

    def __init__(self) -> None:
        self._merged: dict[tuple[type, Route | None], OptionsT] = {}
        self._totals = Totals()
        self._inbox = ThreadInbox(self._wake)
        self._deflaters: dict[Compression, Deflater] = {}
        self._timeouts = Timeouts(self._now, self._later)
        self._keys = MaskKeys(os.urandom)
        _all_keys.add(self._keys)
        self._connections: dict[ProtocolT, None] = {}
        self.resetProtocolOptions()

    # Options.

    @abstractmethod
    def resetProtocolOptions(self) -> None:
        """Back to the defaults, for the connections to come."""

    def setProtocolOptions(self, **options: Any) -> None:
        """Set options for the connections to come; those not given (or None) stay as they are.

        `TypeError` for an unknown name (with the closest match) or a value of the wrong type, `ValueError` for one
        out of range, each naming the option; then nothing is changed.
        """
        self._use(self._options.changed(**options))

    def _use(self, options: OptionsT) -> None:
        self._options = options
        self._merged = {}

    def _options_for(self, protocol: WebSocketProtocol) -> OptionsT:
        """The factory's options with those that the protocol's class or instance overrides."""
        route = protocol._route
        options = self._merged_options(type(protocol), None if route is None else route.route)
        own = vars(protocol)
        if self._option_names.isdisjoint(own):
            return options
        return options.changed(**{name: value for name, value in own.items() if name in self._option_names})

    def _merged_options(self, cls: type, route: Route | None) -> OptionsT:
        """The factory's options with those of a class and of a route; made once for all connections of one kind."""
        options = self._merged.get((cls, route))
        if options is None:
            own = _class_options(cls, option_names(type(self._options)))
            options = self._options.changed(**(own if route is None else {**own, **route.options}))
            self._merged[cls, route] = options
        return options

    # Connections.

    def _remember(self, protocol: ProtocolT) -> None:
        self._connections[protocol] = None
        self._totals.connections += 1

    def statistics(self) -> FactoryStatistics:
        """The numbers of all connections of this factory, past and present."""
        return self._totals.snapshot(self._connections)

    def prepareMessage(
        self, payload: bytes | bytearray | memoryview | str, isBinary: bool = False, doNotCompress: bool = False
    ) -> PreparedMessage:
        """A message to be sent over many connections by `sendPreparedMessage`, framed and compressed once."""
        return PreparedMessage(message_payload(payload, isBinary), isBinary, doNotCompress)

    def _deflater(self, compression: Compression) -> Deflater:
        """Compresses, one by one, the messages of all connections that compress each for itself."""
        deflater = self._deflaters.get(compression)
        if deflater is None:
            deflater = self._deflaters[compression] = Deflater(compression, takes_over=False)
        return deflater

    def _forget(self, protocol: ProtocolT, closure: Closure | None = None) -> None:
        """A connection has ended, or (no `closure`) another protocol took it over."""
        self._inbox.forget(protocol)
        if closure is None:
            self._totals.connections -= 1
        elif protocol._connection is not None:
            self._totals.add(protocol._connection, closure)
        self._connections.pop(protocol, None)

    def _gone(self, protocol: ProtocolT) -> None:
        """A connection has ended, and everybody was told."""

    # What a backend adds.

    @abstractmethod
    def _wake(self, function: Callable[[], None]) -> object:
        """Let the loop or reactor call `function` soon; from any thread."""

    @abstractmethod
    def _now(self) -> float:
        """The clock of the loop or reactor, in seconds."""

    @abstractmethod
    def _later(self, seconds: float, function: Callable[[], None]) -> Any:
        """Call `function` later; the result has a method `cancel`."""


@implementer(IWebSocketServerChannelFactory)
class WebSocketServerFactory(RoutedFactory, WebSocketFactory[ServerOptions, WebSocketServerProtocol], _ServerOptions):
    """Makes the server's end of connections, and knows all of them.

    `url` is informational (and says whether a proxy in front speaks TLS); `protocols` are the subprotocols to choose
    from when `onConnect` does not; `server` is the value of the Server header (None: no such header); `headers` go
    into every accepted handshake's response; `externalPort` is the port that the Host header must name, for servers
    behind a proxy.
    """

    isServer = True
    _kind = WebSocketServerProtocol

    if TYPE_CHECKING:
        # Fewer names than a factory of any role takes.
        def setProtocolOptions(self, **options: Unpack[ServerOptionsDict]) -> None: ...  # type: ignore[override]

    def __init__(
        self,
        url: str | None = None,
        protocols: Iterable[str] | None = None,
        server: str | None = "wsframework",
        headers: HeadersInput = None,
        externalPort: int | None = None,
    ) -> None:
        super().__init__()
        # A dict for its order: whoever came first is served first.
        self._admitted: dict[WebSocketServerProtocol, None] = {}
        self._shutdown: Shutdown | None = None
        WebSocketServerFactory.setSessionParameters(self, url, protocols, server, headers, externalPort)

    def setSessionParameters(
        self,
        url: str | None = None,
        protocols: Iterable[str] | None = None,
        server: str | None = None,
        headers: HeadersInput = None,
        externalPort: int | None = None,
    ) -> None:
        """Set all that the constructor takes, for the connections to come."""
        if url is not None and parse_uri(url).params:
            raise ValueError(f"the url of a server has no query: {url!r}")
        check_not_given(header_pairs(headers), {"upgrade"}, websocket=True)
        header_pairs({"Server": server or ""})
        _check_port("externalPort", externalPort)
        self._set_url(url)
        self.protocols = _subprotocols(protocols)
        self.server = server
        # Yours, to be changed at any time.
        self.headers: Any = {} if headers is None else headers
        self.externalPort = externalPort
        self._policies: dict[tuple[object, ...], ServerPolicy] = {}

    def resetProtocolOptions(self) -> None:
        """Back to the defaults, for the connections to come."""
        self._use(ServerOptions())

    def _use(self, options: ServerOptions) -> None:
        # Checked here, where the caller still is.
        OriginPatterns(options.allowedOrigins)
        super()._use(options)
        self._policies = {}

    def _policy(self, options: ServerOptions, is_secure: bool) -> ServerPolicy:
        """What requests are held against; made once for all connections of one kind."""
        is_secure = is_secure or self.isSecure
        key = (options.versions, options.allowedOrigins, options.allowNullOrigin, is_secure)
        policy = self._policies.get(key)
        if policy is None:
            origins = OriginPatterns(options.allowedOrigins)
            policy = ServerPolicy(options.versions, origins, options.allowNullOrigin, self.externalPort, is_secure)
            self._policies[key] = policy
        return policy

    def onHttpRequest(self, request: HttpRequest) -> NowOrLater[HttpAnswer]:
        """A GET or HEAD request came that is no WebSocket handshake; override to answer it, now or later.

        Return an `HttpResponse`, or None for the default: a status page, or 426 where the option webStatus is off.
        """

    def _default_response(self, options: CommonOptions) -> HttpResponse:
        assert isinstance(options, ServerOptions), "a server's connection has a server's options"
        return status_page() if options.webStatus else upgrade_required(options.versions)

    # Connections.

    def _admit(self, protocol: WebSocketServerProtocol, limit: int) -> str | None:
        """Count a connection that asks to be opened, of at most `limit` (0: any number); why it cannot be, if so."""
        if self._shutdown is not None:
            return "the server is shutting down"
        if limit and len(self._admitted) >= limit:
            return "the server has as many connections as it takes"
        self._admitted[protocol] = None
        return None

    def _forget(self, protocol: WebSocketServerProtocol, closure: Closure | None = None) -> None:
        super()._forget(protocol, closure)
        self._admitted.pop(protocol, None)
        if closure is None:
            self._gone(protocol)

    def _gone(self, protocol: WebSocketServerProtocol) -> None:
        # Not before its onClose: whoever waits for the shutdown may take away what that needs.
        if self._shutdown is not None:
            self._shutdown.forget(protocol)

    def getConnectionCount(self) -> int:
        """How many connections are open, being opened, or being closed; this is what maxConnections limits."""
        return len(self._admitted)

    @property
    def countConnections(self) -> int:
        """`getConnectionCount()`, as an attribute."""
        return len(self._admitted)

    @property
    def connections(self) -> list[WebSocketServerProtocol]:
        """The connections that are open now; a list of your own, so they may close while you walk over it."""
        return [protocol for protocol in self._admitted if protocol._state is State.OPEN]

    def shutdown(
        self, code: int = 1001, reason: str | None = None, deadline: float = 5.0, spread: float = 0.0
    ) -> Awaitable[ShutdownResult]:
        """Say goodbye to everybody; a result that comes with a `ShutdownResult` when the last connection is gone.

        New handshakes are refused with 503 from now on; the listening socket is whoever opened it's to close. Every
        open connection gets a Close frame with `code` and `reason`, evenly over `spread` seconds so that the clients
        do not all come back at once. After `deadline` seconds what is left is aborted.
        """
        check_close(code, reason)
        if self._shutdown is None:
            self._shutdown = Shutdown(self._later, self._new_future, self._resolve)
            self._shutdown.begin(self._connections, code, reason, deadline, spread)
        return self._shutdown.wait()  # type: ignore[no-any-return]

    # What a backend adds.

    @abstractmethod
    def _new_future(self) -> Any:
        """A new later result of the backend's kind."""

    @abstractmethod
    def _resolve(self, future: Any, result: object) -> None:
        """Give `future` its result."""


@implementer(IWebSocketClientChannelFactory)
class WebSocketClientFactory(WebSocketFactory[ClientOptions, WebSocketClientProtocol], _ClientOptions):
    """Makes the client's end of connections.

    `url` says what to ask for; connecting the transport is up to the caller. `origin`, `protocols` (the subprotocols to
    offer), `useragent` (None: no such header) and `headers` go into the request, unless `onConnecting` gives others.
    `proxy` is the HTTP proxy to go through, a URL or a mapping with `host` and `port`; see `parse_proxy`.
    """

    isServer = False
    _kind = WebSocketClientProtocol

    if TYPE_CHECKING:
        # Fewer names than a factory of any role takes.
        def setProtocolOptions(self, **options: Unpack[ClientOptionsDict]) -> None: ...  # type: ignore[override]

    def __init__(
        self,
        url: str | None = None,
        origin: str | None = None,
        protocols: Iterable[str] | None = None,
        useragent: str | None = "wsframework",
        headers: HeadersInput = None,
        proxy: ProxyInput = None,
    ) -> None:
        super().__init__()
        WebSocketClientFactory.setSessionParameters(self, url, origin, protocols, useragent, headers, proxy)

    def setSessionParameters(
        self,
        url: str | None = None,
        origin: str | None = None,
        protocols: Iterable[str] | None = None,
        useragent: str | None = None,
        headers: HeadersInput = None,
        proxy: ProxyInput = None,
    ) -> None:
        """Set all that the constructor takes, for the connections to come."""
        checked_proxy(proxy, url)
        taken = {"host", "upgrade"} if origin is None else {"host", "upgrade", "origin"}
        check_not_given(header_pairs(headers), taken, websocket=True)
        header_pairs({"Origin": origin or "", "User-Agent": useragent or ""})
        self._set_url(url)
        self.origin = origin
        self.protocols = _subprotocols(protocols)
        self.useragent = useragent
        # Yours, to be changed at any time.
        self.headers: Any = {} if headers is None else headers
        self.proxy = proxy

    @property
    def proxy(self) -> ProxyInput:
        """The proxy for the connections to come, as it was given; it may be changed at any time."""
        return self._proxy_given

    @proxy.setter
    def proxy(self, proxy: ProxyInput) -> None:
        self._proxy = checked_proxy(proxy, self.url)
        self._proxy_given = proxy

    def resetProtocolOptions(self) -> None:
        """Back to the defaults, for the connections to come."""
        self._use(ClientOptions())

    def _use(self, options: ClientOptions) -> None:
        # Checked here, where the caller still is.
        client_offers(options)
        super()._use(options)

    def _hello(self, request: ConnectingRequest, options: ClientOptions) -> ClientHello:
        """What one connection asks for: the factory's parameters and what onConnecting replaced."""
        protocols = self.protocols if request.protocols is None else request.protocols
        return ClientHello(
            host=self._host_header(request),
            resource=request.resource or self.resource,
            key=new_key(os.urandom(16)),
            # Drafts 10 to 12 of the RFC spoke version 8, the later ones 13.
            version=13 if options.version > 12 else 8,
            origin=request.origin or self.origin,
            protocols=tuple(protocols),
            extensions=", ".join(offer.get_extension_string() for offer in client_offers(options)),
            useragent=request.useragent or self.useragent,
            headers=header_pairs(self.headers) if request.headers is None else header_pairs(request.headers),
        )

    def _host_header(self, request: ConnectingRequest) -> str:
        uri = self._uri
        host = request.host or (uri.host if uri is not None and uri.unix_path is None else "localhost")
        port = request.port or (uri.port if uri is not None else 80)
        return format_host(host, port, self.isSecure)


def _class_options(cls: type, names: Iterable[str]) -> dict[str, object]:
    """The options that a protocol class sets as class attributes."""
    found = {name: getattr(cls, name) for name in names}
    return {name: value for name, value in found.items() if not isinstance(value, OptionAttribute)}


def _subprotocols(protocols: Iterable[str] | None) -> list[str]:
    """RFC 6455 section 4.1, item 10: tokens, none of them twice."""
    return [] if protocols is None else list(checked_protocols(protocols))


def _check_port(name: str, port: int | None) -> None:
    if port is None:
        return
    if not isinstance(port, int) or isinstance(port, bool):
        raise TypeError(f"{name} must be an int, not {type(port).__name__}")
    if not 1 <= port <= 65535:
        raise ValueError(f"{name} must be from 1 to 65535, not {port}")


def _install_options(cls: type, options: type[CommonOptions]) -> frozenset[str]:
    names = option_names(options)
    for name in names:
        setattr(cls, name, _FactoryOption(name))
    return frozenset(names)


WebSocketServerFactory._option_names = _install_options(WebSocketServerFactory, ServerOptions)
WebSocketClientFactory._option_names = _install_options(WebSocketClientFactory, ClientOptions)
