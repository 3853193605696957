"""`_core.utf8`: text in pieces, wrong at the first octet that proves it (RFC 3629 section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.leaves import BUILDS, each_build

# RFC 3629 section 4 as a table: leading octets, then the range of each octet that follows.
TAIL = (0x80, 0xBF)
SYNTAX: list[tuple[range, list[tuple[int, int]]]] = [
    (range(0x80), []),
    (range(0xC2, 0xE0), [TAIL]),
    (range(0xE0, 0xE1), [(0xA0, 0xBF), TAIL]),
    (range(0xE1, 0xED), [TAIL, TAIL]),
    (range(0xED, 0xEE), [(0x80, 0x9F), TAIL]),
    (range(0xEE, 0xF0), [TAIL, TAIL]),
    (range(0xF0, 0xF1), [(0x90, 0xBF), TAIL, TAIL]),
    (range(0xF1, 0xF4), [TAIL, TAIL, TAIL]),
    (range(0xF4, 0xF5), [(0x80, 0x8F), TAIL, TAIL]),
]
AFTER = {octet: ranges for octets, ranges in SYNTAX for octet in octets}

# Every octet at which one of the ranges begins or ends, and its neighbours.
EDGES = bytes.fromhex("00 41 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff")


def by_the_grammar(data: Iterable[int]) -> tuple[int, bool]:
    """How many octets a text can begin with, and whether they end with a whole code point."""
    expected: list[tuple[int, int]] = []
    good = 0
    for octet in data:
        if not expected and octet in AFTER:
            expected = list(AFTER[octet])
        elif expected and expected[0][0] <= octet <= expected[0][1]:
            del expected[0]
        else:
            return good, False
        good += 1
    return good, not expected


def by_python(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def by_octets(leaf: ModuleType, data: bytes) -> tuple[int, bool]:
    """What the validator says, fed octet by octet; as `by_the_grammar`."""
    validator = leaf.Utf8Validator()
    for index in range(len(data)):
        if not validator.feed(data[index : index + 1]):
            return index, False
    return len(data), validator.complete


def check(leaf: ModuleType, data: bytes) -> None:
    """The validator agrees with the grammar, whole, in octets and in all cuts into two."""
    good, complete = expected = by_the_grammar(data)
    valid = good == len(data) and complete
    assert leaf.is_utf8(data) is leaf.is_utf8(bytearray(data)) is by_python(data) is valid
    assert by_octets(leaf, data) == expected
    for cut in range(len(data) + 1):
        validator = leaf.Utf8Validator()
        assert validator.feed(data[:cut]) is (good >= cut)
        if good >= cut:
            assert validator.complete is by_the_grammar(data[:cut])[1]
            assert validator.feed(data[cut:]) is (good == len(data))
            assert good < len(data) or validator.complete is complete


@each_build
def test_every_sequence_of_one_octet_and_of_two(leaf: ModuleType) -> None:
    """Nothing about a single octet or a pair is left to chance."""
    for first in range(256):
        assert leaf.is_utf8(bytes([first])) is (first < 128)
        assert by_octets(leaf, bytes([first])) == by_the_grammar([first])
        for second in range(256):
            assert by_octets(leaf, bytes([first, second])) == by_the_grammar([first, second])


@each_build
def test_every_sequence_of_three_at_the_edges(leaf: ModuleType) -> None:
    """Overlong forms and surrogates are found at their second octet, where the grammar ends."""
    for octets in product(EDGES, repeat=3):
        assert by_octets(leaf, bytes(octets)) == by_the_grammar(octets)


@each_build
@pytest.mark.parametrize("lead", [0xE0, 0xED, 0xF0, 0xF1, 0xF4])
def test_every_sequence_of_four_at_the_edges(leaf: ModuleType, lead: int) -> None:
    """Also what is above U+10FFFF, and what follows a code point that ended early."""
    for octets in product([lead], EDGES[3:10], EDGES[2:10], EDGES):
        data = bytes(octets)
        assert by_octets(leaf, data) == by_the_grammar(octets)
        assert leaf.is_utf8(data) is by_python(data)


VALID = [
    ("empty", ""),
    ("ASCII", "Hello, world"),
    ("NUL and DEL", "\0\x7f"),
    ("edges of two", "\x80\u07ff"),
    ("edges of three", "\u0800\uffff"),
    ("around the surrogates", "\ud7ff\ue000"),
    ("edges of four", "\U00010000\U0010ffff"),
    ("noncharacters", "\ufdd0\ufffe\U0001ffff"),
    ("byte order mark", "\ufeffx"),
    ("mixed", "κ\u1f79\u03c3με, 你好 😀 é!"),
]


@each_build
@pytest.mark.parametrize(("name", "text"), VALID)
def test_every_scalar_value_is_text(leaf: ModuleType, name: str, text: str) -> None:
    """What Python encodes is taken, whatever the pieces."""
    data = text.encode()
    assert by_octets(leaf, data) == (len(data), True)
    check(leaf, data)


MALFORMED = [
    ("continuation first", "80", 0),
    ("last continuation first", "bf", 0),
    ("all continuations", "8081bebf", 0),
    ("two overlong", "c080", 0),
    ("two overlong, last", "c1bf", 0),
    ("three overlong", "e08080", 1),
    ("three overlong, last", "e09fbf", 1),
    ("four overlong", "f0808080", 1),
    ("four overlong, last", "f08fbfbf", 1),
    ("five octets", "f888808080", 0),
    ("six octets", "fc8480808080", 0),
    ("first high surrogate", "eda080", 1),
    ("last low surrogate", "edbfbf", 1),
    ("pair of surrogates", "eda080edb080", 1),
    ("U+110000", "f4908080", 1),
    ("U+1FFFFF", "f7bfbfbf", 0),
    ("fe", "fe", 0),
    ("ff", "ff", 0),
    ("lead, ASCII", "c320", 1),
    ("lead, lead", "e2e2", 1),
    ("cut, ASCII", "e28220", 2),
    ("cut, lead", "f09f98f0", 3),
    ("after text", "cebae1bdb9cf83cebcceb5f4908080656469746564", 12),
]


@each_build
@pytest.mark.parametrize(("name", "octets", "good"), MALFORMED)
def test_malformed_sequences(leaf: ModuleType, name: str, octets: str, good: int) -> None:
    """None of the well-known wrong forms is taken, and each is found at the octet that proves it."""
    data = bytes.fromhex(octets)
    assert by_octets(leaf, data) == (good, False)
    for prefix in (b"", b"A" * 33, "é€😀".encode()):
        check(leaf, prefix + data)
        check(leaf, prefix + data + b"tail")


@each_build
@pytest.mark.parametrize("text", ["é", "€", "😀"])
def test_a_code_point_that_is_cut_is_not_wrong_but_not_complete(leaf: ModuleType, text: str) -> None:
    """More may come; only the end of the message makes a cut sequence an error."""
    data = text.encode()
    for cut in range(1, len(data)):
        validator = leaf.Utf8Validator()
        assert validator.feed(data[:cut])
        assert not validator.complete
        assert not leaf.is_utf8(data[:cut])
        assert validator.feed(b"")
        assert not validator.complete
        assert validator.feed(data[cut:])
        assert validator.complete


@each_build
def test_reset_forgets_what_was_cut(leaf: ModuleType) -> None:
    """The next message starts clean."""
    validator = leaf.Utf8Validator()
    assert validator.complete
    validator.feed(b"\xf0\x9f\x98")
    validator.reset()
    assert validator.complete
    assert validator.feed(b"A")


@each_build
@pytest.mark.parametrize("octets", ["ff", "80", "c0", "eda0", "f490", "41e28241"])
def test_what_is_wrong_stays_wrong(leaf: ModuleType, octets: str) -> None:
    """Nothing that follows makes a text of it; only the next message starts clean."""
    validator = leaf.Utf8Validator()
    assert not validator.feed(bytes.fromhex(octets))
    for piece in (b"", b"A", b"\x80", b"A" * 100, "é".encode() * 100):
        assert validator.feed(piece) is False
        assert validator.complete is False
    validator.reset()
    assert validator.complete is True
    assert validator.feed(b"A") is True


@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
@example(b"\xed\xa0")
@example(b"\xf4\x8f\xbf\xbf")
def test_random_octets(data: bytes) -> None:
    """The validator and Python never disagree, whatever comes in whatever pieces."""
    for leaf in BUILDS:
        check(leaf, data)
