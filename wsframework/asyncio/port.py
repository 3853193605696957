"""The verbs of the Port on an asyncio transport, and results that come later as coroutines and futures."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

from wsframework.websocket.attributes import ConnectionAttributes
from wsframework.websocket.port import ProtocolPort
from wsframework.websocket.roles import ClientProtocolPort, ServerProtocolPort

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["AsyncioClientPort", "AsyncioPort", "AsyncioServerPort", "FieldLogger", "log", "user_log"]

# No NullHandler, against the custom of libraries: it would keep `logging.lastResort` from showing what is logged as an
# error, which is the application's own tracebacks, to those who have configured nothing. There is nothing else to
# silence: no line about a peer is a warning.
log = logging.getLogger("wsframework.asyncio")

# What `logging` itself takes by keyword.
_LOGGING_KEYWORDS = frozenset({"exc_info", "stack_info", "stacklevel", "extra"})


class FieldLogger(logging.LoggerAdapter[logging.Logger]):
    """The standard library's logger that also takes fields by keyword: `log.info("{peer} left", peer=peer)`.

    Twisted's logger does, and programs for both backends log through `self.log`. As with that one, a protocol that has
    it as an attribute of its class gets one of its own from there: what that logs has the fields of the connection
    (`ws_id`, `ws_role`, `ws_peer`, `ws_path`).
    """

    def __init__(self, logger: logging.Logger, source: object = None) -> None:
        super().__init__(logger, {})
        self._source = source

    def __get__(self, instance: object, owner: type) -> FieldLogger:
        return self if instance is None else FieldLogger(self.logger, instance)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Put the fields into the message and the record; only called for records that are wanted."""
        fields = {name: value for name, value in kwargs.items() if name not in _LOGGING_KEYWORDS}
        if fields:
            msg = str(msg).format(**fields)
        for_logging = {name: value for name, value in kwargs.items() if name in _LOGGING_KEYWORDS}
        if isinstance(self._source, ConnectionAttributes):
            for_logging["extra"] = {**self._source._log_fields(), **(for_logging.get("extra") or {})}
        return msg, for_logging


user_log = FieldLogger(log)


class _Write(Protocol):
    """What writes octets."""

    def __call__(self, data: bytes) -> None: ...


class AsyncioPort(ProtocolPort):
    """One connection's transport, timer and tasks."""

    __slots__ = ("_loop", "_tasks", "_transport", "write")

    # The transport's own method: this is the hot path, and it is all that this verb does.
    write: _Write

    def __init__(
        self, protocol: WebSocketProtocol, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(protocol)
        self._transport = transport
        self.write = transport.write
        self._loop = loop
        # The loop itself only keeps weak references to its tasks. Made when the first is needed.
        self._tasks: set[asyncio.Future[Any]] | None = None

    # Verbs.

    def close(self) -> None:
        """End our half of TCP; asyncio closes the rest when the peer's end comes. TLS has no halves: close it."""
        transport = self._transport
        if transport.is_closing():
            return
        if not transport.can_write_eof():
            transport.close()
            return
        try:
            transport.write_eof()
        except OSError:
            # The peer has reset the connection and the loop has not noticed yet.
            transport.abort()

    def abort(self) -> None:
        self._transport.abort()

    def call_later(self, seconds: float, function: Callable[[], None]) -> Any:
        return self._loop.call_later(seconds, function)

    def now(self) -> float:
        return self._loop.time()

    def buffered_amount(self) -> int:
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        if not self._transport.is_closing() and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def run_in_thread(self, function: Callable[[], None], done: Callable[[], None]) -> None:
        self._loop.run_in_executor(None, function).add_done_callback(lambda _: done())

    # Results that come later.

    def attach(self, result: object, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> bool:
        future = self._as_future(result)
        if future is None:
            return False
        if self._tasks is None:
            self._tasks = set()
        self._tasks.add(future)
        future.add_done_callback(lambda future: self._settle(future, done, failed))
        return True

    def _as_future(self, result: object) -> asyncio.Future[Any] | None:
        if asyncio.isfuture(result):
            return result
        if asyncio.iscoroutine(result):
            return self._loop.create_task(result)
        if isinstance(result, Awaitable):
            return self._loop.create_task(_wait_for(result))
        return None

    def _settle(
        self, future: asyncio.Future[Any], done: Callable[[Any], None], failed: Callable[[BaseException], None]
    ) -> None:
        assert self._tasks is not None, "the future is one of them"
        self._tasks.discard(future)
        if future.cancelled():
            failed(asyncio.CancelledError())
            return
        error = future.exception()
        if error is None:
            done(future.result())
        else:
            failed(error)

    def after_first_step(self, function: Callable[[], None]) -> None:
        # Tasks take their first step in the order in which they were made, among all callbacks of the loop.
        self._loop.call_soon(function)

    def write_failure(self, line: str, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            log.info("%s (cancelled)", line, extra=self.protocol._log_fields())
        else:
            log.error("%s", line, exc_info=error, extra=self.protocol._log_fields())

    def write_info(self, line: str) -> None:
        if log.isEnabledFor(logging.INFO):
            log.info("%s", line, extra=self.protocol._log_fields())

    def write_debug(self, line: str) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s", line, extra=self.protocol._log_fields())

    def log_writes(self) -> None:
        """The option logOctets: show what is sent, too."""
        write = self.write

        def write_and_log(data: bytes) -> None:
            self.log_octets(True, data)
            write(data)

        self.write = write_and_log

    def set_no_delay(self, no_delay: bool) -> None:
        """The option tcpNoDelay. asyncio itself switches Nagle's algorithm off on every TCP socket."""
        sock = self._transport.get_extra_info("socket")
        if not no_delay and sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)


class AsyncioServerPort(AsyncioPort, ServerProtocolPort):
    """A server's end."""

    __slots__ = ()


class AsyncioClientPort(AsyncioPort, ClientProtocolPort):
    """A client's end."""

    __slots__ = ()


async def _wait_for(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
