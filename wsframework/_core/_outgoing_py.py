"""The sending half of a connection: messages and streams to frames, frames to writes.

Strategy: four things make this more than encoding.

* Cork: while a received chunk is being worked on, frames are gathered and go out in one write.
* A peer that does not read: while the transport is over its high-water mark, what would go beyond `maxSendBuffer` is
  not written; whoever owns this is told, and drops the peer.
* permessage-deflate: a message is compressed first and cut into frames then. A large one may be compressed in another
  thread; messages after it wait in line, and what cannot wait (a Close, a message by parts) waits for the thread.
* A frame that the application sends piece by piece: nothing may come inside of it, not even a Pong or a Close, so
  control frames wait for its end, of each kind the latest.

Every check comes before the first octet is written. Calls out of order raise `SequenceError`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from wsframework._core.constants import LARGEST, OP_BINARY, OP_CLOSE, OP_CONTINUATION, OP_PING, OP_TEXT, TRACED
from wsframework._core.deflation import Deflation
from wsframework._core.line import Line
from wsframework._core.masking import apply_mask
from wsframework._core.octets import encode_frame, encode_header
from wsframework._core.port import Port
from wsframework._core.prepared import Prepared
from wsframework.exceptions import PayloadExceededError, SequenceError
from wsframework.options import CommonOptions

__all__ = ["MaskKeys", "Outgoing"]

# What is compiled as plain numbers; see the .pxd.
_TEXT: Final = OP_TEXT
_BINARY: Final = OP_BINARY

# Gathered frames go out when they reach this size, so that a chunk full of requests for large answers meets the
# transport's high-water mark early.
_CORK_SIZE: Final = 65536

# Says that a message is compressed (RFC 7692 section 6); of the three reserved bits the highest.
_RSV1: Final = 4

# From how many octets on a payload is written for itself. Below, the copy costs less than a second system call and what
# it wakes up; above, it takes memory that glibc's allocator maps for it each time, and costs several times as much.
_LARGE: Final = 122880

# Octets drawn from the random source in one go: one system call serves this many keys of four.
_REFILL: Final = 4 * 256

# Where the application is in a message that it sends by parts.
_GROUND: Final = 0
_IN_MESSAGE: Final = 1
_IN_FRAME: Final = 2
_PLACES: Final = ("between two messages", "inside of an unfinished message", "inside of an unfinished frame")


class MaskKeys:
    """Masking keys from a source of strong randomness, drawn in batches (RFC 6455 section 10.3).

    `random(n)` returns n unpredictable octets. After a fork the child must call `reset`, or both processes would go on
    with the same keys.
    """

    __slots__ = ("__weakref__", "_at", "_keys", "_random")

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self.reset()

    def reset(self) -> None:
        """Forget the keys that were drawn and not used."""
        self._keys = b""
        self._at = 0

    def __call__(self) -> bytes:
        at = self._at
        if at == len(self._keys):
            self._keys = self._random(_REFILL)
            at = 0
        self._at = at + 4
        return self._keys[at : at + 4]


class Outgoing:
    """Frames for one peer. `mask_key` gives a key for every frame, None if this end does not mask.

    `paused` is True while the transport is over its high-water mark. While it is, `sent_while_paused` is called for
    everything that the application sends all the same, and `overflow` in place of a write that would go beyond
    `maxSendBuffer`.
    """

    __slots__ = (
        "_compressing",
        "_cork",
        "_cork_size",
        "_fragment_size",
        "_halfway",
        "_key",
        "_line",
        "_mask_key",
        "_max_message",
        "_max_send_buffer",
        "_missing",
        "_offset",
        "_opcode",
        "_overflow",
        "_owes_uncork",
        "_place",
        "_port",
        "_sent_while_paused",
        "_traces",
        "_waiting",
        "deflation",
        "frames",
        "messages",
        "octets",
        "paused",
        "payload_octets",
        "saved",
    )

    def __init__(
        self,
        port: Port,
        options: CommonOptions,
        mask_key: Callable[[], bytes] | None,
        overflow: Callable[[], None],
        sent_while_paused: Callable[[], None],
    ) -> None:
        self._port = port
        self._mask_key = mask_key
        # Looked up once: this is the hot path.
        self._max_message = min(options.maxMessagePayloadSize, LARGEST)
        self._fragment_size = min(options.autoFragmentSize, LARGEST)
        self._max_send_buffer = min(options.maxSendBuffer, LARGEST)
        self._traces = options.logFrames
        self._overflow = overflow
        self._sent_while_paused = sent_while_paused
        self.paused = False
        # Made when a message is first compressed in another thread.
        self._line: Line | None = None
        # Between the header and the payload of a frame.
        self._halfway = False
        self._owes_uncork = False
        self._cork: list[bytes] | None = None
        self._cork_size = 0
        # The message, and the frame in it, that the application sends by parts.
        self._place = _GROUND
        self._opcode = 0
        self._missing = 0
        self._key: bytes | None = None
        self._offset = 0
        # Control frames that wait for the end of that frame, by opcode.
        self._waiting: dict[int, bytes] | None = None
        # With permessage-deflate; and whether the message that is sent by parts is compressed.
        self.deflation: Deflation | None = None
        self._compressing = False
        # What was sent so far: messages, frames of any kind, octets of messages as they went, by how many octets these
        # had become less when they were compressed, octets in all.
        self.messages = 0
        self.frames = 0
        self.payload_octets = 0
        self.saved = 0
        self.octets = 0

    @property
    def buffered(self) -> int:
        """Octets that were sent and that the operating system has not taken."""
        return self._unsent if self._line is None else self._unsent + self._line.octets

    @property
    def _unsent(self) -> int:
        """Those of them that are frames already."""
        return self._port.buffered_amount() + self._cork_size

    @property
    def taken(self) -> int:
        """Octets that the operating system has taken. While `paused`, that these get more shows that the peer reads."""
        return self.octets - self._unsent

    @property
    def masks(self) -> bool:
        """True when this end masks its frames."""
        return self._mask_key is not None

    @property
    def is_in_message(self) -> bool:
        """True in the middle of a message: sent by parts, or being compressed in another thread."""
        return self._place != _GROUND or (self._line is not None and self._line.is_busy)

    @property
    def ping_waits(self) -> bool:
        """True while a Ping waits for the end of a frame."""
        return self._waiting is not None and OP_PING in self._waiting

    # Whole messages and control frames.

    def message(self, payload: bytes, is_binary: bool, fragment_size: int, compress: bool) -> None:
        """A message, in frames of at most `fragment_size` octets if that is not 0 (RFC 6455 section 5.4)."""
        size = len(payload)
        if self._place or 0 < self._max_message < size:
            self._refuse_message(size)
        self.messages += 1
        if self._line is not None and self._line.is_busy:
            self._line_up(size, partial(self._message_now, payload, is_binary, fragment_size, compress))
        elif self.deflation is None and not (fragment_size or self._fragment_size or self._traces) and size < _LARGE:
            # What most messages are, without a detour: calls are what this costs in pure Python.
            self.frames += 1
            self.payload_octets += size
            key = None if self._mask_key is None else self._mask_key()
            self._send(encode_frame(_BINARY if is_binary else _TEXT, payload, key))
        else:
            self._message_now(payload, is_binary, fragment_size, compress)

    def _message_now(self, payload: bytes, is_binary: bool, fragment_size: int, compress: bool) -> None:
        deflation = self.deflation
        if deflation is None or not compress or not deflation.wants(len(payload)):
            self._whole_message(payload, is_binary, fragment_size, 0)
        elif deflation.offloads(len(payload)):
            self._offload(deflation, payload, is_binary, fragment_size)
        else:
            self._compressed_message(payload, deflation.message(payload), is_binary, fragment_size)

    def _offload(self, deflation: Deflation, payload: bytes, is_binary: bool, fragment_size: int) -> None:
        """Have a message compressed in another thread; what comes after it waits in line."""

        def send(octets: bytes | None) -> None:
            self._compressed_message(payload, deflation.worked(payload, octets), is_binary, fragment_size)

        if self._line is None:
            self._line = Line(self._port)
        self._line.begin(len(payload), deflation.work(payload), send)

    def _line_up(self, size: int, send: Callable[[], None]) -> None:
        """Let a message wait for its turn; but if too much waits, that turn is now."""
        assert self._line is not None, "there is one to wait in"
        limit = self._max_send_buffer
        if limit and self.buffered + size > limit:
            self._line.settle()
            send()
        else:
            self._line.append(size, send)

    def _compressed_message(self, payload: bytes, octets: bytes | None, is_binary: bool, fragment_size: int) -> None:
        if octets is None:
            self._whole_message(payload, is_binary, fragment_size, 0)
        else:
            self.saved += len(payload) - len(octets)
            self._whole_message(octets, is_binary, fragment_size, _RSV1)

    def _whole_message(self, payload: bytes, is_binary: bool, fragment_size: int, rsv: int) -> None:
        opcode = _BINARY if is_binary else _TEXT
        fragment_size = fragment_size or self._fragment_size
        size = len(payload)
        if not fragment_size or size <= fragment_size:
            if size >= _LARGE and self._mask_key is None:
                self._send_large(opcode, payload, rsv)
            else:
                self._send(self._encode(opcode, payload, True, rsv))
            return
        # In one write: the transport may call the application back from inside of it, and no other message may come
        # between the fragments of this one.
        frames = bytearray()
        for start in range(0, size, fragment_size):
            end = start + fragment_size
            frames += self._encode(opcode, payload[start:end], end >= size, rsv)
            opcode = OP_CONTINUATION
            rsv = 0
        self._send(bytes(frames))

    def prepared(self, message: Prepared) -> None:
        """A message whose one frame is there already, unless this end masks or splits its frames."""
        payload = message.payload
        size = len(payload)
        if self._place or 0 < self._max_message < size:
            self._refuse_message(size)
        self.messages += 1
        if self._line is not None and self._line.is_busy:
            self._line_up(size, partial(self._prepared_now, message))
        elif self.deflation is None and self._mask_key is None and not (self._fragment_size or self._traces):
            # What most are, without a detour.
            self.frames += 1
            self.payload_octets += size
            self._send(message.plain or message.frame)
        else:
            self._prepared_now(message)

    def _prepared_now(self, message: Prepared) -> None:
        payload = message.payload
        size = len(payload)
        deflation = self.deflation
        octets = None
        if deflation is not None and message.may_compress and deflation.wants(size):
            octets = deflation.prepared(message)
        if self._mask_key is not None or self._fragment_size:
            self._compressed_message(payload, octets, message.is_binary, 0)
            return
        if octets is None or deflation is None:
            frame = message.frame
        else:
            frame = message.compressed_frame(deflation.settings.compression, octets)
            self.saved += size - len(octets)
            payload = octets
        self._count(frame[0], len(payload), payload)
        self._send(frame)

    def _refuse_message(self, size: int) -> None:
        """Say why a message of `size` octets may not be sent here and now."""
        limit = self._max_message
        if limit and size > limit:
            raise PayloadExceededError(f"message of {size} octets is over maxMessagePayloadSize ({limit})")
        raise SequenceError(f"a message cannot be sent {_PLACES[self._place]}")

    def control(self, opcode: int, payload: bytes) -> None:
        """A Ping, a Pong or a Close."""
        if opcode == OP_CLOSE:
            self._settle()
        if self._place == _IN_FRAME and not self._compressing:
            if self._waiting is None:
                self._waiting = {}
            self._waiting[opcode] = payload
            return
        self.write(self._encode(opcode, payload))

    # A message by parts.

    @property
    def close_waits(self) -> bool:
        """True while a Close waits for the end of a frame that is sent by parts."""
        return self._waiting is not None and OP_CLOSE in self._waiting

    def begin_message(self, is_binary: bool, compress: bool) -> None:
        """The frames that follow are one message."""
        self._check_place(_GROUND, "beginMessage")
        self._settle()
        self._place = _IN_MESSAGE
        self._opcode = _BINARY if is_binary else _TEXT
        self._compressing = compress and self.deflation is not None and self.deflation.settings.can_compress

    def begin_frame(self, length: int) -> None:
        """The next frame of the message; `length` octets follow by `frame_data`.

        Of a message that is compressed nobody knows how long its frames become: those on the wire are as the compressor
        gives them, and the application's only say when all that was sent so far must be there.
        """
        self._check_place(_IN_MESSAGE, "beginMessageFrame")
        self._missing = length
        if length:
            self._place = _IN_FRAME
        if self._compressing:
            return
        self._key = None if self._mask_key is None else self._mask_key()
        header = encode_header(self._next_opcode(), length, self._key, False)
        self._count(header[0], length, b"")
        self._offset = 0
        self._send(header)

    def frame_data(self, payload: bytes) -> int:
        """Octets of the frame; how many are still missing, or minus how many were too much and are not sent."""
        if not payload and self._place == _IN_MESSAGE:
            # A frame of no octets is complete from its beginning; nobody needs to treat it apart.
            return 0
        self._check_place(_IN_FRAME, "sendMessageFrameData")
        rest = self._missing - len(payload)
        if rest < 0:
            payload = payload[: self._missing]
        self._missing -= len(payload)
        complete = not self._missing
        if complete:
            self._place = _IN_MESSAGE
        if self._compressing:
            self._send_compressed(payload, complete)
            return rest
        if self._key is not None:
            data = apply_mask(payload, self._key, self._offset)
            self._offset += len(payload)
        else:
            data = payload
        self._send(data)
        if complete:
            self._send_waiting()
        return rest

    def frame(self, payload: bytes) -> None:
        """A whole frame of the message."""
        self._check_place(_IN_MESSAGE, "sendMessageFrame")
        if self._compressing:
            self._send_compressed(payload, True)
        else:
            self._send(self._encode_next(payload, False))

    def end_message(self) -> None:
        """The message is complete. That is said by an empty last frame: nobody knew before that it was the last."""
        self._check_place(_IN_MESSAGE, "endMessage")
        self._place = _GROUND
        self.messages += 1
        data = b""
        if self._compressing and self.deflation is not None:
            data = self.deflation.end()
            self.saved -= len(data)
        self._send(self._encode_next(data, True))

    def _send_compressed(self, payload: bytes, flush: bool) -> None:
        """What the compressor makes of `payload`, if anything, as a frame; with `flush` all of it."""
        assert self.deflation is not None, "a message is compressed"
        data = self.deflation.add(payload)
        if flush:
            data += self.deflation.flush()
        self.saved += len(payload) - len(data)
        if data:
            self._send(self._encode_next(data, False))

    def _check_place(self, wanted: int, call: str) -> None:
        if self._place != wanted:
            raise SequenceError(f"{call} belongs {_PLACES[wanted]}, and this is {_PLACES[self._place]}")

    def _next_opcode(self) -> int:
        opcode, self._opcode = self._opcode, OP_CONTINUATION
        return opcode

    def _send_waiting(self) -> None:
        """The control frames that could not come inside of the frame; a Close last (its opcode is the lowest)."""
        # Inside of each write the application may begin its next frame.
        while self._waiting and self._place != _IN_FRAME:
            opcode = max(self._waiting)
            self.write(self._encode(opcode, self._waiting.pop(opcode)))

    # Octets.

    def _encode_next(self, payload: bytes, fin: bool) -> bytes:
        """The next frame of a message that is sent by parts."""
        rsv = _RSV1 if self._compressing and self._opcode != OP_CONTINUATION else 0
        return self._encode(self._next_opcode(), payload, fin, rsv)

    def _encode(self, opcode: int, payload: bytes, fin: bool = True, rsv: int = 0) -> bytes:
        key = None if self._mask_key is None else self._mask_key()
        self._count((0x80 if fin else 0) | rsv << 4 | opcode, len(payload), payload)
        return encode_frame(opcode, payload, key, fin, rsv)

    def _count(self, first: int, size: int, payload: bytes) -> None:
        """A frame with this first octet and a payload of `size` octets is about to be sent; empty: it comes later."""
        self.frames += 1
        if not first & 0x08:
            self.payload_octets += size
        if self._traces:
            self._port.trace_frame(True, first, self.masks, size, payload[:TRACED])

    def _send(self, data: bytes) -> None:
        """Octets of the application's messages."""
        if self._cork is not None and not self.paused:
            # `write`, without a detour.
            self.octets += len(data)
            self._cork.append(data)
            self._cork_size += len(data)
            if self._cork_size >= _CORK_SIZE:
                self._flush()
            return
        # What makes the transport say stop is not meant: that was sent before it said so.
        again = self.paused
        self.write(data)
        if again and self.paused:
            self._sent_while_paused()

    def _send_large(self, opcode: int, payload: bytes, rsv: int) -> None:
        """A message in one frame of two writes: putting a large payload behind its header would copy it."""
        header = encode_header(opcode, len(payload), None, True, rsv)
        self._count(header[0], len(payload), payload)
        again = self.paused
        if again and self._is_too_much(len(header) + len(payload)):
            return
        is_ours = self.cork()
        try:
            self._gather(header)
            self._halfway = True
            self._pass_on()
            # What the transport made the application send meanwhile is gathered, or the connection was dropped.
            if self._halfway:
                self._halfway = False
                self.octets += len(payload)
                self._port.write(payload)
        finally:
            if is_ours or self._owes_uncork:
                self.uncork()
        if again and self.paused:
            self._sent_while_paused()

    def write(self, data: bytes) -> None:
        """Octets to the transport, or into the cork."""
        if self.paused and self._is_too_much(len(data)):
            return
        if self._cork is None:
            self.octets += len(data)
            self._port.write(data)
            return
        self._gather(data)
        if self._cork_size >= _CORK_SIZE:
            self._flush()

    def _is_too_much(self, size: int) -> bool:
        """Whether so many octets more are more than may wait for the peer; then that is told."""
        limit = self._max_send_buffer
        if not limit or self.buffered + size <= limit:
            return False
        self._overflow()
        return True

    def _gather(self, data: bytes) -> None:
        assert self._cork is not None, "whoever gathers has looked"
        self.octets += len(data)
        self._cork.append(data)
        self._cork_size += len(data)

    def cork(self) -> bool:
        """Gather from now on; False when that is so already."""
        if self._cork is not None:
            return False
        self._cork = []
        return True

    def uncork(self) -> None:
        """Send what was gathered, and gather no more."""
        if self._halfway:
            # Nothing may come into the middle of a frame; `_send_large` does this at its end.
            self._owes_uncork = True
            return
        self._owes_uncork = False
        # More than once, perhaps: the transport may call the application back from inside of a write.
        while self._cork:
            self._flush()
        self._cork = None

    def flush(self) -> None:
        """Send what was gathered, and what waits in line."""
        self._settle()
        self._flush()

    def _settle(self) -> None:
        if self._line is not None:
            self._line.settle()

    def _flush(self) -> None:
        """Send what was gathered; not in the middle of a frame."""
        if not self._halfway:
            self._pass_on()

    def _pass_on(self) -> None:
        cork = self._cork
        if not cork:
            return
        data = cork[0] if len(cork) == 1 else b"".join(cork)
        cork.clear()
        self._cork_size = 0
        self._port.write(data)

    def discard(self) -> None:
        """Forget what was gathered: the transport is dropped."""
        self._halfway = False
        if self._cork:
            self._cork.clear()
        self._cork_size = 0
        self._waiting = None
        if self._line is not None:
            self._line.discard()
