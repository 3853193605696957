"""A resource in a `twisted.web` Site: real sockets, HTTP and HTTPS, and the clients of others."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import aiohttp
import pytest
from twisted.web import http
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.interop.processes import running
from tests.interop.sides import Certificates, bounded

pytestmark = pytest.mark.interop

LONG = "ä" * 300_000


class Place:
    """Where a site is, and whom a client trusts about that."""

    def __init__(self, port: int, authority_file: Path | None) -> None:
        self.port = port
        # One for each client: they set on it which protocols they speak.
        self.tls = None if authority_file is None else ssl.create_default_context(cafile=str(authority_file))

    def http(self, path: str) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}{path}"

    def ws(self, path: str = "/ws") -> str:
        return f"{'ws' if self.tls is None else 'wss'}://127.0.0.1:{self.port}{path}"

    @property
    def greeting(self) -> str:
        """What the server's onOpen sends."""
        return f"secure: {self.tls is not None}"


@pytest.fixture(scope="module")
def ports(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The program's ports; it fails the last test if it has logged errors."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "page.txt").write_text("a page")
    with running("site_process", str(folder), str(certificates.key_file), str(certificates.chain_file)) as program:
        yield program.report()


@pytest.fixture(params=["http", "https"])
def place(request: pytest.FixtureRequest, ports: dict[str, int], certificates: Certificates) -> Place:
    return Place(ports[request.param], certificates.authority_file if request.param == "https" else None)


async def converse(place: Place) -> None:
    """Open, talk and close with the package `websockets`."""
    async with connect(place.ws(), ssl=place.tls, max_size=None) as client:
        assert await client.recv() == place.greeting
        for message in ("hello", b"\x00\xff", "", LONG):
            await client.send(message)
            assert await client.recv() == message
        await (await client.ping())
    assert client.close_code == 1000


@bounded
async def test_websockets_client(place: Place) -> None:
    """A Python client that asks for compression talks to my site, and others do at the same time."""
    await asyncio.gather(*(converse(place) for _ in range(5)))


@bounded
async def test_aiohttp_client_with_pages_between(place: Place) -> None:
    """One session gets pages and talks, over whatever connections it keeps."""
    async with aiohttp.ClientSession() as session:
        tls = place.tls or True
        for path, text in {"/page.txt": "a page", "/ws": "WebSocket endpoint"}.items():
            async with session.get(place.http(path), ssl=tls) as response:
                assert response.status == 200
                assert text in await response.text()
        async with session.ws_connect(place.ws(), protocols=["other", "echo"], ssl=tls) as client:
            assert client.protocol == "echo"
            assert await client.receive_str() == place.greeting
            async with session.get(place.http("/page.txt"), ssl=tls) as response:
                assert await response.text() == "a page"
            await client.send_str(LONG)
            assert await client.receive_str() == LONG
        assert client.close_code == 1000


@bounded
async def test_refusal_arrives_whole(place: Place) -> None:
    """Who is sent away knows why."""
    with pytest.raises(InvalidStatus) as caught:
        await connect(place.ws("/ws?deny"), ssl=place.tls)
    response = caught.value.response
    assert (response.status_code, response.body) == (403, b"no entry")
    assert response.headers["X-Reason"] == "not on the list"


@bounded
async def test_everything_in_one_segment(place: Place) -> None:
    """A client waits neither for the page before the handshake, nor for the 101."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port, ssl=place.tls)
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
    assert b"\r\n\r\na pageHTTP/1.1 101 " in answer
    greeting = place.greeting.encode()
    _, _, frames = answer.partition(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    assert frames == bytes([0x81, len(greeting)]) + greeting + b"\x81\x02hi\x88\x02\x03\xe8"


@bounded
async def test_connections_that_break(place: Place) -> None:
    """Clients vanish at every point of a conversation; the site logs no error (see `ports`)."""
    request = (
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x82\x00"
    )
    for end in range(0, len(request) + 1, 10):
        _, writer = await asyncio.open_connection("127.0.0.1", place.port, ssl=place.tls)
        writer.write(request[:end])
        writer.transport.abort()
    await converse(place)


@bounded
async def test_wsgi_application_beside(ports: dict[str, int]) -> None:
    """My Flask application has the root, and WebSocket one path below it."""
    place = Place(ports["wsgi"], None)
    async with aiohttp.ClientSession() as session, session.get(place.http("/a/b?c")) as response:
        assert await response.text() == "|/a/b"
    await converse(place)


@pytest.mark.skipif(not http.H2_ENABLED, reason="Twisted needs h2 and priority to speak HTTP/2")
@bounded
async def test_http2_connection(ports: dict[str, int], certificates: Certificates) -> None:
    """A client that negotiates HTTP/2 gets the page from it, and 426 where WebSocket is."""
    config, connection, events = (import_module(f"h2.{name}") for name in ("config", "connection", "events"))
    place = Place(ports["https"], certificates.authority_file)
    assert place.tls is not None
    place.tls.set_alpn_protocols(["h2", "http/1.1"])
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port, ssl=place.tls)
    client = connection.H2Connection(config.H2Configuration(client_side=True, header_encoding="utf-8"))
    client.initiate_connection()
    for stream, path in ((1, "/page.txt"), (3, "/ws")):
        pairs = [(":method", "GET"), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        client.send_headers(stream, pairs, end_stream=True)
    answers: dict[int, str] = {}
    bodies = {1: b"", 3: b""}
    ended = 0
    while ended < 2:
        writer.write(client.data_to_send())
        for event in client.receive_data(await reader.read(65536)):
            if isinstance(event, events.ResponseReceived):
                answers[event.stream_id] = dict(event.headers)[":status"]
            elif isinstance(event, events.DataReceived):
                bodies[event.stream_id] += event.data
            elif isinstance(event, events.StreamEnded):
                ended += 1
    writer.close()
    await writer.wait_closed()
    assert answers == {1: "200", 3: "426"}
    assert bodies == {1: b"a page", 3: b"this address wants a WebSocket handshake, which needs HTTP/1.1\n"}
