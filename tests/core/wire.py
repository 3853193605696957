"""Octets on the wire, built without the code under test."""

from __future__ import annotations

from typing import Final

# First octets: FIN and opcode (RFC 6455 section 5.2), and without FIN for fragments.
TEXT: Final = 0x81
BINARY: Final = 0x82
CONTINUATION: Final = 0x80
CLOSE: Final = 0x88
PING: Final = 0x89
PONG: Final = 0x8A
NOT_FIN: Final = 0x80

# What a client's frames look like with the masking key that a RecordingClient has.
MASK_KEY: Final = b"\x01\x02\x03\x04"


def from_server(first: int, payload: bytes = b"") -> bytes:
    """A frame without a mask."""
    return bytes([first]) + _length(len(payload), 0) + payload


def from_client(first: int, payload: bytes = b"", key: bytes = MASK_KEY) -> bytes:
    """A masked frame."""
    masked = bytes(octet ^ key[index % 4] for index, octet in enumerate(payload))
    return bytes([first]) + _length(len(payload), 0x80) + key + masked


def close_payload(code: int, reason: str = "") -> bytes:
    """What a Close frame carries (section 5.5.1)."""
    return code.to_bytes(2, "big") + reason.encode()


def _length(size: int, mask: int) -> bytes:
    if size < 126:
        return bytes([mask | size])
    if size < 65536:
        return bytes([mask | 126]) + size.to_bytes(2, "big")
    return bytes([mask | 127]) + size.to_bytes(8, "big")


def split(octets: bytes) -> list[tuple[int, bytes]]:
    """First octets and payloads, without masks, of whole frames."""
    frames = []
    while octets:
        size, start = octets[1] & 0x7F, 2
        if size > 125:
            start = 4 if size == 126 else 10
            size = int.from_bytes(octets[2:start], "big")
        key = bytes(4)
        if octets[1] & 0x80:
            key, start = octets[start : start + 4], start + 4
        payload = octets[start : start + size]
        assert len(payload) == size, "the last frame is not complete"
        frames.append((octets[0], bytes(octet ^ key[index % 4] for index, octet in enumerate(payload))))
        octets = octets[start + size :]
    return frames
