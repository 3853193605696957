"""`wsframework.twisted.resource` in memory: a Site, a clock, and a transport that says what is done to it.

Real sockets, TLS and other people's clients are in tests/interop/test_site.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from gc import collect
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.pages import notFound
from twisted.web.resource import EncodingResourceWrapper, IResource, Resource
from twisted.web.server import NOT_DONE_YET, GzipEncoderFactory, Site
from twisted.web.util import DeferredResource
from zope.interface.verify import verifyObject

from wsframework.twisted.resource import WebSocketResource, WSGIRootResource
from wsframework.twisted.websocket import (
    ConnectionDeny,
    ConnectionRequest,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.websocket.routing import Router
from wsframework.websocket.types import HttpRequest, HttpResponse

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    b"GET /ws?room=1 HTTP/1.1\r\n"
    b"Host: example.com\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: " + KEY + b"\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"X-Two: first\r\n"
    b"X-Two: second\r\n"
    b"\r\n"
)
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Server: wsframework\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"\r\n"
)
PLAIN = b"GET /ws HTTP/1.1\r\nHost: example.com\r\n\r\n"
PAGE = b"GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n"
HELLO = b"\x81\x85\x01\x02\x03\x04ig\x6fhn"
HELLO_BACK = b"\x81\x05hello"
CLOSE = b"\x88\x82\x00\x00\x00\x00\x03\xe8"
CLOSE_BACK = b"\x88\x02\x03\xe8"
TIMEOUT = 60


class Echo(WebSocketServerProtocol):
    """Says what was said, and writes down what happens."""

    factory: Server

    def onConnect(self, request: ConnectionRequest) -> Any:
        self.factory.protocols_made.append(self)
        return self.factory.decide(request)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.factory.closed.append((wasClean, code))


class Server(WebSocketServerFactory):
    """Lets a test say what the hooks do."""

    protocol = Echo

    def __init__(self, clock: Clock) -> None:
        super().__init__(reactor=clock)
        self.protocols_made: list[Echo] = []
        self.closed: list[tuple[bool, int | None]] = []
        self.asked: list[HttpRequest] = []
        self.starts = 0
        self.stops = 0
        self.decide: Callable[[ConnectionRequest], Any] = lambda _: None
        self.hook: Callable[[HttpRequest], Any] = lambda _: None

    def onHttpRequest(self, request: HttpRequest) -> Any:
        self.asked.append(request)
        return self.hook(request)

    def startFactory(self) -> None:
        self.starts += 1

    def stopFactory(self) -> None:
        self.stops += 1


class Page(Resource):
    """Something else in the tree."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        return b"a page"


class Root(Resource):
    """A folder. What Twisted itself makes for 404 warns of its own deprecation."""

    def getChild(self, path: bytes, request: Any) -> IResource:
        return notFound()


class Web:
    """A site with the resource at /ws and a page at /page."""

    def __init__(self, log_file: Path | None = None) -> None:
        self.clock = Clock()
        self.factory = Server(self.clock)
        self.resource = WebSocketResource(self.factory)
        self.root = Root()  # type: ignore[no-untyped-call]
        self.root.putChild(b"ws", self.resource)
        self.root.putChild(b"page", Page())  # type: ignore[no-untyped-call]
        path = None if log_file is None else str(log_file)
        self.site = Site(  # type: ignore[no-untyped-call]
            self.root, logPath=path, timeout=TIMEOUT, reactor=self.clock
        )
        self.site.doStart()  # type: ignore[no-untyped-call]

    def visit(self) -> Visit:
        """A client connects."""
        return Visit(self.site.buildProtocol(None))  # type: ignore[no-untyped-call]

    def open(self) -> Visit:
        """A client connects, and has its WebSocket connection."""
        visit = self.visit()
        visit.send(UPGRADE)
        assert visit.take() == ACCEPTED
        return visit


class Transport(StringTransport):
    """A TCP connection, as far as a Site and our ports look."""

    def loseWriteConnection(self) -> None:
        self.loseConnection()  # type: ignore[no-untyped-call]

    def unregisterProducer(self) -> None:
        # No complaint if there is none, as with real transports.
        self.producer = None


class Visit:
    """One client of the site."""

    def __init__(self, channel: Any) -> None:
        address = IPv4Address("TCP", "192.0.2.1", 50000)
        self.transport: Any = Transport(peerAddress=address)  # type: ignore[no-untyped-call]
        self._channel = channel
        channel.makeConnection(self.transport)

    def send(self, data: bytes, size: int = 0) -> None:
        """The client sends, in pieces of so many octets."""
        size = size or len(data)
        for start in range(0, len(data), size):
            assert self.transport.producerState == "producing"
            self._channel.dataReceived(data[start : start + size])

    def take(self) -> bytes:
        """What was sent to the client since the last time."""
        value: bytes = self.transport.value()
        self.transport.clear()
        return value

    def response(self) -> tuple[int, dict[str, str], bytes]:
        """The one response that the client got: status, headers, body."""
        head, _, body = self.take().partition(b"\r\n\r\n")
        line, *fields = head.decode("ascii").split("\r\n")
        pairs = [field.partition(": ")[::2] for field in fields]
        assert len({name.lower() for name, _ in pairs}) == len(pairs)
        return int(line.split()[1]), {name.lower(): value for name, value in pairs}, body

    def lose(self) -> None:
        """The connection ends."""
        self._channel.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]

    @property
    def is_closing(self) -> bool:
        return bool(self.transport.disconnecting)


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[LogEvent]]:
    """Warnings and errors in Twisted's log; a test that expects some takes them out."""
    found: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if event["log_level"] >= LogLevel.warn or "Timing out" in str(event.get("log_format")):
            found.append(event)

    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    yield found
    globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]
    assert found == []


def test_resource_is_a_leaf(web: Web) -> None:
    """I put it into the tree like any other resource."""
    assert verifyObject(IResource, web.resource)
    assert web.resource.isLeaf is True
    assert web.resource.factory is web.factory
    with pytest.raises(TypeError, match="leaf"):
        web.resource.putChild(b"x", Page())  # type: ignore[no-untyped-call]
    web.site.resource = web.resource.getChildWithDefault(b"x", None)  # type: ignore[arg-type]
    visit = web.visit()
    visit.send(PAGE)
    assert visit.response()[0] == 404


def test_only_a_server_factory_will_do() -> None:
    """I gave the protocol class instead of the factory."""
    with pytest.raises(TypeError, match="factory must be a WebSocketServerFactory, not type"):
        WebSocketResource(Echo)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 7])
def test_connection_is_taken_over(web: Web, size: int) -> None:
    """A client connects to my site, talks and leaves; its octets come in any pieces."""
    visit = web.visit()
    visit.send(UPGRADE + HELLO, size)
    assert visit.take() == ACCEPTED + HELLO_BACK
    visit.send(HELLO, size)
    assert visit.take() == HELLO_BACK
    visit.send(CLOSE, size)
    assert visit.take() == CLOSE_BACK
    assert visit.is_closing
    visit.lose()
    assert web.factory.closed == [(True, 1000)]
    web.site.doStop()  # type: ignore[no-untyped-call]
    assert web.clock.getDelayedCalls() == []


def test_application_sees_the_request_as_it_was_sent(web: Web) -> None:
    """`onConnect` gets what it would get on a port of its own."""
    seen: list[ConnectionRequest] = []
    web.factory.decide = seen.append
    web.open()
    (request,) = seen
    assert (request.path, request.params, request.host) == ("/ws", {"room": ["1"]}, "example.com")
    assert request.peer == "tcp4:192.0.2.1:50000"
    assert request.headers.get_all("x-two") == ["first", "second"]
    (protocol,) = web.factory.protocols_made
    assert protocol.http_request_uri == "/ws?room=1"
    assert protocol.transport_details.peer == "tcp4:192.0.2.1:50000"
    assert not protocol.transport_details.is_secure


def test_connection_outlives_the_idle_timeout(web: Web) -> None:
    """My users say nothing for an hour, and the web server thinks they have gone."""
    visit = web.visit()
    web.clock.advance(TIMEOUT - 1)
    visit.send(PAGE)
    assert visit.take().endswith(b"a page")
    web.clock.advance(TIMEOUT - 1)
    visit.send(UPGRADE)
    visit.take()
    for _ in range(4):
        web.clock.advance(TIMEOUT)
    assert not visit.is_closing
    visit.send(HELLO)
    assert visit.take() == HELLO_BACK


def test_page_and_websocket_on_one_connection(web: Web) -> None:
    """A client gets a page first, and upgrades the connection that it has."""
    visit = web.visit()
    visit.send(PAGE)
    status, headers, body = visit.response()
    assert (status, headers["content-length"], body) == (200, "6", b"a page")
    visit.send(UPGRADE)
    assert visit.take() == ACCEPTED


class Slow(Resource):
    """A page that takes its time."""

    isLeaf = True

    def render(self, request: Any) -> int:
        self.request = request
        return NOT_DONE_YET


def test_everything_at_once_behind_a_slow_page(web: Web) -> None:
    """A client sends the page's request, the handshake and a message without waiting for anything."""
    slow = Slow()  # type: ignore[no-untyped-call]
    web.root.putChild(b"slow", slow)
    visit = web.visit()
    visit.send(PAGE.replace(b"/page", b"/slow") + UPGRADE[:30])
    visit.send(UPGRADE[30:] + HELLO)
    assert visit.take() == b""
    slow.request.setHeader(b"Content-Length", b"0")
    slow.request.finish()
    assert visit.take().endswith(b"\r\n\r\n" + ACCEPTED + HELLO_BACK)


def test_resource_behind_a_login_that_takes_time(web: Web) -> None:
    """The tree looks the user up before it comes to the resource, and the client goes on sending meanwhile."""
    found: Deferred[IResource] = Deferred()
    web.root.putChild(b"private", DeferredResource(found))  # type: ignore[no-untyped-call]
    visit = web.visit()
    visit.send(UPGRADE.replace(b"/ws", b"/private") + HELLO)
    visit.send(HELLO)
    # More than the channel likes to keep.
    visit.send(b"\x82\xfe\x46\x50\x00\x00\x00\x00" + b"\x00" * 18000)
    assert visit.transport.producerState == "paused"
    found.callback(web.resource)
    assert visit.take() == ACCEPTED + HELLO_BACK * 2 + b"\x82\x7e\x46\x50" + b"\x00" * 18000
    assert visit.transport.producerState == "producing"


def test_decision_may_take_time(web: Web) -> None:
    """`onConnect` is asynchronous, and an impatient client does not wait for it."""
    decision: Deferred[None] = Deferred()
    web.factory.decide = lambda _: decision
    visit = web.visit()
    visit.send(UPGRADE + HELLO)
    visit.send(HELLO)
    assert visit.take() == b""
    web.clock.advance(20)
    decision.callback(None)
    assert visit.take() == ACCEPTED + HELLO_BACK * 2


def test_decision_has_a_deadline(web: Web) -> None:
    """The database does not answer at all."""
    web.factory.decide = lambda _: Deferred()
    visit = web.visit()
    visit.send(UPGRADE)
    web.clock.advance(30)
    assert visit.response()[0] == 503
    assert visit.is_closing


def test_client_goes_before_the_decision(web: Web) -> None:
    """Somebody closes the browser's tab while we look them up."""
    decision: Deferred[None] = Deferred()
    web.factory.decide = lambda _: decision
    visit = web.visit()
    visit.send(UPGRADE)
    visit.lose()
    assert web.factory.closed == [(False, 1006)]
    decision.callback(None)
    assert visit.take() == b""


def deny(code: int, **arguments: Any) -> Callable[[ConnectionRequest], Any]:
    def decide(_: ConnectionRequest) -> None:
        raise ConnectionDeny(code, **arguments)

    return decide


def test_refusal_is_complete_and_ends_the_connection(web: Web) -> None:
    """Who may not come in is told so, in a response that every client understands."""
    web.factory.decide = deny(403, reason="no", headers={"X-Why": "because"}, body="go away")
    visit = web.visit()
    visit.send(UPGRADE + HELLO)
    status, headers, body = visit.response()
    assert (status, headers["x-why"], headers["content-length"], body) == (403, "because", "7", b"go away")
    assert headers["connection"] == "close"
    assert visit.is_closing
    visit.lose()
    assert web.factory.closed == [(False, 1006)]


@pytest.mark.parametrize(
    ("old", "new", "status", "header"),
    [
        (b"HTTP/1.1", b"HTTP/1.0", 505, ("connection", "close")),
        (b"Version: 13", b"Version: 7", 426, ("sec-websocket-version", "13, 8")),
        (b"Upgrade: websocket", b"Upgrade: h2c", 426, ("upgrade", "websocket")),
        (b"Host: example.com\r\n", b"", 400, ("connection", "close")),
        (b"GET", b"PUT", 405, ("allow", "GET")),
        (b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\nabcdef", 400, ("connection", "close")),
        (b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 400, ("connection", "close")),
    ],
)
def test_bad_handshake_is_refused(web: Web, old: bytes, new: bytes, status: int, header: tuple[str, str]) -> None:
    """The same answers as on a port of its own; nothing of a body, or behind it, is taken for a frame."""
    visit = web.visit()
    visit.send(UPGRADE.replace(old, new) + HELLO)
    found, headers, body = visit.response()
    assert (found, headers[header[0]]) == (status, header[1])
    assert headers["content-length"] == str(len(body))
    assert visit.is_closing
    # Twisted keeps a body without a length in a file until then.
    visit.lose()


def test_client_that_wants_to_close_and_to_upgrade(web: Web) -> None:
    """Some proxy adds `close` to the Connection header."""
    visit = web.visit()
    visit.send(UPGRADE.replace(b"keep-alive, Upgrade", b"Upgrade, close"))
    assert visit.take() == ACCEPTED
    assert not visit.is_closing


@pytest.mark.parametrize(
    "request_",
    [
        UPGRADE.replace(b"?room=1", b"?#room"),
        UPGRADE.replace(b"second", b"sec\x01ond"),
        UPGRADE.replace(b"?room=1", b"\xff"),
    ],
)
def test_what_twisted_lets_pass_is_refused(web: Web, request_: bytes) -> None:
    """The web server reads requests less strictly than we do."""
    visit = web.visit()
    visit.send(request_)
    assert visit.response()[0] == 400


def test_factory_may_refuse_by_address(web: Web) -> None:
    """My `buildProtocol` returns None for those who are banned."""
    web.factory.buildProtocol = lambda addr: None  # type: ignore[method-assign]
    visit = web.visit()
    visit.send(UPGRADE)
    assert visit.response()[0] == 503


def test_backpressure_reaches_the_connection(web: Web) -> None:
    """A client that does not read its echoes is not read from, and the channel has no say in it."""
    visit = web.open()
    producer = visit.transport.producer
    assert visit.transport.streaming
    producer.pauseProducing()
    visit.send(HELLO)
    assert visit.transport.producerState == "paused"
    producer.resumeProducing()
    assert visit.transport.producerState == "producing"
    (protocol,) = web.factory.protocols_made
    protocol.pauseReceiving()
    assert visit.transport.producerState == "paused"


def test_client_that_has_not_read_earlier_responses(web: Web) -> None:
    """The channel has stopped reading when it is asked to let go."""
    slow = Slow()  # type: ignore[no-untyped-call]
    web.root.putChild(b"slow", slow)
    visit = web.visit()
    visit.send(PAGE.replace(b"/page", b"/slow"))
    # The transport is full of the slow page's content.
    visit.transport.producer.pauseProducing()
    visit.send(UPGRADE)
    visit.transport.pauseProducing()
    slow.request.finish()
    assert visit.take().endswith(ACCEPTED)
    assert visit.transport.producerState == "producing"


def test_access_log_knows_how_it_went(tmp_path: Path) -> None:
    """I look at the access log to see who came, and who was sent away."""
    path = tmp_path / "access.log"
    web = Web(path)
    web.open()
    web.factory.decide = deny(401)
    visit = web.visit()
    visit.send(UPGRADE)
    visit.lose()
    web.visit().send(PLAIN)
    web.factory.decide = lambda _: Deferred()
    visit = web.visit()
    visit.send(UPGRADE)
    visit.lose()
    web.site.doStop()  # type: ignore[no-untyped-call]
    lines = path.read_text().splitlines()
    assert [line.split('"')[3:5] for line in lines] == [
        ["GET /ws?room=1 HTTP/1.1", " 101 - "],
        ["GET /ws?room=1 HTTP/1.1", " 401 - "],
        ["GET /ws HTTP/1.1", f" 200 {lines[2].split()[-3]} "],
    ]


class Watching(Resource):
    """Stands before another resource, as middleware does."""

    isLeaf = True

    def __init__(self, inner: IResource) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._inner: Any = inner
        self.ends: list[object] = []

    def render(self, request: Any) -> Any:
        self.request = request
        request.notifyFinish().addBoth(self.ends.append)
        return self._inner.render(request)


def test_middleware_hears_the_end_of_the_request(web: Web) -> None:
    """My metrics count requests in progress, and that number must not grow for ever."""
    watching = Watching(web.resource)
    web.root.putChild(b"ws", watching)
    decision: Deferred[None] = Deferred()
    web.factory.decide = lambda _: decision
    visit = web.visit()
    visit.send(UPGRADE)
    assert watching.ends == []
    decision.callback(None)
    assert watching.ends == [None]
    visit.lose()
    assert watching.ends == [None]


def test_request_is_not_kept(web: Web) -> None:
    """Ten thousand connections that are open for days take no memory for requests that are over."""
    watching = Watching(web.resource)
    web.root.putChild(b"ws", watching)
    visit = web.open()
    request = ref(watching.request)
    watching.request = None
    collect()
    assert request() is None
    assert not visit.is_closing


def test_middleware_hears_of_a_client_that_left(web: Web) -> None:
    """The request of a client that has gone is over as well."""
    watching = Watching(web.resource)
    web.root.putChild(b"ws", watching)
    web.factory.decide = lambda _: Deferred()
    visit = web.visit()
    visit.send(UPGRADE)
    visit.lose()
    assert [type(end) for end in watching.ends] == [Failure]


def test_middleware_cannot_write_into_the_connection(web: Web) -> None:
    """Something in the tree writes to and finishes a request that is not its own any more."""
    watching = Watching(web.resource)
    web.root.putChild(b"ws", watching)
    decision: Deferred[None] = Deferred()
    web.factory.decide = lambda _: decision
    visit = web.visit()
    visit.send(UPGRADE)
    watching.request.write(b"nonsense")
    watching.request.loseConnection()
    watching.request.finish()
    assert visit.take() == b""
    assert not visit.is_closing
    decision.callback(None)
    assert visit.take() == ACCEPTED
    visit.send(HELLO)
    assert visit.take() == HELLO_BACK


def test_compressing_wrapper_does_not_touch_the_connection(web: Web) -> None:
    """The whole tree is wrapped for gzip, and browsers accept that for handshakes too."""
    wrapped = EncodingResourceWrapper(web.resource, [GzipEncoderFactory()])  # type: ignore[no-untyped-call]
    web.root.putChild(b"ws", wrapped)
    visit = web.visit()
    visit.send(UPGRADE.replace(b"X-Two: first", b"Accept-Encoding: gzip"))
    assert visit.take() == ACCEPTED


# Requests that are no handshakes.


def test_plain_request_gets_the_status_page(web: Web) -> None:
    """I open the address in a browser, twice."""
    visit = web.visit()
    for _ in range(2):
        visit.send(PLAIN)
        status, headers, body = visit.response()
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert headers["server"].startswith("TwistedWeb")
        assert headers["content-length"] == str(len(body))
        assert b"WebSocket endpoint" in body
    assert not visit.is_closing


def test_plain_request_gets_426_without_the_status_page(web: Web) -> None:
    """The option webStatus is off."""
    web.factory.setProtocolOptions(webStatus=False)
    visit = web.visit()
    visit.send(PLAIN)
    status, headers, body = visit.response()
    assert (status, headers["upgrade"], headers["connection"]) == (426, "websocket", "Upgrade")
    assert headers["sec-websocket-version"] == "13, 8"
    assert body == b"this address wants a WebSocket handshake\n"


def test_head_request_gets_the_head(web: Web) -> None:
    """A monitor asks without wanting the page."""
    visit = web.visit()
    visit.send(PLAIN.replace(b"GET", b"HEAD"))
    status, headers, body = visit.response()
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0


def test_hook_answers(web: Web) -> None:
    """My chat serves its page from the same address."""
    headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "text/plain")]
    web.factory.hook = lambda request: HttpResponse(f"hello {request.params['x']}", 201, headers=headers)
    visit = web.visit()
    visit.send(PLAIN.replace(b"/ws", b"/ws?x=%31"))
    response = visit.take()
    assert response.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n" in response
    assert response.endswith(b"\r\n\r\nhello ['1']")
    assert web.factory.asked[0].peer == "tcp4:192.0.2.1:50000"


def test_answer_without_a_body(web: Web) -> None:
    """204 has no content, and no length of it."""
    web.factory.hook = lambda _: HttpResponse(status=204)
    visit = web.visit()
    visit.send(PLAIN)
    status, headers, body = visit.response()
    assert (status, body) == (204, b"")
    assert not {"content-length", "content-type", "transfer-encoding"} & headers.keys()


def test_answer_with_a_status_of_my_own(web: Web) -> None:
    """A status that nobody has registered."""
    web.factory.hook = lambda _: HttpResponse("odd", status=299)
    visit = web.visit()
    visit.send(PLAIN)
    assert visit.response()[::2] == (299, b"odd")


def test_hook_answers_later(web: Web) -> None:
    """The page comes from a database."""
    answer: Deferred[HttpResponse] = Deferred()
    web.factory.hook = lambda _: answer
    visit = web.visit()
    visit.send(PLAIN)
    assert visit.take() == b""
    answer.callback(HttpResponse("later"))
    assert visit.response()[2] == b"later"
    visit.lose()
    web.site.doStop()  # type: ignore[no-untyped-call]
    assert web.clock.getDelayedCalls() == []


def test_hook_answers_too_late(web: Web) -> None:
    """The database is down."""
    answer: Deferred[HttpResponse] = Deferred()
    web.factory.hook = lambda _: answer
    visit = web.visit()
    visit.send(PLAIN)
    web.clock.advance(30)
    assert visit.response()[0] == 503
    answer.callback(HttpResponse("later"))
    assert visit.take() == b""


def test_hook_has_all_the_time_there_is(web: Web) -> None:
    """With onConnectTimeout 0, nobody is in a hurry."""
    web.factory.setProtocolOptions(onConnectTimeout=0)
    answer: Deferred[HttpResponse] = Deferred()
    web.factory.hook = lambda _: answer
    visit = web.visit()
    visit.send(PLAIN)
    web.clock.advance(3600)
    answer.callback(HttpResponse("later"))
    assert visit.response()[2] == b"later"


@pytest.mark.parametrize("seconds", [0, 30])
def test_client_goes_before_the_answer(web: Web, seconds: int) -> None:
    """Nobody waits for the page any more."""
    web.factory.setProtocolOptions(onConnectTimeout=seconds)
    answer: Deferred[HttpResponse] = Deferred()
    web.factory.hook = lambda _: answer
    visit = web.visit()
    visit.send(PLAIN)
    visit.lose()
    answer.callback(HttpResponse("later"))
    assert visit.take() == b""
    web.site.doStop()  # type: ignore[no-untyped-call]
    assert web.clock.getDelayedCalls() == []


@pytest.mark.parametrize("result", ["text", ZeroDivisionError("why")])
def test_error_in_the_hook_is_500(web: Web, logged: list[LogEvent], result: object) -> None:
    """My hook has a bug; the client does not get to see it."""

    def hook(_: HttpRequest) -> object:
        if isinstance(result, Exception):
            raise result
        return result

    web.factory.hook = hook
    visit = web.visit()
    visit.send(PLAIN)
    status, _, body = visit.response()
    assert (status, body) == (500, b"the server could not answer this request\n")
    (event,) = logged
    assert "onHttpRequest failed for tcp4:192.0.2.1:50000" in event["text"]
    assert (event["ws_role"], event["ws_peer"], event["ws_path"]) == ("server", "tcp4:192.0.2.1:50000", "/ws")
    logged.clear()


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        (PLAIN.replace(b"GET", b"POST"), 405, ("allow", "GET, HEAD")),
        (PLAIN.replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\nx"), 400, None),
        (PLAIN.replace(b"Host: example.com\r\n", b""), 400, None),
    ],
)
def test_bad_plain_request(web: Web, request_: bytes, status: int, header: tuple[str, str] | None) -> None:
    """What has no business here is answered by twisted.web, and the connection is good for the next request."""
    visit = web.visit()
    visit.send(request_)
    found, headers, _ = visit.response()
    assert found == status
    assert header is None or headers[header[0]] == header[1]
    visit.send(UPGRADE)
    assert visit.take() == ACCEPTED


# HTTP/2.


def http2(web: Web, method: str = "GET") -> tuple[dict[str, str], bytes]:
    """Ask for /ws on an HTTP/2 connection: headers and body of the answer."""
    if not http.H2_ENABLED:
        pytest.skip("Twisted needs h2 and priority to speak HTTP/2")
    from twisted.web._http2 import H2Connection

    config, connection, events = (import_module(f"h2.{name}") for name in ("config", "connection", "events"))
    client = connection.H2Connection(config.H2Configuration(client_side=True, header_encoding="utf-8"))
    client.initiate_connection()
    pairs = [(":method", method), (":path", "/ws"), (":scheme", "https"), (":authority", "example.com")]
    client.send_headers(1, pairs, end_stream=True)
    # As the Site makes it when TLS has negotiated h2, but not on the global reactor.
    channel: Any = H2Connection(reactor=web.clock)  # type: ignore[no-untyped-call]
    channel.site = channel.factory = web.site
    channel.requestFactory = web.site.requestFactory
    channel.timeOut = TIMEOUT
    channel.callLater = web.clock.callLater
    visit = Visit(channel)
    visit.send(client.data_to_send())
    web.clock.pump([0] * 10)
    headers: dict[str, str] = {}
    body = b""
    for event in client.receive_data(visit.take()):
        if isinstance(event, events.ResponseReceived):
            headers = dict(event.headers)
        elif isinstance(event, events.DataReceived):
            body += event.data
    visit.lose()
    return headers, body


def test_http2_connection_gets_426(web: Web) -> None:
    """A client came with HTTP/2, where there is nothing to upgrade."""
    headers, body = http2(web)
    assert (headers[":status"], headers["content-type"]) == ("426", "text/plain; charset=utf-8")
    assert headers["content-length"] == str(len(body))
    assert body == b"this address wants a WebSocket handshake, which needs HTTP/1.1\n"
    assert not {"upgrade", "connection"} & headers.keys()


def test_http2_request_reaches_the_hook(web: Web) -> None:
    """The page of my chat is there for browsers that speak HTTP/2 as well."""
    web.factory.hook = lambda request: HttpResponse(request.headers["host"])
    headers, body = http2(web)
    assert (headers[":status"], body) == ("200", b"example.com")


def test_http2_request_of_another_method(web: Web) -> None:
    """As on HTTP/1.1."""
    assert http2(web, "DELETE")[0][":status"] == "405"


# The factory's life.


def test_factory_is_started_and_stopped_with_the_site(web: Web) -> None:
    """My factory opens a database in startFactory; nobody but the Site is ever listening."""
    assert web.factory.starts == 0
    web.open()
    web.visit().send(PLAIN)
    assert (web.factory.starts, web.factory.stops) == (1, 0)
    web.site.doStop()  # type: ignore[no-untyped-call]
    assert (web.factory.starts, web.factory.stops) == (1, 1)
    web.site.doStart()  # type: ignore[no-untyped-call]
    web.open()
    web.site.doStop()  # type: ignore[no-untyped-call]
    assert (web.factory.starts, web.factory.stops) == (2, 2)


def test_site_that_does_not_listen_starts_nothing(web: Web) -> None:
    """The site has stopped, and somebody still has a connection to it."""
    visit = web.visit()
    web.site.doStop()  # type: ignore[no-untyped-call]
    visit.send(UPGRADE)
    assert visit.take() == ACCEPTED
    assert web.factory.starts == 0


def test_factory_that_has_a_port_of_its_own_is_started_once(web: Web) -> None:
    """The same factory listens elsewhere."""
    factory: Any = web.factory
    factory.doStart()
    for _ in range(3):
        web.open()
        web.site.doStop()  # type: ignore[no-untyped-call]
        assert (factory.starts, factory.stops) == (1, 0)
        web.site.doStart()  # type: ignore[no-untyped-call]
    factory.doStop()
    assert (factory.starts, factory.stops) == (1, 1)


def test_two_resources_in_one_site(web: Web) -> None:
    """Each factory is stopped."""
    other = Server(web.clock)
    web.root.putChild(b"other", WebSocketResource(other))
    web.open()
    web.visit().send(PLAIN.replace(b"/ws", b"/other"))
    web.site.doStop()  # type: ignore[no-untyped-call]
    assert (web.factory.stops, other.stops) == (1, 1)


# Below a WSGI application.


class Paths(Resource):
    """In the WSGI resource's place: says what it was asked for."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        return b"|".join([b"/".join(request.prepath), b"/".join(request.postpath)])


@pytest.mark.parametrize("key", ["ws", b"ws"])
def test_wsgi_application_at_the_root(web: Web, key: str | bytes) -> None:
    """My Flask application has everything but the WebSocket connections."""
    root = WSGIRootResource(Paths(), {key: web.resource})  # type: ignore[no-untyped-call]
    web.site.resource = root
    visit = web.visit()
    for path, seen in [(b"/a/b", b"|a/b"), (b"/", b"|"), (b"/a/", b"|a/")]:
        visit.send(PAGE.replace(b"/page", path))
        assert visit.response()[2] == seen
    visit.send(UPGRADE)
    assert visit.take() == ACCEPTED


def test_routes_below_one_resource(web: Web) -> None:
    """One factory serves several paths, below the place that it has in the site's tree."""
    router = Router()
    router.add("/ws/<room>", Echo)
    web.factory.router = router
    watching = Watching(web.resource)
    web.root.putChild(b"ws", watching)
    visit = web.visit()
    visit.send(UPGRADE.replace(b"/ws", b"/ws/lobby") + HELLO)
    assert visit.take() == ACCEPTED + HELLO_BACK
    assert watching.ends == [None]
    assert [protocol.route_params for protocol in web.factory.protocols_made] == [{"room": "lobby"}]
    visit.send(HELLO)
    assert visit.take() == HELLO_BACK
    visit.lose()
    assert web.factory.closed == [(False, 1006)]


def test_path_without_a_route(web: Web) -> None:
    """404 for handshakes and for everything else."""
    router = Router()
    router.add("/ws/<room>", Echo)
    web.factory.router = router
    for request in (UPGRADE, PLAIN):
        visit = web.visit()
        visit.send(request)
        assert visit.response()[0] == 404
    visit = web.visit()
    visit.send(PLAIN.replace(b"/ws", b"/ws/lobby"))
    assert visit.response()[0] == 200
