"""Compression contexts for permessage-deflate (RFC 7692 section 7.2): messages to raw deflate data and back.

Strategy, for memory first:

* A context is made when it is first needed, and can be given back at any time. The compressor's simply starts again; of
  the decompressor's only the window is kept, the octets that the peer may still refer to.
* Where nothing is taken over from message to message, no connection needs a compressor of its own: one, emptied by a
  full flush after every message, serves all that have the same settings.
* What comes in is inflated block by block. Whoever reads the blocks counts them, so a message that inflates without end
  is found out before more than one block of it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from wsframework._core.violation import ProtocolViolation

__all__ = ["BLOCK", "LIBRARIES", "Compression", "Deflater", "Inflater", "Library", "find_library"]

# What ends every flush, and what is taken off the end of a message (section 7.2.1).
_TAIL: Final = b"\x00\x00\xff\xff"
# An empty last block: behind a message it proves that the data before was complete.
_LAST_BLOCK: Final = b"\x03\x00"

# The same numbers in every library, RFC 1951's method and zlib's flush modes.
_DEFLATED: Final = 8
_SYNC_FLUSH: Final = 2
_FULL_FLUSH: Final = 3

BLOCK: Final = 65536
"""The most octets that are inflated at once."""

# How much of what came is inflated at once. The libraries copy what they leave of it, so it must not be much.
_SLICE: Final = 16384

# Each costs a new context, and no sender needs more than one for every flush.
_MAX_FINALS: Final = 256

_CORRUPT: Final = "compressed message does not inflate"
_INVALID_PAYLOAD: Final = 1007

LIBRARIES: Final = {"zlib": "zlib", "zlib-ng": "zlib_ng.zlib_ng", "isal": "isal.isal_zlib"}
"""The libraries that can be chosen, and the modules that they are."""


class Compressor(Protocol):
    """zlib's compression object, as far as it is used here."""

    def compress(self, data: bytes, /) -> bytes:
        """Take octets; what has become of them so far."""

    def flush(self, mode: int, /) -> bytes:
        """What has become of all of them."""


class Decompressor(Protocol):
    """zlib's decompression object, as far as it is used here."""

    eof: bool
    unused_data: bytes
    unconsumed_tail: bytes

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most `max_length` octets of what `data` and what came before says."""


class Library(Protocol):
    """A module with zlib's interface."""

    @property
    def error(self) -> type[Exception]:
        """Raised for data that does not inflate."""

    @property
    def compressobj(self) -> Callable[[int, int, int, int], Compressor]:
        """Makes a compressor: level, method, window bits (negative: raw), memory level."""

    @property
    def decompressobj(self) -> Callable[[int, bytes], Decompressor]:
        """Makes a decompressor: window bits (negative: raw), what the data may refer back to."""


def find_library(name: str) -> Library:
    """The library of this name; `ValueError` for an unknown one, `ImportError` for one that is not installed."""
    if name not in LIBRARIES:
        raise ValueError(f"library must be one of {', '.join(LIBRARIES)}, not {name!r}")
    try:
        # The type is that of the interface, which all of these modules share.
        return cast(Library, import_module(LIBRARIES[name]))
    except ImportError as error:
        raise ImportError(f"the library {name} is not installed: pip install wsframework[{name}]") from error


@dataclass(frozen=True, slots=True)
class Compression:
    """How this end compresses: zlib's window bits (9 to 15), memory level (1 to 9), level, and the library's name."""

    window_bits: int
    mem_level: int
    level: int
    library: str

    def new_compressor(self) -> Compressor:
        """A compressor of raw deflate data with an empty window."""
        library = find_library(self.library)
        return library.compressobj(self.level, _DEFLATED, -self.window_bits, self.mem_level)


class Deflater:
    """Compresses one message after the other. Unless `takes_over`, each is compressed for itself.

    Then one may be shared by many connections, as long as they use nothing but `message`.
    """

    __slots__ = ("_compression", "_compressor", "_flush", "takes_over")

    def __init__(self, compression: Compression, takes_over: bool) -> None:
        self._compression = compression
        self._compressor: Compressor | None = None
        self.takes_over = takes_over
        # A full flush forgets what came before as a new context would, and costs less.
        self._flush = _SYNC_FLUSH if takes_over else _FULL_FLUSH

    @property
    def has_context(self) -> bool:
        """True while there is a context: memory, and with takeover the messages before."""
        return self._compressor is not None

    def release(self) -> None:
        """Give the context back; the next message begins with an empty one, which needs no agreement."""
        self._compressor = None

    def message(self, payload: bytes) -> bytes:
        """A whole message, compressed."""
        return (self.add(payload) + self._flushed(self._flush))[:-4]

    def add(self, data: bytes) -> bytes:
        """Octets of a message; those of the compressed one that are there by now."""
        if self._compressor is None:
            self._compressor = self._compression.new_compressor()
        return self._compressor.compress(data)

    def flush(self) -> bytes:
        """The rest of what was added so far: with it, the peer can inflate all of that."""
        return self._flushed(_SYNC_FLUSH)

    def end(self) -> bytes:
        """The rest of the message."""
        return (self.add(b"") + self._flushed(self._flush))[:-4]

    def _flushed(self, mode: int) -> bytes:
        assert self._compressor is not None, "there is no message before its first octets were added"
        return self._compressor.flush(mode)


class Inflater:
    """Inflates one message after the other. `takes_over`: the peer may refer to messages before.

    A message goes in by `feed` (in any pieces) and comes out by `read` until that gives nothing; read before more is
    fed, and before `end`, which says that this was all. Whole messages go in by `message`. `window_bits` is the window
    that the peer uses. Data that does not inflate is a `ProtocolViolation`.
    """

    __slots__ = (
        "_decompressor",
        "_finals",
        "_in_block",
        "_input",
        "_is_full",
        "_library",
        "_pos",
        "_ready",
        "_recent",
        "_tail",
        "_takes_over",
        "_window_bits",
    )

    def __init__(self, library: Library, window_bits: int, takes_over: bool) -> None:
        self._library = library
        self._takes_over = takes_over
        # The smallest that every library can do; a window that is too large inflates what a smaller one would.
        self._window_bits = max(window_bits, 9)
        self._tail = _TAIL if takes_over else _TAIL + _LAST_BLOCK
        self._decompressor: Decompressor | None = None
        # What is not inflated yet: `_input` from `_pos` on. What is inflated and not read: `_ready`.
        self._input = b""
        self._pos = 0
        self._ready = b""
        # The last block was as long as it may be, so the decompressor may know of more.
        self._is_full = False
        # Something came of which the end must still be said; and how often that was so in this message.
        self._in_block = False
        self._finals = 0
        # What the peer may refer to, and a little more; only with takeover.
        self._recent: bytearray | None = None

    @property
    def has_context(self) -> bool:
        """True while there is a context."""
        return self._decompressor is not None

    def release(self) -> None:
        """Give the context back, but for the window. In the middle of a message nothing happens."""
        if not self._in_block:
            self._decompressor = None
            self._forget_old(0)

    def message(self, payload: bytes) -> bytes | None:
        """A whole message. None if it is long or unusual: then it was taken in, and goes on with `read` and `end`."""
        if not payload:
            # Not what section 7.2.3.6 asks for, but clear enough.
            return payload
        if len(payload) > _SLICE:
            self.feed(payload)
            return None
        decompressor = self._decompressor or self._renewed()
        inflated = self._inflate(decompressor, payload)
        if len(inflated) < BLOCK and not decompressor.unconsumed_tail and not decompressor.eof:
            if self._takes_over:
                self._remember(inflated)
            self._end_block(decompressor)
            return inflated
        self.feed(payload)
        self._ready = self._step(decompressor, len(payload), inflated)
        return None

    def feed(self, data: bytes) -> None:
        """Octets of a message; before more of it, or its end, everything must be read."""
        self._input = data
        self._pos = 0
        if data:
            self._in_block = True

    def read(self) -> bytes:
        """At most a block of what was fed, nothing when all of it is out."""
        if self._ready:
            ready, self._ready = self._ready, b""
            return ready
        while self._is_full or self._pos < len(self._input):
            decompressor = self._decompressor or self._renewed()
            piece = self._input[self._pos : self._pos + _SLICE]
            inflated = self._step(decompressor, len(piece), self._inflate(decompressor, piece))
            if inflated:
                return inflated
        self._input = b""
        self._pos = 0
        return b""

    def end(self) -> None:
        """That was all of the message, and all of it is read."""
        if self._in_block:
            assert self._decompressor is not None, "what was fed is read"
            self._end_block(self._decompressor)
        self._in_block = False
        self._finals = 0

    def _renewed(self) -> Decompressor:
        window = b"" if self._recent is None else bytes(self._recent[-(1 << self._window_bits) :])
        self._decompressor = self._library.decompressobj(-self._window_bits, window)
        return self._decompressor

    def _inflate(self, decompressor: Decompressor, data: bytes) -> bytes:
        try:
            return decompressor.decompress(data, BLOCK)
        except self._library.error as error:
            raise ProtocolViolation(_INVALID_PAYLOAD, _CORRUPT) from error

    def _end_block(self, decompressor: Decompressor) -> None:
        """Add what was taken off the end. If it says anything, or the wrong block is the last, some is missing."""
        inflated = self._inflate(decompressor, self._tail)
        if inflated or decompressor.eof == self._takes_over or decompressor.unused_data:
            raise ProtocolViolation(_INVALID_PAYLOAD, _CORRUPT)
        if not self._takes_over:
            self._decompressor = None

    def _step(self, decompressor: Decompressor, size: int, inflated: bytes) -> bytes:
        """Take note of what became of `size` octets of the input; `inflated` again."""
        self._is_full = len(inflated) >= BLOCK
        left = len(decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail)
        self._pos += size - left
        if self._takes_over:
            self._remember(inflated)
        if decompressor.eof:
            self._final_block()
        return inflated

    def _final_block(self) -> None:
        """A block said to be the last ends that block, not the message (section 7.2.3.4): begin again behind it."""
        self._is_full = False
        self._decompressor = None
        self._finals += 1
        if self._finals > _MAX_FINALS:
            raise ProtocolViolation(_INVALID_PAYLOAD, f"compressed message with more than {_MAX_FINALS} final blocks")
        # If this was the end: the octet that opens one more block for the tail is often left out.
        self._in_block = self._pos < len(self._input)

    def _remember(self, inflated: bytes) -> None:
        if self._recent is None:
            self._recent = bytearray()
        self._recent += inflated[-(1 << self._window_bits) :]
        self._forget_old(1 << self._window_bits - 2)

    def _forget_old(self, slack: int) -> None:
        """Keep no more than the window. With some `slack`, so that little messages do not each move all of it."""
        window = 1 << self._window_bits
        if self._recent is not None and len(self._recent) > window + slack:
            del self._recent[:-window]
