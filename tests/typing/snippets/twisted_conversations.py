"""Conversations on Twisted: `connect` and `serve`, and what handlers do."""

from __future__ import annotations

from typing import Any, Unpack, reveal_type

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.ssl import CertificateOptions

from wsframework import ConnectionClosed, ConnectionClosedError, HandshakeRejected
from wsframework.twisted import connect, serve
from wsframework.twisted.conversation import ClientConversation, Conversation, Server, ServerConversation
from wsframework.websocket import Broadcast
from wsframework.websocket.compress import DeflatePolicy
from wsframework.websocket.hints import ServerOptionsDict
from wsframework.websocket.types import (
    ConnectionAccept,
    ConnectionRequest,
    HttpRequest,
    HttpResponse,
)

everybody = Broadcast()


async def echo(ws: ServerConversation) -> None:
    async for message in ws:
        reveal_type(message)  # reveal: str | bytes
        await ws.send(message)


async def talk(ws: ServerConversation) -> None:
    reveal_type(await ws.recv())  # reveal: str | bytes
    reveal_type(await ws.recv(decode=True))  # reveal: str
    reveal_type(await ws.recv(decode=False))  # reveal: bytes
    reveal_type(await ws.recv(None))  # reveal: str | bytes
    reveal_type(await ws.recv(decode=ws.is_server and bool(ws.peer)))  # reveal: str | bytes
    reveal_type(await ws.recv_json())  # reveal: Any
    reveal_type(await ws.ping())  # reveal: float
    reveal_type(ws.route_params)  # reveal: Mapping[str, str]
    reveal_type(ws.factory)  # reveal: WebSocketServerFactory
    reveal_type(ws.http_request_params)  # reveal: dict[str, list[str]]
    await ws.recv(decode="utf8")  # error: call-overload
    await ws.send("text")
    await ws.send(b"octets", doNotCompress=True)
    await ws.send(memoryview(b"octets"))
    await ws.send({"no": "message"})  # error: arg-type
    await ws.send("text", True)  # error: call-arg
    await ws.send_json({"a": [1, None]})
    await ws.ping("text")  # error: arg-type
    await ws.close("1000")  # error: arg-type
    everybody.add(ws)
    reveal_type(ws.recv(decode=True))  # reveal: Deferred[str]
    reveal_type(ws.send("text"))  # reveal: Deferred[None]
    ws.recv().addCallback(lambda message: print(len(message)))
    await ws.wait_closed()


async def either_end(ws: Conversation) -> str:
    reveal_type(ws.trafficStats)  # reveal: TrafficStats
    return await ws.recv(decode=True)


def no_coroutine(ws: ServerConversation) -> None:
    ws.sendMessage("text")


async def of_a_client(ws: ClientConversation) -> None: ...


async def decide(request: ConnectionRequest) -> str | HttpResponse | None:
    if "token" not in request.params:
        return HttpResponse("who are you?", status=401)
    return request.protocols[0] if request.protocols else None


def decide_at_once(request: ConnectionRequest) -> ConnectionAccept:
    return ConnectionAccept(headers={"X-A": "b"})


def decide_wrong(request: ConnectionRequest) -> int:
    return 401


def page(request: HttpRequest) -> HttpResponse | None:
    return None


async def servers(context: CertificateOptions) -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        reveal_type(server)  # reveal: Server
        reveal_type(server.port)  # reveal: int
        reveal_type(server.url)  # reveal: str
        reveal_type(server.connections)  # reveal: list[ServerConversation]
        reveal_type(server.close())  # reveal: Deferred[ShutdownResult]
        reveal_type((await server.close(deadline=1)).closed)  # reveal: int
        reveal_type(server.factory)  # reveal: WebSocketServerFactory
        await server.serve_forever()
    reveal_type(await serve(either_end, port=9000))  # reveal: Server
    serve({"/echo": echo, "/rooms/<name>": talk}, port=0, http={"/": "<h1>Hello</h1>", "/x": HttpResponse("x")})
    serve(lambda ws: ws.send(ws.peer), port=0)
    serve(echo, port=0, process_request=decide, http=page)
    serve(echo, port=0, process_request=decide_at_once, http=lambda request: HttpResponse(request.path))
    serve(echo, port=0, ssl=context, compression=DeflatePolicy.small(), subprotocols=["chat"], origins=["*"])
    serve(echo, port=0, autoPingInterval=5, maxMessagePayloadSize=1 << 20, allowedOrigins=None)
    serve(no_coroutine, port=0)  # error: arg-type
    serve(of_a_client, port=0)  # error: arg-type
    serve({"/echo": no_coroutine}, port=0)  # error: dict-item
    serve(echo, port="9000")  # error: arg-type
    serve(echo, port=0, process_request=decide_wrong)  # error: arg-type
    serve(echo, port=0, http={"/": b"octets"})  # error: dict-item
    serve(echo, port=0, autoPingIntervall=5)  # error: call-arg
    serve(echo, port=0, autoPingInterval="5")  # error: arg-type


def by_deferred(ws: ServerConversation) -> Deferred[None]:
    return ws.close()


async def serve_mine(**options: Unpack[ServerOptionsDict]) -> Server:
    return await serve(by_deferred, port=0, reactor=reactor, **options)


async def clients() -> None:
    async with connect("ws://localhost:9000", subprotocols=["chat"], timeout=5) as ws:
        reveal_type(ws)  # reveal: ClientConversation
        reveal_type(ws.http_status_line)  # reveal: str
        async for message in ws:
            reveal_type(message)  # reveal: str | bytes
    reveal_type(await connect("ws://localhost:9000"))  # reveal: ClientConversation
    async for again in connect("ws://localhost:9000", autoPingInterval=5):
        reveal_type(again)  # reveal: ClientConversation
    connect(9000)  # error: arg-type
    connect("ws://localhost", webStatus=False)  # error: call-arg
    connect("ws://localhost", maskClientFrames="no")  # error: arg-type
    settings: dict[str, Any] = {"autoPingInterval": 5}
    connect("ws://localhost", **settings)


async def failures() -> None:
    try:
        async with connect("ws://localhost:9000") as ws:
            await ws.recv()
    except HandshakeRejected as error:
        reveal_type(error.status)  # reveal: int | None
        reveal_type(error.headers)  # reveal: Mapping[str, str]
        reveal_type(error.body)  # reveal: bytes
    except ConnectionClosedError as error:
        reveal_type(error.code)  # reveal: int
        reveal_type(error.reason)  # reveal: str
    except ConnectionClosed as error:
        reveal_type(error.wasClean)  # reveal: bool
