"""Payloads put together from pieces, and frames from payloads: where octets are copied. The pure build.

The compiled one, `_octets_c.pyx`, does the same in as few passes over the octets as there can be.
"""

from __future__ import annotations

from wsframework._core.masking import apply_mask, unmasked
from wsframework._core.utf8 import Utf8Validator

__all__ = ["Assembly", "encode_frame", "encode_header", "first_octets", "take_payload"]


class Assembly:
    """What of a message is there so far, in one growing buffer. `utf8`, if given, validates what is added."""

    __slots__ = ("_octets",)

    def __init__(self) -> None:
        self._octets = bytearray()

    @property
    def size(self) -> int:
        """How many octets there are."""
        return len(self._octets)

    def add(
        self, data: bytes, start: int, end: int, key: bytes, offset: int, utf8: Utf8Validator | None, missing: int
    ) -> bool:
        """`data` from `start` to `end`, unmasked: see `unmasked`. False if the text can no longer become valid.

        `missing` is how many octets the frame has after these; memory for some of them may be taken, in proportion to
        those that are there.
        """
        return self.append(unmasked(data, start, end, key, offset), utf8)

    def append(self, piece: bytes, utf8: Utf8Validator | None) -> bool:
        """`piece` as it is. False if the text can no longer become valid."""
        if utf8 is not None and not utf8.feed(piece):
            return False
        self._octets += piece
        return True

    def room(self, missing: int) -> memoryview | None:
        """Memory for some of the `missing` octets; None from this build, which gains nothing from it."""
        return None

    def space(self, size: int) -> memoryview | None:
        """Memory for `size` octets, to be told of by `added`, for whoever knows that as many will come; see `room`."""
        return None

    def added(self, size: int, key: bytes, offset: int, utf8: Utf8Validator | None) -> bool:
        """So many octets were written into that memory, masked; as `add` for them."""
        raise AssertionError("there was no room")

    def take(self) -> bytes:
        """All of it; then there is nothing."""
        octets = bytes(self._octets)
        self._octets = bytearray()
        return octets


def take_payload(data: bytes, start: int, end: int, is_masked: bool) -> bytes:
    """The payload `data[start:end]`; if it is masked, its key is the four octets before it."""
    return apply_mask(data[start:end], data[start - 4 : start]) if is_masked else data[start:end]


def encode_frame(opcode: int, payload: bytes, mask_key: bytes | None, fin: bool = True, rsv: int = 0) -> bytes:
    """One frame as one bytes object. `mask_key` None: not masked; the key 00000000 masks without changing anything.

    `rsv` holds the three reserved bits as the number 0 to 7 (RSV1 is 4).
    """
    size = len(payload)
    if mask_key is None:
        if size < 126:
            # The most common of all, without a detour.
            return bytes(((0x80 if fin else 0) | rsv << 4 | opcode, size)) + payload
        return encode_header(opcode, size, None, fin, rsv) + payload
    header = encode_header(opcode, size, mask_key, fin, rsv)
    return header + apply_mask(payload, mask_key)


def encode_header(opcode: int, size: int, mask_key: bytes | None, fin: bool = True, rsv: int = 0) -> bytes:
    """A frame without its payload, which has `size` octets; the masking key is the end of the header."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0 if mask_key is None else 0x80
    if size < 126:
        header = bytes((first, mask_bit | size))
    elif size < 65536:
        header = bytes((first, mask_bit | 126)) + size.to_bytes(2, "big")
    else:
        header = bytes((first, mask_bit | 127)) + size.to_bytes(8, "big")
    return header if mask_key is None else header + mask_key


def first_octets(view: memoryview, size: int) -> bytes:
    """A copy of the first `size` octets."""
    return bytes(view[:size])
