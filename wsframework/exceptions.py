"""The errors that users meet, as a tree; sorted by what the caller can do about them.

Misuse of a method's arguments is a plain `TypeError` or `ValueError` and not in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "BroadcastFull",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "Disconnected",
    "HandshakeError",
    "HandshakeLost",
    "HandshakeRejected",
    "HandshakeTimeout",
    "PayloadExceededError",
    "ProxyError",
    "SendBufferFull",
    "SequenceError",
    "WebSocketError",
]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class WebSocketError(RuntimeError):
    """The root of the tree. A `RuntimeError`, as Autobahn's errors are."""


class Disconnected(WebSocketError):
    """The connection is not open (not yet, or no more), so the message was not sent."""


class ConnectionClosed(Disconnected):
    """What a conversation raises at its end: nothing more can be sent, and everything that came was received.

    `code` and `reason` are those that onClose gets: the peer's where both Close frames were exchanged (`wasClean`,
    RFC 6455 section 7.1.4; 1005 if it gave none), otherwise the code that we failed the connection with, or 1006, and
    in words what happened.
    """

    def __init__(self, code: int, reason: str | None = None, wasClean: bool = False) -> None:
        how = "the connection was closed" if wasClean else "the connection ended without a closing handshake"
        super().__init__(f"{how}: {code} {reason or ''}".rstrip())
        self.code = code
        self.reason = reason or ""
        self.wasClean = wasClean

    def __reduce__(self) -> tuple[type, tuple[int, str, bool]]:
        return type(self), (self.code, self.reason, self.wasClean)


class ConnectionClosedOK(ConnectionClosed):
    """It was closed in order: with 1000 (normal), 1001 (going away), or without a code, as browsers do."""


class ConnectionClosedError(ConnectionClosed):
    """It was closed with another code, or ended without a closing handshake."""


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


class HandshakeLost(HandshakeError):
    """The transport ended before the opening handshake was complete; a later attempt may fare better."""


class HandshakeRejected(HandshakeError):
    """An HTTP status other than 101 was answered to the opening handshake."""


class ProxyError(HandshakeError):
    """The proxy gave no way to the server: `status`, `headers` and `body` are its answer's, where there was one.

    A `status` of 407 means that it wants credentials, or others than those it got. Nothing was sent to the server.
    """


class HandshakeTimeout(HandshakeError):
    """`openHandshakeTimeout` or `onConnectTimeout` passed before the opening handshake was complete."""
