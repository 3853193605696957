"""The octets that the load generator sends: one message, as a client's masked frames.

Everything is drawn from a fixed seed, so that two runs send the same.
"""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["Kind", "Message", "frame", "payload_of"]

Kind = Literal["binary", "ascii", "unicode", "json"]

SEED = 6455

ASCII_WORDS = (
    "pack",
    "my",
    "box",
    "with",
    "five",
    "dozen",
    "liquor",
    "jugs",
    "before",
    "noon",
    "and",
    "after",
    "midnight",
)

# Two to four octets for each character, as in languages that are not written in Latin letters.
UNICODE_WORDS = (
    "съешь",
    "ещё",
    "этих",
    "мягких",
    "булок",
    "素早い狐",
    "犬を飛び越える",
    "نص",
    "عربي",
    "γρήγορη",
    "αλεπού",
    "🦊🐕",
    "हिन्दी",
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: octets of payload before compression, what they are, in how many frames, deflated or not."""

    size: int
    kind: Kind = "binary"
    fragments: int = 1
    is_deflated: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.fragments <= self.size:
            raise ValueError(f"a message has 1 to {self.size} frames here, not {self.fragments}")

    def blob(self) -> bytes:
        """The frames that a client sends for it."""
        payload = deflated(self.payload()) if self.is_deflated else self.payload()
        return b"".join(self._frames(payload))

    def payload(self) -> bytes:
        """Exactly `size` octets."""
        return payload_of(self.kind, self.size)

    def _frames(self, payload: bytes) -> Iterator[bytes]:
        opcode = 2 if self.kind == "binary" else 1
        step = -(-len(payload) // self.fragments)
        starts = range(0, len(payload), step)
        for start in starts:
            is_first = start == 0
            is_last = start == starts[-1]
            # FIN, and RSV1 on the first frame of a compressed message.
            first = is_last << 7 | (is_first and self.is_deflated) << 6 | (opcode if is_first else 0)
            yield frame(first, payload[start : start + step])


def frame(first_octet: int, payload: bytes, mask: bytes = b"\x1f\xa3\x5c\xe7") -> bytes:
    """A masked frame. The mask is no zero, so that servers have something to do."""
    size = len(payload)
    if size < 126:
        header = struct.pack("!BB", first_octet, 0x80 | size)
    elif size < 1 << 16:
        header = struct.pack("!BBH", first_octet, 0x80 | 126, size)
    else:
        header = struct.pack("!BBQ", first_octet, 0x80 | 127, size)
    repeated = (mask * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return header + mask + masked.to_bytes(size, "big")


def payload_of(kind: Kind, size: int) -> bytes:
    """So many octets of that kind; text ends at the end of a character."""
    source = random.Random(SEED)
    if kind == "binary":
        return source.randbytes(size)
    if kind == "json":
        return json_text(source, size)
    words: list[str] = []
    length = 0
    while length < size:
        words.append(source.choice(UNICODE_WORDS if kind == "unicode" else ASCII_WORDS))
        length += len(words[-1].encode()) + 1
    octets = " ".join(words).encode()[:size]
    # What was cut in the middle of a character is filled with spaces.
    return octets.decode(errors="ignore").encode().ljust(size)


def json_text(source: random.Random, size: int) -> bytes:
    """An array of records as services send them: it compresses to about a quarter."""
    records: list[str] = []
    length = 2
    while length < size:
        record = {
            "id": source.randrange(10**9),
            "symbol": source.choice(["ABCD", "WXYZ", "KLMN", "OPQR"]),
            "price": round(source.uniform(1, 1000), 2),
            "side": source.choice(["buy", "sell"]),
            "note": source.choice(ASCII_WORDS),
        }
        records.append(json.dumps(record))
        length += len(records[-1]) + 2
    # Cut anywhere: nobody parses it.
    return ("[" + ", ".join(records) + "]").encode()[:size]


def deflated(payload: bytes, level: int = 6) -> bytes:
    """As RFC 7692 wants it: raw deflate, flushed, without the empty block at the end (section 7.2.1).

    It refers to nothing before itself, so it may be sent again and again, whether contexts are taken over or not.
    """
    compressor = zlib.compressobj(level, wbits=-15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
