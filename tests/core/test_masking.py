"""`_core.masking`: the exclusive or, and where keys come from (RFC 6455 sections 5.3 and 10.3)."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.leaves import BUILDS, each_build
from wsframework._core.masking import apply_mask, mask_source
from wsframework._core.outgoing import MaskKeys

KEY = bytes.fromhex("37fa213d")


def oracle(data: bytes, key: bytes, offset: int = 0) -> bytes:
    """Section 5.3 to the letter: transformed-octet-i = original-octet-i XOR masking-key-octet-(i MOD 4)."""
    return bytes(octet ^ key[(index + offset) % 4] for index, octet in enumerate(data))


class Source:
    """Randomness that counts: octets 0, 1, 2, ... and how many were asked for at a time."""

    def __init__(self) -> None:
        self.draws: list[int] = []
        self.next = 0

    def __call__(self, size: int) -> bytes:
        self.draws.append(size)
        octets = bytes((self.next + index) % 251 for index in range(size))
        self.next += size
        return octets


@each_build
def test_the_example_of_the_rfc(leaf: ModuleType) -> None:
    """Hello, masked with 37 fa 21 3d (section 5.7)."""
    assert leaf.apply_mask(b"Hello", KEY) == bytes.fromhex("7f9f4d5158")
    assert leaf.apply_mask(bytes.fromhex("7f9f4d5158"), KEY) == b"Hello"


@each_build
@pytest.mark.parametrize("key", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\x80\0\0\0", KEY])
def test_all_small_sizes_at_all_offsets(leaf: ModuleType, key: bytes) -> None:
    """No size is special, leading and trailing zeros are kept, and a piece goes on where the last one ended."""
    for size in (*range(18), 31, 63, 64, 65, 127, 255, 256, 4097):
        for data in (bytes(size), b"\xff" * size, bytes(index % 256 for index in range(size))):
            for offset in (*range(9), 2**31 + 1, 2**63 - 1):
                masked = leaf.apply_mask(data, key, offset)
                assert masked == oracle(data, key, offset)
                assert leaf.apply_mask(masked, key, offset) == data


@each_build
def test_what_comes_out_is_owned_bytes(leaf: ModuleType) -> None:
    """A mutable buffer may be reused right after the call."""
    buffer = bytearray(b"Hello")
    masked = leaf.apply_mask(buffer, KEY)
    buffer[:] = b"xxxxx"
    assert type(masked) is bytes
    assert masked == bytes.fromhex("7f9f4d5158")


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4), st.integers(0, 300))
def test_pieces_make_the_whole(data: bytes, key: bytes, cut: int) -> None:
    """Masking in two pieces with the right offset is masking the whole."""
    for leaf in BUILDS:
        assert leaf.apply_mask(data, key) == oracle(data, key)
        pieces = [leaf.apply_mask(data[:cut], key), leaf.apply_mask(data[cut:], key, len(data[:cut]))]
        assert b"".join(pieces) == oracle(data, key)


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4), st.integers(0, 310), st.integers(0, 310))
def test_a_payload_is_unmasked_where_it_lies(data: bytes, key: bytes, start: int, end: int) -> None:
    """A frame is taken out of a chunk in one go; where it has no key, as it is."""
    piece = data[start:end]
    for leaf in BUILDS:
        assert leaf.unmasked(data, start, end, key) == oracle(piece, key)
        assert leaf.unmasked(data, start, end, key, start) == oracle(piece, key, start)
        assert leaf.unmasked(data, start, end, b"") == piece


def test_keys_are_every_octet_of_the_source_once() -> None:
    """Each frame has a key of its own, in the source's order, and nothing of it is used twice or thrown away."""
    source = Source()
    keys = MaskKeys(source)
    assert source.draws == []
    drawn = [keys() for _ in range(1000)]
    assert all(len(key) == 4 for key in drawn)
    assert b"".join(drawn) == bytes(index % 251 for index in range(4000))
    assert len(source.draws) < 10


def test_keys_after_reset_are_fresh() -> None:
    """A forked child does not go on with its parent's keys."""
    source = Source()
    keys = MaskKeys(source)
    keys()
    fresh = source.next
    keys.reset()
    assert keys() == bytes((fresh + index) % 251 for index in range(4))
    assert len(source.draws) == 2


def test_where_an_end_takes_its_keys_from() -> None:
    """Servers do not mask, clients do, and with applyMask=False the key changes nothing."""
    keys = MaskKeys(Source())
    assert mask_source(False, True, keys) is None
    assert mask_source(False, False, keys) is None
    assert mask_source(True, True, keys) is keys
    zero = mask_source(True, False, keys)
    assert zero is not None
    assert [zero(), zero()] == [bytes(4), bytes(4)]
    assert apply_mask(b"Hello", zero()) == b"Hello"
