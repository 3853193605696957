"""`_core.codec`: compressed messages on the wire, assembled, by frames and by pieces (RFC 7692 sections 6 and 7.2)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.deflated import (
    EMPTY,
    FINAL_BLOCK,
    LIBRARIES,
    NO_COMPRESSION,
    ONE_BLOCK,
    SHARING_WINDOW,
    TAIL,
    TWO_BLOCKS,
    Sender,
    compressed,
    ended,
    noise,
    stored,
    text_of,
    zeros,
)
from tests.core.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, from_client, from_server
from wsframework._core.codec import MASK_EITHER, FrameReader
from wsframework._core.deflate import BLOCK, Inflater, find_library
from wsframework._core.violation import ProtocolViolation

Event = tuple[object, ...]
Verdict = tuple[int, str] | None

RSV1 = 0x40
# First octets of frames that are not the last of their message.
TEXT_PART, BINARY_PART, PART = 0x01, 0x02, 0x00

CORRUPT = (1007, "compressed message does not inflate")
NOT_UTF8 = (1007, "text message is not valid UTF-8")
KIB, MIB = 1 << 10, 1 << 20


class Recorder:
    """Writes down what a reader tells, whole or streamed; `then` is called after each entry."""

    def __init__(self, then: Callable[[Event], None] | None = None) -> None:
        self.events: list[Event] = []
        self.then = then

    def _add(self, *event: object) -> None:
        self.events.append(event)
        if self.then is not None:
            self.then(event)

    def message(self, payload: bytes, is_binary: bool) -> None:
        assert type(payload) is bytes
        self._add("binary" if is_binary else "text", payload)

    def ping(self, payload: bytes) -> None:
        self._add("ping", payload)

    def pong(self, payload: bytes) -> None:
        self._add("pong", payload)

    def close(self, code: int | None, reason: bytes) -> None:
        self._add("close", code)

    def message_begin(self, is_binary: bool) -> None:
        self._add("begin", is_binary)

    def frame_begin(self, length: int) -> None:
        self._add("frame begin", length)

    def frame_data(self, payload: bytes) -> None:
        assert payload
        self._add("data", payload)

    def frame_end(self) -> None:
        self._add("frame end")

    def frame(self, payload: bytes) -> None:
        self._add("frame", payload)

    def message_end(self) -> None:
        self._add("end")


def reader_for(
    sink: Recorder,
    mode: str = "messages",
    takes_over: bool = True,
    limit: int = 0,
    window_bits: int = 15,
    library: str = "zlib",
    **limits: int,
) -> FrameReader:
    """A reader that inflates up to `limit`; `mode` is messages, frames or pieces."""
    reader = FrameReader(
        sink,
        MASK_EITHER,
        True,
        limits.get("max_frame", 0),
        limits.get("max_message", limit),
        limits.get("max_fragments", 0),
        True,
    )
    if mode != "messages":
        reader.stream_to(sink, mode == "pieces")
    reader.inflate_with(
        Inflater(find_library(library), window_bits, takes_over), limit, f"maxMessagePayloadSize ({limit})"
    )
    return reader


def run(pieces: Iterable[bytes], **options: Any) -> tuple[list[Event], Verdict]:
    """What becomes of octets that come in these pieces."""
    sink = Recorder()
    reader = reader_for(sink, **options)
    for piece in pieces:
        try:
            reader.feed(piece)
        except ProtocolViolation as violation:
            events = list(sink.events)
            assert reader.buffered == 0
            reader.feed(from_server(TEXT, b"late") + from_server(TEXT | RSV1, ONE_BLOCK))
            assert sink.events == events
            return events, (violation.code, violation.reason)
    return sink.events, None


def octet_by_octet(wire: bytes) -> Iterable[bytes]:
    return (wire[at : at + 1] for at in range(len(wire)))


def joined(events: list[Event]) -> list[Event]:
    """The same events with neighbouring pieces of data put together."""
    found: list[Event] = []
    for event in events:
        if event[0] == "data" and found and found[-1][0] == "data":
            found[-1] = ("data", found[-1][1] + event[1])  # type: ignore[operator]
        else:
            found.append(event)
    return found


def read(wire: bytes, **options: Any) -> tuple[list[Event], Verdict]:
    """The outcome, the same for the whole, for single octets and for every cut into two."""
    outcome = settled(*run([wire], **options))
    cuts = range(1, len(wire), 1 + len(wire) // 300)
    for pieces in (octet_by_octet(wire), *([wire[:cut], wire[cut:]] for cut in cuts)):
        assert settled(*run(pieces, **options)) == outcome
    return outcome


def settled(events: list[Event], verdict: Verdict) -> tuple[list[Event], Verdict]:
    """What of an outcome does not depend on the pieces; the good beginning of bad data may be told or not."""
    found = joined(events)
    while verdict is not None and found and found[-1][0] == "data":
        found.pop()
    return found, verdict


every_mode = pytest.mark.parametrize("mode", ["messages", "frames", "pieces"])
both_takeovers = pytest.mark.parametrize("takes_over", [True, False])
both_roles = pytest.mark.parametrize("frame", [from_server, from_client])


def text(events: list[Event]) -> bytes:
    """All that was said in messages, however they were told."""
    return b"".join(
        event[1] for event in events if event[0] in ("text", "binary", "frame", "data") and isinstance(event[1], bytes)
    )


# The examples of section 7.2.3, with their frames.


def test_the_frames_of_the_rfc() -> None:
    """A message in one frame, in two, without compression and with it, as they stand in the RFC."""
    for wire in (
        "c1 07 f2 48 cd c9 c9 07 00",
        "41 03 f2 48 cd 80 04 c9 c9 07 00",
        "c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00",
        "c1 08 f3 48 cd c9 c9 07 00 00",
        "c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
        "81 05 48 65 6c 6c 6f",
        "01 03 48 65 6c 80 02 6c 6f",
    ):
        for takes_over in (True, False):
            assert read(bytes.fromhex(wire) * 2, takes_over=takes_over) == ([("text", b"Hello")] * 2, None)
    shared = bytes.fromhex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00")
    assert read(shared) == ([("text", b"Hello")] * 2, None)
    assert read(shared, takes_over=False) == ([("text", b"Hello")], CORRUPT)
    assert read(bytes.fromhex("c1 01 00 c2 01 00")) == ([("text", b""), ("binary", b"")], None)


@both_takeovers
@both_roles
@pytest.mark.parametrize("octets", [ONE_BLOCK, NO_COMPRESSION, FINAL_BLOCK, TWO_BLOCKS, FINAL_BLOCK[:-1]])
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_examples_in_fragments_with_control_frames_between(
    size: int, octets: bytes, frame: Callable[..., bytes], takes_over: bool
) -> None:
    """RSV1 is on the first frame alone, and what comes between the fragments does not make it forgotten."""
    parts = [octets[at : at + size] for at in range(0, len(octets), size)]
    wire = b""
    for number, part in enumerate(parts):
        first = TEXT_PART | RSV1 if number == 0 else PART
        wire += frame(first, part) + frame(PING, b"%d" % number) + frame(PONG)
    wire += frame(CONTINUATION)
    control: list[Event] = []
    for number in range(len(parts)):
        control += [("ping", b"%d" % number), ("pong", b"")]
    expected = [*control, ("text", b"Hello"), ("text", b"plain"), ("text", b"Hello")]
    wire += frame(TEXT, b"plain") + frame(TEXT | RSV1, ONE_BLOCK)
    assert read(wire, takes_over=takes_over) == (expected, None)


@pytest.mark.parametrize("library", LIBRARIES)
@every_mode
def test_compressed_and_plain_messages_take_turns(mode: str, library: str) -> None:
    """RSV1 says so for each; only the compressed ones are part of what is taken over."""
    wire = (
        from_server(TEXT | RSV1, ONE_BLOCK) + from_server(TEXT, b"plain") + from_server(BINARY | RSV1, SHARING_WINDOW)
    )
    wire += (
        from_server(TEXT_PART, b"pl") + from_server(CONTINUATION, b"ain") + from_server(BINARY | RSV1, b"\x02\x13\0\0")
    )
    events, verdict = read(wire, mode=mode, library=library)
    assert verdict is None
    assert text(events) == b"HelloplainHelloplainHello"


def test_a_message_with_no_octets_is_empty() -> None:
    """Not what section 7.2.3.6 says, but nothing else could be meant."""
    wire = from_server(TEXT | RSV1) + from_server(TEXT_PART | RSV1) + from_server(PART) + from_server(CONTINUATION)
    for takes_over in (True, False):
        hello = from_server(TEXT | RSV1, ONE_BLOCK)
        expected = [("text", b""), ("text", b""), ("text", b"Hello"), ("text", b""), ("text", b"")]
        assert read(wire + hello + wire, takes_over=takes_over) == (expected, None)


# By frames and by pieces.

WIRE = (
    from_server(TEXT_PART | RSV1, TWO_BLOCKS[:4])
    + from_server(PING, b"1")
    + from_server(PART, TWO_BLOCKS[4:8])
    + from_server(PART)
    + from_server(CONTINUATION, TWO_BLOCKS[8:])
    + from_server(BINARY | RSV1, compressed(b"world"))
    + from_server(BINARY | RSV1, EMPTY)
    + from_server(TEXT, b"plain")
    + from_server(CLOSE)
)


@both_takeovers
def test_a_stream_by_frames(takes_over: bool) -> None:
    """A frame is told with what can be inflated when it is there; the last with all the rest."""
    expected: list[Event] = [
        ("begin", False),
        ("frame", b"He"),
        ("ping", b"1"),
        ("frame", b""),
        ("frame", b""),
        ("frame", b"llo"),
        ("end",),
        ("begin", True),
        ("frame", b"world"),
        ("end",),
        ("begin", True),
        ("frame", b""),
        ("end",),
        ("begin", False),
        ("frame", b"plain"),
        ("end",),
        ("close", None),
    ]
    assert read(WIRE, mode="frames", takes_over=takes_over) == (expected, None)


@both_takeovers
def test_a_stream_by_pieces(takes_over: bool) -> None:
    """The length of a frame is that on the wire, its data are inflated."""
    expected: list[Event] = [
        ("begin", False),
        ("frame begin", 4),
        ("data", b"He"),
        ("frame end",),
        ("ping", b"1"),
        ("frame begin", 4),
        ("frame end",),
        ("frame begin", 0),
        ("frame end",),
        ("frame begin", 5),
        ("data", b"llo"),
        ("frame end",),
        ("end",),
        ("begin", True),
        ("frame begin", 7),
        ("data", b"world"),
        ("frame end",),
        ("end",),
        ("begin", True),
        ("frame begin", 1),
        ("frame end",),
        ("end",),
        ("begin", False),
        ("frame begin", 5),
        ("data", b"plain"),
        ("frame end",),
        ("end",),
        ("close", None),
    ]
    assert read(WIRE, mode="pieces", takes_over=takes_over) == (expected, None)


@every_mode
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_pause_takes_effect_after_any_upcall(mode: str, size: int) -> None:
    """And nothing is lost or told twice by it."""
    expected = joined(run([WIRE], mode=mode)[0])
    pieces = [WIRE[start : start + size] for start in range(0, len(WIRE), size)]
    for name in {str(event[0]) for event in expected}:
        assert joined(run_with_pauses(pieces, mode, lambda event, _, name=name: event[0] == name)) == expected  # type: ignore[misc]


def run_with_pauses(pieces: list[bytes], mode: str, when: Callable[[Event, int], bool], **options: Any) -> list[Event]:
    """The upcalls where some, by what and the how many they are, pause the reader."""
    sink = Recorder(lambda event: setattr(reader, "paused", when(event, len(sink.events))))
    reader = reader_for(sink, mode, **options)
    for piece in pieces:
        reader.feed(piece)
        while reader.paused:
            before = len(sink.events)
            reader.feed(b"")
            assert len(sink.events) == before
            reader.paused = False
            reader.feed(b"")
    return sink.events


def test_data_is_told_before_the_frame_is_complete() -> None:
    """A stream does not wait for more than its compressor gives."""
    sink = Recorder()
    reader = reader_for(sink, "pieces")
    wire = from_server(BINARY | RSV1, TWO_BLOCKS)
    reader.feed(wire[:6])
    assert sink.events == [("begin", True), ("frame begin", len(TWO_BLOCKS)), ("data", b"He")]
    assert reader.buffered == 0
    reader.feed(wire[6:])
    assert joined(sink.events)[2:] == [("data", b"Hello"), ("frame end",), ("end",)]


# Reserved bits.


def flaw(octet: int, unfinished: bool) -> str:
    """What is wrong with this first octet where RSV1 has a meaning (RFC 6455 section 5, RFC 7692 section 6)."""
    opcode = octet & 15
    if octet & 0x30:
        return "RSV2 or RSV3 is set, which no extension was negotiated for"
    if octet & RSV1 and opcode not in (1, 2):
        return "RSV1 is set on something else than the first frame of a message"
    if opcode not in (0, 1, 2, 8, 9, 10):
        return f"reserved opcode {opcode}"
    if opcode >= 8 and not octet & 0x80:
        return "fragmented control frame"
    if opcode < 8 and (opcode == 0) != unfinished:
        return (
            "new message inside of an unfinished one"
            if unfinished
            else "continuation frame without a message to continue"
        )
    return ""


@every_mode
@pytest.mark.parametrize("start", [b"", from_server(TEXT_PART, b"A"), from_server(TEXT_PART | RSV1, ONE_BLOCK)])
def test_every_first_octet(start: bytes, mode: str) -> None:
    """RSV1 on control frames and continuations, RSV2 and RSV3 anywhere: 1002, and the first octet proves it."""
    for octet in range(256):
        reason = flaw(octet, bool(start))
        assert run([start + bytes([octet])], mode=mode)[1] == ((1002, reason) if reason else None)


@every_mode
def test_compression_that_was_not_negotiated(mode: str) -> None:
    """RSV1 is wrong on any frame then."""
    for octet in (TEXT | RSV1, BINARY | RSV1, TEXT_PART | RSV1, CONTINUATION | RSV1, PING | RSV1, CLOSE | RSV1):
        sink = Recorder()
        reader = FrameReader(sink, MASK_EITHER, True, 0, 0, 0, True)
        if mode != "messages":
            reader.stream_to(sink, mode == "pieces")
        with pytest.raises(ProtocolViolation) as caught:
            reader.feed(bytes([octet]))
        reason = "reserved bits are set and no extension was negotiated"
        assert (caught.value.code, caught.value.reason) == (1002, reason)


# Data that does not inflate.


@both_takeovers
@every_mode
@pytest.mark.parametrize("octets", [b"\x06", SHARING_WINDOW, ONE_BLOCK + TAIL + b"\x07", b"Hello, world!" * 100])
def test_corrupt_data_fails_the_connection(octets: bytes, mode: str, takes_over: bool) -> None:
    """1007, in one frame, in fragments, in any pieces, and nothing comes after it."""
    for wire in (
        from_server(TEXT | RSV1, octets),
        from_client(BINARY | RSV1, octets),
        from_server(TEXT_PART | RSV1, octets[:1]) + from_server(PART, octets[1:]) + from_server(CONTINUATION),
    ):
        events, verdict = read(wire + from_server(TEXT, b"more"), mode=mode, takes_over=takes_over)
        assert verdict == CORRUPT
        assert not {event[0] for event in events} & {"text", "binary", "end"}


@every_mode
def test_truncated_data_fails_the_connection(mode: str) -> None:
    """Without takeover, where a message must be complete in itself."""
    for octets in (ONE_BLOCK[:-1], NO_COMPRESSION[:-1], compressed(text_of(70_000))[:-1], stored(b"abcdef")):
        for wire in (
            from_server(BINARY | RSV1, octets),
            from_server(BINARY_PART | RSV1, octets) + from_server(CONTINUATION),
        ):
            events, verdict = run([wire + from_server(TEXT, b"more")], mode=mode, takes_over=False)
            assert verdict == CORRUPT
            assert not {event[0] for event in events} & {"text", "binary", "end"}


@both_takeovers
@every_mode
def test_final_blocks(mode: str, takes_over: bool) -> None:
    """End a block and not the stream, also across frames; too many of them are refused."""
    octets = ended(b"He") + ended(b"l") + compressed(b"lo")
    half = len(octets) // 2
    wire = from_server(TEXT | RSV1, octets) + from_server(TEXT | RSV1, FINAL_BLOCK[:-1])
    wire += from_server(TEXT_PART | RSV1, octets[:half]) + from_server(PING) + from_server(CONTINUATION, octets[half:])
    wire += from_server(TEXT_PART | RSV1, ended(b"Hello")) + from_server(CONTINUATION, EMPTY)
    events, verdict = read(wire, mode=mode, takes_over=takes_over)
    assert verdict is None
    assert text(events) == b"Hello" * 4
    many = stored(b"", final=True) * 129
    wire = from_server(TEXT_PART | RSV1, many) + from_server(CONTINUATION, many)
    refused = (1007, "compressed message with more than 256 final blocks")
    assert read(wire, mode=mode, takes_over=takes_over)[1] == refused


# Text.


@every_mode
@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"])
def test_text_that_inflates_to_what_is_not_utf8(bad: bytes, mode: str) -> None:
    """1007; binary messages may hold it."""
    octets = compressed("grün".encode() + bad + b"!")
    assert read(from_server(TEXT | RSV1, octets), mode=mode)[1] == NOT_UTF8
    events, verdict = read(from_server(BINARY | RSV1, octets), mode=mode)
    assert verdict is None
    assert text(events).endswith(bad + b"!")


@every_mode
def test_text_that_ends_inside_of_a_character(mode: str) -> None:
    """Only its end shows that."""
    octets = compressed("grü".encode()[:-1])
    for wire in (from_server(TEXT | RSV1, octets), from_server(TEXT_PART | RSV1, octets) + from_server(CONTINUATION)):
        events, verdict = read(wire, mode=mode)
        assert verdict == NOT_UTF8
        assert ("end",) not in events
    whole = compressed("grü".encode()) + TAIL + compressed("grü".encode())
    for cut in range(1, len(whole)):
        wire = from_server(TEXT_PART | RSV1, whole[:cut]) + from_server(CONTINUATION, whole[cut:])
        events, verdict = run([wire], mode=mode)
        assert (text(events), verdict) == ("grügrü".encode(), None)


@every_mode
def test_bad_text_is_found_as_early_as_its_octets_prove_it(mode: str) -> None:
    """Not at the end of the frame and not at the end of the message."""
    sender = Sender()
    good, bad = sender.message(b"good") + TAIL, sender.message(b"\xff") + TAIL
    frame = from_server(TEXT_PART | RSV1, good + bad + bytes(1000))
    sink = Recorder()
    reader = reader_for(sink, mode)
    reader.feed(frame[: -1000 - len(bad)])
    with pytest.raises(ProtocolViolation) as caught:
        reader.feed(frame[-1000 - len(bad) : -1000])
    assert (caught.value.code, caught.value.reason) == NOT_UTF8


def test_text_is_not_looked_at_where_that_is_switched_off() -> None:
    """`utf8validateIncoming=False`."""
    for wire in (
        from_server(TEXT | RSV1, compressed(b"\xff")),
        from_server(TEXT_PART | RSV1, compressed(b"\xff")) + from_server(CONTINUATION),
    ):
        sink = Recorder()
        reader = FrameReader(sink, MASK_EITHER, True, 0, 0, 0, False)
        reader.inflate_with(Inflater(find_library("zlib"), 15, True), 0, "")
        reader.feed(wire)
        assert sink.events == [("text", b"\xff")]


# Limits.


def too_big(verdict: Verdict, limit: int) -> bool:
    """1009, and the reason names the option; the size that it tells is over the limit, and by at most a block."""
    assert verdict is not None
    code, reason = verdict
    size = int(reason.removeprefix("message of at least ").split()[0])
    assert limit < size <= limit + BLOCK
    return (code, reason) == (1009, f"message of at least {size} octets is over maxMessagePayloadSize ({limit})")


@both_takeovers
@pytest.mark.parametrize("limit", [10, 1000, 70_000, 200_000])
def test_the_limit_counts_what_is_inflated(limit: int, takes_over: bool) -> None:
    """In one frame, over fragments, and whatever lies between: exactly the limit is taken, one octet more is not."""
    for size in (limit, limit + 1, limit + 2 * BLOCK):
        octets = compressed(bytes(size))
        half = len(octets) // 2
        fragments = from_server(BINARY_PART | RSV1, octets[:half]) + from_server(CONTINUATION, octets[half:])
        many = b"".join(from_server(PART, octets[at : at + 1]) for at in range(1, len(octets)))
        for wire in (
            from_server(BINARY | RSV1, octets),
            fragments,
            from_server(BINARY_PART | RSV1, octets[:1]) + many + from_server(CONTINUATION),
        ):
            for pieces in ([wire], octet_by_octet(wire)):
                events, verdict = run(pieces, limit=limit, takes_over=takes_over)
                if size == limit:
                    assert (events, verdict) == ([("binary", bytes(size))], None)
                else:
                    assert events == []
                    assert too_big(verdict, limit)


def test_the_limit_is_for_a_frame_where_frames_are_told() -> None:
    """Each is a whole by itself there."""
    sender = Sender()
    parts = [sender.message(bytes(1000)) + TAIL for _ in range(3)]
    wire = from_server(BINARY_PART | RSV1, parts[0]) + b"".join(from_server(PART, part) for part in parts[1:])
    for pieces in ([wire], octet_by_octet(wire)):
        events, verdict = run(pieces, mode="frames", limit=1000)
        assert verdict is None
        assert events == [("begin", True), *[("frame", bytes(1000))] * 3]
        events, verdict = run(pieces if isinstance(pieces, list) else octet_by_octet(wire), mode="frames", limit=999)
        assert too_big(verdict, 999)
        assert events == [("begin", True)]


def test_pieces_have_no_limit() -> None:
    """Nothing is kept of them."""
    octets = zeros(8)
    events, verdict = run([from_server(BINARY | RSV1, octets)], mode="pieces", limit=1000)
    assert verdict is None
    assert sum(len(event[1]) for event in events if event[0] == "data" and isinstance(event[1], bytes)) == 8 * MIB


def test_what_does_not_become_more_is_not_refused_for_its_header() -> None:
    """A few octets more on the wire than the message has are not over the limit; a plain message of that length is."""
    payload = noise(1000)
    octets = compressed(payload)
    assert len(octets) > 1000
    assert read(from_server(BINARY | RSV1, octets), limit=1000) == ([("binary", payload)], None)
    fragments = from_server(BINARY_PART | RSV1, octets[:900]) + from_server(CONTINUATION, octets[900:])
    assert read(fragments, limit=1000) == ([("binary", payload)], None)
    assert run([from_server(BINARY, octets)], limit=1000)[1] is not None


def test_the_limit_on_frames_counts_what_is_on_the_wire() -> None:
    """maxFramePayloadSize is found in the header, compressed or not."""
    octets = compressed(noise(100))
    refused = (1009, f"frame of {len(octets)} octets is over maxFramePayloadSize ({len(octets) - 1})")
    wire = from_server(BINARY | RSV1, octets)
    assert read(wire, max_frame=len(octets) - 1) == ([], refused)
    assert read(wire, max_frame=len(octets))[1] is None


def test_the_limit_on_fragments_counts_compressed_ones_too() -> None:
    """maxMessageFragments."""
    wire = from_server(TEXT_PART | RSV1, EMPTY) + from_server(PART) + from_server(CONTINUATION)
    assert read(wire, max_fragments=3) == ([("text", b"")], None)
    assert read(wire, max_fragments=2)[1] == (1009, "message in more than maxMessageFragments (2) frames")


def peak_of(work: Callable[[], object]) -> int:
    """The most memory that it takes at once, in octets."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mode", ["messages", "frames"])
@pytest.mark.parametrize("fragment", [4 * KIB, MIB])
@pytest.mark.parametrize("limit", [64 * KIB, 1 * MIB, 4 * MIB])
def test_a_bomb_takes_the_limit_and_a_block(limit: int, fragment: int, mode: str) -> None:
    """64 MiB of zeros in 64 KiB: refused before it is there, in one frame or in many."""
    octets = zeros(64)
    frames = [octets[at : at + fragment] for at in range(0, len(octets), fragment)]
    wire = b"".join(from_server(PART if number else BINARY_PART | RSV1, part) for number, part in enumerate(frames))
    result: list[tuple[list[Event], Verdict]] = []
    chunks = [wire[at : at + 16 * KIB] for at in range(0, len(wire), 16 * KIB)]
    peak = peak_of(lambda: result.append(run(chunks, mode=mode, limit=limit)))
    verdict = result[0][1]
    if mode == "frames" and fragment == 4 * KIB and limit == 4 * MIB:
        # No frame of it is too much.
        assert verdict is None
        return
    assert too_big(verdict, limit)
    # The buffer grows by an eighth more than is needed; beside it a block, the window, contexts and the wire's chunk.
    assert peak < limit * 9 // 8 + 6 * BLOCK


def test_a_mebibyte_that_inflates_to_a_gibibyte() -> None:
    """It is refused for the price of the limit, the message on the wire and a little more."""
    wire = from_server(BINARY | RSV1, zeros(1024))
    assert len(wire) > MIB
    result: list[tuple[list[Event], Verdict]] = []
    peak = peak_of(lambda: result.append(run([wire], limit=16 * MIB)))
    assert too_big(result[0][1], 16 * MIB)
    assert peak < 16 * MIB + 4 * MIB


def test_pieces_take_constant_memory() -> None:
    """A chunk that inflates to 64 MiB is told by blocks; who pauses in the middle of it goes on there."""
    wire = from_server(BINARY | RSV1, zeros(64))
    sizes: list[int] = []

    def note(event: Event) -> None:
        if event[0] == "data" and isinstance(event[1], bytes):
            assert len(event[1]) <= BLOCK
            assert not any(event[1])
            sizes.append(len(event[1]))
            sink.events.clear()
            reader.paused = len(sizes) % 100 == 0

    sink = Recorder(note)
    reader = reader_for(sink, "pieces", limit=1000)
    pauses = 0

    def feed() -> None:
        nonlocal pauses
        reader.feed(wire)
        while reader.paused:
            pauses += 1
            before = len(sizes)
            reader.feed(b"")
            assert len(sizes) == before
            reader.paused = False
            reader.feed(b"")

    peak = peak_of(feed)
    assert sum(sizes) == 64 * MIB
    assert pauses == len(sizes) // 100 > 5
    assert peak < len(wire) + MIB
    assert sink.events == [("frame end",), ("end",)]


def test_octets_that_come_during_a_pause_are_told_after_what_was_before() -> None:
    """Fed from inside of an upcall, or while paused."""
    wire = from_server(BINARY | RSV1, zeros(1))
    sink = Recorder(lambda event: setattr(reader, "paused", event[0] == "data"))
    reader = reader_for(sink, "pieces")
    reader.feed(wire)
    assert reader.paused
    reader.feed(wire)
    reader.feed(from_server(PING))
    while reader.paused:
        reader.paused = False
        reader.feed(b"")
    message: list[Event] = [
        ("begin", True),
        ("frame begin", len(zeros(1))),
        ("data", bytes(MIB)),
        ("frame end",),
        ("end",),
    ]
    assert joined(sink.events) == [*message, *message, ("ping", b"")]


# Counters and what else there is.


@every_mode
def test_counters_know_both_sizes(mode: str) -> None:
    """Octets as they came, and by how much they became more, or less, when inflated."""
    sender = Sender()
    payloads = [bytes(70_000), b"", noise(300), text_of(20_000)]
    messages = [sender.message(payload) for payload in payloads]
    wire = b"".join(from_server(BINARY | RSV1, octets) for octets in messages) + from_server(TEXT, b"plain")
    half = compressed(b"one") + TAIL + compressed(b"two")
    wire += from_server(TEXT_PART | RSV1, half[:5]) + from_server(CONTINUATION, half[5:])
    for size in (len(wire), 1):
        reader = reader_for(Recorder(), mode)
        for at in range(0, len(wire), size):
            reader.feed(wire[at : at + size])
        assert (reader.messages, reader.frames) == (6, 7)
        assert reader.payload_octets == sum(map(len, messages)) + 5 + len(half)
        assert reader.payload_octets + reader.inflation == sum(map(len, payloads)) + 5 + 6


@every_mode
def test_deaf_delivers_nothing_more(mode: str) -> None:
    """After a failed callback: compressed messages are read over, to the Close frame."""
    wire = from_server(TEXT | RSV1, ONE_BLOCK) + from_server(BINARY | RSV1, zeros(1))
    wire += (
        from_server(TEXT_PART | RSV1, ONE_BLOCK) + from_server(CONTINUATION) + from_server(PING) + from_server(CLOSE)
    )
    for pieces in ([wire], octet_by_octet(wire)):
        sink = Recorder()
        reader = reader_for(sink, mode)
        reader.deaf = True
        for piece in pieces:
            reader.feed(piece)
        assert sink.events == [("ping", b""), ("close", None)]


@pytest.mark.parametrize("paused", [True, False])
@pytest.mark.parametrize("cut", [0, 200])
def test_deaf_in_the_middle_of_a_piece(cut: int, paused: bool) -> None:
    """What was not inflated yet is not, and nothing of it is held against the peer."""
    octets = compressed("ü".encode() * 200_000 + b"\xff")
    wire = from_server(TEXT_PART | RSV1, octets[:cut]) + from_server(CONTINUATION, octets[cut:]) + from_server(PING)

    def go_deaf(event: Event) -> None:
        reader.deaf = reader.deaf or event[0] == "data"
        reader.paused = paused and event[0] == "data"

    sink = Recorder(go_deaf)
    reader = reader_for(sink, "pieces")
    reader.feed(wire)
    reader.paused = False
    reader.feed(b"")
    names = [event[0] for event in sink.events]
    assert names[-2:] == ["data", "ping"]
    assert names.count("data") == 1


@pytest.mark.parametrize("name", ["begin", "frame begin", "data", "frame", "frame end", "end", "binary"])
@every_mode
def test_stop_inside_of_an_upcall(mode: str, name: str) -> None:
    """The connection is dropped there: nothing more is told and nothing kept."""
    sink = Recorder(lambda event: reader.stop() if event[0] == name else None)
    reader = reader_for(sink, mode)
    reader.feed(from_server(BINARY | RSV1, zeros(1)) + from_server(PING))
    names = [event[0] for event in sink.events]
    assert names.count(name) == (1 if name in names else 0)
    assert "ping" not in names or name not in names
    assert reader.buffered == 0 or name not in names


def test_what_is_kept_is_counted() -> None:
    """Inflated octets of an unfinished message are memory."""
    reader = reader_for(Recorder())
    reader.feed(from_server(BINARY_PART | RSV1, compressed(bytes(50_000)) + TAIL))
    assert reader.buffered == 50_000


# Properties.


@dataclass(frozen=True)
class Message:
    """A message of so many octets, sent in fragments that end at `where`, with pings between."""

    is_binary: bool
    is_compressed: bool
    size: int
    where: list[int]

    def wire(self, sender: Sender, payload: bytes) -> bytes:
        octets = sender.message(payload) if self.is_compressed else payload
        first = (BINARY_PART if self.is_binary else TEXT_PART) | RSV1 * self.is_compressed
        wire = b""
        start = 0
        for end in sorted(min(at, len(octets)) for at in self.where):
            wire += from_server(first, octets[start:end]) + from_client(PING, b"between")
            start, first = end, PART
        return wire + from_client(first | 0x80, octets[start:])

    def events(self, payload: bytes) -> list[Event]:
        pings: list[Event] = [("ping", b"between")] * len(self.where)
        return [*pings, ("binary" if self.is_binary else "text", payload)]


cuts = st.lists(st.integers(0, 2000), max_size=4)
messages = st.builds(Message, st.booleans(), st.booleans(), st.integers(0, 500) | st.integers(0, 150_000), cuts)


@settings(max_examples=100)
@given(st.lists(messages, max_size=5), st.booleans(), cuts, st.sampled_from(LIBRARIES), st.integers(1, 9))
def test_sessions_are_read_in_any_pieces_with_any_pauses(
    session: list[Message], takes_over: bool, where: list[int], library: str, every: int
) -> None:
    """With takeover or without, by every library; pauses change nothing but the time."""
    sender = Sender(takes_over)
    payloads = [text_of(one.size) if one.size % 2 else bytes(one.size) for one in session]
    wire = b"".join(one.wire(sender, payload) for one, payload in zip(session, payloads, strict=True))
    edges = [0, *sorted(min(at, len(wire)) for at in where), len(wire)]
    pieces = [wire[start:end] for start, end in pairwise(edges)]
    told = {
        mode: run_with_pauses(pieces, mode, lambda _, number: number % every == 0, library=library)
        for mode in ("messages", "frames", "pieces")
    }
    expected = [event for one, payload in zip(session, payloads, strict=True) for event in one.events(payload)]
    assert told["messages"] == expected
    assert text(told["frames"]) == text(told["pieces"]) == b"".join(payloads)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([TEXT, BINARY, TEXT_PART, BINARY_PART, PART, CONTINUATION, PING]),
            st.booleans(),
            st.binary(max_size=30)
            | st.sampled_from([ONE_BLOCK, SHARING_WINDOW, FINAL_BLOCK, ended(b"Hello"), TAIL, compressed(bytes(300))])
            | st.integers(0, 100).map(lambda size: compressed(text_of(size))),
        ),
        max_size=6,
    ),
    st.booleans(),
    st.sampled_from(LIBRARIES),
    st.sampled_from([0, 200]),
)
def test_the_outcome_does_not_depend_on_the_pieces(
    frames: list[tuple[int, bool, bytes]], takes_over: bool, library: str, limit: int
) -> None:
    """Good frames, bad frames and bad data, in all modes: the same events and the same violation."""
    wire = b"".join(from_server(first | RSV1 * marked, payload) for first, marked, payload in frames)
    for mode in ("messages", "frames", "pieces"):
        options: dict[str, Any] = {"mode": mode, "takes_over": takes_over, "library": library, "limit": limit}
        events, verdict = settled(*run([wire], **options))
        again, verdict_again = settled(*run(octet_by_octet(wire), **options))
        assert again == events
        # Of two things that are wrong with the same data, either is the reason.
        data_is_bad = {1007, 1009}
        codes = {verdict and verdict[0], verdict_again and verdict_again[0]}
        assert verdict_again == verdict or codes <= data_is_bad
