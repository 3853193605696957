"""`_core.client_connection`: the opening handshake as a client does it, byte for byte."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.opening_client import HELLO, REQUEST, RESPONSE, connected, failure
from tests.core.wire import TEXT, from_client, from_server
from wsframework._core.closure import Cause
from wsframework._core.constants import State
from wsframework._core.handshake import ConnectionResponse
from wsframework.exceptions import HandshakeRejected
from wsframework.testing import RecordingClient


def test_request_goes_out_when_the_transport_is_there() -> None:
    """The client speaks first, in one write."""
    port = connected()
    assert port.sent == REQUEST
    assert port.names("connecting", "write") == ["connecting", "write"]
    assert port.connection.state is State.CONNECTING


def test_request_says_all_that_is_asked_for() -> None:
    """Resource, origin, subprotocols, user agent and headers are in the request; version 8 has its own Origin."""
    port = RecordingClient()
    port.hello = replace(
        port.hello,
        host="example.com:8080",
        resource="/chat?room=1",
        version=8,
        origin="http://example.com",
        protocols=("chat", "superchat"),
        useragent="tester",
        headers=(("Authorization", "Basic eDp5"),),
    )
    port.connection.connected()
    assert port.sent == (
        b"GET /chat?room=1 HTTP/1.1\r\n"
        b"Host: example.com:8080\r\n"
        b"User-Agent: tester\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 8\r\n"
        b"Sec-WebSocket-Origin: http://example.com\r\n"
        b"Sec-WebSocket-Protocol: chat, superchat\r\n"
        b"Authorization: Basic eDp5\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize("size", [0, 1, 7])
def test_good_response_opens_however_it_arrives(size: int) -> None:
    """The server agrees, over a good line or one that delivers single octets."""
    port = connected()
    port.receive(RESPONSE + HELLO, size)
    assert [call[0] for call in port.upcalls] == ["connecting", "response_received", "opened", "message"]
    assert port.upcalls[-1] == ("message", b"hello", False)
    assert port.connection.state is State.OPEN
    assert port.deadline is None


def test_application_sees_the_response() -> None:
    """`onConnect` gets the server's headers and the subprotocol in use."""
    port = RecordingClient()
    port.hello = replace(port.hello, protocols=("chat",))
    seen: list[ConnectionResponse] = []
    port.hooks["response_received"] = seen.append
    port.connection.connected()
    port.receive(RESPONSE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n"))
    (response,) = seen
    assert (response.peer, response.headers["server"], response.protocol) == ("tcp4:192.0.2.2:80", "example", "chat")
    assert port.connection.protocol == "chat"
    assert port.connection.head is not None
    assert port.connection.head.line == "HTTP/1.1 101 Switching Protocols"


@pytest.mark.parametrize("size", [0, 1])
def test_interim_responses_are_skipped(size: int) -> None:
    """100 Continue and 103 Early Hints from a proxy mean nothing to us (RFC 9110 section 15.2)."""
    port = connected()
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    port.receive(interim + RESPONSE + HELLO, size)
    assert [call[0] for call in port.upcalls] == ["connecting", "response_received", "opened", "message"]


# Responses that break a rule.


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (
            RESPONSE.replace(b"s3pP", b"AAAA"),
            "the Sec-WebSocket-Accept header of the response does not answer our key",
        ),
        (RESPONSE.replace(b"HTTP/1.1", b"HTTP/1.0"), "the server does not answer with HTTP/1.1"),
        (RESPONSE.replace(b": websocket", b": h2c"), "the Upgrade header of the response is not 'websocket'"),
        (
            RESPONSE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),
            "the server chose a subprotocol that was not offered",
        ),
        (RESPONSE.replace(b"101", b"1o1"), "the response is not HTTP: the status line has no status of three digits"),
        (b"\x15\x03\x01", "this is not HTTP"),
        (b"SSH-2.0-OpenSSH\n", "a control character, or a line end that is not CRLF, in the head"),
    ],
    ids=["accept", "version", "upgrade", "subprotocol", "status", "TLS", "SSH"],
)
def test_bad_response_drops_the_connection(response: bytes, reason: str, size: int) -> None:
    """Whatever the server said next would not be WebSocket: `is_open` is rejected with the rule that was broken."""
    port = connected()
    port.receive(response + HELLO, size)
    assert port.names("abort") == ["abort"]
    assert str(failure(port)) == reason
    port.lose()
    assert [call[0] for call in port.upcalls] == ["connecting", "closed"]
    closure = port.closure
    assert closure is not None
    assert (closure.cause, closure.code, closure.reason) == (Cause.OPENING, 1006, reason)


def test_response_over_the_limits_drops_the_connection() -> None:
    """`maxHandshakeSize` and `maxHandshakeHeaders` protect clients too, in every single response."""
    port = connected(maxHandshakeSize=100)
    port.receive(RESPONSE)
    assert str(failure(port)) == "the head is larger than 100 octets"
    port = connected(maxHandshakeHeaders=3)
    port.receive(b"HTTP/1.1 100 Continue\r\n\r\n" + RESPONSE)
    assert str(failure(port)) == "more than 3 header lines"


# Deciding later.


def test_request_may_come_later() -> None:
    """`onConnecting` may fetch a token first; a server that speaks too early is kept waiting."""
    port = connected(immediate=False)
    port.receive(RESPONSE[:40])
    port.receive(RESPONSE[40:] + HELLO)
    assert port.sent == b""
    port.decide()
    assert port.sent == REQUEST
    assert [call[0] for call in port.upcalls] == ["connecting", "response_received"]
    port.decide()
    assert [call[0] for call in port.upcalls[2:]] == ["opened", "message"]


def test_octets_before_the_request_are_bounded() -> None:
    """A server that floods a client which has asked nothing yet is not read."""
    port = connected(immediate=False)
    port.receive(b"x" * 70_000, 1000)
    assert port.names("pause_reading") == ["pause_reading"]
    assert len(port.unread) == 4000
    port.decide()
    assert port.names("abort") == ["abort"]


@pytest.mark.parametrize("size", [0, 1])
def test_octets_during_the_decision_are_kept_for_later(size: int) -> None:
    """While `onConnect` looks at the response the server may already talk."""
    port = connected(immediate=False)
    port.decide()
    port.receive(RESPONSE + HELLO, size)
    port.receive(HELLO, size)
    assert [call[0] for call in port.upcalls] == ["connecting", "response_received"]
    port.decide()
    assert [call[0] for call in port.upcalls[2:]] == ["opened", "message", "message"]


def test_octets_during_the_decision_are_bounded() -> None:
    """What is too much waits in the operating system, and is not lost."""
    port = connected(immediate=False)
    port.decide()
    port.receive(RESPONSE)
    port.receive(from_server(TEXT, b"x" * 1000) * 100, 1004)
    assert port.names("pause_reading") == ["pause_reading"]
    assert len(port.unread) > 30_000
    port.decide()
    port.receive(b"")
    assert port.names("message") == ["message"] * 100


def test_early_octets_and_a_hold_survive_the_request() -> None:
    """The flood before the request may even be the right answer: then nothing of it is lost."""
    port = connected(immediate=False)
    port.receive(RESPONSE + from_server(TEXT, b"x" * 60_000) + HELLO * 1000, 20_000)
    assert port.reading is False
    port.immediate = True
    port.decide()
    port.receive(b"")
    assert port.names("message") == ["message"] * 1001


def test_misuse_in_start_changes_nothing() -> None:
    """What cannot be asked for is my error, and nothing of it is sent."""
    port = connected(immediate=False)
    port.take()
    with pytest.raises(ValueError, match="resource"):
        port.connection.start(replace(port.hello, resource="chat"))
    with pytest.raises(ValueError, match="X-Evil"):
        port.connection.start(replace(port.hello, headers=(("X-Evil", "a\r\nb: c"),)))
    assert port.take() == []
    port.decide()
    assert port.sent == REQUEST


def test_application_may_refuse_before_the_request() -> None:
    """An error in `onConnecting` drops the connection, and `is_open` is rejected because of it."""
    port = connected(immediate=False)
    cause = KeyError("token")
    port.connection.refuse("onConnecting raised KeyError", cause)
    assert port.names("abort") == ["abort"]
    assert failure(port).__cause__ is cause
    assert failure(port).status is None
    assert port.sent == b""


def test_application_may_refuse_the_response() -> None:
    """An error in `onConnect` drops the connection; what the server sent is thrown away."""
    port = connected(immediate=False)
    port.decide()
    port.receive(RESPONSE + HELLO)
    port.connection.refuse("not the server I know")
    port.lose()
    assert (str(failure(port)), failure(port).status) == ("not the server I know", 101)
    assert port.names("opened", "message", "closed") == ["closed"]


@pytest.mark.parametrize("asked", [False, True])
def test_decision_after_the_loss_is_ignored(asked: bool) -> None:
    """A coroutine that finishes after the transport's end finds nothing to do, and no error."""
    port = connected(immediate=False)
    if asked:
        port.decide()
        port.receive(RESPONSE)
    port.lose("reset by peer")
    assert str(failure(port)) == "the connection was lost during the opening handshake: reset by peer"
    port.take()
    port.connection.start(port.hello)
    port.connection.accept()
    port.connection.refuse("no")
    assert port.take() == []


def test_second_decision_is_ignored() -> None:
    """Only the first answer counts."""
    port = connected()
    port.receive(RESPONSE)
    port.take()
    port.connection.accept()
    port.connection.start(port.hello)
    port.connection.refuse("no")
    assert port.take() == []


@pytest.mark.parametrize("response", [b"", RESPONSE[:40], b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_loss_during_the_opening_says_so(response: bytes) -> None:
    """No response, or half of one, and then the end of TCP."""
    port = connected()
    port.receive(response)
    port.lose("reset by peer")
    closure = port.closure
    assert closure is not None
    assert (closure.cause, closure.code, closure.was_clean) == (Cause.OPENING, 1006, False)
    assert not isinstance(closure.failure, HandshakeRejected)


def test_frames_of_a_client_are_masked() -> None:
    """The first message after opening, as the server sees it (section 5.3)."""
    port = connected()
    port.hooks["opened"] = lambda: port.connection.send_message(b"hello", False)
    port.receive(RESPONSE)
    assert port.sent == REQUEST + from_client(TEXT, b"hello")
