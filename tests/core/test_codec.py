"""`_core._codec_py` through `_core.codec`: frames on the wire, octet by octet (RFC 6455 section 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from sys import getrefcount
from typing import Any

import pytest

from wsframework._core import codec
from wsframework._core.codec import (
    MASK_EITHER,
    MASK_FORBIDDEN,
    MASK_REQUIRED,
    FrameReader,
    encode_frame,
    parse_close,
)
from wsframework._core.constants import TRACED
from wsframework._core.violation import ProtocolViolation
from wsframework.build import COMPILED

Event = tuple[object, ...]
Verdict = tuple[int, str] | None

KEY = bytes.fromhex("37fa213d")
NOT_UTF8 = (1007, "text message is not valid UTF-8")
MSB = (1002, "frame length with the most significant bit set")
NOT_SHORTEST = (1002, "frame length not in its shortest form")
NEW_INSIDE = (1002, "new message inside of an unfinished one")
NOTHING_TO_CONTINUE = (1002, "continuation frame without a message to continue")


class Recorder:
    """Writes down what the frames say; `then` is called after each entry."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.then: Callable[[Event], None] | None = None

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
        self._add("close", code, reason)


def reader_for(sink: Recorder, **settings: Any) -> FrameReader:
    """A reader without limits that takes frames masked or not, but for `settings`."""
    names = ("require_mask", "apply_mask", "max_frame", "max_message", "max_fragments", "validate_utf8")
    values = dict(zip(names, (MASK_EITHER, True, 0, 0, 0, True), strict=True)) | settings
    return FrameReader(sink, **values)


def run(pieces: Iterable[bytes], **settings: Any) -> tuple[list[Event], Verdict]:
    """What becomes of octets that come in these pieces."""
    sink = Recorder()
    reader = reader_for(sink, **settings)
    fed = 0
    for piece in pieces:
        fed += len(piece)
        try:
            reader.feed(piece)
        except ProtocolViolation as violation:
            return dead(reader, sink), (violation.code, violation.reason)
        assert reader.buffered <= fed
    return sink.events, None


def dead(reader: FrameReader, sink: Recorder) -> list[Event]:
    """After a violation nothing is kept and nothing is delivered."""
    before = list(sink.events)
    assert reader.buffered == 0
    reader.feed(bytes.fromhex("8100 8200 8900"))
    assert reader.buffered == 0
    assert sink.events == before
    return before


def read(octets: bytes, **settings: Any) -> tuple[list[Event], Verdict]:
    """The outcome, which must be the same for the whole, for single octets and for every cut into two."""
    whole = run([octets], **settings)
    assert run((octets[i : i + 1] for i in range(len(octets))), **settings) == whole
    cuts = range(len(octets)) if len(octets) < 400 else (*range(20), *range(len(octets) - 20, len(octets)))
    assert all(run((octets[:cut], octets[cut:]), **settings) == whole for cut in cuts)
    return whole


def refusal(octets: bytes, **settings: Any) -> tuple[int, int, str]:
    """Which octet (from 1) proves the violation, and what it is: alone, in any pieces and with more behind."""
    events, verdict = read(octets, **settings)
    assert verdict is not None, f"taken: {events}"
    assert read(octets + b"\x81\x00", **settings) == (events, verdict)
    for size in range(1, len(octets) + 1):
        if run([octets[:size]], **settings)[1] is not None:
            break
    assert run([octets[i : i + 1] for i in range(size)], **settings) == (events, verdict)
    return size, *verdict


def masked(payload: bytes, key: bytes = KEY) -> bytes:
    return bytes(octet ^ key[index % 4] for index, octet in enumerate(payload))


# What a user meets first: the examples of the RFC.

EXAMPLES = [
    ("text", "81 05 48656c6c6f", "text", b"Hello", None),
    ("masked text", "81 85 37fa213d 7f9f4d5158", "text", b"Hello", KEY),
    ("ping", "89 05 48656c6c6f", "ping", b"Hello", None),
    ("masked pong", "8a 85 37fa213d 7f9f4d5158", "pong", b"Hello", KEY),
    ("empty text", "81 00", "text", b"", None),
    ("empty masked binary", "82 80 37fa213d", "binary", b"", KEY),
    ("empty ping", "89 00", "ping", b"", None),
    ("zero key", "82 83 00000000 010203", "binary", b"\1\2\3", b"\0\0\0\0"),
    ("text beyond ASCII", "81 0a cebae1bdb9cf83cebc21", "text", "κ\u1f79\u03c3μ!".encode(), None),
    ("binary of any octets", "82 04 fffe8000", "binary", b"\xff\xfe\x80\0", None),
]
OPCODES = {"text": 1, "binary": 2, "ping": 9, "pong": 10}


@pytest.mark.parametrize(("name", "wire", "kind", "payload", "key"), EXAMPLES)
def test_a_frame_and_its_octets(name: str, wire: str, kind: str, payload: bytes, key: bytes | None) -> None:
    """The examples of RFC 6455 section 5.7 read as the RFC says, and we write the very same octets."""
    octets = bytes.fromhex(wire)
    assert read(octets) == ([(kind, payload)], None)
    assert encode_frame(OPCODES[kind], payload, key) == octets


def test_a_message_in_two_frames() -> None:
    """The fragmented example of section 5.7."""
    octets = bytes.fromhex("0103 48656c 8002 6c6f")
    assert read(octets) == ([("text", b"Hello")], None)
    assert encode_frame(1, b"Hel", None, False) + encode_frame(0, b"lo", None) == octets


@pytest.mark.parametrize(("rsv", "first"), [(0, 0x82), (1, 0x92), (2, 0xA2), (4, 0xC2), (7, 0xF2)])
def test_reserved_bits_are_written_for_extensions(rsv: int, first: int) -> None:
    """RSV1 is the most significant of the three."""
    assert encode_frame(2, b"", None, True, rsv) == bytes([first, 0])


LENGTHS = [
    (0, "00"),
    (1, "01"),
    (125, "7d"),
    (126, "7e 007e"),
    (127, "7e 007f"),
    (255, "7e 00ff"),
    (256, "7e 0100"),
    (65535, "7e ffff"),
    (65536, "7f 0000000000010000"),
    (65537, "7f 0000000000010001"),
    (131072, "7f 0000000000020000"),
]


@pytest.mark.parametrize(("size", "field"), LENGTHS)
def test_lengths_in_their_shortest_form(size: int, field: str) -> None:
    """A payload of any size arrives, and its length takes 7, 16 or 64 bits, never more than needed."""
    length = bytes.fromhex(field)
    payload = bytes(range(251)) * (size // 251 + 1)
    plain = b"\x82" + length + payload[:size]
    assert encode_frame(2, payload[:size], None) == plain
    assert read(plain, require_mask=MASK_FORBIDDEN) == ([("binary", payload[:size])], None)
    hidden = b"\x82" + bytes([length[0] | 0x80]) + length[1:] + KEY + masked(payload[:size])
    assert encode_frame(2, payload[:size], KEY) == hidden
    assert run([hidden], require_mask=MASK_REQUIRED) == ([("binary", payload[:size])], None)
    cut = [hidden[:9], hidden[9:20], hidden[20:9000], hidden[9000:]]
    assert run(cut, require_mask=MASK_REQUIRED) == ([("binary", payload[:size])], None)


def test_the_codec_in_use_is_named_in_one_place() -> None:
    """`codec` is what the others import, whatever the build is."""
    build = "_c" if COMPILED else "_py"
    assert codec.FrameReader.__module__.endswith(build)
    assert all(hasattr(codec, name) for name in codec.__all__)


# The first two octets: all 256 values of each.

LEGAL_FIRST = {False: {0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8A}, True: {0x00, 0x80, 0x88, 0x89, 0x8A}}


def reason_of_first(octet: int, unfinished: bool) -> str:
    """The rule that this octet breaks (sections 5.2, 5.4, 5.5), "" for none."""
    fin, rsv, opcode = octet >> 7, octet >> 4 & 7, octet & 15
    if rsv:
        return "reserved bits are set and no extension was negotiated"
    if opcode not in (0, 1, 2, 8, 9, 10):
        return f"reserved opcode {opcode}"
    if opcode >= 8 and not fin:
        return "fragmented control frame"
    if opcode < 8 and (opcode == 0) != unfinished:
        return (NEW_INSIDE if unfinished else NOTHING_TO_CONTINUE)[1]
    return ""


@pytest.mark.parametrize("unfinished", [False, True])
def test_every_first_octet(unfinished: bool) -> None:
    """Reserved bits and opcodes, fragmented control frames and fragments out of order: the first octet proves it."""
    start = b"\x02\x01A" if unfinished else b""
    taken = set()
    for first in range(256):
        reason = reason_of_first(first, unfinished)
        verdict = run([start + bytes([first])])[1]
        assert verdict == ((1002, reason) if reason else None)
        if reason:
            assert refusal(start + bytes([first, 0])) == (len(start) + 1, 1002, reason)
        else:
            taken.add(first)
    assert taken == LEGAL_FIRST[unfinished]


MASK_RULES = [
    (MASK_REQUIRED, {True}, "frame from a client is not masked"),
    (MASK_FORBIDDEN, {False}, "frame from a server is masked"),
    (MASK_EITHER, {False, True}, ""),
]


@pytest.mark.parametrize(("rule", "accepted", "reason"), MASK_RULES)
@pytest.mark.parametrize("first", [0x81, 0x82, 0x01, 0x88, 0x89, 0x8A])
def test_every_second_octet(first: int, rule: int, accepted: set[bool], reason: str) -> None:
    """A client must mask, a server must not (section 5.1); the second octet proves it, whatever the frame."""
    for second in range(256):
        verdict = run([bytes([first, second])], require_mask=rule)[1]
        if second >> 7 not in accepted:
            assert verdict == (1002, reason)
        elif first > 0x87 and second & 127 > 125:
            assert verdict == (1002, "control frame with more than 125 octets")
        else:
            assert verdict is None


def test_no_second_octet_is_asked_for_to_refuse_the_first() -> None:
    """Of two wrongs the one that comes first on the wire is named, however the octets come."""
    assert refusal(bytes.fromhex("f3 7f"), require_mask=MASK_REQUIRED)[0] == 1
    assert refusal(bytes.fromhex("89 7e 0100"), require_mask=MASK_REQUIRED) == (2, 1002, MASK_RULES[0][2])


def test_payloads_are_left_as_they_come_when_the_masks_are_not_applied() -> None:
    """With applyMask=False at both ends the key says nothing: text, fragments and pings come as on the wire."""
    wire = bytes.fromhex("8182 37fa213d 4869 0181 01020304 41 8982 01020304 4142 8081 01020304 42")
    assert read(wire, apply_mask=False) == ([("text", b"Hi"), ("ping", b"AB"), ("text", b"AB")], None)


# Lengths that lie.

BAD_LENGTHS = [
    ("16 bits for 0", "82 7e 0000", 4, NOT_SHORTEST),
    ("16 bits for 125", "82 7e 007d", 4, NOT_SHORTEST),
    ("64 bits for 0", "82 7f 0000000000000000", 10, NOT_SHORTEST),
    ("64 bits for 125", "82 7f 000000000000007d", 10, NOT_SHORTEST),
    ("64 bits for 126", "82 7f 000000000000007e", 10, NOT_SHORTEST),
    ("64 bits for 65535", "82 7f 000000000000ffff", 10, NOT_SHORTEST),
    ("64 bits, most significant set", "82 7f 8000000000000000", 3, MSB),
    ("64 bits, all set", "82 7f ffffffffffffffff", 3, MSB),
    ("masked, most significant set", "82 ff 8000000000000005", 3, MSB),
    ("first fragment, 16 bits for 5", "01 7e 0005", 4, NOT_SHORTEST),
]


@pytest.mark.parametrize(("name", "wire", "position", "verdict"), BAD_LENGTHS)
def test_lengths_that_no_honest_peer_writes(name: str, wire: str, position: int, verdict: tuple[int, str]) -> None:
    """The minimal number of octets must encode the length, and its top bit must be 0 (section 5.2)."""
    assert refusal(bytes.fromhex(wire)) == (position, *verdict)


@pytest.mark.parametrize("length", [65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 5, 2**63 - 1])
def test_a_declared_length_takes_no_memory(length: int) -> None:
    """A header that promises eight exbioctets costs what came with it, even when I set no limits."""
    sink = Recorder()
    reader = reader_for(sink)
    reader.feed(b"\x82\x7f" + length.to_bytes(8, "big") + b"abc")
    assert reader.buffered == 3
    assert sink.events == []


# Limits.


def over_frame(size: int, limit: int) -> tuple[int, str]:
    return 1009, f"frame of {size} octets is over maxFramePayloadSize ({limit})"


def over_message(size: int, limit: int) -> tuple[int, str]:
    return 1009, f"message of at least {size} octets is over maxMessagePayloadSize ({limit})"


def over_fragments(limit: int) -> tuple[int, str]:
    return 1009, f"message in more than maxMessageFragments ({limit}) frames"


HUGE = 2**63 - 1
FRAME_LIMIT = {"max_frame": 10}
MESSAGE_LIMIT = {"max_message": 10}
BOTH_LIMITS = {"max_frame": 10, "max_message": 10}
LIMITS = [
    ("frame", "82 0b", 2, over_frame(11, 10), FRAME_LIMIT),
    ("masked frame, before its key", "82 8b", 2, over_frame(11, 10), FRAME_LIMIT),
    ("frame, 16 bits", "81 fe 1000", 4, over_frame(4096, 10), FRAME_LIMIT),
    ("frame, 2**32 + 5", "82 7f 0000000100000005", 10, over_frame(2**32 + 5, 10), FRAME_LIMIT),
    ("frame, 2**63 - 1", "82 ff 7fffffffffffffff", 10, over_frame(HUGE, 10), FRAME_LIMIT),
    ("later fragment", "02 01 41 00 0b", 5, over_frame(11, 10), FRAME_LIMIT),
    ("message in one frame", "82 0b", 2, over_message(11, 10), MESSAGE_LIMIT),
    ("message in two frames", "02 05 4142434445 80 06", 9, over_message(11, 10), MESSAGE_LIMIT),
    ("message, the sum", "02 02 4142 00 7f 7fffffffffffffff", 14, over_message(HUGE + 2, 10), MESSAGE_LIMIT),
    ("after a ping inside", "01 0a 41414141414141414141 89 00 00 01", 16, over_message(11, 10), MESSAGE_LIMIT),
    ("both: the frame's", "82 0b", 2, over_frame(11, 10), BOTH_LIMITS),
    ("fragments", "01 00 00 00 00 01", 6, over_fragments(2), {"max_fragments": 2}),
    ("fragments, the last", "01 00 00 00 80 00", 6, over_fragments(2), {"max_fragments": 2}),
    ("fragments, after pings", "01 00 89 00 8a 00 80 00", 8, over_fragments(1), {"max_fragments": 1}),
]


@pytest.mark.parametrize(("name", "wire", "position", "verdict", "limits"), LIMITS)
def test_a_limit_is_found_in_the_header(
    name: str, wire: str, position: int, verdict: tuple[int, str], limits: dict[str, int]
) -> None:
    """Too much is refused with 1009 before any of its payload comes, and the reason names the option."""
    assert refusal(bytes.fromhex(wire), **limits) == (position, *verdict)


def test_what_fits_exactly_is_taken() -> None:
    """The limits are the largest allowed values; each message counts afresh; control frames are not counted."""
    limits = {"max_frame": 10, "max_message": 12, "max_fragments": 3}
    one = b"\x82\x0a" + b"x" * 10
    three = b"\x01\x0a" + b"y" * 10 + b"\x89\x0cping longer!" + b"\x00\x01z" + b"\x80\x01z"
    events: list[Event] = [("binary", b"x" * 10), ("ping", b"ping longer!"), ("text", b"y" * 10 + b"zz")]
    assert read(one + three + one + three, **limits) == (events * 2, None)


def test_empty_fragments_without_end_are_refused() -> None:
    """A peer cannot keep a message going for ever with frames that carry nothing."""
    endless = b"\x02\x00" + b"\x00\x00" * 20_000
    assert run([endless], max_fragments=16_384) == ([], over_fragments(16_384))
    assert run([endless]) == ([], None)


# Fragmentation and control frames.

SEQUENCES: list[tuple[str, str, list[Event], Verdict]] = [
    ("three fragments", "02 01 41 00 01 42 80 01 43", [("binary", b"ABC")], None),
    ("empty fragments", "01 00 00 00 80 00", [("text", b"")], None),
    ("empty first", "01 00 80 01 41", [("text", b"A")], None),
    ("empty last", "01 01 41 80 00", [("text", b"A")], None),
    (
        "control frames inside",
        "01 01 41 89 01 70 8a 00 80 01 42",
        [("ping", b"p"), ("pong", b""), ("text", b"AB")],
        None,
    ),
    ("close inside", "01 01 41 88 00 80 01 42", [("close", None, b"")], None),
    ("text inside", "01 01 41 81 01 42", [], NEW_INSIDE),
    ("binary inside", "01 00 02 00", [], NEW_INSIDE),
    ("text inside of an empty start", "02 00 81 00", [], NEW_INSIDE),
    ("continuation first", "80 01 41", [], NOTHING_TO_CONTINUE),
    ("unfinished continuation first", "00 00", [], NOTHING_TO_CONTINUE),
    ("continuation after the end", "01 01 41 80 00 80 00", [("text", b"A")], NOTHING_TO_CONTINUE),
    ("continuation after a message", "82 00 00 00", [("binary", b"")], NOTHING_TO_CONTINUE),
    ("a ping starts nothing", "89 00 80 00", [("ping", b"")], NOTHING_TO_CONTINUE),
    (
        "messages first, then the wrong",
        "81 01 41 82 01 42 83",
        [("text", b"A"), ("binary", b"B")],
        (1002, "reserved opcode 3"),
    ),
    ("masked, each with its key", "0182 01020304 4040 8082 10203040 5364", [("text", b"ABCD")], None),
]


@pytest.mark.parametrize(("name", "wire", "events", "verdict"), SEQUENCES)
def test_order_of_frames(name: str, wire: str, events: list[Event], verdict: Verdict) -> None:
    """Fragments in order make one message, control frames may come between, nothing else may (section 5.4)."""
    assert read(bytes.fromhex(wire)) == (events, verdict)


@pytest.mark.parametrize(("first", "kind"), [(0x89, "ping"), (0x8A, "pong")])
@pytest.mark.parametrize("size", [0, 1, 124, 125])
def test_control_frames_carry_up_to_125_octets(first: int, kind: str, size: int) -> None:
    """What I put into a ping comes back octet for octet, and it need not be text."""
    payload = bytes(range(255, 255 - size, -1))
    assert read(bytes([first, size]) + payload) == ([(kind, payload)], None)
    assert read(bytes([first, 0x80 | size]) + KEY + masked(payload)) == ([(kind, payload)], None)


# UTF-8 (section 8.1): the octet (from 1) that proves the payload wrong.

MALFORMED = [
    ("continuation first", "80", 1),
    ("second continuation", "c3a9bf", 3),
    ("never used c0", "c080", 1),
    ("never used c1", "c1bf", 1),
    ("never used f5", "f5808080", 1),
    ("never used ff", "41ff", 2),
    ("overlong of three", "e08080", 2),
    ("overlong of three, the last", "e09fbf", 2),
    ("overlong of four", "f0808080", 2),
    ("overlong of four, the last", "f08fbfbf", 2),
    ("first surrogate", "eda080", 2),
    ("last surrogate", "edbfbf", 2),
    ("surrogate pair", "41eda081edb080", 3),
    ("U+110000", "f4908080", 2),
    ("far above U+10FFFF", "f4bfbfbf", 2),
    ("two cut by ASCII", "c341", 2),
    ("three cut at the second", "e24141", 2),
    ("three cut at the third", "e28241", 3),
    ("four cut at the fourth", "f09f9841", 4),
    ("after text beyond ASCII", "cebae1bdb9cf83cebcceb5eda080656469746564", 13),
    ("later than one word of the CPU", "41" * 40 + "c241", 42),
]


@pytest.mark.parametrize(("name", "text", "position"), MALFORMED)
def test_text_fails_at_the_octet_that_proves_it_wrong(name: str, text: str, position: int) -> None:
    """A bad octet in the middle of a long message closes the connection at once, not at the message's end."""
    octets = bytes.fromhex(text)
    header = b"\x81\x7e\x10\x00"
    assert refusal(header + octets) == (4 + position, *NOT_UTF8)
    assert refusal(b"\x01\x7f" + bytes(4) + b"\x10\0\0\0" + octets) == (10 + position, *NOT_UTF8)
    assert refusal(b"\x81\xfe\x10\x00" + KEY + masked(octets)) == (8 + position, *NOT_UTF8)
    single = b"\x01\x00" + b"".join(b"\x00\x01" + octets[i : i + 1] for i in range(len(octets)))
    assert refusal(single) == (2 + 3 * position, *NOT_UTF8)
    whole = b"\x81" + bytes([len(octets)]) + octets
    assert read(whole) == ([], NOT_UTF8)
    assert read(b"\x82" + whole[1:]) == ([("binary", octets)], None)
    assert read(whole, validate_utf8=False) == ([("text", octets)], None)


@pytest.mark.parametrize("text", ["é", "€", "😀", "a€"])
def test_a_code_point_may_be_cut_by_frames_but_not_by_the_message(text: str) -> None:
    """A fragment may end inside of a character; the message may not."""
    octets = text.encode()
    for cut in range(1, len(octets)):
        head, tail = octets[:cut], octets[cut:]
        start = b"\x01" + bytes([cut]) + head
        assert read(start + b"\x89\x00\x80" + bytes([len(tail)]) + tail) == ([("ping", b""), ("text", octets)], None)
        if not head.isascii():
            assert refusal(b"\x81" + start[1:]) == (2 + cut, *NOT_UTF8)
            assert refusal(start + b"\x80\x00") == (4 + cut, *NOT_UTF8)
            assert refusal(b"\x01\x00\x80" + bytes([cut]) + head) == (4 + cut, *NOT_UTF8)


def test_a_cut_code_point_does_not_leak_into_the_next_message() -> None:
    """Binary fragments and unfinished text have nothing to do with each other."""
    wire = bytes.fromhex("02 01 c3 80 00 01 01 c3 80 01 a9 81 02 c3a9 02 01 ff 80 00")
    text = ("text", "é".encode())
    assert read(wire) == ([("binary", b"\xc3"), text, text, ("binary", b"\xff")], None)


# The Close frame (sections 5.5.1 and 7.4).


def may_be_sent(code: int) -> bool:
    registered = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}
    return code in registered or 3000 <= code < 5000


def test_every_close_code() -> None:
    """Codes of the registry and of applications are taken; reserved and unassigned ones are a violation."""
    for code in (*range(5100), 9999, 32768, 65535):
        payload = code.to_bytes(2, "big")
        if may_be_sent(code):
            assert parse_close(payload) == (code, b"")
            continue
        with pytest.raises(ProtocolViolation) as caught:
            parse_close(payload)
        assert (caught.value.code, caught.value.reason) == (1002, f"close code {code} must not be sent")


@pytest.mark.parametrize(
    "code",
    [0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 1999, 2999, 3000, 3999, 4000, 4999, 5000, 65535],
)
def test_close_codes_on_the_wire(code: int) -> None:
    """The code that the peer sent is the one I am told."""
    wire = b"\x88\x04" + code.to_bytes(2, "big") + b"ok"
    events: list[Event] = [("close", code, b"ok")] if may_be_sent(code) else []
    assert read(wire) == (events, None if events else (1002, f"close code {code} must not be sent"))


CLOSES: list[tuple[str, bytes, list[Event], Verdict]] = [
    ("empty", b"", [("close", None, b"")], None),
    ("half a code", b"\x03", [], (1002, "Close frame with half a close code")),
    ("code alone", b"\x03\xe8", [("close", 1000, b"")], None),
    ("reason", b"\x0b\xb8" + "adiós".encode(), [("close", 3000, "adiós".encode())], None),
    ("longest reason", b"\x03\xe9" + b"x" * 123, [("close", 1001, b"x" * 123)], None),
    ("reason not UTF-8", b"\x03\xe8\xff", [], (1007, "close reason is not valid UTF-8")),
    ("reason cut", b"\x03\xe8\xe2\x82", [], (1007, "close reason is not valid UTF-8")),
    ("reason with a surrogate", b"\x03\xe8\xed\xa0\x80", [], (1007, "close reason is not valid UTF-8")),
    ("both wrong: the code's", b"\x03\xed\xff", [], (1002, "close code 1005 must not be sent")),
]


@pytest.mark.parametrize(("name", "payload", "events", "verdict"), CLOSES)
def test_payloads_of_close(name: str, payload: bytes, events: list[Event], verdict: Verdict) -> None:
    """Two octets of code and then UTF-8, or nothing at all; checked even when messages are not."""
    wire = b"\x88" + bytes([len(payload)]) + payload
    assert read(wire) == (events, verdict)
    hidden = b"\x88" + bytes([0x80 | len(payload)]) + KEY + masked(payload)
    assert read(hidden, validate_utf8=False) == (events, verdict)


def test_after_close_everything_is_ignored() -> None:
    """Nothing comes after the Close frame, right or wrong, and nothing is kept."""
    sink = Recorder()
    reader = reader_for(sink)
    reader.feed(bytes.fromhex("02 01 41 88 02 03e8 80 01 42 81 01 43 ff"))
    assert dead(reader, sink) == [("close", 1000, b"")]


# Upcalls that talk back.

FIVE = bytes.fromhex("81 01 41 01 01 42 89 01 70 80 01 43 8a 00 88 02 03e8")
FIVE_EVENTS: list[Event] = [("text", b"A"), ("ping", b"p"), ("text", b"BC"), ("pong", b""), ("close", 1000, b"")]


@pytest.mark.parametrize("cut", range(len(FIVE) + 1))
def test_a_pause_in_an_upcall_takes_effect_at_once(cut: int) -> None:
    """pauseReceiving() inside of onMessage: not one more arrives until I go on, and then all, in order."""
    sink = Recorder()
    reader = reader_for(sink)

    def pause(event: Event) -> None:
        reader.paused = True

    sink.then = pause
    for piece in (FIVE[:cut], FIVE[cut:]):
        before = len(sink.events)
        paused = reader.paused
        reader.feed(piece)
        assert len(sink.events) <= (before if paused else before + 1)
    kept = reader.buffered
    for count in range(len(sink.events), len(FIVE_EVENTS)):
        assert kept > 0
        assert sink.events == FIVE_EVENTS[:count]
        reader.paused = False
        reader.feed(b"")
        assert reader.buffered < kept
        kept = reader.buffered
    assert sink.events == FIVE_EVENTS
    assert kept == 0


def test_a_pause_from_outside_keeps_what_comes() -> None:
    """While paused nothing is parsed, also no violation is found; afterwards it is all there."""
    sink = Recorder()
    reader = reader_for(sink)
    reader.feed(b"\x81")
    reader.paused = True
    reader.feed(b"\x01")
    reader.feed(b"A\x82\x00")
    reader.feed(b"\xff")
    assert (sink.events, reader.buffered) == ([], 6)
    reader.paused = False
    with pytest.raises(ProtocolViolation):
        reader.feed(b"")
    assert sink.events == [("text", b"A"), ("binary", b"")]


def test_going_on_may_bring_octets_along() -> None:
    """What was kept comes before what is fed with the end of the pause."""
    sink = Recorder()
    reader = reader_for(sink)
    reader.paused = True
    reader.feed(b"\x81\x01")
    reader.paused = False
    reader.feed(b"A\x81\x01B")
    assert sink.events == [("text", b"A"), ("text", b"B")]


@pytest.mark.parametrize("pause", [False, True])
def test_octets_fed_from_inside_an_upcall_wait_for_their_turn(pause: bool) -> None:
    """A nested feed returns at once; its octets come after those of the outer one, pause or not."""
    sink = Recorder()
    reader = reader_for(sink)

    def feed_more(event: Event) -> None:
        if event == ("text", b"A"):
            reader.feed(b"\x81")
            reader.feed(b"\x01C")
            reader.paused = pause
            assert sink.events == [("text", b"A")]

    sink.then = feed_more
    reader.feed(bytes.fromhex("81 01 41 81 01 42"))
    assert sink.events == [("text", b"A")] if pause else [("text", b"A"), ("text", b"B"), ("text", b"C")]
    reader.paused = False
    reader.feed(b"\x81\x01D")
    assert [payload for _, payload in sink.events] == [b"A", b"B", b"C", b"D"]
    assert reader.buffered == 0


def test_octets_fed_from_inside_may_complete_a_cut_frame() -> None:
    """The outer octets end inside of a header, the nested ones go on there."""
    sink = Recorder()
    reader = reader_for(sink)

    def feed_more(event: Event) -> None:
        sink.then = None
        reader.feed(b"\x01B")

    sink.then = feed_more
    reader.feed(b"\x81\x01A\x81")
    assert sink.events == [("text", b"A"), ("text", b"B")]


@pytest.mark.parametrize("count", range(1, len(FIVE_EVENTS) + 1))
@pytest.mark.parametrize("size", [1, 2, 5, len(FIVE)])
def test_stop_inside_an_upcall_ends_it_all(count: int, size: int) -> None:
    """After a drop inside of a callback nothing more is delivered, and the memory is free."""
    sink = Recorder()
    reader = reader_for(sink)

    def stop(event: Event) -> None:
        if len(sink.events) == count:
            reader.stop()

    sink.then = stop
    for at in range(0, len(FIVE), size):
        reader.feed(FIVE[at : at + size])
    assert dead(reader, sink) == FIVE_EVENTS[:count]


def test_stop_gives_the_memory_back() -> None:
    """A dropped connection keeps nothing of its unfinished message or of what was not parsed."""
    sink = Recorder()
    reader = reader_for(sink)
    reader.feed(b"\x02\x0a" + b"x" * 5)
    assert reader.buffered == 5
    reader.paused = True
    reader.feed(b"more")
    assert reader.buffered == 9
    reader.stop()
    reader.paused = False
    assert dead(reader, sink) == []


def test_an_upcall_that_raises_does_not_wedge_the_reader() -> None:
    """The error is the caller's; the frames behind it are not lost."""
    sink = Recorder()
    reader = reader_for(sink)

    def fail(event: Event) -> None:
        raise KeyError("mine")

    sink.then = fail
    with pytest.raises(KeyError):
        reader.feed(FIVE)
    sink.then = None
    reader.feed(b"")
    assert sink.events == FIVE_EVENTS


def test_only_what_is_not_parsed_is_kept() -> None:
    """A chunk of a megabyte that ends in half a header leaves half a header behind."""
    sink = Recorder()
    reader = reader_for(sink)
    chunk = b"\x82\x7f" + (1 << 20).to_bytes(8, "big") + bytes(1 << 20) + b"\x89\x05abc"
    references = getrefcount(chunk)
    reader.feed(chunk)
    assert getrefcount(chunk) == references
    assert len(sink.events) == 1
    assert reader.buffered == 5


def test_deaf_reads_and_checks_but_delivers_no_message() -> None:
    """After a failed callback my application hears no more messages; pings and the Close frame still count."""
    sink = Recorder()
    reader = reader_for(sink)
    reader.deaf = True
    for at in range(len(FIVE)):
        reader.feed(FIVE[at : at + 1])
    assert sink.events == [event for event in FIVE_EVENTS if event[0] != "text"]
    for wire in (b"\x81\x01\xff", b"\x01\x01A\x81"):
        reader = reader_for(sink)
        reader.deaf = True
        with pytest.raises(ProtocolViolation):
            reader.feed(wire)


def test_deaf_in_the_middle_of_a_message() -> None:
    """A message that was half there is not delivered either."""
    sink = Recorder()
    reader = reader_for(sink)
    reader.feed(b"\x01\x01A\x81"[:3])
    reader.deaf = True
    reader.feed(b"\x80\x01B\x81\x01C")
    assert (sink.events, reader.buffered) == ([], 0)


def traced(wire: bytes, size: int) -> list[tuple[int, bool, int, bytes]]:
    """What a reader tells its trace of octets that come in pieces of this size."""
    seen: list[tuple[int, bool, int, bytes]] = []
    reader = reader_for(Recorder())
    reader.trace = lambda *frame: seen.append(frame)
    for at in range(0, len(wire), size):
        reader.feed(wire[at : at + size])
    return seen


def test_trace_tells_every_header_once() -> None:
    """With logFrames I see each frame's first octet, mask and length, however the octets came."""
    wire = FIVE[:-4] + encode_frame(2, bytes(300), KEY) + FIVE[-4:]
    expected = [(0x81, False, 1), (1, False, 1), (0x89, False, 1), (0x80, False, 1), (0x8A, False, 0)]
    expected += [(0x82, True, 300), (0x88, False, 2)]
    for size in (1, 2, 3, 7, len(wire)):
        assert [header for *header, _ in traced(wire, size)] == [list(header) for header in expected]


def test_trace_shows_what_is_there_of_a_payload() -> None:
    """With logFrames I can read what a short frame says, and how a long one begins."""
    short = encode_frame(1, b"Hello", KEY)
    long = encode_frame(2, bytes(range(200)), KEY)
    ping = encode_frame(9, bytes(range(125)), KEY)
    everything = short + long + ping + FIVE
    shown = [b"Hello", bytes(range(TRACED)), bytes(range(125)), *(payload for *_, payload in traced(FIVE, len(FIVE)))]
    assert [payload for *_, payload in traced(everything, len(everything))] == shown
    # No longer than the chunk is; but a control frame is waited for.
    assert [payload for *_, payload in traced(short + long + ping, 9)] == [b"Hel", bytes(range(8)), bytes(range(125))]
    assert traced(short, 6) == [(0x81, True, 5, b"")]


def test_trace_shows_a_masked_payload_as_it_came_where_nothing_is_unmasked() -> None:
    """applyMask=False: both ends agree that there is nothing to do."""
    seen: list[bytes] = []
    reader = reader_for(Recorder(), apply_mask=False)
    reader.trace = lambda *frame: seen.append(frame[-1])
    reader.feed(b"\x82\x82" + KEY + b"ab")
    assert seen == [b"ab"]
