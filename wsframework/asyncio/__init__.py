"""WebSocket on asyncio."""

from __future__ import annotations

from wsframework.asyncio.util import sleep
from wsframework.asyncio.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
    WrappingWebSocketClientFactory,
    WrappingWebSocketServerFactory,
)

# isort: split
# After the classes that it builds on.
from wsframework.asyncio.conversation import connect, serve

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
