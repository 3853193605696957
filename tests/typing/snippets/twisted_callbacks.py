"""Protocol classes, factories and what connects them, on Twisted."""

from __future__ import annotations

from typing import reveal_type

from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort

from wsframework.asyncio.websocket import WebSocketServerProtocol as AsyncioServerProtocol
from wsframework.twisted import sleep
from wsframework.twisted.resource import WebSocketResource
from wsframework.twisted.testing import TwistedMemoryBackend, create_memory_agent, create_pumper
from wsframework.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
    connectWS,
    create_client_agent,
    listenWS,
)
from wsframework.websocket.compress import (
    DeflatePolicy,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from wsframework.websocket.types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    ConnectionRequest,
    ConnectionResponse,
    HttpRequest,
    HttpResponse,
    TransportDetails,
)


class Plain(WebSocketServerProtocol):
    autoPingInterval = 20
    allowedOrigins = ["https://example.com"]  # noqa: RUF012
    maxMessagePayloadSize = "1 MiB"  # error: assignment

    def onConnect(self, request: ConnectionRequest) -> None:
        reveal_type(request.peer)  # reveal: str
        reveal_type(request.headers["host"])  # reveal: str
        reveal_type(request.params)  # reveal: dict[str, list[str]]
        reveal_type(request.protocols)  # reveal: list[str]
        if request.origin != "https://example.com":
            raise ConnectionDeny(ConnectionDeny.FORBIDDEN)

    def onOpen(self) -> None:
        reveal_type(self.is_open)  # reveal: Deferred[Plain]
        reveal_type(self.is_closed)  # reveal: Deferred[Plain]
        reveal_type(self.factory)  # reveal: WebSocketServerFactory
        reveal_type(self.http_headers)  # reveal: Mapping[str, str]
        reveal_type(self.http_request_params)  # reveal: dict[str, list[str]]
        reveal_type(self.websocket_protocol_in_use)  # reveal: str | None
        reveal_type(self.transport_details)  # reveal: TransportDetails
        reveal_type(self.trafficStats.incomingOctetsWireLevel)  # reveal: int
        reveal_type(self.state == self.STATE_OPEN)  # reveal: bool
        reveal_type(self.openHandshakeTimeout)  # reveal: float
        reveal_type(self.allowNullOrigin)  # reveal: bool | None
        reveal_type(self.maskClientFrames)  # error: attr-defined

    async def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)
        self.sendMessage("text")
        self.sendMessage(["no message"])  # error: arg-type
        self.sendPing("text")  # error: arg-type
        self.sendClose("1000")  # error: arg-type
        reveal_type(self.drain())  # reveal: Deferred[None]
        await self.drain()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        reveal_type(self.remoteCloseCode)  # reveal: int | None


class ChoosesSubprotocol(WebSocketServerProtocol):
    def onConnect(self, request: ConnectionRequest) -> str | None:
        return request.protocols[0] if request.protocols else None


class AddsHeaders(WebSocketServerProtocol):
    def onConnect(self, request: ConnectionRequest) -> tuple[str | None, dict[str, str]]:
        return None, {"X-Served-By": "me"}


class AcceptsLater(WebSocketServerProtocol):
    async def onConnect(self, request: ConnectionRequest) -> ConnectionAccept:
        await sleep(1)
        return ConnectionAccept("chat", {"Set-Cookie": ["a=1", "b=2"]})


class AcceptsByDeferred(WebSocketServerProtocol):
    def onConnect(self, request: ConnectionRequest) -> Deferred[str | None]:
        return Deferred()


class AcceptsByNumber(WebSocketServerProtocol):
    def onConnect(self, request: ConnectionRequest) -> int:  # error: override
        return 200


class TakesTooMuch(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool, size: int) -> None:  # error: override
        pass


class Client(WebSocketClientProtocol):
    greeting = "hello"

    def onConnecting(self, transport_details: TransportDetails) -> ConnectingRequest:
        reveal_type(transport_details.is_secure)  # reveal: bool
        return ConnectingRequest(headers={"Authorization": "Bearer x"}, protocols=["chat"])

    async def onConnect(self, response: ConnectionResponse) -> None:
        reveal_type(response.protocol)  # reveal: str | None
        reveal_type(self.http_status_line)  # reveal: str
        reveal_type(self.websocket_origin)  # error: attr-defined


class AsksLater(WebSocketClientProtocol):
    async def onConnecting(self, transport_details: TransportDetails) -> ConnectingRequest | None:
        return None


class Site(WebSocketServerFactory):
    protocol = Plain

    async def onHttpRequest(self, request: HttpRequest) -> HttpResponse | None:
        reveal_type(request.path)  # reveal: str
        return HttpResponse("<h1>Hello</h1>") if request.path == "/" else None


def handlers(protocol: Plain) -> None:
    def note(payload: bytes, is_binary: bool) -> None: ...

    reveal_type(protocol.on("message", note) is note)  # reveal: bool
    protocol.on("mesage", note)  # error: arg-type
    protocol.off("message", note)


def options() -> None:
    server = WebSocketServerFactory("ws://localhost:9000", protocols=["chat"], headers={"X-A": "b"})
    server.setProtocolOptions(autoPingInterval=0.5, failByDrop=False, versions=[13], allowedOrigins=("*",))
    server.setProtocolOptions(maxConnections=None)
    server.setProtocolOptions(perMessageCompressionAccept=True)
    server.setProtocolOptions(perMessageCompressionAccept=accept_offers)
    server.setProtocolOptions(perMessageCompressionAccept=DeflatePolicy.small())
    server.setProtocolOptions(autoPingIntervall=1)  # error: call-arg
    server.setProtocolOptions(autoPingSize="4")  # error: arg-type
    server.setProtocolOptions(allowedOrigins="*")  # error: arg-type
    server.setProtocolOptions(maskClientFrames=False)  # error: call-arg
    server.setProtocolOptions(perMessageCompressionAccept=accept_response)  # error: arg-type
    client = WebSocketClientFactory("ws://localhost:9000", origin="https://example.com", useragent=None)
    client.setProtocolOptions(perMessageCompressionOffers=[PerMessageDeflateOffer()])
    client.setProtocolOptions(perMessageCompressionOffers=True, version=13)
    client.setProtocolOptions(perMessageCompressionAccept=accept_response)
    client.setProtocolOptions(perMessageCompressionAccept=DeflatePolicy())
    client.setProtocolOptions(perMessageCompressionOffers=["permessage-deflate"])  # error: list-item
    client.setProtocolOptions(webStatus=False)  # error: call-arg
    client.autoPingInterval = 5
    client.autoPingInterval = "5"  # error: assignment
    reveal_type(client.autoPingInterval)  # reveal: float
    reveal_type(server.allowNullOrigin)  # reveal: bool | None


def accept_offers(offers: list[PerMessageDeflateOffer]) -> PerMessageDeflateOfferAccept | None:
    return PerMessageDeflateOfferAccept(offers[0]) if offers else None


def accept_response(response: PerMessageDeflateResponse) -> PerMessageDeflateResponseAccept:
    return PerMessageDeflateResponseAccept(response)


async def factories() -> None:
    server = WebSocketServerFactory("ws://localhost:9000", reactor=reactor)
    server.protocol = Plain
    server.protocol = lambda: Plain()
    server.protocol = Client  # error: assignment
    server.protocol = AsyncioServerProtocol  # error: assignment
    port = listenWS(server)
    reveal_type(port)  # reveal: IListeningPort
    reveal_type(port.getHost().port)  # reveal: Any
    reveal_type(port.stopListening())  # reveal: Deferred[None] | None
    await maybeDeferred(port.stopListening)
    as_twisted: IListeningPort = port
    reveal_type(as_twisted is port)  # reveal: bool
    reveal_type(WebSocketResource(server).isLeaf)  # reveal: bool
    reveal_type(server.connections)  # reveal: list[WebSocketServerProtocol]
    reveal_type(server.getConnectionCount())  # reveal: int
    reveal_type(server.statistics().connections)  # reveal: Mapping[str, int]
    reveal_type(server.shutdown())  # reveal: Deferred[ShutdownResult]
    reveal_type((await server.shutdown(deadline=5)).aborted)  # reveal: int
    server.shutdown().addCallback(lambda result: print(result.closed))
    for connection in server.connections:
        connection.sendPreparedMessage(server.prepareMessage("hello"))


async def clients() -> None:
    factory = WebSocketClientFactory("ws://localhost:9000")
    factory.protocol = Client
    connector = connectWS(factory)
    reveal_type(connector)  # reveal: IConnector
    connector.disconnect()
    connectWS(WebSocketServerFactory())  # error: arg-type
    agent = create_client_agent(reactor)
    reveal_type(agent.open("ws://localhost"))  # reveal: Deferred[WebSocketClientProtocol]
    reveal_type(agent.open("ws://localhost", None, Client))  # reveal: Deferred[Client]
    reveal_type(agent.open("ws://localhost", {"origin": "x"}, protocol_class=Client))  # reveal: Deferred[Client]
    opened = await agent.open("ws://localhost", protocol_class=Client, timeout=5)
    reveal_type(opened.greeting)  # reveal: str
    reveal_type(await opened.is_closed)  # reveal: Client
    agent.open("ws://localhost", protocol_class=Plain)  # error: type-var


async def testing() -> None:
    pumper = create_pumper()
    agent = create_memory_agent(None, pumper, Plain)
    reveal_type(agent.open("ws://localhost"))  # reveal: Deferred[WebSocketClientProtocol]
    reveal_type(await agent.open("ws://localhost", protocol_class=Client))  # reveal: Client
    reveal_type(pumper.flush())  # reveal: bool
    backend = TwistedMemoryBackend()
    factory = backend.make_server(Plain)
    reveal_type(factory)  # reveal: WebSocketServerFactory
    reveal_type(backend.connect(factory).take())  # reveal: bytes
