"""WebSocket for Python in the callback style, on Twisted and asyncio from one core.

The protocol and factory classes are in `wsframework.twisted.websocket` and `wsframework.asyncio.websocket`.
"""

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
    "__version__",
]

__version__ = "0.1.0"
