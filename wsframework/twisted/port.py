"""The verbs of the Port on a Twisted transport, and results that come later as Deferreds and coroutines."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from errno import ENOBUFS
from socket import SHUT_WR, socket
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from zope.interface import implementer

from wsframework.build import COMPILED
from wsframework.twisted.direct import direct_socket
from wsframework.twisted.util import is_tls
from wsframework.websocket.attributes import ConnectionAttributes
from wsframework.websocket.placing import READ_SIZE, receive_rest
from wsframework.websocket.port import ProtocolPort
from wsframework.websocket.roles import ClientProtocolPort, ServerProtocolPort

if TYPE_CHECKING:
    from asyncio import Future

    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = [
    "ConnectionLogger",
    "DeferredResults",
    "TwistedClientPort",
    "TwistedPort",
    "TwistedServerPort",
    "log",
    "pending_octets",
]


class ConnectionLogger(Logger):
    """Twisted's logger; what a protocol logs through it has the fields of the connection.

    They are `ws_id`, `ws_role`, `ws_peer` and `ws_path`.
    """

    def emit(self, level: LogLevel, format: str | None = None, **kwargs: object) -> None:
        """Emit an event, as `Logger.emit`."""
        if isinstance(self.source, ConnectionAttributes):
            kwargs = {**self.source._log_fields(), **kwargs}
        super().emit(level, format, **kwargs)


log = ConnectionLogger(namespace="wsframework.twisted")

# With TLS no fewer, whatever the option sendHighWaterMark says: there it is the same number for both.
_LEAST_READ_SIZE: Final = 4096


class DeferredResults:
    """Results that come later, and where errors are reported, for all that calls the application."""

    __slots__ = ()

    def log_fields(self) -> Mapping[str, Any]:
        """What goes with everything that is logged here."""
        raise AssertionError("whoever calls the application decides this")

    def attach(self, result: object, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> bool:
        deferred = _as_deferred(result)
        if deferred is None:
            return False
        deferred.addCallbacks(done, lambda failure: failed(_error_of(failure)))
        # What `done` and `failed` raise would be a fault of ours: let it be logged, not lost.
        deferred.addErrback(
            lambda failure: log.failure("error in a callback's continuation", failure, **self.log_fields())
        )
        return True

    def after_first_step(self, function: Callable[[], None]) -> None:
        # A Deferred made from a coroutine has run to its first wait by now.
        function()

    def write_failure(self, line: str, error: BaseException) -> None:
        log.failure("{text}", Failure(error), text=line, **self.log_fields())  # type: ignore[no-untyped-call]

    def write_info(self, line: str) -> None:
        log.info("{text}", text=line, **self.log_fields())

    def write_debug(self, line: str) -> None:
        log.debug("{text}", text=line, **self.log_fields())


@implementer(IPushProducer)
class TwistedPort(DeferredResults, ProtocolPort):
    """One connection's transport and timer. It is the transport's producer, to learn when the peer does not keep up."""

    __slots__ = (
        "_descriptors",
        "_high_water_mark",
        "_is_broken",
        "_may_place",
        "_reactor",
        "_socket",
        "_transport",
        "_unsent",
        "logs_octets",
    )

    def __init__(self, protocol: WebSocketProtocol, transport: Any, reactor: Any) -> None:
        super().__init__(protocol)
        self._transport = transport
        self._reactor = reactor
        # Octets written since the transport said stop; only for transports that cannot be asked.
        self._unsent: int | None = None
        # The socket below the transport, where that may be used; see `wsframework.twisted.direct`.
        self._socket: socket | None = None
        self._may_place = False
        self._is_broken = False
        self.logs_octets = False
        # File descriptors that wait in a UNIX transport for octets to go with.
        self._descriptors: Sequence[int] = ()
        self._high_water_mark = 0

    def log_fields(self) -> Mapping[str, Any]:
        return self.protocol._log_fields()

    # Verbs.

    def write(self, data: bytes) -> None:
        transport = self._transport
        handle = self._socket
        if handle is None:
            if self._unsent is not None:
                self._unsent += len(data)
            if self.logs_octets:
                self.log_octets(True, data)
            transport.write(data)
            return
        is_waiting = transport.dataBuffer or transport._tempDataLen or self._descriptors
        if not (is_waiting or transport.TLS or transport.disconnecting) and transport.connected:
            try:
                sent = handle.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                # The transport will find out, or try again.
                self._is_broken = error.errno != ENOBUFS
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        transport.bufferSize = self._high_water_mark
        try:
            transport.write(data)
        finally:
            transport.bufferSize = READ_SIZE

    def close(self) -> None:
        """End our half of TCP; Twisted closes the rest when the peer's end comes. TLS has no halves: close it."""
        transport = self._transport
        handle, self._socket = self._socket, None
        # With a producer registered a transport would wait for more to send.
        transport.unregisterProducer()
        is_waiting = pending_octets(transport) != 0 or self._descriptors
        if handle is not None and not (is_waiting or transport.TLS or transport.disconnecting):
            # The transport would do the same, but only when it was told that there is room for what it does not have.
            with suppress(OSError):
                handle.shutdown(SHUT_WR)
                return
        half_close = None if is_tls(transport) else getattr(transport, "loseWriteConnection", None)
        (half_close or transport.loseConnection)()

    def abort(self) -> None:
        transport = self._transport
        self._socket = None
        if not is_tls(transport) and pending_octets(transport) == 0:
            # All is with the operating system, which goes on sending it; a reset would throw it away. asyncio's
            # transports do the same.
            transport.unregisterProducer()
            transport.loseConnection()
        else:
            getattr(transport, "abortConnection", transport.loseConnection)()

    def call_later(self, seconds: float, function: Callable[[], None]) -> Any:
        return self._reactor.callLater(seconds, function)

    def now(self) -> float:
        return float(self._reactor.seconds())

    def buffered_amount(self) -> int:
        amount = pending_octets(self._transport)
        return amount if amount is not None else self._unsent or 0

    def pause_reading(self) -> None:
        self._transport.pauseProducing()

    def resume_reading(self) -> None:
        self._transport.resumeProducing()

    # The transport's producer.

    def pauseProducing(self) -> None:
        """The transport has enough to send."""
        self._unsent = 0
        self.connection.pause_writing()

    def resumeProducing(self) -> None:
        """The transport has room again."""
        self._unsent = None
        self.connection.resume_writing()

    def stopProducing(self) -> None:
        """The transport is gone; connectionLost says the rest."""

    # What the protocol calls.

    def set_up(self, no_delay: bool, high_water_mark: int, may_place: bool) -> None:
        """The options tcpNoDelay and sendHighWaterMark, where the transport knows such things.

        Twisted's transports receive as many octets at once as may wait before they pause their producer. Those whose
        socket is used directly have the one number while something is written, and the other when they read.

        `may_place`: what is received may go to the connection without the protocol having seen it.
        """
        transport = self._transport
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(no_delay)
        # The mark that counts is that of the transport below TLS.
        below: Any = getattr(transport, "transport", None) if is_tls(transport) else transport
        self.logs_octets = self.connection.options.logOctets
        # Octets that are to be seen go the long way.
        self._socket = None if self.logs_octets else direct_socket(transport)
        if self._socket is not None:
            self._descriptors = getattr(transport, "_sendmsgQueue", ())
            self._high_water_mark = high_water_mark
            self._may_place = COMPILED and may_place
            transport.bufferSize = READ_SIZE
        elif isinstance(below, FileDescriptor):
            below.bufferSize = max(high_water_mark, _LEAST_READ_SIZE)
        elif hasattr(below, "bufferSize"):
            below.bufferSize = high_water_mark

    def receive_rest(self) -> None:
        """After octets that were as many as can come at once: receive what else is there of a large frame."""
        if self._socket is not None and self._may_place:
            self._is_broken |= receive_rest(self.connection, self._socket.recv_into, self._is_over) is not None

    def _is_over(self) -> bool:
        transport = self._transport
        return bool(not transport.connected or transport.disconnecting or transport.TLS)

    def loss(self, error: BaseException) -> BaseException | None:
        """What went wrong, if a transport ends with `error`; None for an end in order."""
        if not isinstance(error, ConnectionDone):
            return error
        return ConnectionLost() if self._is_broken else None

    def run_in_thread(self, function: Callable[[], None], done: Callable[[], None]) -> None:
        def work() -> None:
            function()
            self._reactor.callFromThread(done)

        self._reactor.callInThread(work)

    def opened(self) -> None:
        # Not sooner: TLS pauses the producer of who writes while it shakes hands. We would stop reading then, and what
        # it waits for is to be read.
        self._transport.registerProducer(self, True)
        super().opened()


class TwistedServerPort(TwistedPort, ServerProtocolPort):
    """A server's end."""

    __slots__ = ()


class TwistedClientPort(TwistedPort, ClientProtocolPort):
    """A client's end."""

    __slots__ = ()


def pending_octets(transport: Any) -> int | None:
    """Octets that a transport has not handed to the operating system; None if it does not tell.

    The attributes are those of `twisted.internet.abstract.FileDescriptor`, which has no method for this.
    """
    pending = 0
    if is_tls(transport):
        pending = sum(map(len, getattr(transport, "_appSendBuffer", ())))
        transport = getattr(transport, "transport", None)
    buffer = getattr(transport, "dataBuffer", None)
    offset = getattr(transport, "offset", None)
    queued = getattr(transport, "_tempDataLen", None)
    if buffer is None or not isinstance(offset, int) or not isinstance(queued, int):
        return None
    return pending + len(buffer) - offset + queued


def _as_deferred(result: object) -> Deferred[Any] | None:
    if isinstance(result, Deferred):
        return result
    if isinstance(result, Coroutine):
        return Deferred.fromCoroutine(result)
    if hasattr(result, "add_done_callback") and hasattr(result, "get_loop"):
        # An asyncio Future, where Twisted runs on an asyncio loop.
        return Deferred.fromFuture(cast("Future[Any]", result))
    return None


def _error_of(failure: Failure) -> BaseException:
    assert failure.value is not None, "a failure of a Deferred holds an exception"
    return failure.value
