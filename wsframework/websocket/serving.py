"""Serving conversations, without a framework: what `serve` is told, and how a server of conversations ends."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from urllib.parse import quote

from wsframework._core.connection import check_close
from wsframework._core.uri import bracket
from wsframework.options import (
    SECONDS,
    CommonOptions,
    ServerOptions,
    WholeNumber,
    closest_hint,
    option_names,
    option_role,
)
from wsframework.websocket.compress import DeflatePolicy
from wsframework.websocket.conversation import MAX_QUEUE, ServerConversation
from wsframework.websocket.pages import not_found
from wsframework.websocket.protocol import WebSocketProtocol
from wsframework.websocket.routing import Router
from wsframework.websocket.shutdown import ShutdownResult
from wsframework.websocket.types import ConnectionRequest, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from wsframework.websocket.hints import ConnectAnswer, HttpAnswer, NowOrLater

__all__ = [
    "KEEPALIVE",
    "ConversationServer",
    "Handlers",
    "HttpAnswers",
    "ProcessRequest",
    "check_max_queue",
    "check_option_names",
    "check_place",
    "compression_options",
    "server_options",
]

# Connections that nobody ends are the most common trouble of servers, and a conversation that waits for a message has
# no other way to find out. Whoever is wrong is told so, rather than only cut off.
KEEPALIVE: Final = {"autoPingInterval": 20, "autoPingTimeout": 20, "failByDrop": False}

# Seconds in which a handler whose connection was aborted can see to that by itself.
_MOMENT: Final = 0.05
# Seconds in which a handler that was cancelled should be at its end.
_GRACE: Final = 1.0

# What arguments are called in `websockets` and in aiohttp, and here.
_ELSEWHERE: Final = {
    "additional_headers": ("headers",),
    "close_timeout": ("closeHandshakeTimeout",),
    "compress": ("compression",),
    "extra_headers": ("headers",),
    "heartbeat": ("autoPingInterval",),
    "max_msg_size": ("maxMessagePayloadSize",),
    "max_size": ("maxMessagePayloadSize",),
    "open_timeout": ("timeout", "openHandshakeTimeout"),
    "ping_interval": ("autoPingInterval",),
    "ping_timeout": ("autoPingTimeout",),
    "protocols": ("subprotocols",),
    "server_header": ("server",),
    "user_agent_header": ("user_agent",),
    "write_limit": ("sendHighWaterMark",),
    "writer_limit": ("sendHighWaterMark",),
}

_MESSAGES: Final = WholeNumber("messages", 1)
_PORT: Final = WholeNumber("", 0, 65535)
_BACKLOG: Final = WholeNumber("connections", 1)
_TEXTS: Final = ("host", "unix")

ConversationT = TypeVar("ConversationT", bound=ServerConversation)
# What `serve` takes: one handler, or one for each path.
Handler: TypeAlias = Callable[[ConversationT], Awaitable[object]]
Handlers: TypeAlias = Handler[ConversationT] | Mapping[str, Handler[ConversationT]]
HttpAnswers: TypeAlias = "Callable[[HttpRequest], NowOrLater[HttpAnswer]] | Mapping[str, HttpResponse | str] | None"
ProcessRequest: TypeAlias = "Callable[[ConnectionRequest], NowOrLater[ConnectAnswer | HttpResponse]]"


class ConversationServer:
    """What listens, who is connected, and which handlers run. Made by `serve`, and by nobody else."""

    factory: Any

    def __init__(
        self,
        factory: Any,
        handlers: Handlers[Any],
        process_request: ProcessRequest | None,
        http: HttpAnswers,
        max_queue: int,
        close_timeout: float,
    ) -> None:
        self.factory = factory
        self.wants_same_origin = False
        self.process_request = _checked_callable("process_request", process_request)
        self._max_queue = check_max_queue(max_queue)
        self._close_timeout = SECONDS.check("close_timeout", close_timeout)
        self._running: dict[ServerConversation, None] = {}
        self._result: ShutdownResult | None = None
        self._is_closing = False
        self._waiting: list[Any] = []
        # Set while the last handlers are waited for.
        self._when_idle: Any = None
        if isinstance(handlers, Mapping):
            router = Router()
            for pattern, handler in handlers.items():
                router.add(pattern, partial(self._make, _checked_handler(handler)))
            factory.router = router
        else:
            factory.protocol = partial(self._make, _checked_handler(handlers))
        if http is not None:
            factory.onHttpRequest = _http_answers(http)

    # What it is asked.

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, as (host, port); empty for a unix socket."""
        return self._addresses()

    @property
    def port(self) -> int:
        """The port it listens on, which is how to find out what `port=0` came to; `ValueError` for a unix socket."""
        addresses = self._addresses()
        if not addresses:
            raise ValueError("a unix socket has no port")
        return addresses[0][1]

    @property
    def url(self) -> str:
        """A URL to connect to: `ws://127.0.0.1:9000`; for a unix socket `ws://unix:` and its path."""
        scheme = "wss" if self._is_secure() else "ws"
        addresses = self._addresses()
        if not addresses:
            return f"{scheme}://unix:{quote(self._unix_path())}"
        host, port = addresses[0]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"{scheme}://{bracket(host)}:{port}"

    @property
    def connections(self) -> list[Any]:
        """The conversations that are open now; a list of your own."""
        return self.factory.connections  # type: ignore[no-any-return]

    # How it ends.

    def close(self, code: int = 1001, reason: str | None = None, deadline: float | None = None) -> Any:
        """Begin to end it, at once; a result that comes when that is done, with a `ShutdownResult`.

        No connection is accepted any more. Everybody gets a Close frame with `code` and `reason`. After `deadline`
        seconds (None: `close_timeout` of `serve`) connections that are left are aborted, and handlers that still run
        then are cancelled. A second call waits for the end of the first. A handler that calls this must not wait for
        the result, which comes when it has ended.
        """
        check_close(code, reason)
        seconds = self._close_timeout if deadline is None else SECONDS.check("deadline", deadline)
        if not self._is_closing:
            self._is_closing = True
            self._start(self._shut_down(code, reason, seconds, self._stop_listening()))
        return self._wait()

    def _wait(self) -> Any:
        """A later result for one who waits for the end."""
        future = self.factory._new_future()
        if self._result is not None:
            self.factory._resolve(future, self._result)
        else:
            # Without those who have given up: there may be any number of them.
            self._waiting = [other for other in self._waiting if not self._is_done(other)]
            self._waiting.append(future)
        return future

    async def _shut_down(self, code: int, reason: str | None, deadline: float, stopping: Any) -> None:
        later = self.factory._later
        timers = [later(deadline + _MOMENT, self._cancel_handlers), later(deadline + _GRACE, self._give_up)]
        result = await self.factory.shutdown(code, reason, deadline)
        if stopping is not None:
            await stopping
        if self._running:
            self._when_idle = self.factory._new_future()
            await self._when_idle
        for timer in timers:
            if not hasattr(timer, "active") or timer.active():
                timer.cancel()
        self._result = result
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            self.factory._resolve(future, result)

    def _cancel_handlers(self) -> None:
        running = list(self._running)
        if running:
            names = ", ".join(sorted({conversation._handler_name for conversation in running}))
            self._warn(f"{len(running)} handlers are not done at the deadline and are cancelled: {names}")
        for conversation in running:
            conversation._cancel()

    def _give_up(self) -> None:
        if self._running:
            self._warn(f"{len(self._running)} handlers go on in spite of being cancelled")
            self._running.clear()
            self._is_idle()

    # What conversations tell.

    def began(self, conversation: ServerConversation) -> None:
        """A handler begins to run."""
        self._running[conversation] = None

    def ended(self, conversation: ServerConversation) -> None:
        """A handler is at its end."""
        self._running.pop(conversation, None)
        if not self._running:
            self._is_idle()

    def _is_idle(self) -> None:
        if self._when_idle is not None:
            self.factory._resolve(self._when_idle, None)

    def _make(self, handler: Handler[Any]) -> ServerConversation:
        conversation = self._new_conversation()
        conversation._server = self
        conversation._handler = handler
        if self._max_queue != MAX_QUEUE:
            conversation._max_queue = self._max_queue
        return conversation

    # What a backend adds.

    @abstractmethod
    def _new_conversation(self) -> ServerConversation:
        """The backend's own protocol."""

    @abstractmethod
    def _is_done(self, future: Any) -> bool:
        """Whether somebody has cancelled this later result, or it has come."""

    @abstractmethod
    def _start(self, coroutine: Coroutine[Any, Any, None]) -> object:
        """Let a coroutine run."""

    @abstractmethod
    def _warn(self, text: str) -> None:
        """Log a warning."""

    @abstractmethod
    def _stop_listening(self) -> Any:
        """Close the listening sockets; None, or something to wait for until that is done."""

    @abstractmethod
    def _addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""

    @abstractmethod
    def _unix_path(self) -> str:
        """Where it listens, if that is a unix socket."""

    @abstractmethod
    def _is_secure(self) -> bool:
        """Whether it speaks TLS."""


def server_options(
    function: Any,
    origins: Iterable[str] | str | None,
    compression: bool | DeflatePolicy,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """The protocol options that the arguments of `function`, which is `serve`, stand for."""
    check_option_names(function, ServerOptions, options)
    asked: dict[str, Any] = {}
    if isinstance(origins, str):
        if origins != "same":
            raise TypeError(f'origins must be "same" or a list of str, not the str {origins!r}')
    elif origins is not None:
        asked["allowedOrigins"] = list(origins)
    return {**KEEPALIVE, **asked, **compression_options(compression, is_server=True), **options}


def check_option_names(function: Any, kind: type[CommonOptions], options: Mapping[str, Any]) -> None:
    """`TypeError` for what is neither an argument of `function` nor an option, with the closest name that is."""
    known = (*option_names(kind), *function.__kwdefaults__)
    for name in options:
        if name not in known:
            meant = [f"; did you mean {match}?" for match in _ELSEWHERE.get(name, ()) if match in known]
            role = option_role(name)
            if role is not None:
                raise TypeError(f"{function.__name__} has no argument {name}; it is an option of {role}")
            hint = meant[0] if meant else closest_hint(name, known)
            raise TypeError(f"{function.__name__} has no argument {name}, and there is no such option{hint}")


def compression_options(compression: bool | DeflatePolicy, *, is_server: bool) -> dict[str, Any]:
    """The options that the argument `compression` stands for."""
    if not isinstance(compression, (bool, DeflatePolicy)):
        raise TypeError(f"compression must be a bool or a DeflatePolicy, not {type(compression).__name__}")
    if compression is False:
        return {}
    if is_server:
        return {"perMessageCompressionAccept": compression}
    if compression is True:
        return {"perMessageCompressionOffers": True}
    return {"perMessageCompressionOffers": compression.offers(), "perMessageCompressionAccept": compression}


def check_place(host: object, port: object, backlog: object, **others: object) -> None:
    """What says where to listen: host and port, or one of the `others`."""
    for name, value in (("host", host), *others.items()):
        if value is not None and name in _TEXTS and not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if port is not None:
        _PORT.check("port", port)
    _BACKLOG.check("backlog", backlog)
    if [value is not None for value in (port, *others.values())].count(True) != 1:
        raise ValueError(f"serve needs one of {', '.join(('port', *others))}, to know where to listen")
    if host is not None and port is None:
        raise ValueError("host: it says where to listen together with a port")


def check_max_queue(max_queue: int) -> int:
    """1 message or more."""
    return _MESSAGES.check("max_queue", max_queue)


def _checked_callable(name: str, function: Any) -> Any:
    if function is not None and not callable(function):
        raise TypeError(f"{name} must be a function, not {type(function).__name__}")
    return function


def _checked_handler(handler: Any) -> Handler[Any]:
    if not callable(handler):
        raise TypeError(f"a handler must be an async def of one argument, not {type(handler).__name__}")
    if isinstance(handler, type) and issubclass(handler, WebSocketProtocol):
        raise TypeError(
            f"a handler must be an async def of one argument, not the protocol class {handler.__name__}; "
            "WebSocketServerFactory takes that as its attribute protocol"
        )
    try:
        parameters = signature(handler)
    except (TypeError, ValueError):
        # Not everything that can be called says how.
        return handler  # type: ignore[no-any-return]
    try:
        parameters.bind(None)
    except TypeError:
        raise TypeError(f"a handler takes one argument, the conversation; this one is {parameters}") from None
    return handler  # type: ignore[no-any-return]


def _http_answers(http: Any) -> Callable[[HttpRequest], Any]:
    """The hook that the argument `http` stands for."""
    if callable(http):
        return http  # type: ignore[no-any-return]
    if not isinstance(http, Mapping):
        raise TypeError(f"http must be a function or a mapping of paths to pages, not {type(http).__name__}")
    pages: dict[str, HttpResponse] = {}
    for path, page in http.items():
        if not isinstance(path, str) or not path.startswith("/"):
            raise ValueError(f"http: a path starts with a slash, which {path!r} does not")
        if not isinstance(page, (str, HttpResponse)):
            raise TypeError(f"http: the page at {path} must be a str or an HttpResponse, not {type(page).__name__}")
        pages[path] = HttpResponse(page) if isinstance(page, str) else page
    return lambda request: pages.get(request.path) or not_found()
