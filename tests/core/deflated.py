"""Compressed messages (RFC 7692 section 7.2), built and read without the code under test."""

from __future__ import annotations

import zlib
from importlib.util import find_spec
from random import Random
from typing import Final

# The libraries that are installed here.
LIBRARIES: Final = [
    name
    for name, package in (("zlib", "zlib"), ("zlib-ng", "zlib_ng"), ("isal", "isal"))
    if find_spec(package) is not None
]

# What a sender takes off the end of a message.
TAIL: Final = b"\x00\x00\xff\xff"

# The examples of section 7.2.3; all but the second and the last are "Hello".
ONE_BLOCK: Final = bytes.fromhex("f2 48 cd c9 c9 07 00")
SHARING_WINDOW: Final = bytes.fromhex("f2 00 11 00 00")
NO_COMPRESSION: Final = bytes.fromhex("00 05 00 fa ff 48 65 6c 6c 6f 00")
FINAL_BLOCK: Final = bytes.fromhex("f3 48 cd c9 c9 07 00 00")
TWO_BLOCKS: Final = bytes.fromhex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00")
EMPTY: Final = b"\x00"


class Sender:
    """What a peer makes of its messages; `bits` is its window."""

    def __init__(self, takes_over: bool = True, bits: int = 15, level: int = 6) -> None:
        self._takes_over = takes_over
        self._bits = bits
        self._level = level
        self._compressor = self._new()

    def message(self, payload: bytes) -> bytes:
        """The next message, compressed."""
        octets = self._compressor.compress(payload) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        if not self._takes_over:
            self._compressor = self._new()
        assert octets.endswith(TAIL)
        return octets[:-4]

    def _new(self) -> zlib._Compress:
        return zlib.compressobj(self._level, zlib.DEFLATED, -self._bits)


class Receiver:
    """What a peer makes of our messages; `bits` is the window that it allows."""

    def __init__(self, takes_over: bool = True, bits: int = 15) -> None:
        self._takes_over = takes_over
        self._bits = bits
        self._decompressor = zlib.decompressobj(-bits)

    def message(self, octets: bytes) -> bytes:
        """The next message, inflated by small pieces, so that a window that is too large shows."""
        if not self._takes_over:
            self._decompressor = zlib.decompressobj(-self._bits)
        octets += TAIL
        inflated = b"".join(self._decompressor.decompress(octets[at : at + 64]) for at in range(0, len(octets), 64))
        assert not self._decompressor.eof
        return inflated

    def so_far(self, octets: bytes) -> bytes:
        """What these octets, which need not be a whole message, add to what is known."""
        return self._decompressor.decompress(octets)


def compressed(payload: bytes) -> bytes:
    """A message that refers to nothing before it."""
    return Sender().message(payload)


def stored(payload: bytes, final: bool = False) -> bytes:
    """A block without compression (RFC 1951 section 3.2.4) of at most 65535 octets."""
    size = len(payload)
    return bytes([final]) + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + payload


def ended(payload: bytes, window: bytes = b"") -> bytes:
    """Blocks of which the last says that it is the last, and which may refer to `window`."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15, 8, 0, window)
    return compressor.compress(payload) + compressor.flush(zlib.Z_FINISH)


def zeros(mebibytes: int) -> bytes:
    """A message of zeros, a thousandth of their size."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * mebibytes + EMPTY


def text_of(size: int, seed: int = 1) -> bytes:
    """ASCII that compresses as ordinary text does, without repeating itself from far away."""
    words = bytearray()
    while len(words) < size:
        seed = seed * 1103515245 + 12345 & 0x7FFFFFFF
        words += b"%x " % (seed >> (seed >> 4) % 28)
    return bytes(words[:size])


def noise(size: int) -> bytes:
    """Octets that do not compress."""
    return Random(size).randbytes(size)
