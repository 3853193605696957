"""One WebSocket connection from the transport's beginning to its end, without a transport.

Strategy: the backend tells what happened (`receive`, `lost`, `timer_expired`, ...), the application what it wants
(`send_message`, `send_close`, ...); both are looked up in the lifecycle table and end in calls of the Port. The two
roles differ in the opening handshake and live in modules of their own.

* Holds: whoever cannot take more messages holds the connection; while anybody does, nothing is parsed or read.
* A peer that does not read what we send holds it too, as soon as we send it more: that bounds the memory which its
  requests can take. Two peers that both send without reading would wait for each other for ever, so a hold that does
  not get anywhere is lifted after a while, once, until we send more or the peer reads on.
* One timer: the state says what its expiry means. When open, it is the next automatic ping or the check on that hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wsframework._core.channel import Channel
from wsframework._core.closure import Cause, Closure
from wsframework._core.codec import FrameReader
from wsframework._core.constants import OP_CLOSE, OP_PING, CloseCode, State
from wsframework._core.control import check_close, close_payload
from wsframework._core.keepalive import KeepAlive, PeerLost
from wsframework._core.lifecycle import Action, Input, step
from wsframework._core.outgoing import Outgoing
from wsframework._core.port import Port
from wsframework._core.violation import ProtocolViolation
from wsframework.exceptions import Disconnected, HandshakeError, HandshakeLost, HandshakeTimeout
from wsframework.options import CommonOptions

__all__ = ["HOLD_APPLICATION", "HOLD_HANDLER", "HOLD_OPENING", "HOLD_SENDING", "Connection", "check_close"]

# Who holds the connection, as bits.
HOLD_APPLICATION: Final = 1
HOLD_HANDLER: Final = 2
HOLD_SENDING: Final = 4
HOLD_OPENING: Final = 8

# What may arrive while the application decides about the opening handshake, before reading stops.
_EARLY_SIZE: Final = 65536
# How many octets a peer must take in the time of a timeout for which it would be dropped while something waits for it.
_SLOWEST: Final = 1024
# How long a peer that does not read may hold up reading from it, in seconds, before that is found to lead nowhere.
_STALL: Final = 1.0
# In place of the marks where no timer is set that asks for them.
_NO_MARKS: Final = (0, 0, 0)


class Connection(Channel):
    """What both roles share; see `ServerConnection` and `ClientConnection`."""

    __slots__ = (
        "_deciding",
        "_early",
        "_holds",
        "_keepalive",
        "_marks",
        "_messages_before",
        "_probed",
        "_random",
        "_release_check",
        "_stall_check",
        "_taken",
        "_taken_at_stall",
        "closed_by_us",
        "closure",
        "local_close_code",
        "local_close_reason",
        "peer",
        "protocol",
        "reads_on",
        "remote_close_code",
        "remote_close_reason",
    )

    def __init__(
        self,
        port: Port,
        options: CommonOptions,
        peer: str,
        require_mask: int,
        mask_key: Callable[[], bytes] | None,
        random: Callable[[int], bytes],
    ) -> None:
        self._port = port
        self._out = Outgoing(port, options, mask_key, self._overflowed, self._sent_while_paused)
        self._random = random
        self.options = options
        self.peer = peer
        self.state = State.CONNECTING
        self.protocol: str | None = None
        self.closure: Closure | None = None
        self.closed_by_us = False
        self.local_close_code: int | None = None
        self.local_close_reason: str | None = None
        self.remote_close_code: int | None = None
        self.remote_close_reason: str | None = None
        self._reader = FrameReader(
            self,
            require_mask,
            options.applyMask,
            options.maxFramePayloadSize,
            options.maxMessagePayloadSize,
            options.maxMessageFragments,
            options.utf8validateIncoming,
        )
        if options.logFrames:
            self._reader.trace = self._trace_received
        self.extension = None
        self._inflater = None
        # permessage-deflate's `release_after`: when to look, and how many messages there had been the last time.
        self._release_check: float | None = None
        self._messages_before = 0
        self._keepalive: KeepAlive | None = None
        self._heard = False
        self._owed_pong: bytes | None = None
        self._holds = 0
        # The check on a peer that holds us up: when (None: it does not), whether the hold was lifted in vain before.
        self._stall_check: float | None = None
        self._probed = False
        # How many of our octets were taken when that, and when the timer at all, was looked at last.
        self._taken_at_stall = 0
        self._taken = 0
        # Streams in both directions read on while the peer does not: sending much does not mean that requests are
        # answered, and whoever sends has its own way to wait.
        self.reads_on = False
        self.octets_received = 0
        self._end_after_frame = False
        # Octets taken, sent and waiting when the timer was set.
        self._marks = _NO_MARKS
        self._deciding = False
        self._early = b""

    # What the transport tells, beside `receive`.

    def lost(self, reason: str) -> None:
        """The transport is gone, for the `reason` given in words."""
        opening = self.state is State.CONNECTING
        self.state, action = step(self.state, Input.LOST)
        if action is Action.IGNORE:
            return
        self._port.set_timer(None)
        self._reader.stop()
        self._out.discard()
        self._inflater = self._out.deflation = None
        self._early = b""
        self._holds = 0
        if self.closure is None:
            failure = self._failure_of_opening(reason) if opening else None
            cause = Cause.LOST if failure is None else Cause.OPENING
            self._record(cause, CloseCode.ABNORMAL, reason if failure is None else str(failure), failure)
        assert self.closure is not None, "recorded just now"
        self._port.closed(self.closure)

    def timer_expired(self) -> None:
        """The timer set last has run out."""
        before = self.state
        self.state, action = step(before, Input.EXPIRED)
        if action is Action.KEEP_ALIVE:
            self._open_timer_expired()
        elif action is Action.TIME_OUT:
            self._opening_timed_out()
        elif action is Action.ABORT and before is State.CLOSING:
            self._closing_timed_out()
        elif action is Action.ABORT and self._is_moving():
            self._arm(self._drop_timeout)
        elif action is Action.ABORT:
            self._port.timed_out(Cause.DROP_TIMEOUT)
            self._out.discard()
            self._port.abort()

    def ended(self, reason: str) -> None:
        """The peer has ended its half of the transport, and octets wait that it may still read."""
        if self.state in (State.OPEN, State.CLOSING):
            self._record(Cause.LOST, CloseCode.ABNORMAL, reason)
            self.state = State.DRAINING
            self._reader.stop()
            self._arm(self._drop_timeout)

    def pause_writing(self) -> None:
        """The transport has more to send than it wants to keep."""
        if self.state not in (State.DRAINING, State.CLOSED) and not self._out.paused:
            self._out.paused = True
            self._port.sending_paused()

    def resume_writing(self) -> None:
        """The transport has room again."""
        if not self._out.paused:
            return
        self._out.paused = False
        self._probed = False
        if self.state in (State.DRAINING, State.CLOSED):
            return
        # What was sent during this pause holds no longer; what is sent from here on may hold anew.
        held = self._holds & HOLD_SENDING
        self._holds &= ~HOLD_SENDING
        # The upcall first: the pong may be what stops sending again, and then it is owed again.
        self._port.sending_resumed()
        owed, self._owed_pong = self._owed_pong, None
        if owed is not None:
            self.send_pong(owed)
        if held:
            self._go_on()

    # What the application wants.

    def hold(self, who: int) -> bool:
        """Stop parsing and reading for `who`, one of the HOLD bits; False when that one holds already.

        False too, and nothing more, once all that is left is to read on to the end of TCP.
        """
        if self._holds & who or self.state in (State.DRAINING, State.CLOSED):
            return False
        if not self._holds:
            self._reader.paused = True
            self._port.pause_reading()
        self._holds |= who
        return True

    def release(self, who: int) -> None:
        """The end of `hold`; goes on with what is kept, then with reading, unless somebody else holds."""
        if not self._holds & who:
            return
        self._holds &= ~who
        self._go_on()

    def _go_on(self) -> None:
        """Parse what is kept, then read, unless somebody holds."""
        if self._holds:
            return
        self._reader.paused = False
        heard = self._heard
        self.receive(b"")
        # That was no sign of life.
        self._heard = heard
        # What was kept may have led to the next hold.
        if not self._holds:
            self._port.resume_reading()

    @property
    def held(self) -> int:
        """The HOLD bits in force."""
        return self._holds

    def refuse_message(self, reason: str) -> None:
        """A message that the layers above assemble is too big: as if the reader had found that."""
        self._violated(ProtocolViolation(CloseCode.MESSAGE_TOO_BIG, reason))

    def send_close(self, code: int | None, reason: str | None) -> None:
        """Begin the closing handshake; nothing when it has begun. `ValueError` for codes that may not be sent."""
        check_close(code, reason)
        before = self.state
        self.state, action = step(before, Input.SEND_CLOSE)
        if action is Action.MISUSE:
            raise Disconnected("cannot close: the opening handshake is not complete (drop the connection instead)")
        if action is Action.SEND_CLOSE:
            self._write_close(code, reason)
            self._arm(self.options.closeHandshakeTimeout)
            # Nothing more can be asked of us, and the answer must be found.
            self.release(HOLD_SENDING)

    def fail(self, cause: Cause, code: int, reason: str) -> None:
        """Close because of us: deliver nothing more, say `code` where it can be said."""
        if self.state is State.CONNECTING:
            self.drop(cause, reason)
        elif self.state is State.OPEN:
            self._record(cause, code, reason)
            self._reader.deaf = True
            self.send_close(code, None)
            self._release_readers()
        elif self.state is State.CLOSING:
            # Too late to say anything else; but whoever failed at one message would fail at the next.
            self._reader.deaf = True
            self._release_readers()

    def drop(self, cause: Cause, reason: str, abort: bool = True) -> None:
        """End the transport without a closing handshake, at once or (not `abort`) after what was written."""
        if self.state is State.CLOSED:
            return
        failure = HandshakeError(reason) if self.state is State.CONNECTING else None
        self._record(cause, CloseCode.ABNORMAL, reason, failure)
        self.state = State.DRAINING
        self._reader.stop()
        if abort:
            self._abort()
        else:
            self._finish()

    # What the frame reader tells; see `FrameSink`.

    @property
    def message(self) -> Callable[[bytes, bool], None]:
        """The reader calls the port without a detour: this is the hot path."""
        return self._port.message

    def ping(self, payload: bytes) -> None:
        """A Ping came. Once our Close is out nothing may follow it, so nobody is asked to answer."""
        if self.state is State.OPEN:
            self._port.ping(payload)

    def pong(self, payload: bytes) -> None:
        """A Pong came: perhaps the answer to an automatic ping."""
        answered = self._keepalive.pong(payload, self._port.now()) if self._keepalive is not None else None
        if answered is not None:
            self._port.auto_pong(answered, payload)
        self._port.pong(payload)

    def close(self, code: int | None, reason: bytes) -> None:
        """The Close frame came (section 5.5.1)."""
        ours_was_first = self.closed_by_us
        self.remote_close_code = code
        self.remote_close_reason = reason.decode() if reason else None
        self._port.close_frame(code, reason)
        self.state, action = step(self.state, Input.RECV_CLOSE)
        if action is Action.IGNORE:
            return
        # Section 7.1.5: no code in the frame is reported as 1005.
        reported = CloseCode.NO_STATUS if code is None else code
        self._record(Cause.CLOSE_HANDSHAKE, reported, self.remote_close_reason)
        if action is Action.REPLY_CLOSE:
            echo = self.options.echoCloseCodeReason
            self._write_close(code if echo else CloseCode.NORMAL, self.remote_close_reason if echo else None)
        self.closed_by_us = ours_was_first
        self._end_transport()

    # Inside.

    def _failure_of_opening(self, reason: str) -> HandshakeError:
        return HandshakeLost(f"the connection was lost during the opening handshake: {reason}")

    def _opening_timed_out(self) -> None:
        """`openHandshakeTimeout`, or `onConnectTimeout` while the application decides."""
        option = "onConnectTimeout" if self._deciding else "openHandshakeTimeout"
        text = f"the opening handshake was not complete within {option}"
        self._record(Cause.OPENING_TIMEOUT, CloseCode.ABNORMAL, text, HandshakeTimeout(text))
        self._port.timed_out(Cause.OPENING_TIMEOUT)
        self._abort()

    def _keep_early(self, data: bytes) -> None:
        """Octets that came while the application decides: kept for later, not parsed, and not without end."""
        self._early += data
        if len(self._early) > _EARLY_SIZE:
            self.hold(HOLD_OPENING)

    def _ask(self, question: Callable[..., None], *about: object) -> None:
        """Ask the application. If it does not decide at once, it has `onConnectTimeout` from then on."""
        self._deciding = True
        question(*about)
        if self._deciding and self.state is State.CONNECTING:
            self._port.set_timeout(self.options.onConnectTimeout)

    def _open(self, early: bytes) -> None:
        """The handshake is complete: tell so, then go on with what came `early`."""
        self.state, action = step(self.state, Input.ACCEPTED)
        if action is not Action.OPEN:
            # Dropped while the response was being written: the transport may call back from inside of a write.
            return
        self._deciding = False
        self._early = b""
        self._start_keepalive()
        self._port.opened()
        self.receive(early)
        self.release(HOLD_OPENING)

    def _start_keepalive(self) -> None:
        options = self.options
        if options.autoPingInterval:
            interval, timeout, size = options.autoPingInterval, options.autoPingTimeout, options.autoPingSize
            self._keepalive = KeepAlive(interval, timeout, size, self._random, self._port.now())
        if self.extension is not None and self.extension.release_after:
            self._release_check = self._port.now() + self.extension.release_after
        self._arm_open()

    def _arm_open(self) -> None:
        """The timer of an open connection: whichever of its uses comes first."""
        if self._keepalive is None and self._stall_check is None and self._release_check is None:
            self._port.set_timer(None)
            return
        now = self._port.now()
        delay = None if self._keepalive is None else self._keepalive.delay(now)
        if self._stall_check is not None:
            stall = max(0.0, self._stall_check - now)
            delay = stall if delay is None else min(delay, stall)
        if self._release_check is not None:
            idle = max(0.0, self._release_check - now)
            delay = idle if delay is None else min(delay, idle)
        self._port.set_timer(delay)

    def _open_timer_expired(self) -> None:
        """A ping is due, a pong overdue, the peer has held us up for a while, or it is time to save memory."""
        now = self._port.now()
        payload = None
        if self._keepalive is not None:
            try:
                payload = self._keepalive.expire(now, self._is_alive())
            except PeerLost:
                self._lose_peer()
                return
            self._heard = False
        lift = self._check_stall(now)
        self._check_idle(now)
        # First the timer: what follows may end the connection.
        self._arm_open()
        if payload is not None:
            self._out.control(OP_PING, payload)
        if lift:
            self.release(HOLD_SENDING)

    def _lose_peer(self) -> None:
        self._record(Cause.PING_TIMEOUT, CloseCode.ABNORMAL, "no answer to a ping within autoPingTimeout")
        self.state = State.DRAINING
        self._port.timed_out(Cause.PING_TIMEOUT)
        self._abort()

    def _sent_while_paused(self) -> None:
        """We sent more to a peer that does not keep up: read no more from it, but look after that."""
        if not self.reads_on and self.state is State.OPEN and self.hold(HOLD_SENDING):
            if not self._probed:
                self._taken_at_stall = self._out.taken
            self._stall_check = self._port.now() + _STALL
            self._arm_open()

    def _check_stall(self, now: float) -> bool:
        """Whether to lift the hold on a peer that has not read anything for a while; see the top of this file."""
        if self._stall_check is None or now < self._stall_check:
            return False
        self._stall_check = None
        if not self._holds & HOLD_SENDING:
            return False
        before, self._taken_at_stall = self._taken_at_stall, self._out.taken
        if self._taken_at_stall > before:
            self._probed = False
        elif not self._probed:
            self._probed = True
            return True
        self._stall_check = now + _STALL
        return False

    def _check_idle(self, now: float) -> None:
        """Give the contexts of permessage-deflate back when there was no message for `release_after` seconds."""
        if self._release_check is None or self.extension is None or now < self._release_check:
            return
        before, self._messages_before = self._messages_before, self.messages_sent + self.messages_received
        if before == self._messages_before:
            self.release_contexts()
        self._release_check = now + self.extension.release_after

    def _is_alive(self) -> bool:
        """Whether the peer gave a sign of life, or could not have given one because we did not listen."""
        before, self._taken = self._taken, self._out.taken
        if self._holds & ~HOLD_SENDING or self._out.ping_waits or (self._out.paused and self._taken > before):
            return True
        return self._heard and self.options.autoPingRestartOnAnyTraffic

    def _closing_timed_out(self) -> None:
        """No Close frame in time. If it may lie unread because of us, make way and give it the same time again."""
        if self._is_moving():
            self.state = State.CLOSING
            self._arm(self.options.closeHandshakeTimeout)
            return
        if self._holds & (HOLD_APPLICATION | HOLD_HANDLER) and not self._reader.deaf:
            self.state = State.CLOSING
            self._reader.deaf = True
            self._arm(self.options.closeHandshakeTimeout)
            self._release_readers()
            return
        self._record(
            Cause.CLOSING_TIMEOUT, CloseCode.ABNORMAL, "no Close frame from the peer within closeHandshakeTimeout"
        )
        self._port.timed_out(Cause.CLOSING_TIMEOUT)
        self._abort()

    def _release_readers(self) -> None:
        self.release(HOLD_APPLICATION)
        self.release(HOLD_HANDLER)

    def _violated(self, violation: ProtocolViolation) -> None:
        self.state, action = step(self.state, Input.VIOLATION)
        if action is Action.FAIL and not self.options.failByDrop:
            self._record(Cause.VIOLATION, violation.code, violation.reason)
            self._write_close(violation.code, violation.reason)
            self._finish()
        elif action is not Action.IGNORE:
            self._record(Cause.VIOLATION, CloseCode.ABNORMAL, violation.reason)
            self._abort()
        # No message comes or goes any more, and an attacker may take its time to go.
        self._inflater = self._out.deflation = None

    def _record(self, cause: Cause, code: int, reason: str | None, failure: HandshakeError | None = None) -> None:
        """Remember how it ended; what came first is what counts."""
        if self.closure is None:
            self.closure = Closure(cause, int(code), reason, failure)

    def _end_transport(self) -> None:
        raise AssertionError("a role decides this")

    @property
    def _drop_timeout(self) -> float:
        """How long the peer may take to end TCP, in seconds."""
        raise AssertionError("a role decides this")

    def _finish(self) -> None:
        """End TCP in order, and not later than the drop timeout."""
        self._reader.stop()
        self._out.flush()
        self._arm(self._drop_timeout)
        self._release_all()
        if self._out.close_waits:
            # For the end of a frame that the application sends by parts.
            self._end_after_frame = True
        else:
            self._port.close()

    def _release_all(self) -> None:
        """Nobody needs protection any more: read on to the peer's end, and throw away what comes."""
        if self._holds:
            self._holds = 0
            self._port.resume_reading()

    def _abort(self) -> None:
        self._reader.stop()
        self._out.discard()
        self._end_after_frame = False
        self._port.set_timer(None)
        self._port.abort()

    def _arm(self, seconds: float) -> None:
        """Set the timer to one of the options' times."""
        self._marks = (self._out.taken, self._out.octets, self._port.buffered_amount())
        self._port.set_timeout(seconds)

    def _is_moving(self) -> bool:
        """Whether what was sent before the end is still on its way: a slow peer shall get all of it.

        It must have taken a little since the timer was set; or the application must have sent some of the frame that a
        Close is waiting behind.
        """
        taken, octets, waiting = self._marks
        if self._out.close_waits:
            return self._out.octets > octets
        return (waiting > 0 or self._port.buffered_amount() > 0) and self._out.taken - taken >= _SLOWEST

    def _write_close(self, code: int | None, reason: str | None) -> None:
        self.closed_by_us = True
        octets, self.local_close_reason = close_payload(code, reason)
        self.local_close_code = code
        self._out.control(OP_CLOSE, octets)

    def _overflowed(self) -> None:
        """Drop a peer that has not read `maxSendBuffer` octets; nothing could be said to it any more."""
        limit = self.options.maxSendBuffer
        self.drop(Cause.SEND_BUFFER, f"the peer does not read: more than maxSendBuffer ({limit}) octets wait for it")

    def _trace_received(self, first: int, masked: bool, size: int, beginning: bytes) -> None:
        self._port.trace_frame(False, first, masked, size, beginning)
