"""A message that is encoded once, and compressed once, for many connections."""

from __future__ import annotations

from wsframework._core.codec import encode_frame
from wsframework._core.constants import OP_BINARY, OP_TEXT
from wsframework._core.deflate import Compression, Deflater

__all__ = ["Prepared"]

_RSV1 = 4


class Prepared:
    """A message and its frames, not masked: as it is, and compressed in each of the ways that receivers agreed on."""

    __slots__ = ("_compressed", "_frames", "compressions", "is_binary", "may_compress", "payload", "plain")

    def __init__(self, payload: bytes, is_binary: bool, may_compress: bool) -> None:
        self.payload = payload
        self.is_binary = is_binary
        self.may_compress = may_compress
        # How often the payload was compressed.
        self.compressions = 0
        # The message as it is, in one frame; empty until it is needed.
        self.plain = b""
        self._compressed: dict[Compression, bytes | None] = {}
        self._frames: dict[Compression, bytes] = {}

    @property
    def frame(self) -> bytes:
        """The message as it is, in one frame."""
        if not self.plain:
            self.plain = encode_frame(self._opcode, self.payload, None)
        return self.plain

    def compressed(self, compression: Compression) -> bytes | None:
        """The payload, compressed for itself; None if that makes it no shorter. Done once."""
        if compression not in self._compressed:
            self.compressions += 1
            octets = Deflater(compression, takes_over=False).message(self.payload)
            self._compressed[compression] = octets if len(octets) < len(self.payload) else None
        return self._compressed[compression]

    def compressed_frame(self, compression: Compression, octets: bytes) -> bytes:
        """The frame of what `compressed` gave. Encoded once."""
        frame = self._frames.get(compression)
        if frame is None:
            frame = self._frames[compression] = encode_frame(self._opcode, octets, None, rsv=_RSV1)
        return frame

    @property
    def _opcode(self) -> int:
        return OP_BINARY if self.is_binary else OP_TEXT
