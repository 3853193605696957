"""Several protocol classes on one port, on real transports: TCP, TLS and unix sockets, with another house's client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.interop.homes import Home
from tests.interop.sides import Address, Certificates, bounded
from wsframework.websocket import Router

pytestmark = pytest.mark.interop

MIB = 1 << 20


def routes(home: Home, ends: Callable[[str, int | None], object]) -> Router:
    """An echo in upper case, an echo of limited size that knows its room, and a feed for who reads it."""
    router = Router()
    base: Any = home.module.WebSocketServerProtocol

    class Telling(base):  # type: ignore[misc]  # a class of any backend
        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            ends(type(self).__name__, code)

    @router.route("/upper")
    class Upper(Telling):
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload.upper(), isBinary)

    @router.route("/rooms/<name>", maxMessagePayloadSize=100, failByDrop=False)
    class Room(Telling):
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(f"{self.route_params['name']}: {payload.decode()}")

    @router.route("/feed")
    class Feed(Telling):
        async def onMessage(self, payload: bytes, isBinary: bool) -> None:
            for number in range(int(payload)):
                self.sendMessage(bytes([number % 256]) * MIB, isBinary=True)
                await self.drain()

    return router


class Port:
    """A server with those routes, how to reach it, and how its connections have ended."""

    def __init__(self, home: Home, address: Address) -> None:
        self.address = address
        self.ends: asyncio.Queue[tuple[str, int | None]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def ended(name: str, code: int | None) -> None:
            loop.call_soon_threadsafe(self.ends.put_nowait, (name, code))

        self.factory = home.module.WebSocketServerFactory(**home.factory_arguments())
        self.factory.router = routes(home, ended)

    def connect(self, resource: str) -> Any:
        """A client's connection."""
        address = replace(self.address, resource=resource)
        if address.unix_path is not None:
            return unix_connect(address.unix_path, address.url, max_size=None)
        context = None if address.tls is None else address.tls.client
        return connect(address.url, ssl=context, max_size=None)


@asynccontextmanager
async def listening(home: Home, address: Address) -> AsyncIterator[Port]:
    port = Port(home, address)
    number, stop = await home.run(home.listen(address, port.factory))
    port.address = address.at(number)
    yield port

    async def end() -> None:
        stopped = stop()
        if stopped is not None:
            await stopped
        await port.factory.shutdown(deadline=1)

    await home.run(end())


@pytest.fixture(params=["tcp", "tls", "unix"])
def address(request: pytest.FixtureRequest, certificates: Certificates, socket_path: str) -> Address:
    """Where the server listens."""
    return {
        "tcp": Address(),
        "tls": Address(host="localhost", tls=certificates),
        "unix": Address(unix_path=socket_path),
    }[request.param]


@bounded
async def test_each_path_has_its_own_class(home: Home, address: Address) -> None:
    """With their parameters and options, at the same time, over and over."""
    async with listening(home, address) as port:
        for _ in range(3):
            async with port.connect("/upper?x") as upper, port.connect("/rooms/k%C3%BCche") as room:
                await upper.send("hello")
                await room.send("hello")
                assert await upper.recv() == "HELLO"
                assert await room.recv() == "küche: hello"
                await upper.send(b"x" * MIB)
                assert await upper.recv() == b"X" * MIB
                await room.send("x" * 101)
                with pytest.raises(ConnectionClosed) as closed:
                    await room.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1009
            ends = [await port.ends.get(), await port.ends.get()]
            assert sorted(ends) == [("Room", 1009), ("Upper", 1000)]


@bounded
async def test_a_path_without_a_route_is_answered_404(home: Home, address: Address) -> None:
    """And the port goes on serving the others."""
    async with listening(home, address) as port:
        with pytest.raises(InvalidStatus) as refused:
            async with port.connect("/nowhere"):
                pass
        assert refused.value.response.status_code == 404
        assert refused.value.response.body == b"there is no WebSocket endpoint at this path\n"
        async with port.connect("/upper") as upper:
            await upper.send("still there?")
            assert await upper.recv() == "STILL THERE?"
        assert await port.ends.get() == ("Upper", 1000)


@bounded
async def test_backpressure_reaches_the_routed_protocol(home: Home, address: Address) -> None:
    """The transport tells the protocol that it was given later when to pause and when to go on."""
    async with listening(home, address) as port, port.connect("/feed") as feed:
        await feed.send("20")
        for number in range(20):
            assert await feed.recv() == bytes([number]) * MIB


@bounded
async def test_a_client_that_vanishes(home: Home, address: Address) -> None:
    """The protocol that was given the transport hears of its end."""
    async with listening(home, address) as port:
        async with port.connect("/upper") as upper:
            upper.transport.abort()
        assert await port.ends.get() == ("Upper", 1006)
