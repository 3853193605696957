"""WebSocket for Python in the callback style, on Twisted and asyncio from one core.

The protocol and factory classes are in `wsframework.twisted.websocket` and `wsframework.asyncio.websocket`.
"""

from __future__ import annotations

from typing import Final

from wsframework.build import COMPILED
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
    "__version__",
    "is_compiled",
]

__version__ = "0.1.0"

is_compiled: Final = COMPILED
"""True when the compiled hot path runs, False for pure Python, which does the same.

`python -m wsframework` says it, too. With WSFRAMEWORK_PURE=1 in the environment nothing compiled is used.
"""
