"""Autobahn's name for `wsframework.exceptions`; the same objects."""

from __future__ import annotations

from wsframework.exceptions import (
    Disconnected,
    HandshakeError,
    HandshakeRejected,
    HandshakeTimeout,
    PayloadExceededError,
    SequenceError,
    WebSocketError,
)

__all__ = [
    "Disconnected",
    "HandshakeError",
    "HandshakeRejected",
    "HandshakeTimeout",
    "PayloadExceededError",
    "SequenceError",
    "WebSocketError",
]
