"""WebSocket on Twisted."""

from __future__ import annotations

from importlib.util import find_spec

# Our plugin for Twisted lies in a folder of that name, so `import twisted` alone says nothing.
if find_spec("twisted") is None or find_spec("twisted.internet") is None:
    raise ImportError("wsframework.twisted needs Twisted, which is not installed: pip install 'wsframework[twisted]'")

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
