"""The leaves of the codec in Python: masking (RFC 6455 section 5.3) and validation of UTF-8 (RFC 3629).

Strategy: every octet is touched by CPython's C code only.

* The exclusive or is done on the payload as one big integer: some twenty times as fast as a loop over octets, because
  both conversions and the operation itself run in C.
* CPython's decoder validates: it stops at an octet that cannot continue the sequence so far (an overlong form, a
  surrogate, a value above U+10FFFF) without waiting for the sequence's end. What it decodes is thrown away.
* ASCII, which `isascii` recognises at memory speed, is not decoded at all.

`_leaf_c` is the same in C.
"""

from __future__ import annotations

from codecs import utf_8_decode
from typing import Final

__all__ = ["Utf8Validator", "apply_mask", "is_utf8", "unmasked"]

# Up to this size a payload is masked with what is prepared for it.
_SHORT: Final = 256
_REPEAT: Final = tuple(int.from_bytes(b"\1\0\0\0" * words, "little") for words in range(_SHORT // 4 + 1))

# No text begins with this octet, so whatever follows it stays wrong.
_WRONG: Final = b"\xff"


def apply_mask(data: bytes | bytearray | memoryview, key: bytes, offset: int = 0) -> bytes:
    """Return `data` XORed with `key` (4 octets) repeated; `offset` is how many octets of the payload came before."""
    size = len(data)
    if offset & 3:
        offset &= 3
        key = key[offset:] + key[:offset]
    if size <= _SHORT:
        # The key times 1, 1 + 2**32, 1 + 2**32 + 2**64, ... is the key repeated.
        stream = int.from_bytes(key, "little") * _REPEAT[size + 3 >> 2]
        return (int.from_bytes(data, "little") ^ stream).to_bytes(size + 3 & ~3, "little")[:size]
    octets = key * (size // 4) + key[: size & 3]
    # The native byte order would do as well; "little" lets CPython skip the reversal of digits.
    return (int.from_bytes(data, "little") ^ int.from_bytes(octets, "little")).to_bytes(size, "little")


def unmasked(data: bytes, start: int, end: int, key: bytes, offset: int = 0) -> bytes:
    """Return data[start:end], a piece of a payload, without its mask; with the key b"" it has none.

    `offset` is how many octets of the payload came before `start`.
    """
    return apply_mask(data[start:end], key, offset) if key else data[start:end]


def is_utf8(data: bytes | bytearray) -> bool:
    """True when `data` is UTF-8 from its first octet to its last."""
    if data.isascii():
        return True
    try:
        utf_8_decode(data, "strict", True)
    except UnicodeDecodeError:
        return False
    return True


class Utf8Validator:
    """Validates a text that arrives in pieces; keeps at most three octets between them."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b""

    @property
    def complete(self) -> bool:
        """True when what was fed so far is valid and ends with a whole code point."""
        return not self._tail

    def reset(self) -> None:
        """Start again with an empty text."""
        self._tail = b""

    def feed(self, data: bytes) -> bool:
        """Take the next piece; False, from then on, when the text can no longer become valid."""
        tail = self._tail
        if tail:
            data = tail + data
        elif data.isascii():
            return True
        try:
            used = utf_8_decode(data, "strict", False)[1]
        except UnicodeDecodeError:
            self._tail = _WRONG
            return False
        tail = self._tail = data[used:]
        # The one case where the decoder waits too long: ED A0 to ED BF begin a surrogate, whatever comes third.
        return not b"\xed\xa0" <= tail < b"\xee"
