"""Autobahn's name for `wsframework.exceptions`; the same objects."""

from __future__ import annotations

from wsframework.exceptions import (
    BroadcastFull,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    Disconnected,
    HandshakeError,
    HandshakeLost,
    HandshakeRejected,
    HandshakeTimeout,
    PayloadExceededError,
    ProxyError,
    SendBufferFull,
    SequenceError,
    WebSocketError,
)

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
