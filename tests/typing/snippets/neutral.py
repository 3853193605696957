"""What belongs to no backend: groups, routes, data classes, errors, and protocol classes of either backend."""

from __future__ import annotations

from typing import Unpack, reveal_type

from wsframework import (
    ConnectionClosedOK,
    Disconnected,
    HandshakeError,
    ProxyError,
    WebSocketError,
    asyncio,
    is_compiled,
    twisted,
)
from wsframework.websocket import Broadcast, Overflow, Router
from wsframework.websocket.hints import ClientOptionsDict
from wsframework.websocket.protocol import WebSocketProtocol, WebSocketServerProtocol
from wsframework.websocket.types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    Headers,
    HttpResponse,
    IncomingMessage,
    OutgoingMessage,
    Ping,
    TransportDetails,
)

reveal_type(is_compiled)  # reveal: bool


class Chat(asyncio.WebSocketServerProtocol):
    def onOpen(self) -> None:
        reveal_type(self.route_params["name"])  # reveal: str


class Admin(twisted.WebSocketServerProtocol):
    pass


class Caller(twisted.WebSocketClientProtocol):
    pass


async def groups(receiver: Chat, other: WebSocketProtocol) -> None:
    group = Broadcast(Overflow.DROP_OLDEST, max_messages=100, key=lambda payload: payload[:4])
    group.add(receiver)
    group.add(other)
    group.discard(receiver)
    reveal_type(group.send("news", exclude=[receiver]))  # reveal: int
    reveal_type(receiver in group)  # reveal: bool
    reveal_type(list(group))  # reveal: list[WebSocketProtocol]
    reveal_type(group.counts)  # reveal: BroadcastCounts
    reveal_type(group.counts_of(receiver).waiting)  # reveal: int
    reveal_type(await group.drain())  # reveal: Any
    reveal_type(other.is_open)  # reveal: Awaitable[WebSocketProtocol]
    reveal_type(await other.drain())  # reveal: None
    group.add("everybody")  # error: arg-type
    group.send(5)  # error: arg-type
    Broadcast("drop oldest")  # error: arg-type


def routes() -> None:
    router = Router()
    reveal_type(router.add("/chat/<name>", Chat, maxMessagePayloadSize=1000))  # reveal: Route
    router.add("/admin", lambda: Admin(), allowedOrigins=["https://example.com"])
    router.add("/calls", Caller)  # error: arg-type
    router.add("/chat", Chat, maxConnections=5)  # error: call-arg
    router.add("/chat", Chat, webStatus="no")  # error: arg-type
    match = router.match("/chat/lobby")
    reveal_type(match)  # reveal: RouteMatch | None
    if match is not None:
        reveal_type(match.params)  # reveal: Mapping[str, str]
    for route in router:
        reveal_type(route.pattern)  # reveal: str
    asyncio.WebSocketServerFactory().router = router
    twisted.WebSocketServerFactory().setRouter("/")  # error: arg-type


router = Router()


@router.route("/decorated", maxSendBuffer=1 << 20)
class Decorated(asyncio.WebSocketServerProtocol):
    room = "lobby"


reveal_type(Decorated().room)  # reveal: str


def data(details: TransportDetails, headers: Headers) -> None:
    reveal_type(details.peer)  # reveal: str | None
    reveal_type(headers.get("host"))  # reveal: str | None
    reveal_type(IncomingMessage(b"octets").is_binary)  # reveal: bool
    reveal_type(OutgoingMessage(b"octets", skip_compress=True).payload)  # reveal: bytes
    reveal_type(Ping().payload)  # reveal: bytes
    reveal_type(HttpResponse("text").status)  # reveal: int
    reveal_type(ConnectionDeny(403).body)  # reveal: bytes | None
    ConnectingRequest(headers=[("Cookie", "a=1"), ("Cookie", "b=2")])
    ConnectionAccept(headers={"Set-Cookie": ["a=1", "b=2"]})
    ConnectionAccept(subprotocol=5)  # error: arg-type
    OutgoingMessage("text")  # error: arg-type
    HttpResponse(status="404")  # error: arg-type


def same_on_both(*protocols: WebSocketServerProtocol) -> None:
    for protocol in protocols:
        protocol.sendMessage("hello")
        reveal_type(protocol.maxConnections)  # reveal: int


def pass_on(**options: Unpack[ClientOptionsDict]) -> twisted.WebSocketClientFactory:
    factory = twisted.WebSocketClientFactory("ws://localhost")
    factory.setProtocolOptions(**options)
    return factory


def errors(error: WebSocketError) -> None:
    if isinstance(error, ProxyError):
        reveal_type(error.status)  # reveal: int | None
    elif isinstance(error, HandshakeError):
        reveal_type(error.body)  # reveal: bytes
    elif isinstance(error, ConnectionClosedOK):
        reveal_type(error.code)  # reveal: int
    elif isinstance(error, Disconnected):
        reveal_type(error.code)  # error: attr-defined


same_on_both(Chat(), Admin())
