"""A transport that the program has connected to a proxy itself: the protocol asks for the way, on both backends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.programs import Backend, Link, note_taker
from tests.backends.streams import accept
from wsframework._core.codec import encode_frame
from wsframework.exceptions import HandshakeTimeout, ProxyError

PROXY = {"host": "proxy.example", "port": 3128, "username": "user", "password": "secret", "headers": {"X-Team": "a"}}
ASKED = (
    b"CONNECT [2001:db8::1]:9000 HTTP/1.1\r\nHost: [2001:db8::1]:9000\r\nX-Team: a\r\n"
    b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n"
)
YES = b"HTTP/1.1 200 Connection established\r\n\r\n"


def connected(backend: Backend, protocol: Any = None, **options: Any) -> tuple[Link, Any]:
    """The proxy's end, which was asked; and the protocol."""
    made: list[Any] = []

    def make() -> Any:
        made.append((protocol or note_taker(backend, "client"))())
        return made[-1]

    factory = backend.make_client(url="ws://[2001:db8::1]:9000/chat", headers={"Authorization": "t"}, proxy=PROXY)
    factory.protocol = make
    factory.setProtocolOptions(**options)
    link = backend.connect(factory)
    backend.settle()
    assert link.take() == ASKED
    return link, made[0]


def outcome(backend: Backend, protocol: Any) -> Any:
    """The error of is_open, of a protocol that is closed."""
    opening, closing = protocol.is_open, protocol.is_closed
    kind, error = backend.outcome(opening)
    assert kind == "error"
    assert backend.outcome(closing) == ("result", protocol)
    assert backend.pending_timers() == 0
    return error


@pytest.mark.parametrize("size", [1, len(YES)])
def test_the_handshake_follows_when_the_proxy_has_agreed(backend: Backend, size: int) -> None:
    """The server is told nothing of the proxy, and the proxy nothing of what the server is told."""
    link, protocol = connected(backend)
    for start in range(0, len(YES), size):
        backend.settle()
        assert link.take() == b""
        link.receive(YES[start : start + size])
    backend.settle()
    asked = bytes(link.sent)
    assert asked.startswith(b"GET /chat HTTP/1.1\r\nHost: [2001:db8::1]:9000\r\n")
    assert b"Authorization: t\r\n" in asked
    assert b"Proxy-" not in asked
    assert b"X-Team" not in asked
    accept(link)
    backend.settle()
    assert protocol.state == protocol.STATE_OPEN
    link.receive(encode_frame(1, b"hello", None))
    backend.settle()
    assert protocol.events == ["connect", "open", "hello"]
    protocol.sendMessage("yes")
    assert link.take()[:2] == b"\x81\x83"
    assert protocol.factory.statistics().total_connections == 1
    link.cut()
    backend.settle()
    assert protocol.events[-1][0] == "close"
    assert backend.pending_timers() == 0


@pytest.mark.parametrize("cut", [0, len(YES), len(YES) + 20])
def test_what_is_behind_the_answer_is_the_servers(backend: Backend, cut: int) -> None:
    """Here it refuses before it was asked, in the same octets or in the next ones."""
    link, protocol = connected(backend)
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno"
    octets = YES + busy
    link.receive(octets[:cut])
    link.receive(octets[cut:])
    backend.settle()
    assert link.take().startswith(b"GET /chat HTTP/1.1\r\n")
    backend.settle()
    error = outcome(backend, protocol)
    assert (type(error).__name__, error.status, error.body) == ("HandshakeRejected", 503, b"no")


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\nyou", 407, b"you"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", 502, b""),
        (b"SSH-2.0-OpenSSH\r\n\r\n", None, b""),
    ],
)
def test_a_refusal_closes_the_connection(backend: Backend, answer: bytes, status: int | None, body: bytes) -> None:
    """onClose is called, as for any connection that was made; nothing else was sent."""
    link, protocol = connected(backend)
    link.receive(answer)
    backend.settle()
    error = outcome(backend, protocol)
    assert isinstance(error, ProxyError)
    assert (error.status, error.body) == (status, body)
    assert protocol.events == [("close", False, 1006)]
    assert (link.take(), link.aborted) == (b"", True)


@pytest.mark.parametrize("way", ["cut", "end"])
def test_a_proxy_that_goes_away_closes_the_connection(backend: Backend, way: str) -> None:
    """Before its answer is complete."""
    link, protocol = connected(backend)
    link.receive(YES[:-1])
    getattr(link, way)()
    backend.settle()
    error = outcome(backend, protocol)
    assert isinstance(error, ProxyError)
    assert "ended before it answered" in str(error)
    assert [event[0] for event in protocol.events] == ["close"]


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 403 Forbidden\r\n\r\nbecause"])
def test_a_proxy_has_its_time(backend: Backend, begun: bytes) -> None:
    """openHandshakeTimeout, and the handshake with the server has it again. What it has said until then counts."""
    link, protocol = connected(backend, openHandshakeTimeout=2)
    link.receive(begun)
    backend.advance(1.9)
    assert protocol.events == []
    backend.advance(0.2)
    error = outcome(backend, protocol)
    assert link.aborted
    if begun:
        assert (type(error), error.status, error.body) == (ProxyError, 403, b"because")
    else:
        assert isinstance(error, HandshakeTimeout)


def test_a_proxy_may_have_all_the_time(backend: Backend) -> None:
    """With openHandshakeTimeout 0, as for the handshake."""
    link, protocol = connected(backend, openHandshakeTimeout=0)
    backend.advance(1000)
    link.receive(YES)
    backend.settle()
    assert link.take().startswith(b"GET /chat ")
    assert protocol.events == []


@pytest.mark.parametrize("abort", [True, False])
def test_the_connection_can_be_dropped_meanwhile(backend: Backend, abort: bool) -> None:
    """It is there, only that it does not lead to the server yet."""
    link, protocol = connected(backend)
    assert protocol.state == protocol.STATE_CONNECTING
    protocol.dropConnection(abort)
    link.receive(YES)
    backend.settle()
    link.receive(b"too late")
    link.end()
    backend.settle()
    assert link.aborted
    assert b"GET" not in link.take()
    assert [event[0] for event in protocol.events] == ["close"]
    assert "dropped" in str(outcome(backend, protocol))
