"""The key of the opening handshake: a server that can answer it has understood WebSocket (RFC 6455 section 1.3)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha1

from wsframework._core.constants import ACCEPT_GUID

__all__ = ["accept_key", "is_key", "new_key"]


def new_key(random16: bytes) -> str:
    """The value of Sec-WebSocket-Key from 16 random octets."""
    if len(random16) != 16:
        raise ValueError("a key is made of 16 octets")
    return b64encode(random16).decode("ascii")


def is_key(key: str) -> bool:
    """True for 16 octets in base64, written the one way an encoder writes them (section 4.1, item 7)."""
    try:
        octets = b64decode(key, validate=True)
    except ValueError:
        return False
    # Encoded again, because the decoder takes padding bits that no encoder writes.
    return len(octets) == 16 and b64encode(octets) == key.encode("ascii")


def accept_key(key: str) -> str:
    """The value of Sec-WebSocket-Accept for a client's key (RFC 6455 section 4.2.2, item 5.4)."""
    return b64encode(sha1((key + ACCEPT_GUID).encode("ascii"), usedforsecurity=False).digest()).decode("ascii")
