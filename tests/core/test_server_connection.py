"""`_core.server_connection`: the opening handshake as a server does it, byte for byte."""

from __future__ import annotations

import pytest

from tests.core.opening_server import ACCEPTED, HELLO, PLAIN, REQUEST, connected, failure
from tests.core.wire import TEXT, from_client, from_server
from wsframework._core.closure import Cause
from wsframework._core.constants import State
from wsframework._core.handshake import ConnectionRequest
from wsframework.exceptions import HandshakeRejected


@pytest.mark.parametrize("size", [0, 1, 7])
def test_request_is_answered_with_101_however_it_arrives(size: int) -> None:
    """A client connects, over a good line or one that delivers single octets."""
    port = connected()
    port.receive(REQUEST, size)
    assert port.sent == ACCEPTED
    assert [call[0] for call in port.upcalls] == ["handshake_received", "opened"]
    assert port.connection.state is State.OPEN
    assert port.connection.head is not None
    assert port.connection.head.target == "/chat?room=1"


def test_application_sees_the_request() -> None:
    """`onConnect` gets everything that the client asks for."""
    port = connected()
    seen: list[ConnectionRequest] = []
    port.hooks["handshake_received"] = seen.append
    port.receive(REQUEST)
    (request,) = seen
    assert (request.peer, request.host, request.path, request.params) == (
        "tcp4:192.0.2.1:50000",
        "example.com",
        "/chat",
        {"room": ["1"]},
    )
    assert (request.version, request.origin, request.protocols) == (13, "http://example.com", ["chat", "superchat"])


def test_response_names_server_subprotocol_and_headers() -> None:
    """What I choose in `onConnect` is in the response, and in `websocket_protocol_in_use`."""
    port = connected(immediate=False, server="wsframework")
    port.receive(REQUEST)
    port.connection.accept("chat", (("X-Room", "1"),))
    assert port.sent == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Server: wsframework\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"Sec-WebSocket-Protocol: chat\r\n"
        b"X-Room: 1\r\n"
        b"\r\n"
    )
    assert port.connection.protocol == "chat"


@pytest.mark.parametrize("size", [0, 1])
def test_frames_right_behind_the_request_are_delivered_after_opening(size: int) -> None:
    """A client that does not wait for our answer loses nothing."""
    port = connected()
    port.receive(REQUEST + HELLO, size)
    assert [call[0] for call in port.upcalls] == ["handshake_received", "opened", "message"]
    assert port.upcalls[-1] == ("message", b"hello", False)


def test_response_and_first_message_go_out_in_one_write() -> None:
    """What `onOpen` sends does not cost a packet of its own."""
    port = connected()
    port.hooks["opened"] = lambda: port.connection.send_message(b"welcome", False)
    port.receive(REQUEST)
    assert [call for call in port.calls if call[0] == "write"] == [("write", ACCEPTED + from_server(TEXT, b"welcome"))]


# Refusals.


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    ("request_octets", "status_line", "text"),
    [
        (REQUEST.replace(b"GET", b"POST"), b"405 Method Not Allowed", b"this method is not allowed here\n"),
        (REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0"), b"505 HTTP Version Not Supported", b"needs HTTP/1.1\n"),
        (REQUEST.replace(b"Host: example.com:8080\r\n", b""), b"400 Bad Request", b"the Host header is missing\n"),
        (REQUEST.replace(b"websocket", b"h2c"), b"426 Upgrade Required", b"upgrades to websocket only\n"),
        (REQUEST.replace(b"Version: 13", b"Version: 9"), b"426 Upgrade Required", b"is not supported\n"),
        (b"\x16\x03\x01\x02\x00", b"400 Bad Request", b"this port does not speak TLS\n"),
        (PLAIN.replace(b"GET", b"PUT"), b"405 Method Not Allowed", b"this method is not allowed here\n"),
    ],
    ids=["method", "version", "host", "upgrade", "websocket version", "TLS", "plain method"],
)
def test_refusal_is_a_complete_response_and_ends_the_connection(
    request_octets: bytes, status_line: bytes, text: bytes, size: int
) -> None:
    """Somebody who speaks the wrong thing gets an HTTP error that says why, with Connection: close."""
    port = connected()
    port.receive(request_octets + HELLO, size)
    head, _, body = port.sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status_line + b"\r\n")
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert b"\r\nConnection: close" in head
    assert body.endswith(text)
    assert port.names("write", "close", "abort") == ["write", "close"]
    assert port.upcalls == []
    port.lose()
    assert port.names("opened", "message", "closed") == ["closed"]


def test_refusal_exact_octets() -> None:
    """The whole of a refused handshake on the wire."""
    port = connected(server="wsframework")
    port.receive(REQUEST.replace(b"Version: 13", b"Version: 9"))
    assert port.sent == (
        b"HTTP/1.1 426 Upgrade Required\r\n"
        b"Server: wsframework\r\n"
        b"Connection: close, Upgrade\r\n"
        b"Upgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13, 8\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 46\r\n"
        b"\r\n"
        b"this version of the protocol is not supported\n"
    )
    error = failure(port)
    assert isinstance(error, HandshakeRejected)
    assert (error.status, str(error)) == (426, "answered with HTTP 426: this version of the protocol is not supported")


def test_handshake_over_the_limits_is_refused() -> None:
    """`maxHandshakeSize` and `maxHandshakeHeaders` are what they say."""
    port = connected(maxHandshakeSize=100)
    port.receive(REQUEST)
    assert port.sent.startswith(b"HTTP/1.1 431 ")
    port = connected(maxHandshakeHeaders=3)
    port.receive(REQUEST)
    assert port.sent.startswith(b"HTTP/1.1 431 ")


def test_after_a_refusal_nothing_is_parsed() -> None:
    """Octets behind a refused request are never frames: a proxy may think otherwise than we do."""
    port = connected()
    port.receive(REQUEST.replace(b"GET", b"POST"))
    port.take()
    port.receive(REQUEST)
    port.receive(HELLO)
    assert port.take() == []


def test_refusing_ends_tcp_in_order_and_by_a_deadline() -> None:
    """The client reads our answer before TCP ends; one that holds its end open is dropped."""
    port = connected(closeHandshakeTimeout=3)
    port.receive(REQUEST.replace(b"GET", b"POST"))
    assert port.names("write", "close", "abort") == ["write", "close"]
    port.advance(2.75)
    assert "abort" not in port.names()
    port.advance(0.25)
    assert port.calls[-2:] == [("timed_out", Cause.DROP_TIMEOUT), ("abort",)]


def test_application_may_refuse() -> None:
    """`ConnectionDeny` with a body and headers of my own."""
    port = connected(immediate=False)
    port.receive(REQUEST + HELLO)
    port.connection.refuse(401, "who are you?", (("WWW-Authenticate", "Basic"),), b"{}", "application/json")
    assert port.sent == (
        b"HTTP/1.1 401 Unauthorized\r\n"
        b"Connection: close\r\n"
        b"WWW-Authenticate: Basic\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: 2\r\n"
        b"\r\n"
        b"{}"
    )
    port.lose()
    error = failure(port)
    assert isinstance(error, HandshakeRejected)
    assert (error.status, error.headers, error.body) == (401, {"www-authenticate": "Basic"}, b"{}")
    assert port.names("opened", "message", "closed") == ["closed"]


def test_headers_of_a_refusal_may_come_from_a_generator() -> None:
    """Headers are read once."""
    port = connected(immediate=False)
    port.receive(REQUEST)
    port.connection.refuse(403, "no", (pair for pair in [("X-Why", "because")]))
    assert b"\r\nX-Why: because\r\n" in port.sent
    assert failure(port).headers == {"x-why": "because"}


def test_misuse_in_a_decision_changes_nothing() -> None:
    """Headers that cannot be sent are my error, and I may still decide."""
    port = connected(immediate=False)
    port.receive(REQUEST)
    port.take()
    with pytest.raises(ValueError, match="X-Evil"):
        port.connection.accept(None, (("X-Evil", "a\r\nb: c"),))
    with pytest.raises(ValueError, match="Upgrade"):
        port.connection.accept(None, (("Upgrade", "h2c"),))
    with pytest.raises(ValueError, match="X-Evil"):
        port.connection.refuse(403, "no", (("X-Evil", "a\0"),))
    with pytest.raises(ValueError, match="status"):
        port.connection.refuse(99, "no")
    assert port.take() == []
    assert port.connection.state is State.CONNECTING
    port.decide()
    assert port.sent == ACCEPTED


# Deciding later.


@pytest.mark.parametrize("size", [0, 1])
def test_octets_during_the_decision_are_kept_for_later(size: int) -> None:
    """While `onConnect` asks the database the client may already talk."""
    port = connected(immediate=False)
    port.receive(REQUEST + HELLO, size)
    port.receive(HELLO, size)
    assert [call[0] for call in port.upcalls] == ["handshake_received"]
    port.decide()
    assert [call[0] for call in port.upcalls] == ["handshake_received", "opened", "message", "message"]
    assert port.sent == ACCEPTED


def test_octets_during_the_decision_are_bounded() -> None:
    """Nobody fills the memory before the application has said yes; nothing is lost either."""
    port = connected(immediate=False)
    port.receive(REQUEST)
    frame = from_client(TEXT, b"x" * 1000)
    for _ in range(100):
        port.receive(frame)
    assert port.names("pause_reading") == ["pause_reading"]
    assert len(port.unread) > 30_000
    port.decide()
    assert port.names("resume_reading") == ["resume_reading"]
    port.receive(b"")
    assert port.names("message") == ["message"] * 100


def test_octets_during_the_decision_do_not_survive_a_refusal() -> None:
    """A refused client that has sent a lot is read to its end, and what it sent is thrown away."""
    port = connected(immediate=False)
    port.receive(REQUEST)
    port.receive(HELLO * 10_000)
    port.connection.refuse(403, "no")
    assert port.names("pause_reading", "resume_reading") == ["pause_reading", "resume_reading"]
    port.receive(HELLO)
    assert "message" not in port.names()


def test_decision_after_the_loss_is_ignored() -> None:
    """The client is gone before `onConnect` has finished: nothing happens, least of all an error."""
    port = connected(immediate=False)
    port.receive(REQUEST)
    port.lose()
    assert port.upcalls[-1] == ("closed", port.connection.closure)
    port.take()
    port.connection.accept(None)
    port.connection.refuse(403, "no")
    assert port.take() == []
    assert port.connection.state is State.CLOSED


def test_second_decision_is_ignored() -> None:
    """Only the first answer counts."""
    port = connected(immediate=False)
    port.receive(REQUEST)
    port.decide()
    port.take()
    port.connection.accept(None)
    port.connection.refuse(403, "no")
    assert port.take() == []


def test_dropping_while_the_response_is_written_is_not_opening() -> None:
    """An `onSendingPaused` that drops a peer that does not even read the 101 is obeyed: no `onOpen` after it."""
    port = connected(immediate=False, sendHighWaterMark=0)
    port.receive(REQUEST)
    port.peer_reads = False
    port.hooks["sending_paused"] = lambda: port.connection.drop(Cause.DROPPED, "not wanted")
    port.decide()
    port.lose()
    assert port.names("sending_paused", "opened", "closed") == ["sending_paused", "closed"]


@pytest.mark.parametrize("octets", [b"", REQUEST[:40], REQUEST, PLAIN])
def test_loss_during_the_opening_says_so(octets: bytes) -> None:
    """`is_open` is rejected with what happened."""
    port = connected(immediate=False)
    port.receive(octets)
    port.lose("reset by peer")
    closure = port.closure
    assert closure is not None
    assert (closure.cause, closure.code, closure.was_clean) == (Cause.OPENING, 1006, False)
    assert str(closure.failure) == "the connection was lost during the opening handshake: reset by peer"
