"""The callback API without a framework: what both backends share."""

from __future__ import annotations

from wsframework.websocket.broadcast import Broadcast, BroadcastCounts, Overflow
from wsframework.websocket.interfaces import (
    IWebSocketChannel,
    IWebSocketClientChannelFactory,
    IWebSocketServerChannelFactory,
)
from wsframework.websocket.routing import Route, RouteMatch, Router
from wsframework.websocket.shutdown import ShutdownResult
from wsframework.websocket.types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    ConnectionRequest,
    ConnectionResponse,
    HttpRequest,
    HttpResponse,
    IncomingMessage,
    OutgoingMessage,
    Ping,
    TransportDetails,
)

__all__ = [
    "Broadcast",
    "BroadcastCounts",
    "ConnectingRequest",
    "ConnectionAccept",
    "ConnectionDeny",
    "ConnectionRequest",
    "ConnectionResponse",
    "HttpRequest",
    "HttpResponse",
    "IWebSocketChannel",
    "IWebSocketClientChannelFactory",
    "IWebSocketServerChannelFactory",
    "IncomingMessage",
    "OutgoingMessage",
    "Overflow",
    "Ping",
    "Route",
    "RouteMatch",
    "Router",
    "ShutdownResult",
    "TransportDetails",
]
