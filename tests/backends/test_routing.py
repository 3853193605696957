"""Several protocol classes on one port, by path."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from tests.backends.programs import Backend, Link, close, frames, note_taker, request, text
from wsframework._core.codec import encode_frame
from wsframework.asyncio.testing import AsyncioMemoryBackend
from wsframework.twisted.testing import TwistedMemoryBackend
from wsframework.websocket import ConnectionDeny, HttpResponse, Router
from wsframework.websocket.protocol import WebSocketServerProtocol

GET = "GET {} HTTP/1.1\r\nHost: example.com\r\n\r\n"


def to(path: str, *lines: str) -> bytes:
    """A handshake for this path."""
    return request(*lines).replace(b"/chat?room=1", path.encode())


def serve(backend: Backend, router: Router, **options: Any) -> Any:
    """A factory of this backend with these routes."""
    factory = backend.make_server()
    factory.router = router
    factory.setProtocolOptions(**options)
    return factory


def connect(backend: Backend, factory: Any, path: str, *lines: str) -> tuple[Link, Any]:
    """An open connection for this path: the peer's end, and the protocol that got it."""
    link = backend.connect(factory)
    link.receive(to(path, *lines))
    backend.settle()
    assert link.take().startswith(b"HTTP/1.1 101 ")
    return link, factory.connections[-1]


def answer(backend: Backend, factory: Any, octets: bytes) -> tuple[int, bytes]:
    """Status and body of a response that ends the connection."""
    link = backend.connect(factory)
    link.receive(octets)
    backend.settle()
    head, _, body = link.take().partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert link.finished
    link.end()
    return int(head.split()[1]), body


# The router by itself.


def named(*patterns: str) -> Router:
    """A router with these patterns."""
    router = Router()
    for pattern in patterns:
        router.add(pattern, WebSocketServerProtocol)
    return router


def found(router: Router, path: str) -> tuple[str, dict[str, str]] | None:
    """The pattern and the parameters."""
    match = router.match(path)
    return None if match is None else (match.route.pattern, dict(match.params))


PATTERNS = (
    "/",
    "/chat",
    "/rooms/<name>",
    "/rooms/<name>/members/<member>",
    "/rooms/lobby",
    "/rooms/lobby/log",
    "/files/<path:rest>",
    "/files/readme",
    "/räume/<name>",
    "/slash/",
)


@pytest.mark.parametrize(
    ("path", "pattern", "params"),
    [
        ("/", "/", {}),
        ("/chat", "/chat", {}),
        ("/ch%61t", "/chat", {}),
        ("/rooms/kitchen", "/rooms/<name>", {"name": "kitchen"}),
        ("/rooms/caf%C3%A9%20noir", "/rooms/<name>", {"name": "café noir"}),
        ("/rooms/100%25", "/rooms/<name>", {"name": "100%"}),
        ("/rooms/%252F", "/rooms/<name>", {"name": "%2F"}),
        ("/rooms/a+b", "/rooms/<name>", {"name": "a+b"}),
        ("/rooms/...", "/rooms/<name>", {"name": "..."}),
        ("/rooms/lobby", "/rooms/lobby", {}),
        ("/rooms/lobby/log", "/rooms/lobby/log", {}),
        ("/rooms/lobby/members/eve", "/rooms/<name>/members/<member>", {"name": "lobby", "member": "eve"}),
        ("/files/a", "/files/<path:rest>", {"rest": "a"}),
        ("/files/a/b%20c//d/", "/files/<path:rest>", {"rest": "a/b c//d/"}),
        ("/files/readme", "/files/readme", {}),
        ("/files/readme/", "/files/<path:rest>", {"rest": "readme/"}),
        ("/r%C3%A4ume/k%C3%BCche", "/räume/<name>", {"name": "küche"}),
        ("/slash/", "/slash/", {}),
    ],
)
def test_the_most_specific_pattern_gets_the_path(path: str, pattern: str, params: dict[str, str]) -> None:
    """Whatever the order in which they were added."""
    assert found(named(*PATTERNS), path) == (pattern, params)
    assert found(named(*reversed(PATTERNS)), path) == (pattern, params)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "chat",
        "/Chat",
        "/chat/",
        "//chat",
        "/chat/x",
        "/slash",
        "/rooms",
        "/rooms/",
        "/rooms//members/x",
        "/rooms/lobby/x",
        "/rooms/a%2Fb",
        "/rooms/a%2fb",
        "/rooms/..",
        "/rooms/%2E%2e",
        "/rooms/.",
        "/rooms/a%",
        "/rooms/a%2",
        "/rooms/a%xy",
        "/rooms/%FF",
        "/rooms/%00",
        "/rooms/a%0D%0Ab",
        "/rooms/%7F",
        "/files",
        "/files/",
        "/files//etc/passwd",
        "/files/../secret",
        "/files/a/%2e%2E/b",
        "/files/a/%2Fb",
    ],
)
def test_paths_that_fit_no_pattern(path: str) -> None:
    """Among them all that could lead out of a directory."""
    assert named(*PATTERNS).match(path) is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "does not start with a slash"),
        ("chat", "does not start with a slash"),
        ("/rooms/<name", "neither text nor <name>"),
        ("/rooms/name>", "neither text nor <name>"),
        ("/rooms/room-<name>", "neither text nor <name>"),
        ("/a%20b", "neither text nor <name>"),
        ("/a?b=1", "neither text nor <name>"),
        ("/a#b", "neither text nor <name>"),
        ("/a\nb", "neither text nor <name>"),
        ("/a/../b", "neither text nor <name>"),
        ("/<int:id>", "the kind 'int' is unknown"),
        ("/<:id>", "the kind '' is unknown"),
        ("/<>", "the name '' is no identifier"),
        ("/<path:1>", "the name '1' is no identifier"),
        ("/<a:b:c>", "neither text nor <name>"),
        ("/<path:rest>/x", "something follows <path:...>"),
        ("/<path:a>/<path:b>", "something follows <path:...>"),
        ("/<a>/<a>", "two parameters have the same name"),
    ],
)
def test_malformed_patterns_are_refused(pattern: str, words: str) -> None:
    """Where they are written, not when somebody connects."""
    router = Router()
    with pytest.raises(ValueError, match=words):
        router.add(pattern, WebSocketServerProtocol)
    assert len(router) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/chat", "/chat"),
        ("/rooms/<name>", "/rooms/<id>"),
        ("/files/<path:rest>", "/files/<path:name>"),
        ("/a/<b>/c", "/a/<c>/c"),
    ],
)
def test_two_patterns_for_the_same_paths_are_refused(one: str, other: str) -> None:
    """The error names both."""
    router = named(one)
    with pytest.raises(ValueError, match="fits the same paths") as error:
        router.add(other, WebSocketServerProtocol)
    assert repr(one) in str(error.value)
    assert repr(other) in str(error.value)
    assert [route.pattern for route in router] == [one]


@pytest.mark.parametrize(
    ("pattern", "protocol", "options", "error", "words"),
    [
        (7, WebSocketServerProtocol, {}, TypeError, "a pattern must be a str"),
        ("/x", None, {}, TypeError, "a class or a callable, not NoneType"),
        ("/x", dict, {}, TypeError, "which dict is not"),
        ("/x", WebSocketServerProtocol, {"maxMesagePayloadSize": 1}, TypeError, "maxMessagePayloadSize"),
        ("/x", WebSocketServerProtocol, {"autoPingSize": "4"}, TypeError, "autoPingSize"),
        ("/x", WebSocketServerProtocol, {"autoPingSize": 3}, ValueError, "autoPingSize"),
        ("/x", WebSocketServerProtocol, {"allowedOrigins": ["nonsense"]}, ValueError, "nonsense"),
        ("/x", WebSocketServerProtocol, {"maxHandshakeSize": 9}, ValueError, "set it on the factory"),
        ("/x", WebSocketServerProtocol, {"openHandshakeTimeout": 9}, ValueError, "set it on the factory"),
        ("/x", WebSocketServerProtocol, {"maxConnections": 9}, ValueError, "set it on the factory"),
    ],
)
def test_misuse_of_add_adds_nothing(
    pattern: Any, protocol: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """And says what is wrong."""
    router = Router()
    with pytest.raises(error, match=words):
        router.add(pattern, protocol, **options)
    assert list(router) == []
    assert router.match("/x") is None


def test_a_route_shows_what_it_was_made_of() -> None:
    """For a page that lists them."""
    router = Router()
    route = router.add("/a/<b>", WebSocketServerProtocol, allowedOrigins=["http://x"], autoPingInterval=None)
    assert (route.pattern, route.protocol, route.names) == ("/a/<b>", WebSocketServerProtocol, ("b",))
    assert dict(route.options) == {"allowedOrigins": ("http://x",)}
    with pytest.raises(FrozenInstanceError):
        route.pattern = "/"  # type: ignore[misc]
    match = router.match("/a/1")
    assert match is not None
    with pytest.raises(TypeError):
        match.params["b"] = "2"  # type: ignore[index]


def test_finding_a_route_takes_no_longer_for_a_nasty_path() -> None:
    """A path of thousands of segments, against patterns that share all but their ends."""
    router = Router()
    for bits in range(1 << 8):
        segments = ["a" if bits >> place & 1 else f"<n{place}>" for place in range(8)]
        router.add("/" + "/".join([*segments, f"end{bits}"]), WebSocketServerProtocol)
    router.add("/<path:rest>", WebSocketServerProtocol)
    began = time.perf_counter()
    match = router.match("/" + "/".join(["a"] * 4000))
    assert time.perf_counter() - began < 1
    assert match is not None
    assert match.route.pattern == "/<path:rest>"


# On a port.


def test_each_path_has_its_own_class(backend: Backend) -> None:
    """One port, one factory, two kinds of protocols."""
    router = Router()

    @router.route("/upper")
    class Upper(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload.upper())

    @router.route("/twice/<word>", autoFragmentSize=3)
    class Twice(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload * 2)

    factory = serve(backend, router)
    link, upper = connect(backend, factory, "/upper?x=1")
    other, twice = connect(backend, factory, "/twice/w")
    assert (type(upper), type(twice)) == (Upper, Twice)
    assert (upper.autoFragmentSize, twice.autoFragmentSize) == (0, 3)
    assert (dict(upper.route_params), dict(twice.route_params)) == ({}, {"word": "w"})
    for line in (link, other):
        line.receive(text("abc"))
    assert frames(link.take()) == [(1, b"ABC")]
    assert frames(other.take()) == [(1, b"abc"), (0, b"abc")]
    assert factory.getConnectionCount() == 2
    for line in (link, other):
        line.receive(close(1000))
        line.end()
        backend.settle()
    assert factory.getConnectionCount() == 0
    assert upper.events == twice.events == ["connect", "open", ("close", True, 1000)]
    assert backend.pending_timers() == 0


def test_on_connect_is_told_the_parameters(backend: Backend) -> None:
    """In the request, and on the protocol."""
    seen: list[Any] = []

    class Room(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onConnect(self, request: Any) -> None:
            seen.append((dict(request.route), request.path, request.params, dict(self.route_params)))

    router = Router()
    router.add("/rooms/<name>", Room)
    _, room = connect(backend, serve(backend, router), "/rooms/k%C3%BCche?seat=2")
    name = {"name": "küche"}
    assert seen == [(name, "/rooms/k%C3%BCche", {"seat": ["2"]}, name)]
    assert room.http_request_uri == "/rooms/k%C3%BCche?seat=2"


def test_without_a_router_there_are_no_parameters(backend: Backend) -> None:
    """As ever."""
    seen: list[Any] = []

    class Room(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onConnect(self, request: Any) -> None:
            seen.append((request.route, self.route_params))

    link = backend.connect(backend.make_server(Room))
    link.receive(request())
    assert seen == [({}, {})]


def test_a_path_without_a_route_is_answered_404(backend: Backend, errors: list[BaseException]) -> None:
    """A complete response; no protocol of mine hears of it, and nothing is left of it."""
    kind = note_taker(backend)
    made: list[Any] = []

    def make() -> Any:
        made.append(kind())
        return made[-1]

    router = Router()
    router.add("/chat", make)
    factory = serve(backend, router)
    assert answer(backend, factory, to("/nowhere")) == (404, b"there is no WebSocket endpoint at this path\n")
    assert answer(backend, factory, to("/ch%2Fat"))[0] == 404
    assert made == []
    assert errors == []
    assert factory.getConnectionCount() == 0
    backend.advance(10)
    assert backend.pending_timers() == 0


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_order_of_callbacks_holds_however_the_octets_come(backend: Backend, size: int) -> None:
    """Messages right behind the request are delivered once and after onOpen, in one chunk or byte by byte."""
    kind = note_taker(backend)
    made: list[Any] = []
    router = Router()
    router.add("/chat", lambda: made.append(kind()) or made[-1])  # type: ignore[func-returns-value]
    link = backend.connect(serve(backend, router))
    octets = to("/chat") + text("one") + text("two") + close(4000)
    for start in range(0, len(octets), size):
        link.receive(octets[start : start + size])
    backend.settle()
    link.end()
    backend.settle()
    (protocol,) = made
    assert protocol.events == ["connect", "open", "one", "two", ("close", True, 4000)]
    assert link.take().count(b"HTTP/1.1 101") == 1


def test_messages_wait_for_an_on_connect_that_takes_its_time(backend: Backend) -> None:
    """The decision of the routed protocol has its own onConnectTimeout."""
    decision = backend.later()
    router = Router()

    class Slow(note_taker(backend)):  # type: ignore[misc]
        def onConnect(self, request: Any) -> Any:
            self.events.append("connect")
            return decision

    router.add("/slow", Slow, onConnectTimeout=5)
    factory = serve(backend, router, onConnectTimeout=1)
    link = backend.connect(factory)
    link.receive(to("/slow") + text("early"))
    backend.advance(4)
    assert link.take() == b""
    assert factory.getConnectionCount() == 1
    backend.resolve(decision)
    backend.settle()
    assert link.take().startswith(b"HTTP/1.1 101 ")
    assert factory.connections[0].events == ["connect", "open", "early"]


@pytest.mark.parametrize("how", ["end", "cut"])
def test_a_peer_that_leaves_before_the_request_is_complete(
    backend: Backend, how: str, errors: list[BaseException]
) -> None:
    """Nobody is told, nothing is left."""
    router = Router()
    router.add("/chat", note_taker(backend))
    factory = serve(backend, router)
    link = backend.connect(factory)
    link.receive(to("/chat")[:-5])
    getattr(link, how)()
    backend.settle()
    assert (factory.getConnectionCount(), backend.pending_timers(), errors) == (0, 0, [])


@pytest.mark.parametrize("how", ["end", "cut"])
def test_the_routed_protocol_is_told_of_the_end(backend: Backend, how: str) -> None:
    """By the transport, which was another protocol's before."""
    router = Router()
    router.add("/chat", note_taker(backend))
    link, protocol = connect(backend, serve(backend, router), "/chat")
    getattr(link, how)()
    backend.settle()
    assert protocol.events == ["connect", "open", ("close", False, 1006)]


def test_backpressure_reaches_the_routed_protocol(backend: Backend) -> None:
    """onSendingPaused, onSendingResumed and drain are its own."""
    events: list[str] = []

    class Feed(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onSendingPaused(self) -> None:
            events.append("paused")

        def onSendingResumed(self) -> None:
            events.append("resumed")

    router = Router()
    router.add("/feed", Feed, sendHighWaterMark=1000)
    link, feed = connect(backend, serve(backend, router), "/feed")
    link.stall()
    feed.sendMessage(bytes(2000))
    drained = feed.drain()
    assert events == ["paused"]
    link.unstall()
    backend.settle()
    assert events == ["paused", "resumed"]
    assert backend.outcome(drained)[0] == "result"


def test_the_opening_handshake_has_the_factorys_deadline(backend: Backend) -> None:
    """A client that says nothing is dropped before anybody knows which route it wants."""
    router = Router()
    router.add("/chat", note_taker(backend))
    link = backend.connect(serve(backend, router, openHandshakeTimeout=2))
    link.receive(b"GET /chat")
    backend.advance(2)
    assert link.aborted
    assert backend.pending_timers() == 0


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET /chat HTTP/1.1\r\nX: " + b"x" * 1000 + b"\r\n\r\n", 431),
        (to("/chat").replace(b"Host: example.com\r\n", b""), 400),
        (to("/chat").replace(b"Version: 13", b"Version: 7"), 426),
        (to("/nowhere").replace(b"Version: 13", b"Version: 7"), 426),
    ],
)
def test_bad_requests_are_refused_as_ever(backend: Backend, octets: bytes, status: int) -> None:
    """With a router, too."""
    router = Router()
    router.add("/chat", note_taker(backend))
    assert answer(backend, serve(backend, router, maxHandshakeSize=900), octets)[0] == status


def test_origins_are_the_routes(backend: Backend) -> None:
    """One endpoint for everybody, the others for our own pages."""
    router = Router()
    router.add("/public", note_taker(backend), allowedOrigins=["*"])
    router.add("/private", note_taker(backend))
    factory = serve(backend, router, allowedOrigins=["https://example.com"])
    connect(backend, factory, "/public", "Origin: https://elsewhere.net")
    connect(backend, factory, "/public", "Origin: null")
    connect(backend, factory, "/private", "Origin: https://example.com")
    assert answer(backend, factory, to("/private", "Origin: https://elsewhere.net"))[0] == 403
    assert answer(backend, factory, to("/private", "Origin: null"))[0] == 403


def test_a_routes_options_come_before_the_classs_and_those_before_the_factorys(backend: Backend) -> None:
    """And reading the attribute gives what is in force."""

    class Small(backend.server_protocol):  # type: ignore[misc, name-defined]
        maxMessagePayloadSize = 10
        autoPingSize = 10

        def __init__(self) -> None:
            super().__init__()
            self.closeHandshakeTimeout = 7

    router = Router()
    router.add("/a", Small, maxMessagePayloadSize=20, closeHandshakeTimeout=3)
    router.add("/b", Small, failByDrop=False)
    router.add("/c", backend.server_protocol, maxMessagePayloadSize=20)
    factory = serve(backend, router, maxMessagePayloadSize=1000, autoPingSize=100)
    for path, size, ping, timeout, drop in [
        ("/a", 20, 10, 7, True),
        ("/b", 10, 10, 7, False),
        ("/c", 20, 100, 1, True),
    ]:
        _, protocol = connect(backend, factory, path)
        expected = (size, ping, timeout, drop)
        for source in (protocol, protocol._connection.options):
            options = source.maxMessagePayloadSize, source.autoPingSize, source.closeHandshakeTimeout, source.failByDrop
            assert options == expected
    _, one = connect(backend, factory, "/c")
    _, two = connect(backend, factory, "/c")
    assert one._connection.options is two._connection.options


def test_options_of_a_route_apply_to_the_frames(backend: Backend) -> None:
    """The reader of a routed connection has the route's limits."""
    router = Router()
    router.add("/small", note_taker(backend), maxMessagePayloadSize=3, failByDrop=False)
    link, protocol = connect(backend, serve(backend, router), "/small")
    link.receive(text("abc") + text("abcd"))
    assert [code for code, _ in frames(link.take())] == [8]
    link.end()
    backend.settle()
    assert protocol.events == ["connect", "open", "abc", ("close", False, 1009)]


def test_deciding_is_the_routed_protocols(backend: Backend) -> None:
    """Subprotocols, headers and refusals work as without routes."""

    class Picky(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onConnect(self, request: Any) -> Any:
            if request.route["who"] == "eve":
                raise ConnectionDeny(403, "not you")
            return "b", {"X-Who": request.route["who"]}

    router = Router()
    router.add("/<who>", Picky)
    factory = serve(backend, router)
    link = backend.connect(factory)
    link.receive(to("/adam", "Sec-WebSocket-Protocol: a, b"))
    head = link.take()
    assert b"Sec-WebSocket-Protocol: b\r\n" in head
    assert b"X-Who: adam\r\n" in head
    assert answer(backend, factory, to("/eve")) == (403, b"not you\n")


def test_max_connections_counts_all_routes(backend: Backend) -> None:
    """It is the factory's."""
    router = Router()
    router.add("/a", note_taker(backend))
    router.add("/b", note_taker(backend))
    factory = serve(backend, router, maxConnections=2)
    connect(backend, factory, "/a")
    link, _ = connect(backend, factory, "/b")
    assert answer(backend, factory, to("/a"))[0] == 503
    link.cut()
    connect(backend, factory, "/a")


def test_plain_requests_go_to_the_factorys_hook(backend: Backend) -> None:
    """By default a path that has no route is 404, others get the status page where their route has one."""
    router = Router()
    router.add("/chat", note_taker(backend))
    router.add("/quiet", lambda: note_taker(backend)(), webStatus=False)
    factory = serve(backend, router)
    assert answer(backend, factory, GET.format("/chat?x").encode())[0] == 200
    assert answer(backend, factory, GET.format("/quiet").encode())[0] == 426
    assert answer(backend, factory, GET.format("/nowhere").encode()) == (404, b"there is nothing at this path\n")
    factory.onHttpRequest = lambda request: HttpResponse(request.path)
    assert answer(backend, factory, GET.format("/nowhere").encode()) == (200, b"/nowhere")


def wrong_backend(backend: Backend) -> Any:
    other = TwistedMemoryBackend if backend.name == "asyncio" else AsyncioMemoryBackend
    return other.server_protocol


def raising(backend: Backend) -> Any:
    def make() -> Any:
        raise KeyError("no such thing")

    return make


def raising_after_connecting(backend: Backend) -> Any:
    class Raising(backend.server_protocol):  # type: ignore[misc, name-defined]
        def connectionMade(self) -> None:
            super().connectionMade()
            raise KeyError("no such thing")

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            raise KeyError("no such thing")

    return Raising


def raising_when_connected(backend: Backend) -> Any:
    class Raising(backend.server_protocol):  # type: ignore[misc, name-defined]
        def connectionMade(self) -> None:
            raise KeyError("no such thing")

        def connection_made(self, transport: Any) -> None:
            raise KeyError("no such thing")

    return Raising


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (wrong_backend, TypeError),
        (raising, KeyError),
        (raising_when_connected, KeyError),
        (raising_after_connecting, KeyError),
        (lambda _: lambda: "no protocol", TypeError),
    ],
)
def test_a_protocol_that_cannot_be_made_is_answered_500(
    backend: Backend, errors: list[BaseException], make: Callable[[Backend], Any], error: type[Exception]
) -> None:
    """Logged with its traceback; the next connection has its chance."""
    router = Router()
    router.add("/x", make(backend))
    router.add("/fine", note_taker(backend))
    factory = serve(backend, router)
    assert answer(backend, factory, to("/x"))[0] == 500
    assert [type(found) for found in errors] == [error]
    backend.settle()
    assert factory.getConnectionCount() == len(factory._connections) == 0
    assert backend.pending_timers() == 0
    connect(backend, factory, "/fine")


def test_what_twisted_and_asyncio_call_can_be_overridden(backend: Backend) -> None:
    """A program that counts transports in connectionMade or connection_made sees its own, once."""
    calls: list[str] = []

    class Counting(backend.server_protocol):  # type: ignore[misc, name-defined]
        def connectionMade(self) -> None:
            calls.append("made")
            super().connectionMade()

        def connection_made(self, transport: Any) -> None:
            calls.append("made")
            super().connection_made(transport)

        def dataReceived(self, data: bytes) -> None:
            calls.append("data")
            super().dataReceived(data)

        def data_received(self, data: bytes) -> None:
            calls.append("data")
            super().data_received(data)

        def connectionLost(self, reason: Any) -> None:
            calls.append("lost")
            super().connectionLost(reason)

        def connection_lost(self, exc: Any) -> None:
            calls.append("lost")
            super().connection_lost(exc)

    router = Router()
    router.add("/x", Counting)
    link, _ = connect(backend, serve(backend, router), "/x")
    link.receive(text("hello"))
    link.cut()
    assert calls == ["made", "data", "lost"]


def test_dropping_the_transport_as_soon_as_it_is_there(backend: Backend) -> None:
    """The request that has come already is no longer answered."""

    class Shy(note_taker(backend)):  # type: ignore[misc]
        def connectionMade(self) -> None:
            super().connectionMade()
            self.dropConnection(abort=True)

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.dropConnection(abort=True)

    router = Router()
    router.add("/x", Shy)
    factory = serve(backend, router)
    link = backend.connect(factory)
    link.receive(to("/x"))
    backend.settle()
    assert link.aborted
    assert link.take() == b""
    assert factory.getConnectionCount() == 0


def test_shutdown_reaches_those_who_have_no_route_yet(backend: Backend) -> None:
    """And those who have one."""
    router = Router()
    router.add("/x", note_taker(backend))
    factory = serve(backend, router)
    silent = backend.connect(factory)
    link, protocol = connect(backend, factory, "/x")
    done = factory.shutdown()
    backend.settle()
    assert silent.aborted
    assert frames(link.take()) == [(8, b"\x03\xe9")]
    link.receive(encode_frame(8, b"\x03\xe9", b"\1\2\3\4"))
    link.end()
    backend.settle()
    assert backend.outcome(done)[0] == "result"
    assert protocol.events[-1] == ("close", True, 1001)


def test_a_router_is_for_the_connections_to_come(backend: Backend) -> None:
    """It can be replaced, and taken away."""
    first, second = Router(), Router()
    first.add("/x", note_taker(backend), autoPingSize=5)
    second.add("/x", note_taker(backend), autoPingSize=6)
    factory = serve(backend, first)
    assert factory.router is first
    link = backend.connect(factory)
    factory.setRouter(second)
    link.receive(to("/x"))
    assert factory.connections[0].autoPingSize == 5
    assert connect(backend, factory, "/x")[1].autoPingSize == 6
    factory.router = None
    factory.protocol = kind = note_taker(backend)
    assert type(connect(backend, factory, "/anything")[1]) is kind
    with pytest.raises(TypeError, match="router must be a Router or None, not dict"):
        factory.router = {}


def test_is_open_and_is_closed_of_a_routed_protocol(backend: Backend) -> None:
    """They can be asked for as soon as the instance is there."""
    results: list[Any] = []

    class Waiting(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onConnect(self, request: Any) -> None:
            results.extend([self.is_open, self.is_closed])

    router = Router()
    router.add("/x", Waiting)
    link, protocol = connect(backend, serve(backend, router), "/x")
    assert backend.outcome(results[0]) == ("result", protocol)
    link.cut()
    backend.settle()
    assert backend.outcome(results[1]) == ("result", protocol)
