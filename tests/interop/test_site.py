"""A resource in a `twisted.web` Site: real sockets, HTTP and HTTPS, and the clients of others."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.interop.homes import TwistedHome
from tests.interop.sides import Address, Certificates, bounded
from wsframework.twisted.resource import WebSocketResource, WSGIRootResource
from wsframework.twisted.websocket import ConnectionDeny, WebSocketServerFactory, WebSocketServerProtocol

with warnings.catch_warnings():
    # Twisted's module for static files uses what Twisted has deprecated.
    warnings.simplefilter("ignore")
    from twisted.internet.defer import Deferred
    from twisted.web.server import Site
    from twisted.web.static import File
    from twisted.web.wsgi import WSGIResource

pytestmark = pytest.mark.interop

LONG = "ä" * 300_000


class Echo(WebSocketServerProtocol):
    """Decides about connections as the path says, after a turn of the reactor."""

    async def onConnect(self, request: Any) -> Any:
        turn: Deferred[None] = Deferred()
        self.factory.reactor.callLater(0, turn.callback, None)
        await turn
        if "deny" in request.params:
            raise ConnectionDeny(403, body="no entry", headers={"X-Reason": "not on the list"})
        return "echo" if "echo" in request.protocols else None

    def onOpen(self) -> None:
        self.sendMessage(f"secure: {self.transport_details.is_secure}")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class EchoFactory(WebSocketServerFactory):
    """Counts its starts and stops."""

    protocol = Echo
    starts = stops = 0

    def startFactory(self) -> None:
        self.starts += 1

    def stopFactory(self) -> None:
        self.stops += 1


@pytest.fixture(scope="module")
def reactor_home() -> Iterator[TwistedHome]:
    home = TwistedHome("site")
    yield home
    home.stop()


@pytest.fixture(params=["http", "https"])
def address(request: pytest.FixtureRequest, certificates: Certificates) -> Address:
    """Where the site is."""
    return Address(tls=certificates if request.param == "https" else None)


class Place:
    """A site that is up: a page at /page.txt, WebSocket at /ws."""

    def __init__(self, address: Address, port: int, factory: EchoFactory) -> None:
        self.authority = f"127.0.0.1:{port}"
        self.tls = None if address.tls is None else address.tls.client
        self.factory = factory

    def http(self, path: str) -> str:
        return f"{'http' if self.tls is None else 'https'}://{self.authority}{path}"

    def ws(self, path: str = "/ws") -> str:
        return f"{'ws' if self.tls is None else 'wss'}://{self.authority}{path}"


@asynccontextmanager
async def site(home: TwistedHome, address: Address, folder: Path, root: Any = None) -> AsyncIterator[Place]:
    factory = EchoFactory(**home.factory_arguments())
    (folder / "page.txt").write_text("a page")

    def make() -> Any:
        tree = root(home, WebSocketResource(factory)) if root else File(str(folder))  # type: ignore[no-untyped-call]
        if root is None:
            tree.putChild(b"ws", WebSocketResource(factory))
        return Site(tree, **home.factory_arguments())  # type: ignore[no-untyped-call]

    port, stop = await home.run(home.listen(address, await home.call(make)))
    try:
        yield Place(address, port, factory)
    finally:
        await home.run(stopped(stop))


async def stopped(stop: Any) -> None:
    await stop()


async def converse(place: Place) -> None:
    """Open, talk and close with the package `websockets`."""
    async with connect(place.ws(), ssl=place.tls, max_size=None) as client:
        assert await client.recv() == f"secure: {place.tls is not None}"
        for message in ("hello", b"\x00\xff", "", LONG):
            await client.send(message)
            assert await client.recv() == message
        await (await client.ping())
    assert client.close_code == 1000


@bounded
async def test_websockets_client(reactor_home: TwistedHome, address: Address, tmp_path: Path) -> None:
    """A Python client that asks for compression talks to my site, and others do at the same time."""
    async with site(reactor_home, address, tmp_path) as place:
        await asyncio.gather(*(converse(place) for _ in range(5)))
        assert place.factory.starts == 1
    assert place.factory.stops == 1


@bounded
async def test_aiohttp_client_with_pages_between(reactor_home: TwistedHome, address: Address, tmp_path: Path) -> None:
    """One session gets pages and talks, over whatever connections it keeps."""
    async with site(reactor_home, address, tmp_path) as place, aiohttp.ClientSession() as session:
        tls = place.tls or True
        for path in ("/page.txt", "/ws"):
            async with session.get(place.http(path), ssl=tls) as response:
                assert response.status == 200
                assert ("a page" if path != "/ws" else "WebSocket endpoint") in await response.text()
        async with session.ws_connect(place.ws(), protocols=["other", "echo"], ssl=tls) as client:
            assert client.protocol == "echo"
            assert await client.receive_str() == f"secure: {place.tls is not None}"
            async with session.get(place.http("/page.txt"), ssl=tls) as response:
                assert await response.text() == "a page"
            await client.send_str(LONG)
            assert await client.receive_str() == LONG
        assert client.close_code == 1000


@bounded
async def test_refusal_arrives_whole(reactor_home: TwistedHome, address: Address, tmp_path: Path) -> None:
    """Who is sent away knows why."""
    async with site(reactor_home, address, tmp_path) as place:
        with pytest.raises(InvalidStatus) as caught:
            await connect(place.ws("/ws?deny"), ssl=place.tls)
        response = caught.value.response
        assert (response.status_code, response.body) == (403, b"no entry")
        assert response.headers["X-Reason"] == "not on the list"


@bounded
async def test_message_in_the_segment_of_the_request(
    reactor_home: TwistedHome, address: Address, tmp_path: Path
) -> None:
    """A client does not wait for the 101, and the page before it was on the same connection."""
    async with site(reactor_home, address, tmp_path) as place:
        host, port = place.authority.split(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=place.tls)
        writer.write(
            b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            b"\x81\x82\x00\x00\x00\x00hi\x88\x82\x00\x00\x00\x00\x03\xe8"
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    hello = f"secure: {place.tls is not None}".encode()
    _, _, frames = answer.partition(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    assert frames == bytes([0x81, len(hello)]) + hello + b"\x81\x02hi\x88\x02\x03\xe8"


def application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]


def wsgi_root(home: TwistedHome, resource: WebSocketResource) -> WSGIRootResource:
    reactor = home.factory_arguments()["reactor"]
    wsgi = WSGIResource(reactor, reactor.getThreadPool(), application)  # type: ignore[no-untyped-call]
    return WSGIRootResource(wsgi, {"ws": resource})


@bounded
async def test_wsgi_application_beside(reactor_home: TwistedHome, tmp_path: Path) -> None:
    """My Flask application has the root, and WebSocket one path below it."""
    async with site(reactor_home, Address(), tmp_path, wsgi_root) as place:
        async with aiohttp.ClientSession() as session, session.get(place.http("/a/b?c")) as response:
            assert await response.text() == "|/a/b"
        await converse(place)
