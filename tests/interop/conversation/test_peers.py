"""Conversations with the other ends that other people wrote: `websockets` in both roles, and aiohttp's client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import pytest
import websockets.asyncio.client as their_client
import websockets.asyncio.server as their_server
from websockets.exceptions import ConnectionClosedError as TheirClosedError
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.interop.conversation.kits import PATIENCE, Kit
from tests.interop.conversation.scenes import collect, echo, scenario, try_to_open
from tests.interop.homes import AsyncioHome
from wsframework.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, HandshakeRejected
from wsframework.websocket import ConnectionDeny

pytestmark = pytest.mark.interop

T = TypeVar("T")
MESSAGES: list[Any] = ["", "hello", "Grüße, 世界 🌍", b"", b"\x00\xff", "x" * 200_000, b"y" * 200_000]


async def _there(kit: Kit, elsewhere: AsyncioHome, coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that runs where other people's libraries do."""
    return await kit.in_thread(elsewhere.submit(coroutine).result, PATIENCE)


@asynccontextmanager
async def _serving(
    kit: Kit, elsewhere: AsyncioHome, handler: Callable[[Any], Any], **options: Any
) -> AsyncIterator[str]:
    """A server of `websockets`; its URL."""

    async def begin() -> Any:
        return await their_server.serve(handler, "127.0.0.1", 0, **options)

    async def end() -> None:
        server.close()
        await server.wait_closed()

    server = await _there(kit, elsewhere, begin())
    try:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"
    finally:
        await _there(kit, elsewhere, end())


@pytest.mark.parametrize("compression", [False, True])
@scenario
async def test_a_client_of_websockets_talks_with_our_server(
    kit: Kit, elsewhere: AsyncioHome, compression: bool
) -> None:
    """All kinds of messages come back, with and without its compression, and both agree about the end."""

    async def client(url: str) -> tuple[list[Any], float, Any]:
        async with their_client.connect(url, subprotocols=[Subprotocol("b"), Subprotocol("a")], proxy=None) as ws:
            received = []
            for message in MESSAGES:
                await ws.send(message)
                received.append(await ws.recv())
            trip = await (await ws.ping())
            agreed = ws.subprotocol
        return received, trip, agreed

    ends: list[Any] = []

    async def handler(ws: Any) -> None:
        assert bool(ws.websocket_extensions_in_use) is compression
        await echo(ws)
        with pytest.raises(ConnectionClosedOK) as caught:
            await ws.recv()
        ends.append((caught.value.code, caught.value.wasClean))

    async with kit.serve(handler, compression=compression, subprotocols=["a"]) as server:
        received, trip, agreed = await _there(kit, elsewhere, client(server.url))
    same = received == MESSAGES
    assert same
    assert trip > 0
    assert agreed == "a"
    assert ends == [(1000, True)]


@scenario
async def test_a_client_of_websockets_hears_why_our_server_closes(kit: Kit, elsewhere: AsyncioHome) -> None:
    """Our handler closes with a code and a reason of its own, after a message."""

    async def client(url: str) -> tuple[list[Any], Any]:
        received = []
        async with their_client.connect(url, proxy=None) as ws:
            try:
                async for message in ws:
                    received.append(message)
            except TheirClosedError as closed:
                return received, (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None
        return received, None

    async def handler(ws: Any) -> None:
        await ws.send("last words")
        await ws.close(4003, "enough, grün")

    async with kit.serve(handler) as server:
        assert await _there(kit, elsewhere, client(server.url)) == (["last words"], (4003, "enough, grün"))


@scenario
async def test_a_client_of_websockets_closes_with_its_own_reason(kit: Kit, elsewhere: AsyncioHome) -> None:
    """Our handler gets what it sent before, and then code and reason."""
    ended = kit.signal()

    async def client(url: str) -> None:
        async with their_client.connect(url, proxy=None) as ws:
            for index in range(50):
                await ws.send(str(index))
            await ws.close(4004, "done")

    async def handler(ws: Any) -> None:
        received = []
        try:
            async for message in ws:
                received.append(message)
        except ConnectionClosedError as closed:
            ended.set((len(received), closed.code, closed.reason, closed.wasClean))

    async with kit.serve(handler) as server:
        await _there(kit, elsewhere, client(server.url))
        assert await ended.wait() == (50, 4004, "done", True)


@scenario
async def test_a_client_of_websockets_is_refused_by_our_server(kit: Kit, elsewhere: AsyncioHome) -> None:
    """It sees status, headers and body."""

    async def client(url: str) -> tuple[int, str | None, Any]:
        with pytest.raises(InvalidStatus) as caught:
            await their_client.connect(url, proxy=None)
        response = caught.value.response
        return response.status_code, response.headers.get("x-why"), response.body

    def refuse(request: Any) -> None:
        raise ConnectionDeny(403, headers={"X-Why": "no"}, body="not you")

    async with kit.serve(echo, process_request=refuse) as server:
        assert await _there(kit, elsewhere, client(server.url)) == (403, "no", b"not you")


@scenario
async def test_a_client_of_websockets_that_sends_faster_than_we_take(kit: Kit, elsewhere: AsyncioHome) -> None:
    """10 MB into a handler that begins late: nothing is lost, and it closes in order."""
    release, arrived, ended = kit.signal(), kit.signal(), kit.signal()

    async def client(url: str) -> None:
        async with their_client.connect(url, compression=None, proxy=None) as ws:
            for index in range(1000):
                await ws.send(f"{index}".ljust(10_000))

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        await release.wait()
        ended.set([int(message) async for message in ws])

    async with kit.serve(handler) as server:
        sending = kit.start(_there(kit, elsewhere, client(server.url)))
        ws = await arrived.wait()
        await kit.until(lambda: ws.trafficStats.incomingWebSocketMessages >= 16)
        await kit.turns(100)
        assert ws.trafficStats.incomingWebSocketMessages == 16
        release.set()
        assert await ended.wait() == list(range(1000))
        await sending.outcome()


@pytest.mark.parametrize("compression", [False, True])
@scenario
async def test_our_client_talks_with_a_server_of_websockets(
    kit: Kit, elsewhere: AsyncioHome, compression: bool
) -> None:
    """All kinds of messages come back, pings are answered, and it ends in order."""

    async def handler(ws: Any) -> None:
        async for message in ws:
            await ws.send(message)

    async with _serving(kit, elsewhere, handler, subprotocols=["a", "b"]) as url:
        async with kit.connect(url, subprotocols=["b"], compression=compression) as ws:
            assert ws.websocket_protocol_in_use == "b"
            assert bool(ws.websocket_extensions_in_use) is compression
            for message in MESSAGES:
                await ws.send(message)
                same = await ws.recv() == message
                assert same
            assert await ws.ping() > 0
        assert ws.wasClean is True


@pytest.mark.parametrize("code", [1000, 1001, 1008, 4000])
@scenario
async def test_our_client_hears_why_a_server_of_websockets_closes(kit: Kit, elsewhere: AsyncioHome, code: int) -> None:
    """After the messages that it sent before."""

    async def handler(ws: Any) -> None:
        for index in range(50):
            await ws.send(str(index))
        await ws.close(code, "why")

    received: list[Any] = []
    async with _serving(kit, elsewhere, handler) as url, kit.connect(url) as ws:
        if code in (1000, 1001):
            await collect(ws, received)
        else:
            with pytest.raises(ConnectionClosedError):
                await collect(ws, received)
        with pytest.raises(ConnectionClosed) as caught:
            await ws.send("x")
    assert (caught.value.code, caught.value.reason, caught.value.wasClean) == (code, "why", True)
    assert received == [str(index) for index in range(50)]


@scenario
async def test_our_client_is_refused_by_a_server_of_websockets(kit: Kit, elsewhere: AsyncioHome) -> None:
    """Twice for now, which it waits out, and then for good."""
    answers = iter([503, 503, 401])

    def process_request(connection: their_server.ServerConnection, request: Request) -> Response:
        return connection.respond(next(answers), "not you\n")

    async def handler(ws: Any) -> None:
        raise AssertionError("it must not open")

    async with _serving(kit, elsewhere, handler, process_request=process_request) as url:
        with pytest.raises(HandshakeRejected) as caught:
            await try_to_open(kit, url)
    assert (caught.value.status, caught.value.body) == (401, b"not you\n")


@scenario
async def test_our_client_sends_faster_than_a_server_of_websockets_takes(kit: Kit, elsewhere: AsyncioHome) -> None:
    """Our send() waits; all arrives."""

    async def handler(ws: Any) -> None:
        number = 0
        async for message in ws:
            if message == b"":
                break
            number += len(message)
        await ws.send(str(number))

    async with _serving(kit, elsewhere, handler, max_queue=2) as url, kit.connect(url) as ws:
        for _ in range(300):
            await ws.send(b"x" * 65536)
            assert ws.bufferedAmount <= 3 * 65536
        await ws.send(b"")
        assert await ws.recv() == str(300 * 65536)


@scenario
async def test_a_client_of_aiohttp_talks_with_our_server(kit: Kit, elsewhere: AsyncioHome) -> None:
    """Text, binary, JSON, a Ping, compression, and a close with a code."""

    async def client(url: str) -> list[Any]:
        async with aiohttp.ClientSession() as session, session.ws_connect(url, compress=15, autoping=False) as ws:
            received: list[Any] = []
            for message in MESSAGES:
                await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
                received.append((await ws.receive()).data)
            await ws.send_json({"a": [1]})
            received.append(await ws.receive_json())
            await ws.ping(b"now")
            received.append((await ws.receive()).type)
            await ws.close(code=4005, message=b"bye")
            return received

    ended = kit.signal()

    async def handler(ws: Any) -> None:
        try:
            await echo(ws)
        except ConnectionClosed as closed:
            ended.set((closed.code, closed.reason))

    async with kit.serve(handler, compression=True) as server:
        received = await _there(kit, elsewhere, client(server.url))
        assert await ended.wait() == (4005, "bye")
    same = received == [*MESSAGES, {"a": [1]}, aiohttp.WSMsgType.PONG]
    assert same


@scenario
async def test_a_client_of_aiohttp_hears_that_our_server_goes(kit: Kit, elsewhere: AsyncioHome) -> None:
    """server.close() says 1001 to it."""
    arrived = kit.signal()

    async def client(url: str) -> tuple[Any, Any]:
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
            message = await ws.receive()
            return message.type, message.data

    async def handler(ws: Any) -> None:
        arrived.set()
        await echo(ws)

    async with kit.serve(handler) as server:
        talking = kit.start(_there(kit, elsewhere, client(server.url)))
        await arrived.wait()
        await server.close()
        assert await talking.outcome() == (aiohttp.WSMsgType.CLOSE, 1001)
