"""What onConnect, onConnecting and onHttpRequest may do, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.programs import Backend, Link, frames, note_taker, opened, request, text
from wsframework.exceptions import HandshakeLost, HandshakeRejected, HandshakeTimeout
from wsframework.websocket.types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    HttpRequest,
    HttpResponse,
)


def answered(backend: Backend, decide: Any, *lines: str, **session: Any) -> Link:
    """A connection of a server whose onConnect is `decide`, after the request."""

    class Decider(note_taker(backend)):  # type: ignore[misc]
        def onConnect(self, request: Any) -> Any:
            return decide(request)

    link = backend.connect(backend.make_server(Decider, **session))
    link.receive(request(*lines))
    backend.settle()
    return link


def head_of(link: Link) -> tuple[str, dict[str, list[str]], bytes]:
    """Status line, headers and body of what was sent."""
    head, _, body = link.take().partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, value = line.split(": ", 1)
        headers.setdefault(name.lower(), []).append(value)
    return first, headers, body


OFFER = "Sec-WebSocket-Protocol: chat, superchat"


def later(backend: Backend, result: Any) -> Any:
    """A later result that is there already."""
    future = backend.later()
    backend.resolve(future, result)
    return future


@pytest.mark.parametrize(
    ("decision", "subprotocol"),
    [
        (None, None),
        ("superchat", "superchat"),
        (("chat", {}), "chat"),
        ((None, {}), None),
        (ConnectionAccept("chat"), "chat"),
        (ConnectionAccept(), None),
    ],
)
def test_on_connect_may_return(backend: Backend, decision: Any, subprotocol: str | None) -> None:
    """All that the documentation says, now or later."""
    for decide in (lambda _: decision, lambda _: later(backend, decision)):
        link = answered(backend, decide, OFFER)
        status, headers, _ = head_of(link)
        assert status == "HTTP/1.1 101 Switching Protocols"
        assert headers.get("sec-websocket-protocol", [None]) == [subprotocol]
        assert link.protocol.websocket_protocol_in_use == subprotocol
        assert link.protocol.events == ["open"]


def test_on_connect_may_be_a_coroutine(backend: Backend) -> None:
    """Look it up, then say yes or no."""
    looked_up = backend.later()

    async def decide(_: Any) -> str:
        await looked_up
        return "chat"

    link = answered(backend, decide, OFFER)
    assert link.take() == b""
    backend.resolve(looked_up)
    backend.settle()
    assert head_of(link)[1]["sec-websocket-protocol"] == ["chat"]


def test_headers_of_the_factory_and_of_on_connect_are_sent(backend: Backend) -> None:
    """I set two cookies."""
    headers = {"Set-Cookie": ["a=1", "b=2"]}
    link = answered(backend, lambda _: (None, headers), headers={"X-Served-By": "me"})
    sent = head_of(link)[1]
    assert sent["set-cookie"] == ["a=1", "b=2"]
    assert sent["x-served-by"] == ["me"]
    assert sent["server"] == ["wsframework"]


def test_the_first_offered_subprotocol_that_the_factory_has_is_chosen(backend: Backend) -> None:
    """I list what I speak and do not override onConnect."""
    link = answered(backend, lambda _: None, OFFER, protocols=["superchat", "chat"])
    assert head_of(link)[1]["sec-websocket-protocol"] == ["chat"]


@pytest.mark.parametrize(
    "decision",
    ["other", ("other", {}), 42, ("chat",), ConnectionAccept("other"), (None, {"X": "a\r\nInjected: 1"}), (None, 7)],
)
def test_an_answer_that_cannot_be_carried_out_is_500_and_logged(
    backend: Backend, decision: Any, errors: list[BaseException]
) -> None:
    """My mistake must not hang the client, nor tell it anything."""
    for decide in (lambda _: decision, lambda _: later(backend, decision)):
        link = answered(backend, decide, OFFER)
        status, headers, body = head_of(link)
        assert status == "HTTP/1.1 500 Internal Server Error"
        assert headers["connection"] == ["close"]
        assert headers["content-length"] == [str(len(body))]
        assert b"other" not in body
        assert link.finished
    assert [type(error) for error in errors] in ([ValueError] * 2, [TypeError] * 2)


def raise_(error: Exception) -> Any:
    """An expression that raises."""
    raise error


def test_an_error_in_on_connect_is_500_and_never_shown(backend: Backend, errors: list[BaseException]) -> None:
    """My exception holds a secret."""
    link = answered(backend, lambda _: raise_(KeyError("secret")))
    status, _, body = head_of(link)
    assert status.startswith("HTTP/1.1 500 ")
    assert b"secret" not in body
    assert [str(error) for error in errors] == ["'secret'"]
    link.receive(text("more"))
    assert link.protocol.events == []
    link.end()
    assert link.protocol.events == [("close", False, 1006)]


def test_connection_deny_is_a_complete_answer(backend: Backend, errors: list[BaseException]) -> None:
    """401 with a challenge and a body, from a coroutine."""

    async def decide(_: Any) -> None:
        raise ConnectionDeny(401, "who are you?", {"WWW-Authenticate": 'Basic realm="x"'}, "no entry")

    link = answered(backend, decide)
    status, headers, body = head_of(link)
    assert status == "HTTP/1.1 401 Unauthorized"
    assert headers["www-authenticate"] == ['Basic realm="x"']
    assert headers["content-length"] == ["8"]
    assert body == b"no entry"
    assert errors == []


def test_connection_deny_without_a_body_says_its_reason(backend: Backend) -> None:
    """As Autobahn's programs use it."""
    link = answered(backend, lambda _: raise_(ConnectionDeny(ConnectionDeny.FORBIDDEN, "not you")))
    status, _, body = head_of(link)
    assert status == "HTTP/1.1 403 Forbidden"
    assert body.strip() == b"not you"


def test_on_connect_timeout_refuses_with_503(backend: Backend) -> None:
    """My database never answers."""
    decision = backend.later()
    link = answered(backend, lambda _: decision)
    backend.advance(29.9)
    assert link.take() == b""
    backend.advance(0.2)
    assert head_of(link)[0].startswith("HTTP/1.1 503 ")
    assert link.protocol.wasOpenHandshakeTimeout
    backend.resolve(decision)
    backend.settle()
    assert link.take() == b""
    link.end()
    assert link.protocol.events == [("close", False, 1006)]


def test_max_connections_counts_those_that_ask(backend: Backend) -> None:
    """Above it, 503; below it again, welcome."""
    factory = backend.make_server(note_taker(backend))
    factory.setProtocolOptions(maxConnections=1)
    idle, first, second = (backend.connect(factory) for _ in range(3))
    first.receive(request())
    second.receive(request())
    assert first.take().startswith(b"HTTP/1.1 101 ")
    status, headers, _ = head_of(second)
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert "retry-after" in headers
    assert factory.getConnectionCount() == 1
    assert factory.connections == [first.protocol]
    first.cut()
    assert factory.getConnectionCount() == 0
    idle.receive(request())
    assert idle.take().startswith(b"HTTP/1.1 101 ")


def plain(backend: Backend, factory: Any, target: str = "/", method: str = "GET") -> tuple[str, dict[str, Any], bytes]:
    """A plain HTTP request and its answer."""
    link = backend.connect(factory)
    link.receive(f"{method} {target} HTTP/1.1\r\nHost: example.com\r\n\r\n".encode())
    backend.settle()
    assert link.finished
    return head_of(link)


def test_a_browser_sees_the_status_page(backend: Backend) -> None:
    """Somebody opens the address of the endpoint."""
    status, headers, body = plain(backend, backend.make_server(), "/?redirect=http://evil.example/")
    assert status == "HTTP/1.1 200 OK"
    assert headers["content-type"] == ["text/html; charset=utf-8"]
    assert b"WebSocket endpoint" in body
    assert b"evil" not in body
    assert "location" not in headers


def test_without_the_status_page_it_is_426(backend: Backend) -> None:
    """webStatus=False."""
    factory = backend.make_server()
    factory.setProtocolOptions(webStatus=False)
    status, headers, _ = plain(backend, factory)
    assert status == "HTTP/1.1 426 Upgrade Required"
    assert headers["sec-websocket-version"] == ["13, 8"]
    assert headers["upgrade"] == ["websocket"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_factory_may_answer_plain_requests(backend: Backend, asynchronous: bool) -> None:
    """My page comes from the same port."""
    asked: list[HttpRequest] = []
    factory = backend.make_server()

    def answer(request: HttpRequest) -> Any:
        asked.append(request)
        response = None
        if request.path == "/page":
            response = HttpResponse("<h1>hi</h1>", headers={"X-Frame-Options": "DENY"})
        return later(backend, response) if asynchronous else response

    factory.onHttpRequest = answer
    status, headers, body = plain(backend, factory, "/page?a=1")
    assert (status, body) == ("HTTP/1.1 200 OK", b"<h1>hi</h1>")
    assert headers["x-frame-options"] == ["DENY"]
    assert (asked[0].method, asked[0].path, asked[0].params) == ("GET", "/page", {"a": ["1"]})
    assert plain(backend, factory, "/other")[2].startswith(b"<!DOCTYPE")
    assert plain(backend, factory, "/page", "HEAD")[2] == b""


@pytest.mark.parametrize("answer", [lambda _: raise_(KeyError("secret")), lambda _: "text", lambda _: 7])
def test_a_failing_hook_is_500(backend: Backend, answer: Any, errors: list[BaseException]) -> None:
    """My page has a bug."""
    factory = backend.make_server()
    factory.onHttpRequest = answer
    status, _, body = plain(backend, factory)
    assert status.startswith("HTTP/1.1 500 ")
    assert b"secret" not in body
    assert len(errors) == 1


def test_is_open_and_is_closed_come(backend: Backend) -> None:
    """I wait for them before and after the fact."""
    link = backend.connect(backend.make_server(note_taker(backend)))
    before, end = link.protocol.is_open, link.protocol.is_closed
    assert backend.outcome(before) == ("waiting", None)
    link.receive(request())
    backend.settle()
    assert backend.outcome(link.protocol.is_open) == ("result", link.protocol)
    link.cut()
    backend.settle()
    assert backend.outcome(end) == ("result", link.protocol)
    assert link.protocol.is_closed is end


@pytest.mark.parametrize("asked", ["before", "after"])
def test_is_open_is_rejected_with_what_the_server_said(backend: Backend, asked: str) -> None:
    """Nobody waits for ever: I get status, headers and the beginning of the body."""
    client = backend.connect(backend.make_client(note_taker(backend, "client"), url="ws://example.com/"))
    is_open = client.protocol.is_open if asked == "before" else None
    client.take()
    client.receive(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: x\r\nContent-Length: 6\r\n\r\nno way")
    backend.settle()
    kind, error = backend.outcome(is_open or client.protocol.is_open)
    assert kind == "error"
    assert isinstance(error, HandshakeRejected)
    assert (error.status, error.body, error.headers["www-authenticate"]) == (401, b"no way", "x")
    assert client.aborted
    assert client.protocol.events == [("close", False, 1006)]
    assert backend.outcome(client.protocol.is_closed) == ("result", client.protocol)


def test_is_open_is_rejected_when_time_runs_out(backend: Backend) -> None:
    """The server says nothing."""
    client = backend.connect(backend.make_client(note_taker(backend, "client")))
    is_open = client.protocol.is_open
    backend.advance(5.1)
    kind, error = backend.outcome(is_open)
    assert kind == "error"
    assert isinstance(error, HandshakeTimeout)
    assert "openHandshakeTimeout" in str(error)


def test_is_open_is_rejected_when_the_transport_is_lost(backend: Backend) -> None:
    """The server crashes."""
    client = backend.connect(backend.make_client(note_taker(backend, "client")))
    is_open = client.protocol.is_open
    client.cut()
    backend.settle()
    kind, error = backend.outcome(is_open)
    assert kind == "error"
    assert type(error) is HandshakeLost


def test_on_connecting_replaces_the_request(backend: Backend) -> None:
    """Each attempt carries a fresh token."""
    token = backend.later()

    class Fresh(backend.client_protocol):  # type: ignore[misc, name-defined]
        async def onConnecting(self, transport_details: Any) -> Any:
            assert transport_details.peer == "tcp4:192.0.2.1:54321"
            return ConnectingRequest(headers={"Authorization": f"Bearer {await token}"}, resource="/v2?x=1")

    client = backend.connect(backend.make_client(Fresh, url="ws://example.com:8080/v1", origin="http://a.example"))
    backend.settle()
    assert client.take() == b""
    backend.resolve(token, "t0ken")
    backend.settle()
    first, headers, _ = head_of(client)
    assert first == "GET /v2?x=1 HTTP/1.1"
    assert headers["authorization"] == ["Bearer t0ken"]
    assert headers["host"] == ["example.com:8080"]
    assert headers["origin"] == ["http://a.example"]


@pytest.mark.parametrize("result", [7, ConnectingRequest(headers={"Host": "x"}), KeyError("x")])
def test_a_failing_on_connecting_drops_the_connection(
    backend: Backend, result: Any, errors: list[BaseException]
) -> None:
    """My token service is down."""

    class Fails(note_taker(backend, "client")):  # type: ignore[misc]
        def onConnecting(self, transport_details: Any) -> Any:
            return raise_(result) if isinstance(result, Exception) else result

    client = backend.connect(backend.make_client(Fails))
    backend.settle()
    assert client.take() == b""
    assert client.aborted
    assert client.protocol.events == [("close", False, 1006)]
    kind, error = backend.outcome(client.protocol.is_open)
    assert kind == "error"
    assert error.__cause__ is errors[0]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_client_may_refuse_in_on_connect(backend: Backend, asynchronous: bool, errors: list[BaseException]) -> None:
    """The server chose no subprotocol; I want none of it."""

    class Refuses(note_taker(backend, "client")):  # type: ignore[misc]
        def onConnect(self, response: Any) -> Any:
            if not asynchronous:
                raise KeyError("no")
            future = backend.later()
            backend.fail(future, KeyError("no"))
            return future

    client = backend.connect(backend.make_client(Refuses))
    server = backend.connect(backend.make_server())
    backend.settle()
    server.receive(client.take())
    client.receive(server.take())
    backend.settle()
    assert client.aborted
    assert client.protocol.events == [("close", False, 1006)]
    assert [str(error) for error in errors] == ["'no'"]


def test_attributes_of_the_handshake(backend: Backend) -> None:
    """What I can read in every callback of a server."""
    link = opened(backend, None, OFFER, "Origin: http://a.example", "Cookie: a=1", "Cookie: b=2")
    protocol = link.protocol
    assert protocol.http_headers["host"] == "example.com"
    assert protocol.http_headers.get_all("COOKIE") == ["a=1", "b=2"]
    assert protocol.http_request_uri == "/chat?room=1"
    assert protocol.http_request_path == "/chat"
    assert protocol.http_request_params == {"room": ["1"]}
    assert protocol.http_request_host == "example.com"
    assert protocol.websocket_version == 13
    assert protocol.websocket_origin == "http://a.example"
    assert protocol.websocket_protocols == ["chat", "superchat"]
    assert protocol.websocket_extensions == []
    assert protocol.websocket_extensions_in_use == []
    assert protocol.peer == "tcp4:192.0.2.1:54321"
    assert protocol.is_server is True


def test_attributes_before_and_after_the_connection(backend: Backend) -> None:
    """Reading too early or too late is harmless."""
    factory = backend.make_server()
    protocol = factory.protocol()
    protocol.factory = factory
    assert protocol.state == protocol.STATE_CONNECTING
    assert protocol.peer == "unknown"
    assert (protocol.http_request_uri, protocol.http_request_path, protocol.http_request_params) == ("", "", {})
    assert (protocol.http_request_host, protocol.websocket_origin, protocol.websocket_version) == ("", "", 0)
    assert (protocol.websocket_protocols, protocol.websocket_extensions, dict(protocol.http_headers)) == ([], [], {})
    assert protocol.closure is None
    assert protocol.bufferedAmount == 0
    protocol.sendPing()
    protocol.sendPong()
    protocol.pauseReceiving()
    protocol.resumeReceiving()
    protocol.dropConnection()
    link = opened(backend, None)
    assert link.protocol.state == link.protocol.STATE_OPEN
    link.cut()
    assert link.protocol.state == link.protocol.STATE_CLOSED


def test_the_address_that_trusted_proxies_forward(backend: Backend) -> None:
    """I run behind one proxy."""
    link = opened(backend, None, "X-Forwarded-For: 198.51.100.7, 203.0.113.9", trustXForwardedFor=1)
    assert link.protocol.peer == "203.0.113.9"
    assert link.protocol.transport_details.peer == "tcp4:192.0.2.1:54321"


@pytest.mark.parametrize(
    ("patterns", "origin", "status"),
    [
        (["*"], "http://evil.example", 101),
        (["https://*.example.com"], "https://a.example.com", 101),
        (["https://*.example.com"], "https://example.com.evil", 403),
        (["https://example.com"], "https://example.com", 101),
        (["https://example.com"], "null", 403),
        (["https://example.com"], "file://", 403),
        (["*"], "null", 101),
    ],
)
def test_allowed_origins(backend: Backend, patterns: list[str], origin: str, status: int) -> None:
    """Only my own pages may connect."""
    factory = backend.make_server()
    factory.setProtocolOptions(allowedOrigins=patterns)
    link = backend.connect(factory)
    link.receive(request(f"Origin: {origin}"))
    assert link.take().startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize("origin", ["null", "file:///page.html"])
def test_the_null_origin_can_be_let_in_beside_a_list(backend: Backend, origin: str) -> None:
    """Our desktop program shows its pages from files."""
    factory = backend.make_server()
    factory.setProtocolOptions(allowedOrigins=["https://example.com"], allowNullOrigin=True)
    link = backend.connect(factory)
    link.receive(request(f"Origin: {origin}"))
    assert link.take().startswith(b"HTTP/1.1 101 ")
    factory.allowedOrigins = ["*"]
    factory.allowNullOrigin = False
    link = backend.connect(factory)
    link.receive(request(f"Origin: {origin}"))
    assert link.take().startswith(b"HTTP/1.1 403 ")


def test_external_port_must_be_the_one_asked_for(backend: Backend) -> None:
    """The proxy in front listens on 8443."""
    factory = backend.make_server(externalPort=8443)
    link = backend.connect(factory)
    link.receive(request())
    assert link.take().startswith(b"HTTP/1.1 400 ")
    link = backend.connect(factory)
    link.receive(request().replace(b"example.com\r\n", b"example.com:8443\r\n"))
    assert link.take().startswith(b"HTTP/1.1 101 ")


def test_nothing_after_a_refused_request_is_parsed(backend: Backend) -> None:
    """A second request hidden behind a bad one."""
    link = backend.connect(backend.make_server(note_taker(backend)))
    link.receive(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" + request() + text("x"))
    backend.settle()
    assert link.take().count(b"HTTP/1.1 ") == 1
    link.receive(request())
    assert link.take() == b""
    link.end()
    assert link.protocol.events == [("close", False, 1006)]


def test_frames_follow_the_handshake_in_one_write(backend: Backend) -> None:
    """What onOpen sends goes out with the 101."""

    class Greets(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onOpen(self) -> None:
            self.sendMessage("hi")

    link = backend.connect(backend.make_server(Greets))
    link.receive(request())
    assert frames(link.take().partition(b"\r\n\r\n")[2]) == [(1, b"hi")]
