"""`_core.server_connection`: what is no handshake, who the peer is, and the timers."""

from __future__ import annotations

import pytest

from tests.core.opening_server import ACCEPTED, FLASH, HELLO, PLAIN, REQUEST, TIMEOUT_503, connected, failure
from wsframework._core.closure import Cause
from wsframework._core.handshake import ConnectionRequest
from wsframework._core.http import RequestHead
from wsframework.exceptions import HandshakeTimeout

# Plain HTTP.


def test_plain_request_is_answered_by_the_application() -> None:
    """Status pages and health checks live on the same port."""
    port = connected()
    seen: list[RequestHead] = []
    port.hooks["http_request"] = seen.append
    port.receive(PLAIN + HELLO)
    (head,) = seen
    assert (head.method, head.target) == ("GET", "/status")
    port.connection.refuse(200, "", (), b"<p>up</p>", "text/html")
    assert port.sent == (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>up</p>"
    )
    assert port.names("close", "opened", "message") == ["close"]


def test_head_request_gets_no_body() -> None:
    """HEAD is GET without the body, also in errors."""
    port = connected()
    port.receive(PLAIN.replace(b"GET", b"HEAD"))
    assert port.sent == (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n\r\n"
    )


def test_plain_request_may_be_answered_later() -> None:
    """The answer may come from a database; what the client sends meanwhile is thrown away with the connection."""
    port = connected(immediate=False)
    port.receive(PLAIN)
    port.receive(PLAIN)
    assert port.sent == b""
    port.decide()
    assert port.sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert port.names("http_request", "close") == ["http_request", "close"]


# Flash.


@pytest.mark.parametrize("size", [0, 1])
def test_flash_policy_is_served_where_the_option_says_so(size: int) -> None:
    """`serveFlashSocketPolicy` answers the question and closes."""
    port = connected(serveFlashSocketPolicy=True, flashSocketPolicy="<policy/>")
    port.receive(FLASH, size)
    assert port.sent == b"<policy/>\0"
    assert port.names("write", "close") == ["write", "close"]
    port.lose()
    assert str(failure(port)) == "answered a Flash socket policy request"


@pytest.mark.parametrize("size", [0, 1])
def test_flash_question_is_no_http_without_the_option(size: int) -> None:
    """By default it is refused like any other noise."""
    port = connected()
    port.receive(FLASH, size)
    assert port.sent.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("size", [0, 1])
def test_handshake_works_where_flash_is_served(size: int) -> None:
    """The option costs ordinary clients nothing."""
    port = connected(serveFlashSocketPolicy=True)
    port.receive(REQUEST + HELLO, size)
    assert [call[0] for call in port.upcalls] == ["handshake_received", "opened", "message"]


@pytest.mark.parametrize("size", [0, 1])
def test_what_only_begins_like_the_flash_question_is_refused(size: int) -> None:
    """`<p` may be anything; as soon as it is not the question it is an error."""
    port = connected(serveFlashSocketPolicy=True)
    port.receive(b"<policy-file-response/>", size)
    assert port.sent.startswith(b"HTTP/1.1 400 ")


def test_flash_question_is_only_one_at_the_beginning() -> None:
    """The same octets give the same answer however they are cut: inside of a request it is an error."""
    for cut in range(1, 40):
        port = connected(serveFlashSocketPolicy=True)
        octets = b"GET / HTTP/1.1\r\nX: " + FLASH
        port.receive(octets[:cut])
        port.receive(octets[cut:])
        assert port.sent.startswith(b"HTTP/1.1 400 "), cut


def test_pause_before_the_first_octet_is_harmless_where_flash_is_served() -> None:
    """Releasing a hold hands in no octets; that is no beginning of anything."""
    port = connected(serveFlashSocketPolicy=True)
    port.connection.hold(1)
    port.connection.release(1)
    port.receive(REQUEST)
    assert port.sent == ACCEPTED


# Who the peer is.


@pytest.mark.parametrize(
    ("hops", "header", "peer"),
    [
        (0, b"X-Forwarded-For: 203.0.113.9\r\n", "tcp4:192.0.2.1:50000"),
        (1, b"X-Forwarded-For: 10.0.0.1, 203.0.113.9\r\n", "203.0.113.9"),
        (2, b"X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n", "10.0.0.1"),
        (3, b"X-Forwarded-For: 10.0.0.1, 203.0.113.9\r\n", "tcp4:192.0.2.1:50000"),
        (1, b"X-Forwarded-For: unknown\r\n", "tcp4:192.0.2.1:50000"),
        (1, b"", "tcp4:192.0.2.1:50000"),
    ],
)
def test_peer_behind_trusted_proxies(hops: int, header: bytes, peer: str) -> None:
    """`trustXForwardedFor` says how many entries from the right may be believed."""
    port = connected(trustXForwardedFor=hops)
    seen: list[ConnectionRequest] = []
    port.hooks["handshake_received"] = seen.append
    port.receive(REQUEST.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n"))
    assert seen[0].peer == port.connection.peer == peer


# Timers.


@pytest.mark.parametrize("octets", [b"", REQUEST[:-1]])
def test_client_has_open_handshake_timeout_for_its_request(octets: bytes) -> None:
    """A client that connects and stays silent, or is very slow, is dropped; never early."""
    port = connected(openHandshakeTimeout=2.5)
    port.receive(octets, 1)
    port.advance(2.25)
    assert port.names("abort") == []
    port.advance(0.25)
    assert port.names("timed_out", "abort") == ["timed_out", "abort"]
    port.lose()
    closure = port.closure
    assert closure is not None
    assert (closure.cause, closure.code) == (Cause.OPENING_TIMEOUT, 1006)
    assert isinstance(closure.failure, HandshakeTimeout)
    assert closure.reason == "the opening handshake was not complete within openHandshakeTimeout"
    assert port.sent == b""


def test_octets_do_not_prolong_open_handshake_timeout() -> None:
    """One octet per second is no way to keep a connection."""
    port = connected(openHandshakeTimeout=5)
    for octet in REQUEST[:10]:
        port.receive(bytes([octet]))
        port.advance(1)
    assert port.names("abort") == ["abort"]


def test_open_handshake_timeout_0_is_never() -> None:
    """The seed's own way to switch it off."""
    port = connected(openHandshakeTimeout=0)
    assert port.deadline is None
    port.advance(1e6)
    port.receive(REQUEST)
    assert port.sent == ACCEPTED


@pytest.mark.parametrize("octets", [REQUEST, PLAIN])
def test_application_has_on_connect_timeout_and_then_503_goes_out(octets: bytes) -> None:
    """An `onConnect` that hangs does not hang the client, which may try another server."""
    port = connected(immediate=False, openHandshakeTimeout=1, onConnectTimeout=4)
    port.receive(octets + HELLO)
    port.advance(3.75)
    assert port.names("timed_out", "close") == []
    port.advance(0.25)
    assert port.names("timed_out", "write", "close", "abort") == ["timed_out", "write", "close"]
    assert port.sent == TIMEOUT_503 + b"the server did not decide about the connection in time\n"
    port.take()
    port.decide()
    assert port.take() == []
    port.lose()
    closure = port.closure
    assert closure is not None
    assert (closure.cause, closure.code) == (Cause.OPENING_TIMEOUT, 1006)
    assert isinstance(closure.failure, HandshakeTimeout)
    assert closure.failure.status == 503
    assert port.names("opened", "message") == []


def test_on_connect_timeout_0_is_never() -> None:
    """Some decisions are made by people."""
    port = connected(immediate=False, onConnectTimeout=0)
    port.receive(REQUEST)
    assert port.deadline is None
    port.advance(1e6)
    port.decide()
    assert port.sent == ACCEPTED


def test_opening_disarms_the_timer() -> None:
    """An open connection without automatic pings lives without a timer."""
    port = connected()
    port.receive(REQUEST)
    assert port.deadline is None
