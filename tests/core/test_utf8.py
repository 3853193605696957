"""`_core.utf8`: text in pieces, wrong at the first octet that proves it (RFC 3629 section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsframework._core.utf8 import Utf8Validator, is_utf8

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


def by_octets(data: bytes) -> tuple[int, bool]:
    """What the validator says, fed octet by octet; as `by_the_grammar`."""
    validator = Utf8Validator()
    for index in range(len(data)):
        if not validator.feed(data[index : index + 1]):
            return index, False
    return len(data), validator.complete


def check(data: bytes) -> None:
    """The validator agrees with the grammar, whole, in octets and in all cuts into two."""
    good, complete = expected = by_the_grammar(data)
    valid = good == len(data) and complete
    assert is_utf8(data) is is_utf8(bytearray(data)) is by_python(data) is valid
    assert by_octets(data) == expected
    for cut in range(len(data) + 1):
        validator = Utf8Validator()
        assert validator.feed(data[:cut]) is (good >= cut)
        if good >= cut:
            assert validator.complete is by_the_grammar(data[:cut])[1]
            assert validator.feed(data[cut:]) is (good == len(data))
            assert good < len(data) or validator.complete is complete


def test_every_sequence_of_one_octet_and_of_two() -> None:
    """Nothing about a single octet or a pair is left to chance."""
    for first in range(256):
        assert is_utf8(bytes([first])) is (first < 128)
        assert by_octets(bytes([first])) == by_the_grammar([first])
        for second in range(256):
            assert by_octets(bytes([first, second])) == by_the_grammar([first, second])


def test_every_sequence_of_three_at_the_edges() -> None:
    """Overlong forms and surrogates are found at their second octet, where the grammar ends."""
    for octets in product(EDGES, repeat=3):
        assert by_octets(bytes(octets)) == by_the_grammar(octets)


@pytest.mark.parametrize("lead", [0xE0, 0xED, 0xF0, 0xF1, 0xF4])
def test_every_sequence_of_four_at_the_edges(lead: int) -> None:
    """Also what is above U+10FFFF, and what follows a code point that ended early."""
    for octets in product([lead], EDGES[3:10], EDGES[2:10], EDGES):
        data = bytes(octets)
        assert by_octets(data) == by_the_grammar(octets)
        assert is_utf8(data) is by_python(data)


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


@pytest.mark.parametrize(("name", "text"), VALID)
def test_every_scalar_value_is_text(name: str, text: str) -> None:
    """What Python encodes is taken, whatever the pieces."""
    data = text.encode()
    assert by_octets(data) == (len(data), True)
    check(data)


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


@pytest.mark.parametrize(("name", "octets", "good"), MALFORMED)
def test_malformed_sequences(name: str, octets: str, good: int) -> None:
    """None of the well-known wrong forms is taken, and each is found at the octet that proves it."""
    data = bytes.fromhex(octets)
    assert by_octets(data) == (good, False)
    for prefix in (b"", b"A" * 33, "é€😀".encode()):
        check(prefix + data)
        check(prefix + data + b"tail")


@pytest.mark.parametrize("text", ["é", "€", "😀"])
def test_a_code_point_that_is_cut_is_not_wrong_but_not_complete(text: str) -> None:
    """More may come; only the end of the message makes a cut sequence an error."""
    data = text.encode()
    for cut in range(1, len(data)):
        validator = Utf8Validator()
        assert validator.feed(data[:cut])
        assert not validator.complete
        assert not is_utf8(data[:cut])
        assert validator.feed(b"")
        assert not validator.complete
        assert validator.feed(data[cut:])
        assert validator.complete


def test_reset_forgets_what_was_cut() -> None:
    """The next message starts clean."""
    validator = Utf8Validator()
    assert validator.complete
    validator.feed(b"\xf0\x9f\x98")
    validator.reset()
    assert validator.complete
    assert validator.feed(b"A")


@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
@example(b"\xed\xa0")
@example(b"\xf4\x8f\xbf\xbf")
def test_random_octets(data: bytes) -> None:
    """The validator and Python never disagree, whatever comes in whatever pieces."""
    check(data)
