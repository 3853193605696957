"""The errors that users meet, as a tree; sorted by what the caller can do about them.

Misuse of a method's arguments is a plain `TypeError` or `ValueError` and not in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "BroadcastFull",
    "Disconnected",
    "HandshakeError",
    "HandshakeRejected",
    "HandshakeTimeout",
    "PayloadExceededError",
    "SendBufferFull",
    "SequenceError",
    "WebSocketError",
]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class WebSocketError(RuntimeError):
    """The root of the tree. A `RuntimeError`, as Autobahn's errors are."""


class Disconnected(WebSocketError):
    """The connection is not open (not yet, or no more), so the message was not sent."""


class PayloadExceededError(WebSocketError):
    """The message is longer than `maxMessagePayloadSize`; nothing of it was sent."""


class SendBufferFull(WebSocketError):
    """More than `maxSendBuffer` octets from threads wait already (`sendMessageFromThread`); this was not taken."""


class BroadcastFull(WebSocketError):
    """As much waits for a receiver of a `Broadcast` as may wait, and nothing may be dropped; nobody got the message."""


class SequenceError(WebSocketError):
    """A call of the frame or streaming API out of order, or a message inside of an unfinished one; nothing was sent."""


class HandshakeError(WebSocketError):
    """The connection ended before the opening handshake was complete: what `is_open` is rejected with.

    `status` is the HTTP status that was received (client) or sent (server), None when there was none; `headers` are
    the response's headers and `body` its first octets, where there were any.
    """

    def __init__(
        self, message: str, status: int | None = None, headers: Mapping[str, str] = _NO_HEADERS, body: bytes = b""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = body


class HandshakeRejected(HandshakeError):
    """An HTTP status other than 101 was answered to the opening handshake."""


class HandshakeTimeout(HandshakeError):
    """`openHandshakeTimeout` or `onConnectTimeout` passed before the opening handshake was complete."""
