"""The key of the opening handshake: a server that can answer it has understood WebSocket (RFC 6455 section 1.3)."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1
from typing import Final

from wsframework._core.constants import ACCEPT_GUID

__all__ = ["accept_key", "is_key", "new_key"]

# Copied for every key: OpenSSL takes longer to look the algorithm up than to hash a key.
_SHA1: Final = sha1(usedforsecurity=False)


# 16 octets in base64, written the one way an encoder writes them: of the last character's six bits two are used, and
# the others are zero.
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")


def new_key(random16: bytes) -> str:
    """The value of Sec-WebSocket-Key from 16 random octets."""
    if len(random16) != 16:
        raise ValueError("a key is made of 16 octets")
    return b64encode(random16).decode("ascii")


def is_key(key: str) -> bool:
    """True for 16 octets in base64, written the one way an encoder writes them (section 4.1, item 7)."""
    return _KEY.fullmatch(key) is not None


def accept_key(key: str) -> str:
    """The value of Sec-WebSocket-Accept for a client's key (RFC 6455 section 4.2.2, item 5.4)."""
    digest = _SHA1.copy()
    digest.update((key + ACCEPT_GUID).encode("ascii"))
    return b64encode(digest.digest()).decode("ascii")
