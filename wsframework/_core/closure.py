"""How a connection ended: one frozen record that all close attributes are read from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wsframework.exceptions import HandshakeError

__all__ = ["Cause", "Closure"]


class Cause(Enum):
    """What ended the connection; the first thing that did."""

    # See `State`.
    __hash__ = object.__hash__

    CLOSE_HANDSHAKE = "both Close frames were exchanged"
    VIOLATION = "the peer broke the protocol"
    CALLBACK_ERROR = "a callback of the application raised"
    SEND_BUFFER = "the peer did not read"
    DROPPED = "the application dropped the connection"
    LOST = "the transport was lost"
    OPENING = "the opening handshake failed"
    OPENING_TIMEOUT = "the opening handshake took too long"
    CLOSING_TIMEOUT = "the peer did not answer our Close frame"
    DROP_TIMEOUT = "the peer did not end TCP after the closing handshake"
    PING_TIMEOUT = "the peer did not answer a ping"


@dataclass(frozen=True, slots=True)
class Closure:
    """`code` and `reason` as they go to onClose; `failure` is what `is_open` is rejected with, if it was waited for."""

    cause: Cause
    code: int
    reason: str | None
    failure: HandshakeError | None = None

    @property
    def was_clean(self) -> bool:
        """True when both Close frames were exchanged (RFC 6455 section 7.1.4)."""
        return self.cause is Cause.CLOSE_HANDSHAKE
