"""Frames (RFC 6455 section 5): octets to upcalls, and payloads to octets. The hot file; one source for all builds.

Strategy: `feed` walks over the chunk that arrived with an index and never copies what it has not reached. A frame that
lies in the chunk as a whole is sliced out once. A data frame that goes on after the chunk is taken piece by piece: each
piece is unmasked, validated and added to one growing buffer as it comes, so a bad octet is found when it arrives and
nothing is ever allocated on the word of a declared length. Only a header or a control frame that is cut by the end of
the chunk (at most 131 octets) is kept and looked at again.

All positions are stored before an upcall and read again after it, because the application may pause the reader, close
the connection or hand in more octets from inside. Everything is a plain int or bytes, so that Cython can compile this
file as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, cast

from wsframework._core.constants import (
    LARGEST,
    OP_BINARY,
    OP_CLOSE,
    OP_CONTINUATION,
    OP_PING,
    OP_TEXT,
    TRACED,
    is_receivable_close_code,
)
from wsframework._core.deflate import Inflater
from wsframework._core.masking import unmasked
from wsframework._core.octets import Assembly, take_payload
from wsframework._core.utf8 import Utf8Validator, is_utf8
from wsframework._core.violation import ProtocolViolation

__all__ = [
    "MASK_EITHER",
    "MASK_FORBIDDEN",
    "MASK_REQUIRED",
    "FrameReader",
    "FrameSink",
    "StreamSink",
    "parse_close",
]

MASK_FORBIDDEN: Final = 0
MASK_REQUIRED: Final = 1
MASK_EITHER: Final = 2

# From here on, what is compiled as plain numbers; see the .pxd.
_TEXT: Final = OP_TEXT
_BINARY: Final = OP_BINARY
_EITHER: Final = MASK_EITHER
_FRAMES: Final = 1
_PIECES: Final = 2

_PROTOCOL_ERROR = 1002
_INVALID_PAYLOAD = 1007
_TOO_BIG = 1009

# How much of a frame must be missing for it to be received into its place: below, a shared buffer does as well.
_WORTH_PLACING: Final = 16384

# One text for a wrong octet and for a missing one: which of the two is noticed depends on the pieces it came in.
_NOT_UTF8: Final = "text message is not valid UTF-8"

# Why a first octet is wrong whatever comes before it; None where it may be right. RSV bits need a negotiated
# extension, and control frames must not be fragmented (section 5.5).
_NO_FLAW: Final = ""


def _flaw_of_first_octet(octet: int, can_inflate: bool) -> str:
    opcode = octet & 0x0F
    if octet & 0x70 and not can_inflate:
        return "reserved bits are set and no extension was negotiated"
    if octet & 0x30:
        return "RSV2 or RSV3 is set, which no extension was negotiated for"
    if octet & 0x40 and opcode not in (OP_TEXT, OP_BINARY):
        return "RSV1 is set on something else than the first frame of a message"
    if 2 < opcode < 8 or opcode > 10:
        return f"reserved opcode {opcode}"
    if opcode > 7 and not octet & 0x80:
        return "fragmented control frame"
    return _NO_FLAW


_FLAWS: Final = tuple(_flaw_of_first_octet(octet, False) for octet in range(256))
# With permessage-deflate, RSV1 says that a message is compressed (RFC 7692 section 6).
_FLAWS_WITH_DEFLATE: Final = tuple(_flaw_of_first_octet(octet, True) for octet in range(256))


# Called with a frame's first octet, whether it is masked, its payload's length, and what of that is there already, at
# most `TRACED` octets.
FrameTrace = Callable[[int, bool, int, bytes], None]


class FrameSink(Protocol):
    """Who is told what the frames say. An upcall may pause or stop the reader and may feed it."""

    @property
    def message(self) -> Callable[[bytes, bool], None]:
        """Called with a whole message and whether it is binary; text is valid UTF-8 when the reader validates."""

    def ping(self, payload: bytes) -> None:
        """A Ping, perhaps between two fragments of a message."""

    def pong(self, payload: bytes) -> None:
        """A Pong, asked for or not."""

    def close(self, code: int | None, reason: bytes) -> None:
        """The Close frame, checked; the last upcall there is."""


class StreamSink(Protocol):
    """Who is told of messages while they come. Whole frames: `frame`; by pieces: `frame_begin`, `_data`, `_end`."""

    def message_begin(self, is_binary: bool) -> None:
        """The first frame's header is there."""

    def frame_begin(self, length: int) -> None:
        """A data frame's header is there; its payload has `length` octets."""

    def frame_data(self, payload: bytes) -> None:
        """The next piece of the payload, not empty; of a text, valid so far, perhaps cut inside of a character."""

    def frame_end(self) -> None:
        """The payload is complete."""

    def frame(self, payload: bytes) -> None:
        """A whole data frame."""

    def message_end(self) -> None:
        """The last frame was the end of the message; a text is valid as a whole."""


# In place of what only a streaming reader has.
_NOBODY = cast(StreamSink, None)
# In place of what only a reader has that can inflate.
_NO_INFLATER = cast(Inflater, None)
_NO_EVENTS: deque[tuple[Callable[..., None], tuple[object, ...]]] = deque(maxlen=0)


class FrameReader:
    """Takes octets in any pieces and calls the sink; raises `ProtocolViolation` once, then ignores everything.

    `require_mask` is one of MASK_REQUIRED (a server's peer), MASK_FORBIDDEN (a client's) and MASK_EITHER. The three
    limits are in octets, octets and data frames; 0 means none. `paused` may be set at any time: parsing stops after the
    upcall in progress, and `feed(b"")` goes on from there once it is False again. While `deaf` is True messages are
    read and checked but not delivered. `trace`, when set, is called for every frame header.
    """

    __slots__ = (
        "_apply_mask",
        "_assembly",
        "_chunk",
        "_compressed",
        "_events",
        "_feeding",
        "_fin",
        "_flaws",
        "_fragments",
        "_in_payload",
        "_inflater",
        "_key",
        "_late",
        "_max_fragments",
        "_max_frame",
        "_max_inflated",
        "_max_inflated_text",
        "_max_message",
        "_message",
        "_message_opcode",
        "_missing",
        "_offset",
        "_pos",
        "_require_mask",
        "_sink",
        "_stopped",
        "_stream",
        "_streaming",
        "_utf8",
        "_validate",
        "deaf",
        "frames",
        "inflation",
        "messages",
        "paused",
        "payload_octets",
        "trace",
    )

    def __init__(
        self,
        sink: FrameSink,
        require_mask: int,
        apply_mask: bool,
        max_frame: int,
        max_message: int,
        max_fragments: int,
        validate_utf8: bool,
    ) -> None:
        self._sink = sink
        # Asked for once: this is the hot path.
        self._message = sink.message
        self._require_mask = require_mask
        self._apply_mask = apply_mask
        self._max_frame = min(max_frame, LARGEST)
        self._max_message = min(max_message, LARGEST)
        self._max_fragments = min(max_fragments, LARGEST)
        self._validate = validate_utf8
        self.paused = False
        self.deaf = False
        # What was received so far: messages, frames of any kind, octets of messages as they came, and by how many
        # octets these became more when they were inflated.
        self.messages = 0
        self.frames = 0
        self.payload_octets = 0
        self.inflation = 0
        self.trace: FrameTrace | None = None
        self._stopped = False
        self._feeding = False
        # What is not parsed yet: `_chunk` from `_pos` on, then `_late`.
        self._chunk = b""
        self._pos = 0
        self._late = b""
        # The message in progress: its opcode (0: none), its data frames so far, what of it is there.
        self._message_opcode = 0
        self._fragments = 0
        self._assembly: Assembly | None = None
        self._utf8: Utf8Validator | None = None
        # Streaming: to whom, and the upcalls that are due; see `stream_to`.
        self._streaming = 0
        self._stream: StreamSink = _NOBODY
        self._events: deque[tuple[Callable[..., None], tuple[object, ...]]] = _NO_EVENTS
        # With permessage-deflate: see `inflate_with`. Whether the message in progress is compressed.
        self._flaws = _FLAWS
        self._inflater = _NO_INFLATER
        self._max_inflated = 0
        self._max_inflated_text = ""
        self._compressed = False
        # The data frame whose payload is still coming.
        self._in_payload = False
        self._fin = False
        self._missing = 0
        self._key = b""
        self._offset = 0

    def stream_to(self, sink: StreamSink, pieces: bool) -> None:
        """From now on tell `sink` of messages while they come: by frames, or by `pieces` as they arrive.

        The limits on assembled messages then bound one frame, or with `pieces` nothing at all.
        """
        self._streaming = _PIECES if pieces else _FRAMES
        self._stream = sink
        self._events = deque()

    def inflate_with(self, inflater: Inflater, max_inflated: int, max_inflated_text: str) -> None:
        """From now on messages may be compressed, and have at most `max_inflated` octets then (0: no limit)."""
        self._flaws = _FLAWS_WITH_DEFLATE
        self._inflater = inflater
        self._max_inflated = min(max_inflated, LARGEST)
        self._max_inflated_text = max_inflated_text

    @property
    def buffered(self) -> int:
        """Octets that are kept: not parsed yet, or of an unfinished message."""
        return len(self._chunk) - self._pos + len(self._late) + self._assembled

    @property
    def _assembled(self) -> int:
        """Octets of the unfinished message (or frame, when streaming) that are there."""
        return 0 if self._assembly is None else self._assembly.size

    def stop(self) -> None:
        """Deliver nothing more, ever, and give the memory back."""
        self._stopped = True
        self._chunk = self._late = b""
        self._pos = 0
        self._assembly = None
        self._events = _NO_EVENTS
        self._inflater = _NO_INFLATER

    def feed(self, data: bytes) -> None:
        """Parse what is kept and then `data`; inside an upcall or while paused only keep it."""
        if self._stopped:
            return
        if self._feeding or self.paused:
            self._late += data
            return
        self._take(data)
        self._feeding = True
        try:
            while self._advance() and self._late:
                self._take(b"")
        except ProtocolViolation:
            self.stop()
            raise
        finally:
            self._feeding = False
        if not self.paused:
            # Keep the few octets of a cut header, not the chunk that they came in.
            self._chunk = self._chunk[self._pos :]
            self._pos = 0

    def room(self) -> memoryview | None:
        """Memory where the transport can put what comes next, to be told of by `placed`; None where that is not worth
        it. Nothing may be fed in between.
        """
        if self._missing < _WORTH_PLACING or not self._in_payload or self._streaming or self._compressed:
            return None
        if self.paused or self._stopped or self._feeding or self._late or self._pos < len(self._chunk):
            return None
        return None if self._assembly is None else self._assembly.room(self._missing)

    def placed(self, size: int) -> None:
        """`size` octets were put into that memory."""
        assembly = self._assembly
        if assembly is None or self._stopped:
            return
        offset = self._offset
        self._offset = offset + size
        self._missing -= size
        self.payload_octets += size
        if not assembly.added(size, self._key, offset, self._utf8):
            self.stop()
            raise ProtocolViolation(_INVALID_PAYLOAD, _NOT_UTF8)
        if not self._missing:
            self.feed(b"")

    def _take(self, data: bytes) -> None:
        """Make one chunk of what is not parsed yet. With nothing new it stays as it is: copying the rest once for each
        message would be quadratic when an application pauses after every message.
        """
        if self._pos < len(self._chunk):
            if not data and not self._late:
                return
            self._chunk = self._chunk[self._pos :] + self._late + data
        elif self._late:
            self._chunk = self._late + data
        else:
            self._chunk = data
        self._late = b""
        self._pos = 0

    def _advance(self) -> bool:
        """Walk over the chunk (section 5.2) until it ends; False when paused or stopped before that."""
        data = self._chunk
        size = len(data)
        pos = self._pos
        while True:
            # 0. Streaming: say what is known before anything more is parsed.
            if self._streaming and self._events and not self._tell():
                return False
            # 1. Go on with a payload that began before.
            if self._in_payload:
                pos = self._take_piece(data, pos, size)
                self._pos = pos
                if self._streaming and self._events and not self._tell():
                    return False
                if self._missing:
                    return True
                self._in_payload = False
                self._end_frame()
                if self.paused or self._stopped:
                    return False
                continue
            # 2. FIN, RSV and opcode: what they prove needs no further octet.
            if pos == size:
                self._pos = pos
                return True
            first = data[pos]
            if self._flaws[first]:
                raise ProtocolViolation(_PROTOCOL_ERROR, self._flaws[first])
            opcode = first & 0x0F
            if opcode < 8 and (opcode == 0) != (self._message_opcode != 0):
                raise ProtocolViolation(_PROTOCOL_ERROR, self._flaw_of_order(opcode))
            # 3. MASK and length.
            if size - pos < 2:
                self._pos = pos
                return True
            second = data[pos + 1]
            length = second & 0x7F
            if second >> 7 != self._require_mask and self._require_mask != _EITHER:
                raise ProtocolViolation(_PROTOCOL_ERROR, self._flaw_of_mask())
            if opcode > 7 and length > 125:
                raise ProtocolViolation(_PROTOCOL_ERROR, "control frame with more than 125 octets")
            start = pos + 2
            if length > 125:
                extended = 2 if length == 126 else 8
                if size - start < extended:
                    self._check_partial_length(data, start, size, extended)
                    self._pos = pos
                    return True
                if extended == 2:
                    length = data[start] << 8 | data[start + 1]
                else:
                    self._check_partial_length(data, start, size, extended)
                    length = int.from_bytes(data[start : start + 8], "big")
                start += extended
                if length < (126 if extended == 2 else 65536):
                    raise ProtocolViolation(_PROTOCOL_ERROR, "frame length not in its shortest form")
            if opcode < 8:
                self._check_limits(length, self._compressed or first & 0x40 != 0)
            # 4. The masking key; it stays where it is, in front of the payload.
            if second & 0x80:
                if size - start < 4:
                    self._pos = pos
                    return True
                start += 4
            is_masked = second & 0x80 != 0 and self._apply_mask
            if self.trace is not None and (opcode < 8 or size - start >= length):
                self.trace(first, second & 0x80 != 0, length, self._beginning(data, start, length, is_masked))
            # 5. A payload that goes on after the chunk: a short wait for control frames, piece by piece for data. When
            # streaming, piece by piece in any case.
            if size - start < length or (self._streaming and opcode < 8):
                if opcode > 7:
                    self._pos = pos
                    return True
                self._begin_payload(first, length, data[start - 4 : start] if is_masked else b"")
                self._pos = pos = start
                continue
            # 6. A payload that is here as a whole.
            self.frames += 1
            pos = start + length
            self._pos = pos
            payload = take_payload(data, start, pos, is_masked)
            if opcode > 7:
                self._deliver_control(opcode, payload)
            elif first & 0x80 and opcode:
                self.payload_octets += length
                if first & 0x40:
                    self._deliver_inflated(opcode, payload)
                else:
                    self._deliver(payload, opcode == _BINARY)
            elif not self._add_fragment(first, payload):
                continue
            if self.paused or self._stopped:
                return False

    def _beginning(self, data: bytes, start: int, length: int, is_masked: bool) -> bytes:
        """What of a payload is in the chunk, for the trace."""
        end = min(len(data), start + min(length, TRACED))
        return unmasked(data, start, end, data[start - 4 : start] if is_masked else b"", 0)

    def _flaw_of_order(self, opcode: int) -> str:
        if opcode == OP_CONTINUATION:
            return "continuation frame without a message to continue"
        return "new message inside of an unfinished one"

    def _flaw_of_mask(self) -> str:
        if self._require_mask == MASK_REQUIRED:
            return "frame from a client is not masked"
        return "frame from a server is masked"

    def _check_partial_length(self, data: bytes, start: int, size: int, extended: int) -> None:
        if extended == 8 and start < size and data[start] & 0x80:
            raise ProtocolViolation(_PROTOCOL_ERROR, "frame length with the most significant bit set")

    def _check_limits(self, length: int, compressed: bool) -> None:
        """Refuse on the header alone what would be too much; nothing was allocated for it."""
        if self._max_frame and length > self._max_frame:
            raise ProtocolViolation(
                _TOO_BIG, f"frame of {length} octets is over maxFramePayloadSize ({self._max_frame})"
            )
        if self._streaming == _PIECES:
            # Nothing is assembled here, so the limits on what is do not apply.
            return
        assembly = self._assembly
        there = 0 if assembly is None else assembly.size
        # Not by a sum, which the largest length would make too large for a machine word.
        if self._max_message and length > self._max_message - there and not compressed:
            limit = f"maxMessagePayloadSize ({self._max_message})"
            raise ProtocolViolation(_TOO_BIG, f"message of at least {length + self._assembled} octets is over {limit}")
        if self._max_fragments and not self._streaming and self._fragments >= self._max_fragments:
            raise ProtocolViolation(
                _TOO_BIG, f"message in more than maxMessageFragments ({self._max_fragments}) frames"
            )

    def _begin_payload(self, first: int, length: int, key: bytes) -> None:
        self.frames += 1
        self._begin_fragment(first)
        if self._streaming:
            opcode = first & 0x0F
            if opcode:
                self._events.append((self._stream.message_begin, (opcode == _BINARY,)))
            if self._streaming == _PIECES:
                self._events.append((self._stream.frame_begin, (length,)))
        self._in_payload = True
        self._fin = first & 0x80 != 0
        self._missing = length
        self._key = key
        self._offset = 0

    def _begin_fragment(self, first: int) -> None:
        self._fragments += 1
        opcode = first & 0x0F
        if opcode:
            self._message_opcode = opcode
            self._compressed = first & 0x40 != 0
            if opcode == _TEXT and self._validate:
                self._utf8 = Utf8Validator()

    def _take_piece(self, data: bytes, pos: int, size: int) -> int:
        """Consume what the chunk has of the current payload; returns the position after it."""
        # Not by a sum, which the largest length would make too large for a machine word.
        end = size if size - pos < self._missing else pos + self._missing
        offset = self._offset
        self._missing -= end - pos
        self._offset = offset + end - pos
        if self._compressed or self._streaming == _PIECES:
            self._append(unmasked(data, pos, end, self._key, offset))
            return end
        self.payload_octets += end - pos
        if self._assembly is None:
            self._assembly = Assembly()
        if not self._assembly.add(data, pos, end, self._key, offset, self._utf8, self._missing):
            raise ProtocolViolation(_INVALID_PAYLOAD, _NOT_UTF8)
        return end

    def _append(self, piece: bytes) -> None:
        self.payload_octets += len(piece)
        if self._compressed:
            self._append_compressed(piece)
        elif self._streaming != _PIECES:
            self._keep(piece)
        else:
            self._validate_piece(self._utf8, piece)
            if piece:
                self._events.append((self._stream.frame_data, (piece,)))

    def _keep(self, piece: bytes) -> None:
        if self._assembly is None:
            self._assembly = Assembly()
        if not self._assembly.append(piece, self._utf8):
            raise ProtocolViolation(_INVALID_PAYLOAD, _NOT_UTF8)

    def _validate_piece(self, utf8: Utf8Validator | None, piece: bytes) -> None:
        if utf8 is not None and not utf8.feed(piece):
            raise ProtocolViolation(_INVALID_PAYLOAD, _NOT_UTF8)

    def _append_compressed(self, piece: bytes) -> None:
        self.inflation -= len(piece)
        if self._streaming == _PIECES:
            # Not here and now: a piece may inflate to far more than the application wants to take at once.
            if not self.deaf:
                self._inflater.feed(piece)
                self._events.append((self._tell_inflated, (self._utf8,)))
            return
        self._inflater.feed(piece)
        self._keep_inflated()

    def _keep_inflated(self) -> None:
        """Into the buffer with what was fed, block by block, so that one block too much is the most there ever is."""
        while piece := self._inflater.read():
            self.inflation += len(piece)
            self._check_inflated(self._assembled + len(piece))
            self._keep(piece)

    def _check_inflated(self, size: int) -> None:
        if self._max_inflated and size > self._max_inflated:
            raise ProtocolViolation(_TOO_BIG, f"message of at least {size} octets is over {self._max_inflated_text}")

    def _tell_inflated(self, utf8: Utf8Validator | None) -> None:
        """The event that tells of one block of what was fed, and comes again for the next."""
        piece = self._inflater.read()
        if piece:
            self.inflation += len(piece)
            self._validate_piece(utf8, piece)
            self._events.appendleft((self._tell_inflated, (utf8,)))
            self._stream.frame_data(piece)

    def _end_compressed(self) -> None:
        """The last frame of a compressed message is there."""
        if self._streaming != _PIECES:
            self._inflater.end()
        elif not self.deaf:
            self._events.append((self._inflater.end, ()))

    def _end_frame(self) -> None:
        """All of a payload that came piece by piece is there."""
        if self._compressed and self._fin:
            self._end_compressed()
        if self._streaming == _PIECES:
            self._events.append((self._stream.frame_end, ()))
        elif self._streaming:
            self._events.append((self._stream.frame, (self._taken(),)))
        if self._fin:
            self._deliver_buffer()

    def _tell(self) -> bool:
        """Make the upcalls that are due; False when paused or stopped before or by the last."""
        events = self._events
        while events and not self.paused and not self._stopped:
            call, arguments = events.popleft()
            if not self.deaf:
                call(*arguments)
        return not self.paused and not self._stopped

    def _add_fragment(self, first: int, payload: bytes) -> bool:
        """Take a whole data frame that is not a whole message; True when it ended one, after the upcall."""
        self._begin_fragment(first)
        self._append(payload)
        if not first & 0x80:
            return False
        if self._compressed:
            self._end_compressed()
        self._deliver_buffer()
        return True

    def _deliver_buffer(self) -> None:
        """The message in the buffer is complete."""
        if self._streaming == _PIECES and self._compressed:
            # Not all of it is inflated yet.
            self._events.append((self._check_end, (self._utf8,)))
        else:
            self._check_end(self._utf8)
        payload = self._taken()
        is_binary = self._message_opcode == _BINARY
        self._utf8 = None
        self._message_opcode = 0
        self._compressed = False
        self._fragments = 0
        self.messages += 1
        if self._streaming:
            self._events.append((self._stream.message_end, ()))
        elif not self.deaf:
            self._message(payload, is_binary)

    def _taken(self) -> bytes:
        """What was put together."""
        assembly, self._assembly = self._assembly, None
        return b"" if assembly is None else assembly.take()

    def _check_end(self, utf8: Utf8Validator | None) -> None:
        if utf8 is not None and not utf8.complete:
            raise ProtocolViolation(_INVALID_PAYLOAD, _NOT_UTF8)

    def _deliver_inflated(self, opcode: int, payload: bytes) -> None:
        """A compressed message in one frame that was there as a whole."""
        inflated = self._inflater.message(payload)
        if inflated is None:
            # Long: by blocks, as if it had come in fragments.
            self._begin_fragment(opcode | 0x40)
            self.inflation -= len(payload)
            self._keep_inflated()
            self._inflater.end()
            self._deliver_buffer()
            return
        self._check_inflated(len(inflated))
        self.inflation += len(inflated) - len(payload)
        self._deliver(inflated, opcode == _BINARY)

    def _deliver(self, payload: bytes, is_binary: bool) -> None:
        """A message in one frame that was there as a whole: nothing to reset, one upcall."""
        if self._validate and not is_binary and not is_utf8(payload):
            raise ProtocolViolation(_INVALID_PAYLOAD, _NOT_UTF8)
        self.messages += 1
        if not self.deaf:
            self._message(payload, is_binary)

    def _deliver_control(self, opcode: int, payload: bytes) -> None:
        if opcode == OP_PING:
            self._sink.ping(payload)
        elif opcode == OP_CLOSE:
            code, reason = parse_close(payload)
            self.stop()
            self._sink.close(code, reason)
        else:
            self._sink.pong(payload)


def parse_close(payload: bytes) -> tuple[int | None, bytes]:
    """Code and reason of a Close frame's payload (section 5.5.1); raises `ProtocolViolation`."""
    if not payload:
        return None, b""
    if len(payload) == 1:
        raise ProtocolViolation(_PROTOCOL_ERROR, "Close frame with half a close code")
    code = int.from_bytes(payload[:2], "big")
    if not is_receivable_close_code(code):
        raise ProtocolViolation(_PROTOCOL_ERROR, f"close code {code} must not be sent")
    if not is_utf8(payload[2:]):
        raise ProtocolViolation(_INVALID_PAYLOAD, "close reason is not valid UTF-8")
    return code, payload[2:]
