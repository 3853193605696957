"""Numbers and names of the wire format and the lifecycle.

Enums serve the edges, plain ints the frame loop: comparing ints is what the compiled codec does fastest.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final

__all__ = [
    "ACCEPT_GUID",
    "LARGEST",
    "OP_BINARY",
    "OP_CLOSE",
    "OP_CONTINUATION",
    "OP_PING",
    "OP_PONG",
    "OP_TEXT",
    "TRACED",
    "CloseCode",
    "Role",
    "State",
    "is_receivable_close_code",
    "is_sendable_close_code",
]

# RFC 6455 section 1.3: appended to the client's key before hashing.
ACCEPT_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# What is at least this many octets is no limit at all; compiled code counts in 64 bits.
LARGEST: Final = 1 << 62

# How many octets of a payload are shown to whoever traces frames: all of a control frame's (at most 125), and enough of
# a message to know it again.
TRACED: Final = 128

# RFC 6455 section 5.2.
OP_CONTINUATION: Final = 0x0
OP_TEXT: Final = 0x1
OP_BINARY: Final = 0x2
OP_CLOSE: Final = 0x8
OP_PING: Final = 0x9
OP_PONG: Final = 0xA


class CloseCode(IntEnum):
    """RFC 6455 section 7.4.1 and the IANA registry of close codes."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    ABNORMAL = 1006
    INVALID_PAYLOAD = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


def is_sendable_close_code(code: int) -> bool:
    """True for the codes that may stand in a Close frame: 1000-1003, 1007-1014, 3000-4999 (section 7.4.2)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


# What may be sent may be received: the reserved codes (1004, 1005, 1006, 1015) and the unassigned ones are errors.
is_receivable_close_code = is_sendable_close_code


class Role(Enum):
    """Which end of the connection this is: the two mask differently and end TCP differently."""

    SERVER = "server"
    CLIENT = "client"


class State(Enum):
    """The five states of a connection; `lifecycle` holds the moves between them."""

    # Members are themselves only; what Enum does instead is a call of Python for every move in the table.
    __hash__ = object.__hash__

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    DRAINING = "draining"
    CLOSED = "closed"
