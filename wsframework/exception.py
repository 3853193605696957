"""Autobahn's name for `wsframework.exceptions`; the same objects."""

from __future__ import annotations

from wsframework.exceptions import (
    BroadcastFull,
    Disconnected,
    HandshakeError,
    HandshakeRejected,
    HandshakeTimeout,
    PayloadExceededError,
    SendBufferFull,
    SequenceError,
    WebSocketError,
)

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
