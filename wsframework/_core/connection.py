"""One WebSocket connection from the transport's beginning to its end, without a transport.

Strategy: the backend tells what happened (`receive`, `lost`, `timer_expired`, ...), the application what it wants
(`send_message`, `send_close`, ...); both are looked up in the lifecycle table and end in calls of the Port. The two
roles differ in the opening handshake and live in modules of their own.

* Cork: while a received chunk is being worked on, writes are gathered and go out as one.
* Holds: whoever cannot take more messages holds the connection; while anybody does, nothing is parsed or read. A peer
  that does not read its echoes holds it too, which is what bounds the memory it can take.
* One timer: the state says what its expiry means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wsframework._core.closure import Cause, Closure
from wsframework._core.codec import FrameReader, encode_frame
from wsframework._core.constants import (
    OP_BINARY,
    OP_CLOSE,
    OP_CONTINUATION,
    OP_PING,
    OP_PONG,
    OP_TEXT,
    CloseCode,
    State,
    is_sendable_close_code,
)
from wsframework._core.keepalive import KeepAlive, PeerLost
from wsframework._core.lifecycle import Action, Input, step
from wsframework._core.port import Port
from wsframework._core.violation import ProtocolViolation
from wsframework.exceptions import Disconnected, HandshakeError, HandshakeTimeout, PayloadExceededError
from wsframework.options import CommonOptions

__all__ = ["HOLD_APPLICATION", "HOLD_HANDLER", "HOLD_OPENING", "HOLD_SENDING", "Connection", "check_close"]

# Who holds the connection, as bits.
HOLD_APPLICATION: Final = 1
HOLD_HANDLER: Final = 2
HOLD_SENDING: Final = 4
HOLD_OPENING: Final = 8

# Gathered writes go out when they reach this size, so that a chunk full of requests for large answers meets the
# transport's high-water mark early.
_CORK_SIZE: Final = 65536
# What may arrive while the application decides about the opening handshake, before reading stops.
_EARLY_SIZE: Final = 65536
_MAX_CLOSE_REASON: Final = 123


class Connection:
    """What both roles share; see `ServerConnection` and `ClientConnection`."""

    __slots__ = (
        "_cork",
        "_cork_size",
        "_deciding",
        "_drop_timeout",
        "_early",
        "_heard",
        "_holds",
        "_keepalive",
        "_mask_key",
        "_owed_pong",
        "_port",
        "_random",
        "_reader",
        "_unsent_at_ping",
        "closed_by_us",
        "closure",
        "local_close_code",
        "local_close_reason",
        "message",
        "options",
        "peer",
        "protocol",
        "remote_close_code",
        "remote_close_reason",
        "state",
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
        self._mask_key = mask_key
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
        # The reader calls the port without a detour: this is the hot path.
        self.message = port.message
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
        self._keepalive: KeepAlive | None = None
        self._heard = False
        self._unsent_at_ping = 0
        self._owed_pong: bytes | None = None
        self._holds = 0
        self._cork: list[bytes] | None = None
        self._cork_size = 0
        self._deciding = False
        self._early = b""
        # How long the peer may take to end TCP; the roles have an option each.
        self._drop_timeout = 0.0

    # What the transport tells.

    def receive(self, data: bytes) -> None:
        """Octets arrived; any number, in any pieces."""
        self._heard = True
        if self._cork is not None:
            self._dispatch(data)
            return
        self._cork = []
        try:
            self._dispatch(data)
        finally:
            self._uncork()

    def lost(self, reason: str) -> None:
        """The transport is gone, for the `reason` given in words."""
        opening = self.state is State.CONNECTING
        self.state, action = step(self.state, Input.LOST)
        if action is Action.IGNORE:
            return
        self._port.set_timer(None)
        self._reader.stop()
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
            self._keep_alive()
        elif action is Action.TIME_OUT:
            self._opening_timed_out()
        elif action is Action.ABORT and before is State.CLOSING:
            self._closing_timed_out()
        elif action is Action.ABORT:
            self._port.timed_out(Cause.DROP_TIMEOUT)
            self._port.abort()

    def pause_writing(self) -> None:
        """The transport has more to send than it wants to keep."""
        if self.hold(HOLD_SENDING):
            self._port.sending_paused()

    def resume_writing(self) -> None:
        """The transport has room again."""
        if not self._holds & HOLD_SENDING:
            return
        self._holds &= ~HOLD_SENDING
        # The upcall first: the pong may be what stops sending again, and then it is owed again.
        self._port.sending_resumed()
        owed, self._owed_pong = self._owed_pong, None
        if owed is not None:
            self.send_pong(owed)
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
        self.receive(b"")
        # What was kept may have led to the next hold.
        if not self._holds:
            self._port.resume_reading()

    @property
    def held(self) -> int:
        """The HOLD bits in force."""
        return self._holds

    @property
    def buffered_amount(self) -> int:
        """Octets that were sent by us and not yet taken by the operating system."""
        return self._port.buffered_amount() + self._cork_size

    def send_message(self, payload: bytes, is_binary: bool, fragment_size: int = 0) -> None:
        """Send a message, in frames of at most `fragment_size` octets if that is not 0 (section 5.4)."""
        if self.state is not State.OPEN:
            raise Disconnected(f"cannot send a message: the connection is {self.state.value}")
        size = len(payload)
        limit = self.options.maxMessagePayloadSize
        if limit and size > limit:
            raise PayloadExceededError(f"message of {size} octets is over maxMessagePayloadSize ({limit})")
        opcode = OP_BINARY if is_binary else OP_TEXT
        fragment_size = fragment_size or self.options.autoFragmentSize
        if not fragment_size or size <= fragment_size:
            self._send_frame(opcode, payload)
            return
        # In one write: the transport may call the application back from inside of it, and no other message may come
        # between the fragments of this one.
        frames = bytearray()
        for start in range(0, size, fragment_size):
            end = start + fragment_size
            frames += self._encode(opcode, payload[start:end], end >= size)
            opcode = OP_CONTINUATION
        self._write(bytes(frames))

    def send_ping(self, payload: bytes) -> None:
        """Send a Ping of at most 125 octets; nothing unless open."""
        _check_control_payload(payload)
        if self.state is State.OPEN:
            self._send_frame(OP_PING, payload)

    def send_pong(self, payload: bytes) -> None:
        """Send a Pong of at most 125 octets; nothing unless open. To a peer that does not read, only the last one."""
        _check_control_payload(payload)
        if self.state is not State.OPEN:
            return
        if self._holds & HOLD_SENDING:
            self._owed_pong = payload
            return
        self._send_frame(OP_PONG, payload)

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

    def fail(self, cause: Cause, code: int, reason: str) -> None:
        """Close because of us: deliver nothing more, say `code` where it can be said."""
        if self.state is State.CONNECTING:
            self.drop(cause, reason)
        elif self.state is State.OPEN:
            self._record(cause, code, reason)
            self._reader.deaf = True
            self.send_close(code, None)
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

    def _dispatch(self, data: bytes) -> None:
        if self.state is State.CONNECTING:
            self._receive_opening(data)
            return
        try:
            self._reader.feed(data)
        except ProtocolViolation as violation:
            self._violated(violation)

    def _receive_opening(self, data: bytes) -> None:
        raise AssertionError("a role decides this")

    def _failure_of_opening(self, reason: str) -> HandshakeError:
        return HandshakeError(f"the connection was lost during the opening handshake: {reason}")

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

    def _decide(self) -> None:
        self._deciding = True
        self._arm(self.options.onConnectTimeout)

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
        if not options.autoPingInterval:
            self._port.set_timer(None)
            return
        now = self._port.now()
        size = options.autoPingSize
        self._keepalive = KeepAlive(options.autoPingInterval, options.autoPingTimeout, size, self._random, now)
        self._arm(self._keepalive.delay(now))

    def _keep_alive(self) -> None:
        """A ping is due or a pong overdue."""
        assert self._keepalive is not None, "only automatic pings set the timer of an open connection"
        now = self._port.now()
        try:
            payload = self._keepalive.expire(now, self._is_alive())
        except PeerLost:
            self._record(Cause.PING_TIMEOUT, CloseCode.ABNORMAL, "no answer to a ping within autoPingTimeout")
            self.state = State.DRAINING
            self._port.timed_out(Cause.PING_TIMEOUT)
            self._abort()
            return
        self._heard = False
        self._unsent_at_ping = self._port.buffered_amount()
        # First the timer: the write may be the one too many, which ends the connection.
        self._arm(self._keepalive.delay(now))
        if payload is not None:
            self._send_frame(OP_PING, payload)

    def _is_alive(self) -> bool:
        """Whether the peer gave a sign of life, or could not have given one because we did not listen."""
        if self._holds & ~HOLD_SENDING:
            return True
        if self._holds & HOLD_SENDING and self._port.buffered_amount() < self._unsent_at_ping:
            return True
        return self._heard and self.options.autoPingRestartOnAnyTraffic

    def _closing_timed_out(self) -> None:
        """No Close frame in time. If it may lie unread because of us, make way and give it the same time again."""
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

    def _record(self, cause: Cause, code: int, reason: str | None, failure: HandshakeError | None = None) -> None:
        """Remember how it ended; what came first is what counts."""
        if self.closure is None:
            self.closure = Closure(cause, int(code), reason, failure)

    def _end_transport(self) -> None:
        raise AssertionError("a role decides this")

    def _finish(self) -> None:
        """End TCP in order, and not later than the drop timeout."""
        self._reader.stop()
        self.flush()
        self._arm(self._drop_timeout)
        self._release_all()
        self._port.close()

    def _release_all(self) -> None:
        """Nobody needs protection any more: read on to the peer's end, and throw away what comes."""
        if self._holds:
            self._holds = 0
            self._port.resume_reading()

    def _abort(self) -> None:
        self._reader.stop()
        self._cork = None if self._cork is None else []
        self._cork_size = 0
        self._port.set_timer(None)
        self._port.abort()

    def _arm(self, seconds: float) -> None:
        """Set the timer; 0 is how options say never."""
        self._port.set_timer(seconds or None)

    def _write_close(self, code: int | None, reason: str | None) -> None:
        self.closed_by_us = True
        encoded = _cut(reason or "")
        self.local_close_code = code
        self.local_close_reason = encoded.decode() if encoded else None
        self._send_frame(OP_CLOSE, b"" if code is None else int(code).to_bytes(2, "big") + encoded)

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        self._write(self._encode(opcode, payload))

    def _encode(self, opcode: int, payload: bytes, fin: bool = True) -> bytes:
        key = None if self._mask_key is None else self._mask_key()
        if self.options.logFrames:
            self._port.trace_frame(True, (0x80 if fin else 0) | opcode, key is not None, len(payload))
        return encode_frame(opcode, payload, key, fin)

    def _write(self, data: bytes) -> None:
        if self._holds & HOLD_SENDING and self._overflows(len(data)):
            return
        if self._cork is None:
            self._port.write(data)
            return
        self._cork.append(data)
        self._cork_size += len(data)
        if self._cork_size >= _CORK_SIZE:
            self.flush()

    def _overflows(self, size: int) -> bool:
        """Drop a peer that has not read `maxSendBuffer` octets; nothing could be said to it any more."""
        limit = self.options.maxSendBuffer
        if not limit or self.buffered_amount + size <= limit:
            return False
        self.drop(Cause.SEND_BUFFER, f"the peer does not read: more than maxSendBuffer ({limit}) octets wait for it")
        return True

    def flush(self) -> None:
        """Send what was gathered."""
        cork = self._cork
        if not cork:
            return
        data = cork[0] if len(cork) == 1 else b"".join(cork)
        cork.clear()
        self._cork_size = 0
        self._port.write(data)

    def _uncork(self) -> None:
        self.flush()
        self._cork = None

    def _trace_received(self, first: int, masked: bool, size: int) -> None:
        self._port.trace_frame(False, first, masked, size)


def _check_control_payload(payload: bytes) -> None:
    if len(payload) > 125:
        raise ValueError(f"the payload of a control frame has at most 125 octets, not {len(payload)}")


def check_close(code: int | None, reason: str | None) -> None:
    """`TypeError` or `ValueError` for what may not stand in a Close frame that an application sends."""
    if code is None:
        if reason is not None:
            raise ValueError("a close reason needs a close code")
        return
    if not isinstance(code, int) or isinstance(code, bool):
        raise TypeError(f"code must be an int, not {type(code).__name__}")
    if not is_sendable_close_code(code):
        raise ValueError(f"close code {code} cannot be sent: use 1000 to 1003, 1007 to 1014 or 3000 to 4999")
    if reason is not None and not isinstance(reason, str):
        raise TypeError(f"reason must be a str, not {type(reason).__name__}")


def _cut(reason: str) -> bytes:
    """The reason as UTF-8 in at most 123 octets, cut between two code points."""
    return reason.encode("utf8", "replace")[:_MAX_CLOSE_REASON].decode("utf8", "ignore").encode()
