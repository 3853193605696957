"""WebSocket on Twisted."""

from __future__ import annotations

from wsframework.twisted.util import sleep
from wsframework.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
    WrappingWebSocketClientFactory,
    WrappingWebSocketServerFactory,
)

# isort: split
# After the classes that it builds on.
from wsframework.twisted.conversation import connect, serve

__all__ = [
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
    "WrappingWebSocketClientFactory",
    "WrappingWebSocketServerFactory",
    "connect",
    "serve",
    "sleep",
]
