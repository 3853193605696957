"""`_core.client_connection`: answers other than 101, and the timers."""

from __future__ import annotations

import pytest

from tests.core.opening_client import ENDLESS, FORBIDDEN, RESPONSE, connected, failure
from wsframework._core.closure import Cause
from wsframework._core.constants import State
from wsframework.exceptions import HandshakeRejected, HandshakeTimeout, ProxyError
from wsframework.testing import RecordingClient

# Rejections: the server answered, but not with 101.


@pytest.mark.parametrize("size", [0, 1])
def test_rejection_waits_for_the_body(size: int) -> None:
    """A refusal's body often says why; `is_open` is rejected with it."""
    port = connected()
    port.receive(FORBIDDEN + b"nope", size)
    assert port.names("abort") == []
    port.receive(b"! and more that is not the body")
    assert port.names("abort") == ["abort"]
    error = failure(port)
    assert isinstance(error, HandshakeRejected)
    assert (error.status, error.body, str(error)) == (403, b"nope!", "the server answered HTTP 403 Forbidden")
    assert error.headers == {"content-length": "5"}
    port.lose()
    assert [call[0] for call in port.upcalls] == ["connecting", "closed"]


def test_rejection_without_body_or_phrase() -> None:
    """Nothing is waited for where nothing was announced."""
    port = connected()
    port.receive(b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n")
    assert port.names("abort") == ["abort"]
    assert (failure(port).body, str(failure(port))) == (b"", "the server answered HTTP 404")


@pytest.mark.parametrize("length", [b"", b"Content-Length: -5\r\n", b"Content-Length: 5, 5\r\n"])
def test_rejection_without_a_length_goes_to_the_end_of_tcp(length: bytes) -> None:
    """An HTTP/1.0 way of ending a body, still used by proxies."""
    port = connected()
    port.receive(ENDLESS.replace(b"\r\n\r\n", b"\r\n" + length + b"\r\n") + b"maintenance")
    assert port.names("abort") == []
    port.lose()
    error = failure(port)
    assert isinstance(error, HandshakeRejected)
    assert (error.status, error.headers["retry-after"], error.body) == (503, "7", b"maintenance")
    closure = port.closure
    assert closure is not None
    assert (closure.cause, closure.code) == (Cause.OPENING, 1006)
    assert closure.reason == "the server answered HTTP 503 Service Unavailable"


@pytest.mark.parametrize("head", [ENDLESS, FORBIDDEN.replace(b": 5", b": 99999999999999999999")])
def test_rejection_is_cut_at_the_limit(head: bytes) -> None:
    """A hostile server cannot fill the memory with its refusal."""
    port = connected()
    port.receive(head)
    port.receive(b"x" * 4095)
    assert port.names("abort") == []
    port.receive(b"x" * 4095)
    assert port.names("abort") == ["abort"]
    assert failure(port).body == b"x" * 4096


def test_rejection_counts_when_its_body_never_ends() -> None:
    """The status is known: at openHandshakeTimeout it is reported, with what there is of the body."""
    port = connected(openHandshakeTimeout=2)
    port.receive(FORBIDDEN + b"no")
    port.advance(1.75)
    assert port.names("abort") == []
    port.advance(0.25)
    assert port.names("timed_out", "abort") == ["abort"]
    error = failure(port)
    assert isinstance(error, HandshakeRejected)
    assert (error.status, error.body) == (403, b"no")


@pytest.mark.parametrize("asked", [True, False])
def test_what_fails_below_the_handshake_is_the_reason(asked: bool) -> None:
    """A proxy gave no way: is_open is rejected with just that error, and a second one is too late."""
    port = connected() if asked else RecordingClient()
    error = ProxyError("no way", 403)
    port.connection.fail_opening(error)
    port.connection.fail_opening(ProxyError("again"))
    assert failure(port) is error
    assert port.names("abort") == ["abort"]
    port.lose()
    closure = port.closure
    assert closure is not None
    assert (closure.cause, closure.code, closure.reason) == (Cause.OPENING, 1006, "no way")


def test_a_rejection_that_cannot_have_a_body_is_not_waited_for() -> None:
    """304, whatever its Content-Length says (RFC 9110 section 6.4.1)."""
    port = connected()
    port.receive(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
    assert port.names("abort") == ["abort"]
    assert failure(port).body == b""


# Timers.


def test_server_has_open_handshake_timeout_for_its_response() -> None:
    """A server that takes the connection and never answers; never early, and octets do not prolong it."""
    port = connected(openHandshakeTimeout=2.5)
    for octet in RESPONSE[:9]:
        port.advance(0.25)
        port.receive(bytes([octet]))
    assert port.names("abort") == []
    port.advance(0.25)
    assert port.names("timed_out", "abort") == ["timed_out", "abort"]
    error = failure(port)
    assert isinstance(error, HandshakeTimeout)
    assert str(error) == "the opening handshake was not complete within openHandshakeTimeout"
    port.lose()
    assert port.closure is not None
    assert (port.closure.cause, port.closure.code) == (Cause.OPENING_TIMEOUT, 1006)


def test_interim_responses_do_not_prolong_the_timeout() -> None:
    """100 Continue for ever is no answer."""
    port = connected(openHandshakeTimeout=2)
    for _ in range(8):
        port.receive(b"HTTP/1.1 100 Continue\r\n\r\n")
        port.advance(0.25)
    assert port.names("abort") == ["abort"]


@pytest.mark.parametrize("asked", [False, True])
def test_application_has_on_connect_timeout(asked: bool) -> None:
    """Both `onConnecting` and `onConnect` may take that long, each."""
    port = connected(immediate=False, openHandshakeTimeout=1, onConnectTimeout=4)
    if asked:
        port.advance(3)
        port.decide()
        port.receive(RESPONSE)
    port.advance(3.75)
    assert port.names("abort") == []
    port.advance(0.25)
    assert port.names("timed_out", "abort") == ["timed_out", "abort"]
    assert str(failure(port)) == "the opening handshake was not complete within onConnectTimeout"
    port.take()
    port.decide()
    assert port.take() == []


def test_timeouts_of_0_are_never() -> None:
    """No timer is set at all."""
    port = connected(immediate=False, openHandshakeTimeout=0, onConnectTimeout=0)
    assert port.deadline is None
    port.decide()
    assert port.deadline is None
    port.advance(1e6)
    port.receive(RESPONSE)
    assert port.deadline is None
    port.decide()
    assert port.connection.state is State.OPEN
