"""Incremental validation of UTF-8 (RFC 3629), failing at the first octet that proves an error.

CPython's decoder does the work: it stops at an octet that cannot continue the sequence so far (an overlong form, a
surrogate, a value above U+10FFFF) without waiting for the sequence's end, which is the fail-fast rule that a WebSocket
needs inside of long messages. What it decodes is thrown away; ASCII, which `isascii` recognises at memory speed, is not
decoded at all.
"""

from __future__ import annotations

from codecs import utf_8_decode

__all__ = ["Utf8Validator", "is_utf8"]


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
        """True when what was fed so far ends with a whole code point."""
        return not self._tail

    def reset(self) -> None:
        """Start again with an empty text."""
        self._tail = b""

    def feed(self, data: bytes) -> bool:
        """Take the next piece; False when the text can no longer become valid."""
        tail = self._tail
        if tail:
            data = tail + data
        elif data.isascii():
            return True
        try:
            used = utf_8_decode(data, "strict", False)[1]
        except UnicodeDecodeError:
            return False
        tail = self._tail = data[used:]
        # The one case where the decoder waits too long: ED A0 to ED BF begin a surrogate, whatever comes third.
        return not b"\xed\xa0" <= tail < b"\xee"
