"""`ServerConnection.receive_head` and `make_request_head`: requests that an HTTP server has read and parsed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.wire import TEXT, from_client
from wsframework._core.constants import State
from wsframework._core.headers import Headers
from wsframework._core.http import RequestHead, make_request_head
from wsframework._core.violation import HandshakeRefused
from wsframework.testing import RecordingServer

FIELDS = [
    (b"Host", b"example.com"),
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-Websocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"Sec-Websocket-Version", b"13"),
]
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"\r\n"
)
HEAD = make_request_head(b"GET", b"/chat?room=1", b"HTTP/1.1", FIELDS)


def connected(immediate: bool = True, **options: Any) -> RecordingServer:
    port = RecordingServer(immediate=immediate, server=None, **options)
    port.connection.connected()
    return port


def test_parsed_request_is_answered_with_101() -> None:
    """My web server has the request already, so nobody should have to write it out again."""
    port = connected()
    port.connection.receive_head(HEAD, b"")
    assert port.sent == ACCEPTED
    assert [call[0] for call in port.upcalls] == ["handshake_received", "opened"]
    assert port.connection.head is HEAD


def test_octets_behind_the_request_are_frames() -> None:
    """My client sends its first message together with the request."""
    port = connected()
    port.connection.receive_head(HEAD, from_client(TEXT, b"hello")[:4])
    port.receive(from_client(TEXT, b"hello")[4:])
    assert port.upcalls[-1] == ("message", b"hello", False)


def test_octets_behind_the_request_wait_for_the_decision() -> None:
    """`onConnect` asks a database, and the first message is there before the answer."""
    port = connected(immediate=False)
    port.connection.receive_head(HEAD, from_client(TEXT, b"one"))
    port.receive(from_client(TEXT, b"two"))
    assert port.names("message") == []
    port.decide()
    assert port.upcalls[-2:] == [("message", b"one", False), ("message", b"two", False)]


def test_parsed_request_is_held_against_the_same_rules() -> None:
    """A handshake without a key is refused, whoever has read it."""
    port = connected()
    port.connection.receive_head(make_request_head(b"GET", b"/", b"HTTP/1.1", FIELDS[:3]), b"")
    assert port.sent.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert port.connection.state is State.DRAINING
    port.receive(from_client(TEXT, b"hello"))
    assert port.names("message") == []


def test_parsed_plain_request_reaches_the_hook() -> None:
    """A page on the same address."""
    port = connected(immediate=False)
    head = make_request_head(b"GET", b"/status", b"HTTP/1.1", FIELDS[:1])
    port.connection.receive_head(head, b"")
    assert port.upcalls == [("http_request", head)]


def test_time_for_the_decision_runs_from_the_parsed_request() -> None:
    """`onConnectTimeout` holds beside a web server too."""
    port = connected(immediate=False, onConnectTimeout=7)
    port.connection.receive_head(HEAD, b"")
    port.advance(6.9)
    assert port.sent == b""
    port.advance(0.1)
    assert port.sent.startswith(b"HTTP/1.1 503 ")


def test_head_is_made_from_parts() -> None:
    """Names and values arrive as they were sent, without the white space around values."""
    head = make_request_head(b"GET", b"/a%20b?c", b"HTTP/1.0", [(b"X-Name", b" \tcaf\xe9 "), (b"x-name", b"2")])
    assert head == RequestHead("GET", "/a%20b?c", "1.0", Headers([("X-Name", "café"), ("x-name", "2")]))
    assert head.headers.raw == (("X-Name", "café"), ("x-name", "2"))


@pytest.mark.parametrize(
    ("method", "target", "version", "fields", "status"),
    [
        (b"G(T", b"/", b"HTTP/1.1", [], 400),
        (b"GET", b"/#part", b"HTTP/1.1", [], 400),
        (b"GET", b"/a b", b"HTTP/1.1", [], 400),
        (b"GET", b"", b"HTTP/1.1", [], 400),
        (b"GET", b"/", b"HTTP/2", [], 400),
        (b"GET", b"/", b"HTTP/2.0", [], 505),
        (b"GET", b"/", b"HTTP/1.1", [(b"X Name", b"1")], 400),
        (b"GET", b"/", b"HTTP/1.1", [(b"", b"1")], 400),
        (b"GET", b"/", b"HTTP/1.1", [(b"X", b"1\r\nY: 2")], 400),
        (b"GET", b"/", b"HTTP/1.1", [(b"X", b"a\x00")], 400),
    ],
)
def test_what_another_parser_let_pass_is_checked_again(
    method: bytes, target: bytes, version: bytes, fields: list[tuple[bytes, bytes]], status: int
) -> None:
    """The HTTP server in front is laxer than this framework."""
    with pytest.raises(HandshakeRefused) as caught:
        make_request_head(method, target, version, fields)
    assert caught.value.status == status
