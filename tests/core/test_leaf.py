"""`_core._leaf_c` against `_core._leaf_py` and one-line oracles, where vectors do the work and at their edges.

What the leaves do at all is tested in test_masking and test_utf8, for both builds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.leaves import COMPILED, each_build, needs_compiled
from wsframework import build
from wsframework._core import _leaf_py, masking, utf8

KEY = bytes.fromhex("37fa213d")
# Every octet at which one of the ranges of RFC 3629's grammar begins or ends, and its neighbours.
EDGES = bytes.fromhex("00 41 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff")
# Where the first octet of something is put into a longer text: at the start and the end, and about where vectors meet.
PLACES = (0, 1, 2, 3, 14, 15, 16, 17, 30, 31, 32, 33, 62, 63, 64, 65, 66, 67, 68, 69, 99, 126, 127, 128, 129, 130, 137)
SIZE = 140
FILLINGS = ["x" * SIZE, "é" * 70, "你" * 46 + "xx", "😀" * 35]


def masked(data: bytes, key: bytes, offset: int = 0) -> bytes:
    return bytes(octet ^ key[(index + offset) % 4] for index, octet in enumerate(data))


def decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@pytest.fixture
def compiled() -> ModuleType:
    if COMPILED is None:
        pytest.skip("the extension modules are not built")
    return COMPILED


def test_the_core_takes_its_leaves_from_the_build_that_runs() -> None:
    """Masking and validation are never of different builds."""
    leaf = build.pick("_leaf")
    assert leaf.__name__ == ("wsframework._core._leaf_c" if build.COMPILED else "wsframework._core._leaf_py")
    assert masking.apply_mask is leaf.apply_mask
    assert masking.unmasked is leaf.unmasked
    assert utf8.is_utf8 is leaf.is_utf8
    assert utf8.Utf8Validator is leaf.Utf8Validator


def test_both_builds_offer_the_same(compiled: ModuleType) -> None:
    """Nothing is there that the type checker does not see."""
    assert sorted(compiled.__all__) == sorted(_leaf_py.__all__)
    ours, pure = ({name for name in dir(each.Utf8Validator) if name[0] != "_"} for each in (compiled, _leaf_py))
    assert ours == pure


def test_masking_of_every_size_up_to_a_few_vectors(compiled: ModuleType) -> None:
    """No size falls between the ways in which the octets are taken."""
    data = bytes(index * 7 % 256 for index in range(400))
    for size in range(len(data)):
        for offset in range(4):
            assert compiled.apply_mask(data[:size], KEY, offset) == masked(data[:size], KEY, offset)
            assert compiled.unmasked(data, 3, 3 + size, KEY, offset) == masked(data[3 : 3 + size], KEY, offset)


@needs_compiled
@given(st.binary(max_size=2000), st.binary(min_size=4, max_size=4), st.integers(0, 2**63 - 1))
def test_masking_is_the_same_in_both_builds(data: bytes, key: bytes, offset: int) -> None:
    """Also from buffers of other types and at an offset far beyond any that is met."""
    assert COMPILED is not None
    expected = _leaf_py.apply_mask(data, key, offset)
    assert expected == masked(data, key, offset)
    for buffer in (data, bytearray(data), memoryview(data), memoryview(bytearray(data))):
        assert COMPILED.apply_mask(buffer, key, offset) == _leaf_py.apply_mask(buffer, key, offset) == expected


@pytest.mark.parametrize(
    ("start", "end"), [(0, 400), (300, 200), (250, 300), (300, 301), (-40, -3), (-999, 7), (5, -999)]
)
@pytest.mark.parametrize("key", [b"", KEY])
@each_build
def test_unmasking_takes_what_a_slice_takes(leaf: ModuleType, start: int, end: int, key: bytes) -> None:
    """Positions outside of the data are no way to octets outside of it."""
    data = bytes(range(256))
    assert leaf.unmasked(data, start, end, key) == masked(data[start:end], key or bytes(4))


@pytest.mark.parametrize("filling", FILLINGS, ids=["ASCII", "two", "three", "four"])
def test_every_sequence_of_two_within_a_long_text(compiled: ModuleType, filling: str) -> None:
    """A long text is as wrong as its worst place."""
    text = filling.encode()
    for place in (0, 33, 66, 67, SIZE - 2):
        before, after = text[:place], text[place + 2 :]
        for first, second in product(range(256), repeat=2):
            data = b"%b%c%c%b" % (before, first, second, after)
            assert compiled.is_utf8(data) is decodes(data), (place, first, second)


@pytest.mark.parametrize("filling", FILLINGS, ids=["ASCII", "two", "three", "four"])
def test_every_sequence_of_three_at_the_edges_within_a_long_text(compiled: ModuleType, filling: str) -> None:
    """No border of the grammar is missed where vectors begin and end."""
    text = filling.encode()
    triples = [bytes(octets) for octets in product(EDGES, repeat=3)]
    for place in PLACES:
        before, after = text[:place], text[place + 3 :]
        for index in range(place % 4, len(triples), 4):
            data = before + triples[index] + after
            assert compiled.is_utf8(data) is decodes(data), (place, triples[index])


def feed_both(compiled: ModuleType, pieces: list[bytes]) -> None:
    """Both validators say the same after each piece, and the same as the decoder when no octet is missing."""
    ours, pure = compiled.Utf8Validator(), _leaf_py.Utf8Validator()
    for count, piece in enumerate(pieces, 1):
        assert ours.feed(piece) is pure.feed(piece)
        assert ours.complete is pure.complete is decodes(b"".join(pieces[:count]))


@pytest.mark.parametrize("filling", FILLINGS, ids=["ASCII", "two", "three", "four"])
@pytest.mark.parametrize("octets", ["", "e0", "e080", "eda0", "ed9f", "f080", "f090", "f490", "f48f", "c0", "f5", "80"])
def test_a_long_text_in_two_pieces(compiled: ModuleType, filling: str, octets: str) -> None:
    """What a piece leaves open is known from its last octets alone, wherever it is cut."""
    text = filling.encode()
    for place in PLACES:
        data = text[:place] + bytes.fromhex(octets) + text[place:]
        for cut in range(0, len(data) + 1, 1 if place < 70 else 7):
            feed_both(compiled, [data[:cut], data[cut:]])


letters = st.sampled_from(
    ["a", "é", "Ж", "€", "你", "\ud7ff", "\ue000", "😀", "\U0010ffff", "plain text " * 12, "Длинный " * 9]
)
wrong = st.sampled_from([b"\xed\xa0", b"\xf0\x80", b"\xf4\x90", b"\xc0", b"\xf5", b"\x80", b"\xe2\x82", b"\xff"])
octets_of_texts = st.lists(
    letters.map(str.encode) | letters.map(str.encode) | letters.map(str.encode) | wrong, max_size=60
)
texts = st.lists(letters, max_size=60).map(lambda parts: [part.encode() for part in parts])


@needs_compiled
@given(octets_of_texts | texts, st.lists(st.integers(1, 200), max_size=30))
def test_validators_agree_in_any_pieces(parts: list[bytes], sizes: list[int]) -> None:
    """At every octet both builds know the same about what can still become of the text."""
    assert COMPILED is not None
    data = b"".join(parts)
    assert COMPILED.is_utf8(data) is _leaf_py.is_utf8(data) is decodes(data)
    pieces = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    feed_both(COMPILED, [*pieces, data[at:]])
    feed_both(COMPILED, [data[index : index + 1] for index in range(min(len(data), 400))])


CALLS: list[Callable[[ModuleType, bytearray], object]] = [
    lambda leaf, buffer: leaf.apply_mask(buffer, KEY),
    lambda leaf, buffer: leaf.is_utf8(buffer),
    lambda leaf, buffer: leaf.Utf8Validator().feed(buffer),
]


@each_build
@pytest.mark.parametrize("call", CALLS, ids=["apply_mask", "is_utf8", "feed"])
@pytest.mark.parametrize("octets", [b"", b"text", b"text" * 50, b"wrong\xff", b"wrong\xff" * 50])
def test_buffers_are_given_back(
    leaf: ModuleType, call: Callable[[ModuleType, bytearray], object], octets: bytes
) -> None:
    """A bytearray can be resized after the call, whatever came out."""
    buffer = bytearray(octets)
    assert call(leaf, buffer) == call(leaf, bytearray(octets))
    buffer.extend(b"more")
    assert buffer == octets + b"more"


def test_a_buffer_is_given_back_after_an_error_too(compiled: ModuleType) -> None:
    """A masking key of the wrong size is refused before an octet of it is read."""
    for key in (b"", b"abc", b"abcde"):
        buffer = bytearray(b"payload")
        with pytest.raises(ValueError, match="a masking key has 4 octets"):
            compiled.apply_mask(buffer, key)
        buffer.clear()
    with pytest.raises(ValueError, match="a masking key has 4 octets"):
        compiled.unmasked(b"payload", 0, 7, b"abc")


@pytest.mark.parametrize(
    "call",
    [
        lambda leaf: leaf.apply_mask("text", KEY),
        lambda leaf: leaf.apply_mask(b"", None),
        lambda leaf: leaf.unmasked(None, 0, 1, KEY),
        lambda leaf: leaf.unmasked(b"", 0, 1, None),
        lambda leaf: leaf.is_utf8(None),
        lambda leaf: leaf.Utf8Validator().feed("text"),
    ],
)
def test_what_is_no_octets_is_refused(compiled: ModuleType, call: Callable[[ModuleType], object]) -> None:
    """A mistake of the caller is an exception, never a crash."""
    with pytest.raises(TypeError):
        call(compiled)


SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.fixture
def sanitizing(tmp_path: Path) -> list[str]:
    """A compiler's command with the sanitizers; skips where there is none whose programs run."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("no C compiler")
    source, program = tmp_path / "try.c", tmp_path / "try"
    source.write_text("int main(void) { return 0; }\n")
    command = [compiler, *SANITIZERS]
    for attempt in ([*command, str(source), "-o", str(program)], [str(program)]):
        if subprocess.run(attempt, capture_output=True, timeout=60, check=False).returncode:
            pytest.skip(f"{compiler} does not have the sanitizers")
    return command


@pytest.mark.slow
def test_no_octet_beside_the_given_ones_is_touched(sanitizing: list[str], tmp_path: Path) -> None:
    """The C code under AddressSanitizer, in buffers of exactly the size, with each kind of vector and with none."""
    program = str(tmp_path / "leaf_sanitized")
    headers = str(Path(_leaf_py.__file__).parent)
    source = str(Path(__file__).with_name("leaf_sanitized.c"))
    warnings = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run([*sanitizing, "-O2", "-g", *warnings, "-I", headers, source, "-o", program], timeout=120, check=True)
    # Only what is not touched matters here; the leak check cannot run where a debugger may not attach.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout) == (0, "all right\n"), done.stdout + done.stderr
