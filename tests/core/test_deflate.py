"""`_core.deflate`: messages to raw deflate data and back, whole and in pieces (RFC 7692 section 7.2)."""

from __future__ import annotations

import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterable

import pytest

from tests.core.deflated import (
    EMPTY,
    FINAL_BLOCK,
    LIBRARIES,
    NO_COMPRESSION,
    ONE_BLOCK,
    SHARING_WINDOW,
    TAIL,
    TWO_BLOCKS,
    Receiver,
    Sender,
    compressed,
    ended,
    noise,
    stored,
    text_of,
    zeros,
)
from wsframework._core.deflate import BLOCK, Compression, Deflater, Inflater, find_library
from wsframework._core.violation import ProtocolViolation

CORRUPT = (1007, "compressed message does not inflate")

every_library = pytest.mark.parametrize("library", LIBRARIES)
both_takeovers = pytest.mark.parametrize("takes_over", [True, False])


def inflater_for(library: str = "zlib", takes_over: bool = True, window_bits: int = 15) -> Inflater:
    return Inflater(find_library(library), window_bits, takes_over)


def rest_of(inflater: Inflater) -> bytes:
    """All that there is to read, in blocks of a bounded size."""
    inflated = bytearray()
    while block := inflater.read():
        assert len(block) <= BLOCK
        inflated += block
    return bytes(inflated)


def by_message(inflater: Inflater, octets: bytes) -> bytes:
    """A message that came as a whole."""
    inflated = inflater.message(octets)
    if inflated is None:
        inflated = rest_of(inflater)
        inflater.end()
    return inflated


def by_pieces(inflater: Inflater, pieces: Iterable[bytes]) -> bytes:
    """A message that came in these pieces."""
    inflated = b""
    for piece in pieces:
        inflater.feed(piece)
        inflated += rest_of(inflater)
    inflater.end()
    return inflated


def octet_by_octet(inflater: Inflater, octets: bytes) -> bytes:
    return by_pieces(inflater, (octets[at : at + 1] for at in range(len(octets))))


WAYS: list[Callable[[Inflater, bytes], bytes]] = [
    by_message,
    lambda inflater, octets: by_pieces(inflater, [octets]),
    octet_by_octet,
    lambda inflater, octets: by_pieces(inflater, [b"", octets[:3], b"", octets[3:], b""]),
]
every_way = pytest.mark.parametrize("way", WAYS, ids=["message", "one piece", "octets", "pieces"])


def verdict(way: Callable[[Inflater, bytes], bytes], inflater: Inflater, octets: bytes) -> bytes | tuple[int, str]:
    """What the message says, or what is wrong with it."""
    try:
        return way(inflater, octets)
    except ProtocolViolation as violation:
        return violation.code, violation.reason


# The examples of the RFC.


@every_library
@both_takeovers
@every_way
@pytest.mark.parametrize("octets", [ONE_BLOCK, NO_COMPRESSION, FINAL_BLOCK, TWO_BLOCKS])
def test_the_examples_of_the_rfc(
    octets: bytes, way: Callable[[Inflater, bytes], bytes], takes_over: bool, library: str
) -> None:
    """One block, a stored one, a final one, two: all of section 7.2.3 says Hello, again and again."""
    inflater = inflater_for(library, takes_over)
    assert [way(inflater, octets) for _ in range(3)] == [b"Hello"] * 3


@every_library
@every_way
def test_a_message_may_refer_to_the_one_before(way: Callable[[Inflater, bytes], bytes], library: str) -> None:
    """Section 7.2.3.2: with context takeover the second Hello is five octets."""
    inflater = inflater_for(library)
    assert [way(inflater, octets) for octets in (ONE_BLOCK, SHARING_WINDOW, SHARING_WINDOW)] == [b"Hello"] * 3


@every_library
@every_way
def test_a_message_must_not_refer_to_another_without_takeover(
    way: Callable[[Inflater, bytes], bytes], library: str
) -> None:
    """The window is empty at the beginning of every message."""
    inflater = inflater_for(library, takes_over=False)
    assert way(inflater, ONE_BLOCK) == b"Hello"
    assert verdict(way, inflater, SHARING_WINDOW) == CORRUPT


@every_library
@both_takeovers
@every_way
def test_the_empty_message(way: Callable[[Inflater, bytes], bytes], takes_over: bool, library: str) -> None:
    """Section 7.2.3.6; and that of those who take off one octet too many."""
    inflater = inflater_for(library, takes_over)
    for octets in (EMPTY, b"", EMPTY, ONE_BLOCK, b"", ONE_BLOCK):
        assert way(inflater, octets) == (b"Hello" if octets == ONE_BLOCK else b"")


@both_takeovers
def test_what_is_written_is_what_the_rfc_has(takes_over: bool) -> None:
    """Octet for octet, with zlib: a block, with takeover the window shared, and nothing as a single zero."""
    deflater = Deflater(Compression(15, 8, 6, "zlib"), takes_over)
    assert deflater.message(b"Hello") == ONE_BLOCK
    assert deflater.message(b"Hello") == (SHARING_WINDOW if takes_over else ONE_BLOCK)
    assert [deflater.message(b"") for _ in range(2)] == [EMPTY] * 2


def test_a_message_by_parts_is_two_blocks() -> None:
    """The one of section 7.2.3.5: the first part can be inflated before the second is there."""
    deflater = Deflater(Compression(15, 8, 6, "zlib"), takes_over=True)
    octets = deflater.add(b"He") + deflater.flush()
    assert octets == bytes.fromhex("f2 48 05 00 00 00 ff ff")
    assert zlib.decompressobj(-15).decompress(octets) == b"He"
    assert octets + deflater.add(b"llo") + deflater.end() == TWO_BLOCKS


# Blocks that say that they are the last.

HALF, OTHER_HALF = b"Hello, ", b"world! Hello, world!"
# Which octet follows a final block at the end of a message, if any (section 7.2.3.4).
OPENINGS = {"with the octet that opens one more block": EMPTY, "without it": b""}
endings = pytest.mark.parametrize("ending", OPENINGS.values(), ids=OPENINGS.keys())


@every_library
@both_takeovers
@every_way
@endings
def test_a_final_block_ends_a_block_and_not_the_stream(
    ending: bytes, way: Callable[[Inflater, bytes], bytes], takes_over: bool, library: str
) -> None:
    """Whatever comes after it, in the same message or in later ones, is not lost."""
    inflater = inflater_for(library, takes_over)
    messages = {
        ended(HALF) + ending: HALF,
        ended(HALF) + ended(OTHER_HALF) + ending: HALF + OTHER_HALF,
        ended(HALF) + compressed(OTHER_HALF): HALF + OTHER_HALF,
        compressed(HALF) + TAIL + ended(OTHER_HALF) + ending: HALF + OTHER_HALF,
        stored(HALF, final=True) + stored(OTHER_HALF, final=True) + ending: HALF + OTHER_HALF,
        ended(b"") + ending: b"",
        ended(b"") * 3 + stored(b"", final=True) + ended(HALF) + ending: HALF,
        ONE_BLOCK: b"Hello",
    }
    for octets, payload in [*messages.items(), *messages.items()]:
        assert way(inflater, octets) == payload


@every_library
@every_way
@endings
@pytest.mark.parametrize("window_bits", [8, 9, 12, 15])
def test_the_window_outlives_a_final_block(
    window_bits: int, ending: bytes, way: Callable[[Inflater, bytes], bytes], library: str
) -> None:
    """With takeover: the next block, and the next message, may refer to what was before."""
    inflater = inflater_for(library, window_bits=window_bits)
    # As far back as zlib's compressor refers, and nearly as far as one that can do 8 bits.
    window = noise(max((1 << window_bits) - 262, 250))
    assert len(ended(window, window)) < len(window) // 10
    assert way(inflater, ended(window) + ending) == window
    assert way(inflater, ended(window, window) + ending) == window
    assert way(inflater, ended(window, window) * 2 + ending) == window * 2
    assert way(inflater, ended(HALF) + ended(HALF, HALF) + ending) == HALF * 2


@every_library
@both_takeovers
@every_way
def test_final_blocks_without_end_are_refused(
    way: Callable[[Inflater, bytes], bytes], takes_over: bool, library: str
) -> None:
    """Each costs a new context: more than 256 in a message are an attack; but every message counts anew."""
    inflater = inflater_for(library, takes_over)
    for _ in range(3):
        assert way(inflater, stored(b"a", final=True) * 255 + EMPTY) == b"a" * 255
        assert way(inflater, stored(b"a", final=True) * 256) == b"a" * 256
    refused = (1007, "compressed message with more than 256 final blocks")
    assert verdict(way, inflater, stored(b"", final=True) * 257) == refused


@both_takeovers
def test_a_tail_that_came_is_not_the_tail_that_is_added(takes_over: bool) -> None:
    """Behind a final block it is the beginning of a stored one, in whatever pieces the message comes."""
    octets = ended(b"Hello") + TAIL
    whole = verdict(by_message, inflater_for(takes_over=takes_over), octets)
    for cut in range(len(octets) + 1):
        inflater = inflater_for(takes_over=takes_over)
        assert verdict(lambda i, o, cut=cut: by_pieces(i, [o[:cut], o[cut:]]), inflater, octets) == whole  # type: ignore[misc]


# Data that does not inflate.

CORRUPTIONS = {
    "reserved block type": b"\x06",
    "stored block whose length is not said twice": bytes.fromhex("00 05 00 05 00 48 65 6c 6c 6f 00"),
    "nothing to refer to": SHARING_WINDOW,
    "too many codes": b"\xfc\xff\xff\xff",
    "text": b"Hello, I am not compressed",
    "behind a good block": ONE_BLOCK + TAIL + b"\x07",
    "behind a final block": ended(b"Hello") + b"\x07",
    "behind much": compressed(text_of(100_000)) + TAIL + b"\x06",
}


@every_library
@both_takeovers
@every_way
@pytest.mark.parametrize("octets", CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
def test_corrupt_data_is_a_violation(
    octets: bytes, way: Callable[[Inflater, bytes], bytes], takes_over: bool, library: str
) -> None:
    """1007, whichever library finds it, however it comes."""
    inflater = inflater_for(library, takes_over)
    assert verdict(way, inflater, octets) == CORRUPT


# Messages that are not all there: each with how many of its octets make a whole one, too.
TRUNCATED = {
    "a block": (ONE_BLOCK, b"Hello", set()),
    "stored": (NO_COMPRESSION, b"Hello", {1}),
    "stored, final": (stored(b"Hello, world", final=True) + EMPTY, b"Hello, world", {17}),
    "stored, as long as the tail": (stored(b"abcd") + EMPTY, b"abcd", {1}),
    "stored, as long as the longer tail": (stored(b"abcdef") + EMPTY, b"abcdef", {1}),
    "stored, the tail itself": (stored(TAIL) + EMPTY, TAIL, {1}),
    "final": (FINAL_BLOCK, b"Hello", {7}),
    "two blocks": (TWO_BLOCKS, b"Hello", {4}),
    "text": (compressed(text_of(600)), text_of(600), set()),
    "text, final": (ended(text_of(600)) + EMPTY, text_of(600), {len(ended(text_of(600)))}),
}


@every_library
@every_way
@pytest.mark.parametrize(("octets", "payload", "whole"), TRUNCATED.values(), ids=TRUNCATED.keys())
def test_truncated_data_is_a_violation(
    octets: bytes, payload: bytes, whole: set[int], way: Callable[[Inflater, bytes], bytes], library: str
) -> None:
    """Where a message stands for itself, it is seen that something is missing; nothing is delivered as if whole."""
    for size in range(1, len(octets)):
        found = verdict(way, inflater_for(library, takes_over=False), octets[:size])
        if size in whole:
            assert isinstance(found, bytes)
            assert payload.startswith(found)
        else:
            assert found == CORRUPT, size


@every_library
@every_way
@pytest.mark.parametrize(("octets", "payload", "whole"), TRUNCATED.values(), ids=TRUNCATED.keys())
def test_what_is_missing_is_never_made_up(
    octets: bytes, payload: bytes, whole: set[int], way: Callable[[Inflater, bytes], bytes], library: str
) -> None:
    """With takeover the end of a truncated message cannot always be told from a good one; what is there is right."""
    for size in range(1, len(octets)):
        found = verdict(way, inflater_for(library), octets[:size])
        assert found == CORRUPT or (isinstance(found, bytes) and payload.startswith(found)), size
    assert verdict(way, inflater_for(library), octets) == payload


def test_a_large_message_that_is_truncated_is_a_violation() -> None:
    """Also where it is read by blocks."""
    for octets in (zeros(1)[:500], compressed(text_of(100_000))[:30_000]):
        assert verdict(by_message, inflater_for(takes_over=False), octets) == CORRUPT


def test_errors_of_the_library_are_the_cause() -> None:
    """Who debugs can see what zlib said."""
    with pytest.raises(ProtocolViolation) as caught:
        inflater_for().message(b"\x06")
    assert isinstance(caught.value.__cause__, zlib.error)


# Sizes.

SIZES = [0, 1, 100, 16383, 16384, 16385, 65535, 65536, 65537, 131072]


@every_library
@both_takeovers
@pytest.mark.parametrize("way", [WAYS[0], WAYS[1], WAYS[3]])
@pytest.mark.parametrize("size", SIZES)
def test_messages_of_any_size(
    size: int, way: Callable[[Inflater, bytes], bytes], takes_over: bool, library: str
) -> None:
    """Around every size at which something is done in another way, of zeros, of text and of what does not compress."""
    sender = Sender(takes_over)
    inflater = inflater_for(library, takes_over)
    for payload in (bytes(size), text_of(size), noise(size), stored_like(size)):
        assert way(inflater, sender.message(payload)) == payload


def stored_like(size: int) -> bytes:
    """A payload full of what stands at the end of a message."""
    return (TAIL + EMPTY + TAIL + b"\x03\x00")[:size] * (min(size, 9000) // 11 + 1)


def test_much_is_read_by_blocks() -> None:
    """A message that inflates to 64 MiB comes in blocks of 64 KiB, and takes no more memory than one and a context."""
    octets = zeros(64)
    inflater = inflater_for()
    tracemalloc.start()
    try:
        assert inflater.message(octets) is None
        size = 0
        while block := inflater.read():
            assert len(block) <= BLOCK
            assert not any(block)
            size += len(block)
        inflater.end()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == 64 << 20
    assert peak < len(octets) + 7 * BLOCK


def test_input_is_not_copied_again_and_again() -> None:
    """Of a mebibyte that came at once and inflates to a gibibyte, a block costs a block and not another mebibyte."""
    octets = zeros(1024)
    inflater = inflater_for()
    inflater.feed(octets)
    tracemalloc.start()
    try:
        for _ in range(100):
            assert len(inflater.read()) == BLOCK
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(octets) > 1 << 20
    assert peak < 6 * BLOCK


def test_what_was_read_is_not_kept() -> None:
    """A large message on the wire is given back when it is read, before its end or the next message."""
    octets = zeros(64)
    before = sys.getrefcount(octets)
    inflater = inflater_for()
    inflater.feed(octets)
    assert sys.getrefcount(octets) > before
    while inflater.read():
        pass
    assert sys.getrefcount(octets) == before


# Contexts: made when needed, given back at any time.


@both_takeovers
def test_contexts_are_made_when_they_are_needed(takes_over: bool) -> None:
    """An idle connection has none; without takeover the inflater has none between messages."""
    deflater = Deflater(Compression(12, 5, 3, "zlib"), takes_over)
    inflater = inflater_for(takes_over=takes_over)
    assert not deflater.has_context
    assert not inflater.has_context
    octets = deflater.message(b"Hello")
    assert deflater.has_context
    assert inflater.message(octets) == b"Hello"
    assert inflater.has_context == takes_over
    deflater.release()
    inflater.release()
    assert not deflater.has_context
    assert not inflater.has_context


@pytest.mark.parametrize("size", [0, 100, BLOCK, 2 * BLOCK])
def test_a_context_goes_with_a_final_block(size: int) -> None:
    """Also where that fills the last block that is read."""
    inflater = inflater_for(takes_over=False)
    for octets in (ended(bytes(size)), ended(bytes(size)) + EMPTY):
        assert octet_by_octet(inflater, octets) == by_message(inflater, octets) == bytes(size)
        assert not inflater.has_context


@every_library
@both_takeovers
def test_releasing_a_deflater_needs_no_agreement(takes_over: bool, library: str) -> None:
    """What comes next refers to nothing; the peer need not know."""
    deflater = Deflater(Compression(15, 8, 1, library), takes_over)
    receiver = Receiver(takes_over)
    payload = text_of(2000)
    first, second = deflater.message(payload), deflater.message(payload)
    deflater.release()
    third, fourth = deflater.message(payload), deflater.message(payload)
    assert [receiver.message(octets) for octets in (first, second, third, fourth)] == [payload] * 4
    assert Receiver().message(third) == payload
    assert (len(fourth) < len(third) // 4) is takes_over


@every_library
@pytest.mark.parametrize(
    ("way", "window_bits"), [(WAYS[0], 9), (WAYS[0], 12), (WAYS[0], 15), (WAYS[2], 9), (WAYS[3], 15)]
)
def test_releasing_an_inflater_keeps_the_window(
    way: Callable[[Inflater, bytes], bytes], window_bits: int, library: str
) -> None:
    """What the peer refers to is there, be it older than one message or longer than the window."""
    inflater = inflater_for(library, window_bits=window_bits)
    sender = Sender(bits=window_bits)
    for size in (10, 300, 1 << window_bits - 1, 3 << window_bits - 1, 17, 1 << window_bits):
        payload = text_of(size)
        for _ in range(3):
            assert way(inflater, sender.message(payload)) == payload
            inflater.release()
            assert not inflater.has_context
            inflater.release()


def test_a_released_inflater_keeps_the_window_and_no_more() -> None:
    """Memory is what it is released for."""
    inflater = inflater_for(window_bits=9)
    sender = Sender(bits=9)
    payload = text_of(300_000)
    octets = sender.message(payload)
    tracemalloc.start()
    try:
        assert by_message(inflater, octets) == payload
        inflater.release()
        del payload, octets
        assert tracemalloc.get_traced_memory()[0] < 2048
    finally:
        tracemalloc.stop()


@both_takeovers
def test_releasing_in_the_middle_of_a_message_does_nothing(takes_over: bool) -> None:
    """Its context is needed; after the message it can be released."""
    payload = text_of(3000)
    octets = compressed(payload)
    for cut in (1, 10, len(octets) - 1, len(octets)):
        inflater = inflater_for(takes_over=takes_over)
        inflater.feed(octets[:cut])
        inflated = rest_of(inflater)
        inflater.release()
        assert inflater.has_context
        inflater.feed(octets[cut:])
        inflated += rest_of(inflater)
        inflater.release()
        inflater.end()
        assert inflated == payload
        inflater.release()
        assert not inflater.has_context
        assert by_message(inflater, ONE_BLOCK) == b"Hello"


def test_releasing_before_the_first_octet_of_a_message() -> None:
    """Its first frame came and was empty."""
    inflater = inflater_for()
    assert by_message(inflater, ONE_BLOCK) == b"Hello"
    inflater.feed(b"")
    inflater.release()
    assert not inflater.has_context
    assert octet_by_octet(inflater, SHARING_WINDOW) == b"Hello"


def test_releasing_between_a_final_block_and_the_next() -> None:
    """The block behind it may refer to what came before, released or not."""
    inflater = inflater_for()
    inflater.feed(ended(HALF))
    assert rest_of(inflater) == HALF
    inflater.release()
    inflater.feed(ended(HALF, HALF))
    assert rest_of(inflater) == HALF
    inflater.end()


@every_library
def test_a_full_flush_forgets(library: str) -> None:
    """One deflater without takeover serves many connections: what it gives to each can be inflated alone."""
    shared = Deflater(Compression(15, 8, 3, library), takes_over=False)
    payload = text_of(5000)
    for _ in range(3):
        assert Receiver().message(shared.message(payload)) == payload
        assert Receiver().message(shared.message(payload[:100])) == payload[:100]


@every_library
@pytest.mark.parametrize("window_bits", range(9, 16))
def test_no_library_uses_more_than_its_window(window_bits: int, library: str) -> None:
    """The peer may have no more memory than was agreed on."""
    deflater = Deflater(Compression(window_bits, 9, 1, library), takes_over=True)
    receiver = Receiver(bits=window_bits)
    block = text_of(1 << window_bits)
    for payload in (block, block + block, block[:-100], block * 3, text_of(70_000)):
        assert receiver.message(deflater.message(payload)) == payload


# Libraries.


def test_unknown_libraries_are_refused() -> None:
    """A wrong name names the right ones."""
    with pytest.raises(ValueError, match=r"^library must be one of zlib, zlib-ng, isal, not 'brotli'$"):
        find_library("brotli")


@pytest.mark.parametrize(("name", "module"), [("zlib-ng", "zlib_ng.zlib_ng"), ("isal", "isal.isal_zlib")])
def test_libraries_that_are_not_installed_say_how(name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come with an extra."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"^the library {name} is not installed: pip install wsframework\[{name}\]$"):
        find_library(name)


@every_library
@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("mem_level", [1, 5, 9])
def test_all_settings_give_what_can_be_inflated(mem_level: int, level: int, library: str) -> None:
    """Level 0 too, which is no compression with zlib and a fast one with isal."""
    deflater = Deflater(Compression(12, mem_level, level, library), takes_over=True)
    receiver = Receiver(bits=12)
    for payload in (b"", b"Hello", text_of(10_000), bytes(100_000), b""):
        assert receiver.message(deflater.message(payload)) == payload


def test_the_level_is_used() -> None:
    """More effort, fewer octets."""
    payload = b"".join(b"%d, " % (number * number) for number in range(3000))
    sizes = [len(Deflater(Compression(15, 8, level, "zlib"), False).message(payload)) for level in (0, 1, 6)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(payload) < sizes[0] < len(payload) + 100
