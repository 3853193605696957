"""Properties of the frame reader and writer that hold for all octets in all pieces (RFC 6455 section 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wsframework._core.codec import MASK_EITHER, FrameReader, encode_frame
from wsframework._core.constants import TRACED
from wsframework._core.violation import ProtocolViolation

Event = tuple[object, ...]


class Recorder:
    """Writes down what the frames say."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.events: list[Event] = []
        self.then = then

    def _add(self, *event: object) -> None:
        self.events.append(event)
        self.then()

    def message(self, payload: bytes, is_binary: bool) -> None:
        self._add("binary" if is_binary else "text", payload)

    def ping(self, payload: bytes) -> None:
        self._add("ping", payload)

    def pong(self, payload: bytes) -> None:
        self._add("pong", payload)

    def close(self, code: int | None, reason: bytes) -> None:
        self._add("close", code, reason)


@dataclass(frozen=True)
class Settings:
    """What a reader is made with."""

    require_mask: int = MASK_EITHER
    apply_mask: bool = True
    max_frame: int = 0
    max_message: int = 0
    max_fragments: int = 0
    validate_utf8: bool = True

    def reader(self, sink: Recorder) -> FrameReader:
        return FrameReader(
            sink,
            self.require_mask,
            self.apply_mask,
            self.max_frame,
            self.max_message,
            self.max_fragments,
            self.validate_utf8,
        )


@dataclass(frozen=True)
class Outcome:
    """Everything that can be seen from outside."""

    events: list[Event]
    headers: list[tuple[int, bool, int]]
    code: int | None
    reason: str | None


def cut(octets: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(octets)) for at in cuts), len(octets)]
    return [octets[start:end] for start, end in pairwise(edges)]


def outcome(made: Settings, pieces: list[bytes]) -> Outcome:
    """What becomes of octets in these pieces; anything but a ProtocolViolation comes through."""
    sink = Recorder()
    reader = made.reader(sink)
    headers: list[tuple[int, bool, int]] = []

    def trace(first: int, masked: bool, size: int, beginning: bytes) -> None:
        headers.append((first, masked, size))
        assert len(beginning) <= min(size, TRACED)

    reader.trace = trace
    code, reason = None, None
    fed = 0
    for piece in pieces:
        fed += len(piece)
        try:
            reader.feed(piece)
        except ProtocolViolation as violation:
            assert code is None, "a violation is raised once"
            code, reason = violation.code, violation.reason
        assert reader.buffered <= fed
        assert code is None or reader.buffered == 0
    return Outcome(sink.events, headers, code, reason)


# Octets.

SIZES = st.sampled_from([0, 1, 2, 3, 5, 125, 126, 127, 300]) | st.integers(0, 20)
TEXTS = st.text(max_size=12).map(str.encode)
KEYS = st.none() | st.binary(min_size=4, max_size=4)
CLOSES = st.builds(
    lambda code, reason: code.to_bytes(2, "big") + reason,
    st.sampled_from([0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000]),
    TEXTS | st.binary(max_size=4),
)
PAYLOADS = TEXTS | st.binary(max_size=20) | SIZES.map(bytes) | CLOSES


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame that is mostly right: any first octet, any length field, sometimes one that lies."""
    first = draw(st.sampled_from([0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x88, 0x89, 0x8A]) | st.integers(0, 255))
    payload, key = draw(PAYLOADS), draw(KEYS)
    octets = encode_frame(first & 15, payload, key, first >> 7 == 1, first >> 4 & 7)
    if draw(st.integers(0, 7)):
        return octets
    mask = octets[1] & 0x80
    size = draw(st.sampled_from([0, 125, 126, 65535, 65536, 2**32 + 5, 2**63 - 1, 2**63, 2**64 - 1]))
    if size < 65536 and draw(st.booleans()):
        return bytes([first, mask | 126]) + size.to_bytes(2, "big") + payload
    return bytes([first, mask | 127]) + size.to_bytes(8, "big") + payload


OCTETS = st.lists(frames(), max_size=8).map(b"".join) | st.binary(max_size=60)
CUTS = st.lists(st.integers(0, 400), max_size=12)
LIMITS = st.sampled_from([0, 0, 1, 5, 20, 126, 200])
SETTINGS = st.builds(
    Settings,
    require_mask=st.integers(0, 2) | st.just(MASK_EITHER),
    apply_mask=st.booleans(),
    max_frame=LIMITS,
    max_message=LIMITS,
    max_fragments=st.sampled_from([0, 0, 1, 2, 3]),
    validate_utf8=st.booleans(),
)


@settings(deadline=None, max_examples=300)
@given(OCTETS, CUTS, SETTINGS)
def test_the_outcome_does_not_depend_on_the_pieces(octets: bytes, cuts: list[int], made: Settings) -> None:
    """TCP may cut anywhere: messages, their order, the violation's code and its words are the same."""
    whole = outcome(made, [octets])
    assert outcome(made, cut(octets, cuts)) == whole
    assert outcome(made, [octets[at : at + 1] for at in range(len(octets))]) == whole


@settings(deadline=None, max_examples=200)
@given(OCTETS, SETTINGS)
def test_nothing_but_a_violation_leaves_the_reader(octets: bytes, made: Settings) -> None:
    """Whatever a peer sends: at worst one violation with a code for the wire, and never more out than came in."""
    result = outcome(made, [octets, b"\x81\x00", b""])
    assert result.code in {None, 1002, 1007, 1009}
    assert (result.reason is None) is (result.code is None)
    assert sum(len(part) for event in result.events for part in event if isinstance(part, bytes)) <= len(octets)
    for kind, *rest in result.events:
        payload = rest[-1]
        assert isinstance(payload, bytes)
        if kind in {"text", "binary"}:
            assert not made.max_message or len(payload) <= made.max_message
        else:
            assert len(payload) <= 125
        if kind == "close" or (kind == "text" and made.validate_utf8):
            payload.decode()


@settings(deadline=None, max_examples=200)
@given(OCTETS, CUTS, SETTINGS, st.data())
def test_pauses_change_nothing_but_the_time(
    octets: bytes, cuts: list[int], made: Settings, data: st.DataObject
) -> None:
    """Pausing and going on anywhere, from inside of upcalls too, loses, doubles and reorders nothing."""

    def maybe_pause() -> None:
        reader.paused = data.draw(st.booleans())

    sink = Recorder(maybe_pause)
    reader = made.reader(sink)
    code, reason = None, None
    pieces = cut(octets, cuts)
    try:
        while pieces or reader.paused:
            reader.paused = reader.paused and bool(pieces) and data.draw(st.booleans())
            reader.feed(pieces.pop(0) if pieces else b"")
    except ProtocolViolation as violation:
        code, reason = violation.code, violation.reason
    whole = outcome(made, [octets])
    assert (sink.events, code, reason) == (whole.events, whole.code, whole.reason)


# Round trips.


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[Event]]:
    """The octets of messages in random fragments with control frames between, and what they say."""
    wire = bytearray()
    events: list[Event] = []

    def control() -> None:
        for name, payload in draw(st.lists(st.tuples(st.sampled_from(["ping", "pong"]), PAYLOADS), max_size=2)):
            wire.extend(encode_frame({"ping": 9, "pong": 10}[name], payload[:125], draw(KEYS)))
            events.append((name, payload[:125]))

    for is_binary in draw(st.lists(st.booleans(), max_size=5)):
        payload = draw(PAYLOADS if is_binary else TEXTS)
        pieces = cut(payload, draw(st.lists(st.integers(0, 30), max_size=4)))
        for index, piece in enumerate(pieces):
            control()
            opcode = 0 if index else 1 + is_binary
            wire.extend(encode_frame(opcode, piece, draw(KEYS), index == len(pieces) - 1))
        events.append(("binary" if is_binary else "text", payload))
    control()
    return bytes(wire), events


@settings(deadline=None)
@given(conversations(), CUTS)
def test_what_is_written_is_what_is_read(conversation: tuple[bytes, list[Event]], cuts: list[int]) -> None:
    """Every message arrives as it was sent, in the order of the messages' ends, however fragmented and masked."""
    wire, events = conversation
    result = outcome(Settings(), cut(wire, cuts))
    assert (result.events, result.code) == (events, None)


@settings(deadline=None)
@given(st.integers(0, 15), st.binary(max_size=300), KEYS, st.booleans(), st.integers(0, 7))
def test_a_frame_says_what_it_was_made_of(opcode: int, payload: bytes, key: bytes | None, fin: bool, rsv: int) -> None:
    """The header by section 5.2, bit for bit."""
    octets = encode_frame(opcode, payload, key, fin, rsv)
    first, second = octets[0], octets[1]
    assert (first >> 7, first >> 4 & 7, first & 15) == (int(fin), rsv, opcode)
    assert second >> 7 == (key is not None)
    start = 2 if second & 127 < 126 else 4
    assert (second & 127 if start == 2 else int.from_bytes(octets[2:4], "big")) == len(payload)
    assert start == 4 or len(payload) < 126
    if key is not None:
        assert octets[start : start + 4] == key
        start += 4
    body = octets[start:]
    assert body == bytes(octet ^ (key or bytes(4))[index % 4] for index, octet in enumerate(payload))


# A second reading of section 5, as short as it can be: whole frames only, no limits, octets that are all there.


def by_the_book(octets: bytes) -> tuple[list[Event], int | None]:
    """What unmasked or masked frames say, and the code of the first violation."""
    events: list[Event] = []
    message: list[Any] = []
    while octets:
        fin, rsv, opcode = octets[0] >> 7, octets[0] >> 4 & 7, octets[0] & 15
        control = opcode >= 8
        if rsv or opcode not in (0, 1, 2, 8, 9, 10) or (control and not fin):
            return events, 1002
        if not control and (opcode == 0) != bool(message):
            return events, 1002
        has_key, size, start = octets[1] >> 7, octets[1] & 127, 2
        if size > 125:
            if control:
                return events, 1002
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(octets[2 : 2 + width], "big"), 2 + width
            if size < (126 if width == 2 else 65536) or size >= 2**63:
                return events, 1002
        key = octets[start : start + 4] if has_key else bytes(4)
        start += 4 * has_key
        payload = bytes(octet ^ key[index % 4] for index, octet in enumerate(octets[start : start + size]))
        octets = octets[start + size :]
        if opcode == 8:
            return close_by_the_book(events, payload)
        if control:
            events.append(("ping" if opcode == 9 else "pong", payload))
            continue
        message = [opcode, payload] if opcode else [message[0], message[1] + payload]
        if message[0] == 1 and not can_be_text(message[1], bool(fin)):
            return events, 1007
        if fin:
            events.append(("text" if message[0] == 1 else "binary", message[1]))
            message = []
    return events, None


def can_be_text(payload: bytes, whole: bool) -> bool:
    """Whether this is UTF-8, or may become UTF-8 when more comes: some continuation octets at its end do it."""
    tails = [b""] if whole else [b"", b"\x80", b"\x90\x80\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80"]
    for tail in tails:
        try:
            (payload + tail).decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


def close_by_the_book(events: list[Event], payload: bytes) -> tuple[list[Event], int | None]:
    code = int.from_bytes(payload[:2], "big") if payload else None
    if code is not None and not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        return events, 1002
    if not can_be_text(payload[2:], True):
        return events, 1007
    return [*events, ("close", code, payload[2:])], None


@st.composite
def whole_frames(draw: st.DrawFn) -> bytes:
    """Frames whose payloads are all there, with lengths in any of the three forms."""
    wire = b""
    for _ in range(draw(st.integers(0, 8))):
        first = draw(st.sampled_from([0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x88, 0x89, 0x8A]) | st.integers(0, 255))
        payload, key = draw(PAYLOADS), draw(KEYS)
        form = draw(st.sampled_from(["shortest"] * 6 + ["16 bits", "64 bits"]))
        size = len(payload)
        if form == "shortest":
            wire += encode_frame(first & 15, payload, key, first >> 7 == 1, first >> 4 & 7)
        else:
            field = b"\x7e" + size.to_bytes(2, "big") if form == "16 bits" else b"\x7f" + size.to_bytes(8, "big")
            wire += bytes([first]) + field + payload
    return wire


@settings(deadline=None, max_examples=300)
@given(whole_frames())
def test_a_second_reading_of_the_rfc_agrees(octets: bytes) -> None:
    """A naive parser that was written from the RFC sees the same frames and the same violation."""
    result = outcome(Settings(), [octets])
    assert (result.events, result.code) == by_the_book(octets)
