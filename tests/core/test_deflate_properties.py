"""Properties of compression that hold for all messages, settings, libraries and pieces (RFC 7692 section 7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.deflated import EMPTY, LIBRARIES, TAIL, Receiver, Sender, compressed, ended, noise, stored, text_of
from wsframework._core.deflate import BLOCK, Compression, Deflater, Inflater, find_library
from wsframework._core.violation import ProtocolViolation

libraries = st.sampled_from(LIBRARIES)
window_bits = st.integers(9, 15)
cuts = st.lists(st.integers(0, 400) | st.integers(0, 80_000), max_size=6)

# Short ones, those that compress and those that do not, and now and then one of more than a block.
payloads = st.one_of(
    st.binary(max_size=60),
    st.integers(0, 3000).map(text_of),
    st.integers(0, 300).map(noise),
    st.integers(0, 200_000).map(bytes),
    st.tuples(st.binary(min_size=1, max_size=8), st.integers(0, 200)).map(lambda both: both[0] * both[1]),
    st.sampled_from([16_300, 16_390, 40_000, 66_000]).map(text_of),
    st.sampled_from([TAIL, EMPTY + TAIL, TAIL + b"\x03\x00"]),
)
compressions = st.builds(Compression, window_bits, st.integers(1, 9), st.integers(0, 3), libraries)


def cut(octets: bytes, where: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(octets)) for at in where), len(octets)]
    return [octets[start:end] for start, end in pairwise(edges)]


def inflated(inflater: Inflater, octets: bytes, pieces: list[bytes] | None) -> bytes:
    """A message, whole or in pieces; no more comes out than deflate can hold, and not too much at once."""
    result = b""
    if pieces is None:
        whole = inflater.message(octets)
        if whole is not None:
            return whole
        pieces = [b""]
    else:
        inflater.feed(pieces[0])
    for piece in [*pieces[1:], None]:
        while block := inflater.read():
            assert len(block) <= BLOCK
            result += block
            # The most that two bits can say is 258 octets.
            assert len(result) <= 258 * 4 * (len(octets) + 1)
        if piece is not None:
            inflater.feed(piece)
    inflater.end()
    return result


@dataclass(frozen=True)
class Step:
    """A message, in these pieces (None: as a whole), and what is released after it."""

    payload: bytes
    by_parts: bool
    where: list[int]
    pieces: list[int] | None
    release_deflater: bool
    release_inflater: bool


steps = st.lists(
    st.builds(Step, payloads, st.booleans(), cuts, st.none() | cuts, st.booleans(), st.booleans()), max_size=8
)


def deflated(deflater: Deflater, step: Step) -> bytes:
    """A message, compressed as a whole or by parts, some of them flushed."""
    if not step.by_parts:
        return deflater.message(step.payload)
    octets = b""
    for number, part in enumerate(cut(step.payload, step.where)):
        octets += deflater.add(part)
        if number % 2:
            octets += deflater.flush()
    return octets + deflater.end()


@settings(max_examples=200)
@given(compressions, libraries, st.booleans(), steps)
def test_what_one_end_compresses_the_other_inflates(
    compression: Compression, library: str, takes_over: bool, script: list[Step]
) -> None:
    """With every pair of libraries and all settings, and whatever contexts are released in between."""
    deflater = Deflater(compression, takes_over)
    inflater = Inflater(find_library(library), compression.window_bits, takes_over)
    receiver = Receiver(takes_over, compression.window_bits)
    for step in script:
        octets = deflated(deflater, step)
        assert receiver.message(octets) == step.payload
        assert inflated(inflater, octets, None if step.pieces is None else cut(octets, step.pieces)) == step.payload
        if step.release_deflater:
            deflater.release()
        if step.release_inflater:
            inflater.release()
            assert not inflater.has_context


@settings(max_examples=100)
@given(window_bits, st.booleans(), st.integers(0, 9), steps)
def test_all_libraries_inflate_the_same(bits: int, takes_over: bool, level: int, script: list[Step]) -> None:
    """What a peer with zlib compresses; each library cut and released in its own way."""
    sender = Sender(takes_over, bits, level)
    inflaters = [Inflater(find_library(library), bits, takes_over) for library in LIBRARIES]
    for number, step in enumerate(script):
        octets = sender.message(step.payload)
        for other, inflater in enumerate(inflaters):
            pieces = None if (number + other) % 2 else cut(octets, step.where)
            assert inflated(inflater, octets, pieces) == step.payload
            if (step.release_inflater, step.release_deflater)[other % 2]:
                inflater.release()


@settings(max_examples=50)
@given(compressions, st.lists(payloads, max_size=8), libraries)
def test_messages_of_a_shared_deflater_stand_alone(
    compression: Compression, messages: list[bytes], library: str
) -> None:
    """Each goes to another connection, and none of them has seen the others."""
    shared = Deflater(compression, takes_over=False)
    for payload in messages:
        octets = shared.message(payload)
        assert Receiver(bits=compression.window_bits).message(octets) == payload
        assert inflated(Inflater(find_library(library), compression.window_bits, False), octets, None) == payload


# Octets that nobody should send.

blocks = st.one_of(
    st.binary(max_size=20),
    st.integers(0, 300).map(text_of).map(compressed),
    st.integers(0, 300).map(text_of).map(ended),
    st.tuples(st.binary(max_size=20), st.booleans()).map(lambda both: stored(*both)),
    st.sampled_from([TAIL, EMPTY, b"\x03\x00", compressed(bytes(200_000)), b"\x01\x00\x00\xff\xff" * 300]),
)


@st.composite
def garbage(draw: st.DrawFn) -> bytes:
    """Blocks in any order, some of them spoilt."""
    octets = bytearray(b"".join(draw(st.lists(blocks, max_size=4))))
    for at in draw(st.lists(st.integers(0, 2000), max_size=3)):
        if at < len(octets):
            octets[at] = draw(st.integers(0, 255))
    return bytes(octets[: draw(st.none() | st.integers(0, 2000))])


def verdict(inflater: Inflater, octets: bytes, pieces: list[bytes] | None) -> bytes | tuple[int, str]:
    """What comes out, or the violation; anything else comes through."""
    try:
        return inflated(inflater, octets, pieces)
    except ProtocolViolation as violation:
        return violation.code, violation.reason


@settings(max_examples=300)
@given(st.lists(garbage(), min_size=1, max_size=3), cuts, libraries, st.booleans())
def test_the_outcome_does_not_depend_on_the_pieces(
    messages: list[bytes], where: list[int], library: str, takes_over: bool
) -> None:
    """Whatever is sent, good or bad: the same octets out or the same violation, and never anything else."""
    whole, by_pieces, by_octets = (Inflater(find_library(library), 15, takes_over) for _ in range(3))
    for octets in messages:
        found = verdict(whole, octets, None)
        assert verdict(by_pieces, octets, cut(octets, where)) == found
        assert verdict(by_octets, octets, [octets[at : at + 1] for at in range(len(octets) + 1)]) == found
        if isinstance(found, tuple):
            assert found[0] == 1007
            return


@settings(max_examples=300)
@given(garbage())
def test_libraries_that_both_take_something_agree_on_what_it_says(octets: bytes) -> None:
    """One may find an error that another does not look for, but no two read different messages."""
    found = {
        result
        for library in LIBRARIES
        if isinstance(result := verdict(Inflater(find_library(library), 15, False), octets, None), bytes)
    }
    assert len(found) <= 1
