"""Conversations on asyncio: WebSocket for programs that would rather `await` than be called back.

async def echo(ws):                                 async with connect("ws://127.0.0.1:9000/") as ws:
    async for message in ws:                            await ws.send("hello")
        await ws.send(message)                          print(await ws.recv())

async with serve(echo, "127.0.0.1", 9000) as server:
    await server.serve_forever()
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from ssl import SSLCertVerificationError, SSLContext
from typing import TYPE_CHECKING, Any, Final, Literal, overload
from warnings import warn

from wsframework._core.headers import HeadersInput
from wsframework.asyncio.connecting import _check_context, connectWS, when_open
from wsframework.asyncio.port import log
from wsframework.asyncio.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.exceptions import HandshakeLost
from wsframework.websocket import conversation as neutral
from wsframework.websocket.compress import DeflatePolicy
from wsframework.websocket.connecting import advising, place_of
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


# What tells a program to stop.
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Conversation(neutral.Conversation):
    """An open connection that is talked with by `await`; what `connect` gives and what handlers of `serve` are given.

    It is the protocol itself, so everything that protocols have is there, too: `peer`, `http_headers`,
    `websocket_protocol_in_use`, `trafficStats`, `sendPreparedMessage` and so on. `async for message in ws` gives the
    messages until the connection is closed; `async with ws` closes it at the end of the block.
    """

    async def send(self, message: str | bytes | bytearray | memoryview, *, doNotCompress: bool = False) -> None:
        """Send a `str` as a text message, anything bytes-like as a binary one.

        It is sent at once. When more than `sendHighWaterMark` octets wait because the peer does not keep up, this
        waits until there is room again; being cancelled then does not take the message back.

        Raises `ConnectionClosed` when the connection is closing or closed, `PayloadExceededError` above
        maxMessagePayloadSize, `TypeError` for anything else than a message.
        """
        await self._send(message, doNotCompress)

    @overload
    async def recv(self, decode: None = None) -> str | bytes: ...
    @overload
    async def recv(self, decode: Literal[True]) -> str: ...
    @overload
    async def recv(self, decode: Literal[False]) -> bytes: ...
    @overload
    async def recv(self, decode: bool | None) -> str | bytes: ...
    async def recv(self, decode: bool | None = None) -> str | bytes:
        """The next message: `str` for text, `bytes` for binary; by `decode` True always a str, by False always bytes.

        What came before the connection was closed is still given; then `ConnectionClosedOK` is raised if it was closed
        in order (1000, 1001 or no code), `ConnectionClosedError` otherwise. Cancelling this loses no message.
        Of several that wait the first gets the next message. `UnicodeDecodeError` for a binary message that is to be
        decoded and is not UTF-8; that message is lost then.
        """
        return await self._recv(decode)  # type: ignore[no-any-return]

    async def send_json(self, value: object) -> None:
        """Send `value` as JSON, in a text message. `TypeError` or `ValueError` for what JSON does not have, NaN too."""
        await self._send_json(value)

    async def recv_json(self) -> Any:
        """What the next message says in JSON, text or binary. `ValueError` (usually `json.JSONDecodeError`) for one
        that is no JSON; that message is gone then, and the next one can be received.
        """
        return await self._recv_json()

    async def ping(self, payload: bytes | None = None) -> float:
        """Send a Ping; the seconds until its Pong came.

        `payload` has at most 125 octets (`ValueError` above); by default it is random. `ConnectionClosed` if the
        connection ends before.
        """
        return await self._ping(payload)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, and wait until it is gone, which takes no longer than closeHandshakeTimeout and a bit.

        Nothing is raised if it is closed already, or if the peer does not answer. The messages that wait for `recv` can
        still be received; what comes from now on, or could not be read because too many waited, is discarded.
        `ValueError` for a code that may not be sent: 1000-1003, 1007-1014 and 3000-4999 may.
        """
        await self._close(code, reason)

    async def wait_closed(self) -> None:
        """Wait until the connection is gone, whoever closes it; raises nothing."""
        await self._wait_closed()

    def _new_future(self) -> asyncio.Future[Any]:
        # Made for each message that is waited for, so without a detour.
        loop: asyncio.AbstractEventLoop = self.factory._get_loop()
        return loop.create_future()

    def _is_cancellation(self, kind: type[BaseException]) -> bool:
        # KeyboardInterrupt and SystemExit, too.
        return not issubclass(kind, Exception)

    def _now(self) -> float:
        # uvloop's own clock goes by milliseconds, in which whole round trips disappear.
        loop: asyncio.AbstractEventLoop = self.factory._get_loop()
        return time.perf_counter() if type(loop).__module__.startswith("uvloop") else loop.time()

    def _soon(self, function: Callable[[], None]) -> object:
        loop: asyncio.AbstractEventLoop = self.factory._get_loop()
        return loop.call_soon(function)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        loop: asyncio.AbstractEventLoop = self.factory._get_loop()
        return loop.create_task(coroutine)


class ServerConversation(Conversation, neutral.ServerConversation, WebSocketServerProtocol):
    """A server's end of a conversation, which handlers of `serve` are given."""


class ClientConversation(Conversation, WebSocketClientProtocol):
    """A client's end of a conversation, which `connect` gives."""


class Server(ConversationServer):
    """What `serve` gives: a server that listens."""

    _listening: asyncio.Server
    # Kept for after the sockets are closed.
    _names: Sequence[Any] = ()
    _ssl: SSLContext | None = None

    factory: WebSocketServerFactory

    if TYPE_CHECKING:

        @property
        def connections(self) -> list[ServerConversation]: ...
        def close(
            self, code: int = 1001, reason: str | None = None, deadline: float | None = None
        ) -> asyncio.Future[ShutdownResult]: ...

    async def serve_forever(self) -> None:
        """Wait until the server is closed. Ctrl-C under `asyncio.run` cancels this; then `async with` closes it."""
        await self._wait()

    async def wait_closed(self) -> None:
        """Wait until the server is closed."""
        await self._wait()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _new_conversation(self) -> ServerConversation:
        return ServerConversation()

    def _is_done(self, future: asyncio.Future[Any]) -> bool:
        return future.done()

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        # The loop itself only keeps weak references to its tasks.
        self._task = self.factory._get_loop().create_task(coroutine)

    def _warn(self, text: str) -> None:
        log.warning("%s", text)

    def _stop_listening(self) -> None:
        self._listening.close()

    def _addresses(self) -> list[tuple[str, int]]:
        return [(name[0], name[1]) for name in self._names if isinstance(name, tuple)]

    def _unix_path(self) -> str:
        (name,) = self._names
        return name.decode("utf8", "replace") if isinstance(name, bytes) else str(name)

    def _is_secure(self) -> bool:
        return self._ssl is not None


class Serving:
    """What `serve` returns: `await` it for the `Server`, or use it with `async with`."""

    def __init__(self, server: Server, listen: Callable[[Any], Awaitable[asyncio.Server]]) -> None:
        self._server = server
        self._listen = listen
        self._was_used = False

    def __await__(self) -> Generator[Any, None, Server]:
        return self._begin().__await__()

    def run(self, ready: Callable[[Server], object] | None = None) -> None:
        """Serve, as a whole program: until Ctrl-C or SIGTERM, which close the server in order. Another one while that
        is done has its usual effect.

        `ready` is called with the server when it listens. `SystemExit`, with one line for stderr and status 1, if
        it cannot listen. Not for use inside of a running loop.
        """
        asyncio.run(self._run(ready))

    async def _run(self, ready: Callable[[Server], object] | None) -> None:
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        # Before it listens: whoever sees it listen may tell it to stop.
        for number in _SIGNALS:
            # There are none for loops on Windows, nor in other threads than the main one.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, told.set)
        try:
            server = await self
        except OSError as error:
            sys.exit(f"cannot serve: {error.strerror or error}")
        async with self:
            if ready is not None:
                ready(server)
            waiting = [loop.create_task(told.wait()), loop.create_task(server.serve_forever())]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
                # A handler that cannot be cancelled must not be able to keep the program.
                for number in _SIGNALS:
                    with suppress(NotImplementedError, RuntimeError, ValueError):
                        loop.remove_signal_handler(number)

    async def __aenter__(self) -> Server:
        return await self._begin()

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def _begin(self) -> Server:
        self._was_used = True
        server = self._server
        if server._names:
            # Awaited once more.
            return server
        server._listening = await self._listen(server.factory)
        server._names = [sock.getsockname() for sock in server._listening.sockets]
        return server

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"serve(...) gives its server by `await` or `async with`; this itself has no {name}")

    def __del__(self) -> None:
        if not self._was_used:
            warn("serve(...) was not awaited, so nothing is served", RuntimeWarning, source=self, stacklevel=1)


def serve(
    handler: Handlers[ServerConversation],
    host: str | None = None,
    port: int | None = None,
    *,
    unix: str | None = None,
    sock: socket.socket | None = None,
    ssl: SSLContext | None = None,
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
    reuse_port: bool | None = None,
    **options: Unpack[ServerOptionsDict],
) -> Serving:
    """Serve conversations: `async with serve(handler, host, port) as server: await server.serve_forever()`.

    `handler` is an `async def` of one argument, the `ServerConversation`; when it returns the connection is closed with
    1000, when it raises that is logged and the connection closed with 1011 (a `ConnectionClosed` of its own connection
    is no error). Or it is a mapping of paths to handlers, `{"/echo": echo, "/rooms/<name>": room}`, by the patterns of
    `Router`; other paths get 404.

    It listens at `host` (None: every interface) and `port` (0: any that is free; see `Server.port`), at the path of a
    `unix` socket, or at `sock`, which is bound already; with TLS by an `ssl` context. `backlog` and `reuse_port` are as
    in `loop.create_server`.

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

    `TypeError` or `ValueError` for unfit arguments at once, `OSError` from awaiting it if the system refuses.
    """
    factory = WebSocketServerFactory(protocols=subprotocols, server=server, headers=headers)
    factory.setProtocolOptions(**server_options(serve, origins, compression, dict(options)))
    if ssl is not None and not isinstance(ssl, SSLContext):
        raise TypeError(f"ssl must be an SSLContext, not {type(ssl).__name__}")
    check_place(host, port, backlog, unix=unix, sock=sock)

    async def listen(factory: Any) -> asyncio.Server:
        loop = factory._get_loop()
        settings: dict[str, Any] = {"ssl": ssl, "backlog": backlog, "start_serving": False}
        if unix is not None:
            return await _started(await loop.create_unix_server(factory, unix, **settings))
        settings.update(sock=sock, reuse_port=reuse_port)
        if host is None and port == 0:
            return await _listen_everywhere(loop, factory, settings)
        return await _started(await loop.create_server(factory, host, port, **settings))

    serving = Server(factory, handler, process_request, http, max_queue, close_timeout)
    serving.wants_same_origin = origins == "same"
    serving._ssl = ssl
    return Serving(serving, listen)


async def _listen_everywhere(loop: Any, factory: Any, settings: dict[str, Any]) -> asyncio.Server:
    """On a port that is free for IPv4 and for IPv6; left to itself each would get one of its own."""
    for last in (False, False, False, True):
        with socket.socket() as probe:
            probe.bind(("", 0))
            port = probe.getsockname()[1]
        try:
            return await _started(await loop.create_server(factory, None, port, **settings))
        except OSError as error:
            if last or error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("the last attempt returns or raises")


async def _started(listening: asyncio.Server) -> asyncio.Server:
    """Begin to listen. The loop does so before it returns a server, and who is cancelled then cannot close it."""
    try:
        await listening.start_serving()
    except BaseException:
        listening.close()
        raise
    return listening


class Connecting(ConversationClient[ClientConversation]):
    """What `connect` returns: `await` it for the conversation, or use it with `async with` or `async for`."""

    # Until `connect` has found nothing wrong.
    _was_used = True

    def __init__(self, ssl: SSLContext | None, bindAddress: tuple[str, int] | None) -> None:
        self._ssl = ssl
        self._bind_address = bindAddress

    def __await__(self) -> Generator[Any, None, ClientConversation]:
        return self._first().__await__()

    async def _first(self) -> ClientConversation:
        self._was_used = True
        return await self._attempt()

    async def _attempt(self) -> ClientConversation:
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                with advising(self.factory):
                    protocol = await connectWS(self.factory, self._ssl, None, self._bind_address)
                    return await when_open(protocol)  # type: ignore[no-any-return]
        except TimeoutError:
            if limit.expired():
                raise self._too_late() from None
            raise

    def _is_of_the_network(self, error: Exception) -> bool:
        if isinstance(error, OSError):
            return not isinstance(error, SSLCertVerificationError)
        return isinstance(error, HandshakeLost)

    def _new_conversation(self) -> ClientConversation:
        return ClientConversation()

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(
                f"connect(...) gives its conversation by `await` or `async with`; this itself has no {name}"
            )

    def __del__(self) -> None:
        if not self._was_used:
            warn("connect(...) was not awaited, so nothing was connected", RuntimeWarning, source=self, stacklevel=1)


def connect(
    url: str,
    *,
    subprotocols: Iterable[str] | None = None,
    origin: str | None = None,
    headers: HeadersInput = None,
    user_agent: str | None = "wsframework",
    ssl: SSLContext | None = None,
    timeout: float | None = 10.0,
    proxy: Mapping[str, Any] | str | None = None,
    bindAddress: tuple[str, int] | None = None,
    compression: bool | DeflatePolicy = False,
    max_queue: int = MAX_QUEUE,
    **options: Unpack[ClientOptionsDict],
) -> Connecting:
    """Connect to `url`: `async with connect(url) as ws`, or `ws = await connect(url)` and `ws.close()` at the end.

    `async for ws in connect(url)` connects again whenever the last connection is over; see `Reconnecting`.

    `subprotocols` are offered, `origin`, `headers` and `user_agent` (None: no such header) go into the request. `ssl`
    decides about TLS for a wss URL; the default verifies the server's certificate. `timeout` is in seconds and for
    everything until the connection is open, None for no limit. `proxy` and `bindAddress` are as in `connectWS`.

    `compression`, `max_queue` and the options are as in `serve`.

    `TypeError` or `ValueError` for unfit arguments at once. From awaiting it: a `HandshakeError` (`HandshakeRejected`
    with status, headers and the beginning of the body, if the server answered no), `TimeoutError`, `ssl.SSLError` or
    another `OSError`.
    """
    connecting = Connecting(ssl, bindAddress)
    factory = WebSocketClientFactory(url, origin, subprotocols, user_agent, headers, proxy)
    connecting._configure(connect, factory, timeout, compression, max_queue, options)
    _check_context(place_of(factory), ssl)
    connecting._was_used = False
    return connecting
