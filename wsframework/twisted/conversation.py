"""Conversations on Twisted: WebSocket for programs that would rather `await` than be called back.

    async def echo(ws):                                 async with connect("ws://127.0.0.1:9000/") as ws:
        async for message in ws:                            await ws.send("hello")
            await ws.send(message)                          print(await ws.recv())

    async with serve(echo, "127.0.0.1", 9000) as server:
        await server.serve_forever()

Everything that has to be waited for is a Deferred, so it works without `async def`, too. `twisted.internet.task.react`
runs an `async def main(reactor)`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import CannotListenError, ConnectError, DNSLookupError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from wsframework._core.headers import HeadersInput
from wsframework.exceptions import Disconnected, HandshakeLost
from wsframework.twisted.connecting import open_factory
from wsframework.twisted.port import log
from wsframework.twisted.util import sleep
from wsframework.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.websocket import conversation as neutral
from wsframework.websocket.compress import DeflatePolicy
from wsframework.websocket.connecting import place_of
from wsframework.websocket.conversation import MAX_QUEUE
from wsframework.websocket.reconnecting import ConversationClient
from wsframework.websocket.serving import (
    ConversationServer,
    Handlers,
    HttpAnswers,
    ProcessRequest,
    check_place,
    server_options,
)

if TYPE_CHECKING:
    from typing import Unpack

    from wsframework.websocket.hints import ClientOptionsDict, ServerOptionsDict
    from wsframework.websocket.shutdown import ShutdownResult

__all__ = [
    "ClientConversation",
    "Connecting",
    "Conversation",
    "Server",
    "ServerConversation",
    "Serving",
    "connect",
    "serve",
]


class Conversation(neutral.Conversation):
    """An open connection that is talked with by `await`; what `connect` gives and what handlers of `serve` are given.

    It is the protocol itself, so everything that protocols have is there, too: `peer`, `http_headers`,
    `websocket_protocol_in_use`, `trafficStats`, `sendPreparedMessage` and so on. `async for message in ws` gives the
    messages until the connection is closed; `async with ws` closes it at the end of the block.
    """

    def send(self, message: str | bytes | bytearray | memoryview, *, doNotCompress: bool = False) -> Deferred[None]:
        """Send a `str` as a text message, anything bytes-like as a binary one.

        It is sent at once. When more than `sendHighWaterMark` octets wait because the peer does not keep up, the
        Deferred comes when there is room again; cancelling it then does not take the message back.

        Fails with `ConnectionClosed` when the connection is closing or closed, `PayloadExceededError` above
        maxMessagePayloadSize, `TypeError` for anything else than a message.
        """
        try:
            is_full = self._send_now(message, doNotCompress)
        except Disconnected:
            return Deferred.fromCoroutine(self._fail())
        except Exception:
            return fail()
        return Deferred.fromCoroutine(self._wait_for_room()) if is_full else succeed(None)

    @overload
    def recv(self, decode: None = None) -> Deferred[str | bytes]: ...
    @overload
    def recv(self, decode: Literal[True]) -> Deferred[str]: ...
    @overload
    def recv(self, decode: Literal[False]) -> Deferred[bytes]: ...
    @overload
    def recv(self, decode: bool | None) -> Deferred[str | bytes]: ...
    def recv(self, decode: bool | None = None) -> Deferred[Any]:
        """The next message: `str` for text, `bytes` for binary; by `decode` True always a str, by False always bytes.

        What came before the connection was closed is still given; then it fails with `ConnectionClosedOK` if it was
        closed in order (1000, 1001 or no code), `ConnectionClosedError` otherwise. Cancelling this loses no message
        (`addTimeout`). Of several that wait the first gets the next message. `UnicodeDecodeError` for a binary message
        that is to be decoded and is not UTF-8; that message is lost then.
        """
        if not self._has_message():
            return Deferred.fromCoroutine(self._recv(decode))
        try:
            return succeed(self._take(decode))
        except ValueError:
            return fail()

    def send_json(self, value: object) -> Deferred[None]:
        """Send `value` as JSON, in a text message. `TypeError` or `ValueError` for what JSON does not have, NaN too."""
        return Deferred.fromCoroutine(self._send_json(value))

    def recv_json(self) -> Deferred[Any]:
        """What the next message says in JSON, text or binary. `ValueError` (usually `json.JSONDecodeError`) for one
        that is no JSON; that message is gone then, and the next one can be received.
        """
        return Deferred.fromCoroutine(self._recv_json())

    def ping(self, payload: bytes | None = None) -> Deferred[float]:
        """Send a Ping; the seconds until its Pong came.

        `payload` has at most 125 octets (`ValueError` above); by default it is random. `ConnectionClosed` if the
        connection ends before.
        """
        return Deferred.fromCoroutine(self._ping(payload))

    def close(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close the connection; comes when it is gone, which takes no longer than closeHandshakeTimeout and a bit.

        Nothing fails if it is closed already, or if the peer does not answer. The messages that wait for `recv` can
        still be received; what comes from now on, or could not be read because too many waited, is discarded.
        `ValueError` for a code that may not be sent: 1000-1003, 1007-1014 and 3000-4999 may.
        """
        return Deferred.fromCoroutine(self._close(code, reason))

    def wait_closed(self) -> Deferred[None]:
        """Comes when the connection is gone, whoever closes it; never fails."""
        return Deferred.fromCoroutine(self._wait_closed())

    def _new_future(self) -> Deferred[Any]:
        # Made for each message that is waited for, so without a detour.
        return Deferred()

    def _is_cancellation(self, kind: type[BaseException]) -> bool:
        return issubclass(kind, CancelledError) or not issubclass(kind, Exception)

    async def _fail(self) -> None:
        raise await self._end()

    def _soon(self, function: Callable[[], None]) -> object:
        return self.factory.reactor.callLater(0, function)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> Deferred[None]:
        return Deferred.fromCoroutine(coroutine)


class ServerConversation(Conversation, neutral.ServerConversation, WebSocketServerProtocol):
    """A server's end of a conversation, which handlers of `serve` are given."""


class ClientConversation(Conversation, WebSocketClientProtocol):
    """A client's end of a conversation, which `connect` gives."""

    _loss: BaseException | None = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        self._loss = reason.value
        super().connectionLost(reason)


class Server(ConversationServer):
    """What `serve` gives: a server that listens. When the reactor stops, it is closed first."""

    _port: Any
    _is_tls = False
    _trigger: Any = None

    factory: WebSocketServerFactory

    if TYPE_CHECKING:

        @property
        def connections(self) -> list[ServerConversation]: ...
        def close(
            self, code: int = 1001, reason: str | None = None, deadline: float | None = None
        ) -> Deferred[ShutdownResult]: ...

    def serve_forever(self) -> Deferred[ShutdownResult]:
        """Comes when the server is closed; when the reactor is stopped, by Ctrl-C for example, that is done first."""
        return self._wait()  # type: ignore[no-any-return]

    def wait_closed(self) -> Deferred[ShutdownResult]:
        """Comes when the server is closed."""
        return self._wait()  # type: ignore[no-any-return]

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _listens(self, port: Any) -> None:
        self._port = port
        self._trigger = self.factory.reactor.addSystemEventTrigger("before", "shutdown", self._reactor_stops)

    def _reactor_stops(self) -> Deferred[Any]:
        self._trigger = None
        # One that was begun before is waited for, too.
        return self.close()

    def _new_conversation(self) -> ServerConversation:
        return ServerConversation()

    def _is_done(self, future: Deferred[Any]) -> bool:
        return future.called

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(coroutine).addErrback(lambda failure: log.failure("a server could not end", failure))

    def _warn(self, text: str) -> None:
        log.warn("{text}", text=text)

    def _stop_listening(self) -> Any:
        self._wait().addCallback(self._is_closed)
        self._host = self._port.getHost()
        return self._port.stopListening()

    def _is_closed(self, _: ShutdownResult) -> None:
        trigger, self._trigger = self._trigger, None
        if trigger is not None:
            self.factory.reactor.removeSystemEventTrigger(trigger)

    _host: Any = None

    def _own(self) -> Any:
        return self._host or self._port.getHost()

    def _addresses(self) -> list[tuple[str, int]]:
        host = self._own()
        return [(host.host, host.port)] if hasattr(host, "port") else []

    def _unix_path(self) -> str:
        name = self._own().name
        return name.decode("utf8", "replace") if isinstance(name, bytes) else str(name)

    def _is_secure(self) -> bool:
        return self._is_tls


class Serving(Deferred[Server]):
    """What `serve` returns: a Deferred of the `Server` that can be used with `async with`, too."""

    _server: Server

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"serve(...) gives its server by `await` or `async with`; this itself has no {name}")

    def run(self, ready: Callable[[Server], object] | None = None) -> None:
        """Serve, as a whole program: run the reactor until Ctrl-C or SIGTERM, which close the server in order.

        `ready` is called with the server when the reactor runs. `SystemExit`, with one line for stderr and status 1, if
        it could not listen.
        """
        reactor = self._server.factory.reactor
        problems: list[Failure] = []
        self.addErrback(problems.append)
        if problems and isinstance(problems[0].value, CannotListenError | OSError):
            sys.exit(f"cannot serve: {problems[0].getErrorMessage()}")
        if problems:
            problems[0].raiseException()
        if ready is not None:
            reactor.callWhenRunning(ready, self._server)
        reactor.run()

    async def __aenter__(self) -> Server:
        return await self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()


def serve(
    handler: Handlers[ServerConversation],
    host: str | None = None,
    port: int | None = None,
    *,
    unix: str | None = None,
    ssl: Any = None,
    subprotocols: Iterable[str] | None = None,
    origins: Iterable[str] | Literal["same"] | None = None,
    headers: HeadersInput = None,
    server: str | None = "wsframework",
    process_request: ProcessRequest | None = None,
    http: HttpAnswers = None,
    compression: bool | DeflatePolicy = False,
    max_queue: int = MAX_QUEUE,
    close_timeout: float = 5.0,
    backlog: int = 100,
    reactor: Any = None,
    **options: Unpack[ServerOptionsDict],
) -> Serving:
    """Serve conversations: `async with serve(handler, host, port) as server: await server.serve_forever()`.

    `handler` is an `async def` of one argument, the `ServerConversation`, or returns a Deferred; at its end the
    connection is closed with 1000, when it fails that is logged and the connection closed with 1011 (a
    `ConnectionClosed` of its own connection is no error). Or it is a mapping of paths to handlers, `{"/echo": echo,
    "/rooms/<name>": room}`, by the patterns of `Router`; other paths get 404.

    It listens from the moment of this call, at `host` (an address; None: every IPv4 interface, "::" every IPv6 one) and
    `port` (0: any that is free; see `Server.port`), or at the path of a `unix` socket; with TLS by `ssl`, a context
    factory such as `CertificateOptions`. `backlog` is how many connections may wait to be accepted.

    `subprotocols` are those to choose from. `origins` are the patterns of the option allowedOrigins, or "same" for
    pages of this server's own address alone. `headers` go into each accepted handshake, `server` is the Server header.
    `process_request` is asked about each handshake, with a `ConnectionRequest`: it returns (now or later) what
    `onConnect` may, raises `ConnectionDeny`, or returns an `HttpResponse` to refuse with. `http` answers plain HTTP
    requests: a function of the `HttpRequest` that returns (now or later) an `HttpResponse` or None, or a mapping of
    paths to these or to HTML.

    `compression` is True or a `DeflatePolicy`. `max_queue` messages of a connection may wait to be received; then
    nothing more is read from it. `close_timeout` is how long closing the server may take, in seconds. All else are
    options of `setProtocolOptions`; other than there, autoPingInterval and autoPingTimeout are 20 seconds and
    failByDrop is False, unless given.

    `TypeError` or `ValueError` for unfit arguments at once; the Deferred fails with `CannotListenError` if the system
    refuses.
    """
    factory = WebSocketServerFactory(protocols=subprotocols, server=server, headers=headers, reactor=reactor)
    factory.setProtocolOptions(**server_options(serve, origins, compression, dict(options)))
    check_place(host, port, backlog, unix=unix)
    _check_context(ssl, is_server=True)
    serving = Serving()
    serving._server = Server(factory, handler, process_request, http, max_queue, close_timeout)
    serving._server.wants_same_origin = origins == "same"
    stream = factory if ssl is None else _over_tls(factory, ssl)
    serving._server._is_tls = ssl is not None
    try:
        if unix is not None:
            listening = factory.reactor.listenUNIX(unix, stream, backlog)
        else:
            listening = factory.reactor.listenTCP(port, stream, backlog, host or "")
    except Exception:
        serving.errback(Failure())  # type: ignore[no-untyped-call]
    else:
        serving._server._listens(listening)
        serving.callback(serving._server)
    return serving


def _check_context(contextFactory: Any, *, is_server: bool) -> None:
    if contextFactory is None or hasattr(contextFactory, "getContext"):
        return
    kind = IOpenSSLServerConnectionCreator if is_server else IOpenSSLClientConnectionCreator
    if not kind.providedBy(contextFactory):
        raise TypeError(f"ssl must be a context factory of Twisted's, not {type(contextFactory).__name__}")


def _over_tls(factory: WebSocketServerFactory, contextFactory: Any) -> Any:
    # Only here: Twisted can be installed without what TLS needs.
    from twisted.protocols.tls import TLSMemoryBIOFactory

    return TLSMemoryBIOFactory(contextFactory, False, factory, clock=factory.reactor)


class Connecting(ConversationClient[ClientConversation], Deferred[ClientConversation]):
    """What `connect` returns: a Deferred of the conversation that can be used with `async with` and `async for`, too.

    The first attempt begins at once; cancelling this drops it.
    """

    _ssl: Any = None
    _current: Deferred[ClientConversation] | None = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(
                f"connect(...) gives its conversation by `await` or `async with`; this itself has no {name}"
            )

    def _begin(self) -> None:
        self._current = Deferred.fromCoroutine(self._attempt())
        self._current.addCallbacks(self.callback, self.errback)

    async def _first(self) -> ClientConversation:
        conversation: ClientConversation | None = await self
        # A Deferred gives its result once; who asks again wants another connection.
        return await self._attempt() if conversation is None else conversation

    async def _attempt(self) -> ClientConversation:
        # Which error a cancelled attempt ends with depends on how far it came, so who cancelled is remembered here.
        opening: Deferred[ClientConversation] = open_factory(self.factory, self._ssl)
        is_late = is_cancelled = False

        def expire() -> None:
            nonlocal is_late
            is_late = True
            opening.cancel()

        def cancel(_: Deferred[ClientConversation]) -> None:
            nonlocal is_cancelled
            is_cancelled = True
            opening.cancel()

        attempt: Deferred[ClientConversation] = Deferred(cancel)
        opening.addCallbacks(attempt.callback, attempt.errback)
        timer = None if self._timeout is None else self.factory.reactor.callLater(self._timeout, expire)
        try:
            return await attempt
        except Exception:
            if is_late:
                raise self._too_late() from None
            if is_cancelled:
                raise CancelledError from None
            raise
        finally:
            if timer is not None and timer.active():
                timer.cancel()

    def _is_of_the_network(self, error: Exception) -> bool:
        if isinstance(error, HandshakeLost):
            # Not what the TLS layer found wrong with the server, which is a certificate nearly always.
            loss = None if self._made is None else self._made._loss
            return not type(loss).__module__.startswith(("OpenSSL", "service_identity"))
        return isinstance(error, (OSError, ConnectError, DNSLookupError))

    def _new_conversation(self) -> ClientConversation:
        return ClientConversation()

    async def _sleep(self, seconds: float) -> None:
        await sleep(seconds, self.factory.reactor)

    def _seconds(self) -> float:
        return float(self.factory.reactor.seconds())


def connect(
    url: str,
    *,
    subprotocols: Iterable[str] | None = None,
    origin: str | None = None,
    headers: HeadersInput = None,
    user_agent: str | None = "wsframework",
    ssl: Any = None,
    timeout: float | None = 10.0,
    proxy: Mapping[str, Any] | str | None = None,
    compression: bool | DeflatePolicy = False,
    max_queue: int = MAX_QUEUE,
    reactor: Any = None,
    **options: Unpack[ClientOptionsDict],
) -> Connecting:
    """Connect to `url`: `async with connect(url) as ws`, or `ws = await connect(url)` and `ws.close()` at the end.

    `async for ws in connect(url)` connects again whenever the last connection is over; see `Reconnecting`.

    `subprotocols` are offered, `origin`, `headers` and `user_agent` (None: no such header) go into the request. `ssl`,
    a context factory such as `optionsForClientTLS(name)`, decides about TLS for a wss URL; the default verifies the
    server's certificate. `timeout` is in seconds and for everything until the connection is open, None for no limit.
    `proxy` is as in `connectWS`.

    `compression`, `max_queue` and the options are as in `serve`.

    `TypeError` or `ValueError` for unfit arguments at once. The Deferred fails with a `HandshakeError`
    (`HandshakeRejected` with status, headers and the beginning of the body, if the server answered no),
    `TimeoutError`, or the error of the transport.
    """
    connecting = Connecting(lambda _: None if connecting._current is None else connecting._current.cancel())
    factory = WebSocketClientFactory(
        url,
        origin,
        subprotocols,
        user_agent,
        headers,
        proxy,
        reactor=reactor,
    )
    _check_context(ssl, is_server=False)
    connecting._ssl = ssl
    connecting._configure(connect, factory, timeout, compression, max_queue, options)
    place = place_of(factory)
    if ssl is not None and not place.is_secure:
        raise ValueError("a TLS context was given, but the URL begins with ws:// and not with wss://")
    connecting._begin()
    return connecting
