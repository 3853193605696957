"""Between a `Connection` and the user's protocol object: calls the callbacks and judges what they return.

This is the one boundary behind which the application's code runs. What it raises is logged with its traceback and ends
the connection with 1011 (or the handshake with 500); nothing of it reaches the peer, and no other connection notices.
A callback may return a result that comes later (a coroutine, a Deferred, a Future): `onConnect` and `onConnecting` are
waited for, messages are handled one after the other (`maxConcurrentMessages`), the rest only has its errors reported.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import HOLD_HANDLER, Connection
from wsframework._core.constants import CloseCode, State
from wsframework._core.deflate import Deflater
from wsframework._core.keepalive import AnsweredPing
from wsframework._core.negotiation import PerMessageDeflate
from wsframework.exceptions import Disconnected
from wsframework.websocket.messages import MessageDelivery
from wsframework.websocket.reporting import Reporting
from wsframework.websocket.statistics import Timings
from wsframework.websocket.streaming import BY_PIECES, receive_mode
from wsframework.websocket.threads import Job
from wsframework.websocket.timeouts import Timeout

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["ProtocolPort", "describe_loss"]

# Where `Disconnected` means that the application is mistaken, or that it means another connection.
_SENDING: Final = (State.CONNECTING, State.OPEN)


def describe_loss(error: BaseException | None) -> str:
    """Why a transport ended, for onClose. None: it ended in order, only without a Close frame before."""
    if error is None:
        return "the peer closed the transport without a Close frame"
    return f"the transport was lost: {error or type(error).__name__}"


class ProtocolPort(MessageDelivery, Reporting):
    """The upcalls of both roles. A backend adds the verbs (see `wsframework._core.port.Port`), those of `Reporting`
    and the ones below.
    """

    __slots__ = ("_max_pending", "_ordered", "_pending", "_timeout", "_timer", "connection")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self.protocol = protocol
        self.connection: Connection
        # Later results that are waited for: of messages, of which there may be several, and of what goes one by one.
        self._pending = 0
        self._max_pending = 1
        self._ordered = 0
        # At most one of the two is set: a timer of our own, or the queue that we wait in.
        self._timer: Any = None
        self._timeout: Timeout | None = None

    def begin(self, connection: Connection) -> None:
        """Take the connection over; the role goes on."""
        self.connection = connection
        self._max_pending = connection.options.maxConcurrentMessages
        protocol = self.protocol
        mode = receive_mode(type(protocol))
        if mode:
            connection.stream_to(self, mode == BY_PIECES)
        if connection.options.trackTimings:
            protocol._timings = Timings(self.now)
            protocol._observed = True

    def _with_deflater(self, agreed: PerMessageDeflate | None) -> tuple[PerMessageDeflate, Deflater] | None:
        """What the connection needs for permessage-deflate: what was agreed on, and what the factory's share."""
        return None if agreed is None else (agreed, self.protocol.factory._deflater(agreed.compression))

    # The verbs that have to do with time.

    def set_timer(self, seconds: float | None) -> None:
        """See `Port.set_timer`."""
        if self._timeout is not None:
            self._timeout.remove(self)
            self._timeout = None
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self.call_later(seconds, self.expire)

    def set_timeout(self, seconds: float) -> None:
        """See `Port.set_timeout`."""
        self.set_timer(None)
        if seconds:
            self._timeout = self.protocol.factory._timeouts.of(seconds)
            self._timeout.add(self)

    def expire(self) -> None:
        """The time is up."""
        self._timer = self._timeout = None
        self.connection.timer_expired()

    # What a backend adds.

    @abstractmethod
    def call_later(self, seconds: float, function: Callable[[], None]) -> Any:
        """Call `function` in so many seconds; the result has a method `cancel`."""

    @abstractmethod
    def attach(self, result: object, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> bool:
        """If `result` comes later, call `done` or `failed` with it, once (perhaps at once), and return True."""

    @abstractmethod
    def now(self) -> float:
        """The backend's clock in seconds."""

    @abstractmethod
    def after_first_step(self, function: Callable[[], None]) -> None:
        """Call `function` when a coroutine that was attached just now has run to its first wait."""

    @abstractmethod
    def run_in_thread(self, function: Callable[[], None], done: Callable[[], None]) -> None:
        """Call `function` in another thread, and `done` here after it."""

    def offload(self, work: Callable[[], None], done: Callable[[], None]) -> Callable[[], None]:
        """See `Port.offload`."""
        job = Job(work)
        self.run_in_thread(job.run, done)
        return job.wait

    # Callbacks of the application.

    def run(self, name: str, *args: object) -> None:
        """Call a hook whose result nobody waits for."""
        try:
            result = getattr(self.protocol, name)(*args)
        except Exception as error:
            self.callback_failed(name, error)
            return
        self.watch(name, result)

    def guard(self, name: str, function: Callable[[], object]) -> None:
        """Call a producer, which is no callback; one that raised is asked for nothing more."""
        try:
            function()
        except Exception as error:
            if self.protocol._production is not None:
                self.protocol._production.end()
            self.callback_failed(name, error)

    def watch(self, name: str, result: object) -> bool:
        """See to it that the errors of a later result are reported; True if it is one."""
        return result is not None and self.attach(result, _ignore, lambda error: self.callback_failed(name, error))

    def callback_failed(self, name: str, error: BaseException) -> None:
        """The application raised: say so once, and close with 1011."""
        if isinstance(error, Disconnected) and self.connection.state not in _SENDING:
            # It answered what came after our Close, or took longer than the peer stayed. Nothing is wrong with that,
            # and in a shutdown under load there would be a traceback for every such message.
            self.log_debug(f"{name} had something to send when the connection with {self._peer} was closing")
            return
        self.log_failure(f"{name} raised on the connection with {self._peer}; closing it with 1011", error)
        self.connection.fail(Cause.CALLBACK_ERROR, CloseCode.INTERNAL_ERROR, f"{name} raised {type(error).__name__}")

    def opened(self) -> None:
        """See `Port.opened`. No message comes before onOpen has begun, even if it is a coroutine."""
        protocol = self.protocol
        try:
            result = protocol.onOpen()
        except Exception as error:
            self.callback_failed("onOpen", error)
        else:
            if result is not None and self.watch("onOpen", result):
                self._ordered += 1
                self._hold_or_release()
                self.after_first_step(lambda: self._ordered_done(None))
            self.fire("open", "onOpen")
        protocol._opened()

    def _message_observed(self, payload: bytes, is_binary: bool) -> None:
        """Handlers of the event, and the mark in time."""
        self.protocol._track("onMessage")
        for handler in self.protocol._handlers_of("message"):
            try:
                result = handler(payload, is_binary=is_binary)
            except Exception as error:
                self.callback_failed('handler of "message"', error)
                return
            if result is not None:
                self._message_pending(result)

    def fire(self, event: str, key: str, *arguments: object, in_order: bool = False) -> None:
        """Call the handlers of an event other than "message", and set a mark in time."""
        if not self.protocol._observed:
            return
        self.protocol._track(key)
        for handler in self.protocol._handlers_of(event):
            try:
                result = handler(*arguments)
            except Exception as error:
                self.callback_failed(f'handler of "{event}"', error)
                return
            if in_order and result is not None:
                self._wait_in_order(f'handler of "{event}"', result)
            else:
                self.watch(f'handler of "{event}"', result)

    # A message while it comes; see `StreamSink`.

    def message_begin(self, is_binary: bool) -> None:
        self.protocol._is_binary = is_binary
        self.run_in_order("onMessageBegin", is_binary)

    def frame_begin(self, length: int) -> None:
        self.protocol._frame_size = 0
        self.run_in_order("onMessageFrameBegin", length)

    def frame_data(self, payload: bytes) -> None:
        self.protocol._frame_size += len(payload)
        self.run_in_order("onMessageFrameData", payload)

    def frame_end(self) -> None:
        self.run_in_order("onMessageFrameEnd")

    def frame(self, payload: bytes) -> None:
        # A list, as Autobahn has it.
        self.run_in_order("onMessageFrame", [payload])

    def message_end(self) -> None:
        self.run_in_order("onMessageEnd")

    def run_in_order(self, name: str, *arguments: object) -> None:
        """Call a hook whose later result is waited for before anything else is read."""
        try:
            result = getattr(self.protocol, name)(*arguments)
        except Exception as error:
            self.callback_failed(name, error)
            return
        if result is not None:
            self._wait_in_order(name, result)

    def _wait_in_order(self, name: str, result: object) -> None:
        def failed(error: BaseException) -> None:
            self.callback_failed(name, error)
            self._ordered_done(None)

        self._ordered += 1
        if self.attach(result, self._ordered_done, failed):
            self._hold_or_release()
        else:
            self._ordered -= 1

    def _ordered_done(self, _: object) -> None:
        self._ordered -= 1
        self._hold_or_release()

    def _hold_or_release(self) -> None:
        """Hold while as many results are waited for as may be. While closing, the peer's Close must be found."""
        waiting = self._ordered > 0 or (self._max_pending > 0 and self._pending >= self._max_pending)
        if waiting and self.connection.state is State.OPEN:
            self.connection.hold(HOLD_HANDLER)
        elif not waiting or self.connection.state is not State.OPEN:
            self.connection.release(HOLD_HANDLER)

    def _message_pending(self, result: object) -> None:
        self._pending += 1
        if self.attach(result, self._message_done, self._message_failed):
            self._hold_or_release()
        else:
            self._pending -= 1

    def _message_done(self, _: object) -> None:
        self._pending -= 1
        self._hold_or_release()

    def _message_failed(self, error: BaseException) -> None:
        self._pending -= 1
        self.callback_failed("onMessage", error)
        self._hold_or_release()

    def ping(self, payload: bytes) -> None:
        self.run_in_order("onPing", payload)
        self.fire("ping", "onPing", payload, in_order=True)

    def pong(self, payload: bytes) -> None:
        self.run_in_order("onPong", payload)
        self.fire("pong", "onPong", payload, in_order=True)

    def auto_pong(self, answered: AnsweredPing, payload: bytes) -> None:
        sent = int(answered.sent * 1e9)
        received = int(answered.received * 1e9)
        round_trip = (answered.received - answered.sent) * 1e3
        self.run("onAutoPong", sent, answered.sequence, received, round_trip, payload)

    def close_frame(self, code: int | None, reason: bytes) -> None:
        self.run("onCloseFrame", code, reason)

    def timed_out(self, cause: Cause) -> None:
        self.protocol._timed_out(cause)
        self.run(_TIMEOUT_HOOKS[cause])

    def sending_paused(self) -> None:
        if self.protocol._production is not None:
            self.guard("a producer", self.protocol._production.pause)
        self.run("onSendingPaused")

    def sending_resumed(self) -> None:
        """See `Port.sending_resumed`. Whoever comes first may use up the room; the others then wait for the next."""
        self.run("onSendingResumed")
        connection, protocol = self.connection, self.protocol
        if protocol._production is not None and not connection.sending_is_paused:
            self.guard("a producer", protocol._production.resume)
        if not connection.sending_is_paused:
            protocol._drained()
        for membership in protocol._memberships:
            membership.flush()

    def closed(self, closure: Closure) -> None:
        """See `Port.closed`. An error in onClose is only logged: there is nothing left to close."""
        protocol = self.protocol
        protocol.factory._forget(protocol, closure)
        if protocol._production is not None:
            self.guard("a producer", protocol._production.producer.stopProducing)
            protocol.unregisterProducer()
        self.log_end(closure)
        try:
            result = protocol.onClose(closure.was_clean, closure.code, closure.reason)
        except Exception as error:
            self._close_failed(error)
        else:
            if result is not None:
                self.attach(result, _ignore, self._close_failed)
        self.fire("close", "onClose", closure.was_clean, closure.code, closure.reason)
        for membership in protocol._memberships:
            membership.closed()
        protocol._closed(closure)
        protocol.factory._gone(protocol)

    def _close_failed(self, error: BaseException) -> None:
        self.log_failure(f"onClose raised on the connection with {self._peer}", error)


_TIMEOUT_HOOKS = {
    Cause.OPENING_TIMEOUT: "onOpenHandshakeTimeout",
    Cause.CLOSING_TIMEOUT: "onCloseHandshakeTimeout",
    Cause.DROP_TIMEOUT: "onServerConnectionDropTimeout",
    Cause.PING_TIMEOUT: "onAutoPingTimeout",
}


def _ignore(_: object) -> None:
    """The result of a callback that nobody waits for."""
