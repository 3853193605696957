"""What stands in for the user's protocol on a port with several of them, until the request says which one is meant.

See `wsframework.websocket.routing` for why there are two protocols on one transport.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from wsframework._core.handshake import ConnectionRequest
from wsframework._core.server_connection import ServerConnection
from wsframework._core.uri import parse_target
from wsframework.websocket.attributes import OptionAttribute
from wsframework.websocket.pages import not_found
from wsframework.websocket.protocol import WebSocketServerProtocol
from wsframework.websocket.routing import Route, RouteMatch, Router
from wsframework.websocket.types import ConnectionDeny, HttpResponse

if TYPE_CHECKING:
    from wsframework.websocket.factory import WebSocketServerFactory

__all__ = ["RoutedFactory", "UnroutedProtocol", "default_response"]


class UnroutedProtocol(WebSocketServerProtocol):
    """Reads a request, and hands the transport over to a new instance of the protocol that the request is for.

    A request that no route fits is answered with 404, a request that is no handshake as the factory says; then nobody
    but the log and the factory's counters ever hears of the connection.
    """

    router: Router

    # Left to the route: who may connect, and what is set on the transport for good.
    allowedOrigins = ("*",)
    allowNullOrigin = True
    tcpNoDelay = True

    def onConnect(self, request: ConnectionRequest) -> Any:
        """Hand over. What goes wrong meanwhile, in code of the user's, is answered with 500 by whoever called this."""
        match = self.router.match(request.path)
        if match is None:
            raise ConnectionDeny(ConnectionDeny.NOT_FOUND, "there is no WebSocket endpoint at this path")
        # This end has no say any more: nobody ever decides about this connection.
        never = self._new_future()
        connection = self._connection
        assert isinstance(connection, ServerConnection), "a server's protocol has a server's connection"
        protocol = self._make(match)
        if "connection_id" in vars(self):
            # The log has mentioned it.
            protocol.connection_id = self.connection_id
        try:
            self._hand_over(protocol)
        except Exception as error:
            if protocol._connection is not None:
                protocol._connection.lost(f"it could not be connected: {type(error).__name__}")
            raise
        self.factory._forget(self)
        self._port = None
        self._connection = None
        successor = protocol._connection
        assert isinstance(successor, ServerConnection), "it has a transport now"
        successor.receive_head(*connection.hand_over())
        return never

    def _make(self, match: RouteMatch) -> WebSocketServerProtocol:
        route = match.route
        protocol = route.protocol()
        if not isinstance(protocol, self._kind):
            wanted, found = (f"{kind.__module__}.{kind.__qualname__}" for kind in (self._kind, type(protocol)))
            raise TypeError(f"the protocol of the route {route.pattern!r} must be a {wanted}, not a {found}")
        protocol.factory = self.factory
        protocol._route = match
        # Where the class has its own value, that is what reading the attribute would give.
        for name, value in route.options.items():
            if not isinstance(getattr(type(protocol), name), OptionAttribute):
                vars(protocol).setdefault(name, value)
        return protocol

    def _default_response(self) -> HttpResponse:
        return default_response(self.factory, self.router, parse_target(self.http_request_uri)[0])

    # What a backend adds.

    _kind: ClassVar[type[WebSocketServerProtocol]]
    """The backend's own class."""

    @abstractmethod
    def _hand_over(self, protocol: WebSocketServerProtocol) -> None:
        """Stop the timer, connect `protocol` to the transport, and let it hear what the transport tells from now."""


class RoutedFactory:
    """The part of a server factory that knows about routes."""

    protocol: Callable[[], Any]
    _router: Router | None = None
    _unrouted: ClassVar[type[UnroutedProtocol]]

    @property
    def router(self) -> Router | None:
        """Says which protocol serves which path, for the connections to come; None: `protocol` serves them all."""
        return self._router

    @router.setter
    def router(self, router: Router | None) -> None:
        self.setRouter(router)

    def setRouter(self, router: Router | None) -> None:
        """Set `router`; `TypeError` for anything else than a `Router` or None."""
        if router is not None and not isinstance(router, Router):
            raise TypeError(f"router must be a Router or None, not {type(router).__name__}")
        self._router = router

    def _make_protocol(self) -> Any:
        if self._router is None:
            return self.protocol()
        protocol = self._unrouted()
        protocol.router = self._router
        return protocol


def default_response(factory: WebSocketServerFactory, router: Router | None, path: str) -> HttpResponse:
    """What a request for `path` gets that is no handshake, and that the factory's hook leaves to us."""
    if router is None:
        return factory._default_response(factory._options)
    match = router.match(path)
    if match is None:
        return not_found()
    return factory._default_response(factory._merged_options(_class_of(match.route), match.route))


def _class_of(route: Route) -> type:
    """The class whose attributes may be options, as far as that is known before there is an instance."""
    return route.protocol if isinstance(route.protocol, type) else WebSocketServerProtocol
