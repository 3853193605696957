"""`_core.tunnel`: what a proxy is asked, and what its answers mean, whole and in single octets."""

from __future__ import annotations

import pytest

from wsframework._core.headers import HeaderPairs
from wsframework._core.tunnel import Tunnel
from wsframework.exceptions import HandshakeError, ProxyError

CREDENTIALS = ("Proxy-Authorization", "Basic dXNlcjpzZWNyZXQ=")
LIMIT = 200


def tunnel(*headers: tuple[str, str], to_tls: bool = False) -> Tunnel:
    """To a server somewhere."""
    return Tunnel("example.com", 9000, headers, LIMIT, 4, to_tls)


def feed(asking: Tunnel, octets: bytes, size: int) -> bytes | None:
    """What came through, after all of these were fed in pieces; as a reader of a transport would."""
    if not size:
        return asking.receive(octets)
    came: bytes | None = None
    for start in range(0, len(octets), size):
        piece = octets[start : start + size]
        came = asking.receive(piece) if came is None else came + piece
    return came


@pytest.mark.parametrize(
    ("host", "port", "headers", "request_lines"),
    [
        ("example.com", 80, (), ["CONNECT example.com:80 HTTP/1.1", "Host: example.com:80"]),
        ("example.com", 443, (), ["CONNECT example.com:443 HTTP/1.1", "Host: example.com:443"]),
        ("2001:db8::1", 9000, (), ["CONNECT [2001:db8::1]:9000 HTTP/1.1", "Host: [2001:db8::1]:9000"]),
        ("fe80::1%eth0", 9000, (), ["CONNECT [fe80::1]:9000 HTTP/1.1", "Host: [fe80::1]:9000"]),
        (
            "x",
            1,
            (CREDENTIALS, ("X-Team", "a"), ("X-Team", "b")),
            ["CONNECT x:1 HTTP/1.1", "Host: x:1", ": ".join(CREDENTIALS), "X-Team: a", "X-Team: b"],
        ),
    ],
)
def test_the_request_names_host_and_port(host: str, port: int, headers: HeaderPairs, request_lines: list[str]) -> None:
    """The port also where it is the default one, and IPv6 in brackets (RFC 9112 section 3.2.3)."""
    asking = Tunnel(host, port, headers, 0, 0, False)
    assert asking.request == "\r\n".join([*request_lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("host", "header"),
    [
        ("x\r\nX-Evil: 1", ("X", "1")),
        ("x y", ("X", "1")),
        ("x", ("X", "1\r\nX-Evil: 1")),
        ("x", ("X: 1\r\nX-Evil", "1")),
    ],
)
def test_nothing_can_start_another_line(host: str, header: tuple[str, str]) -> None:
    """Not the host and not a header, whoever has let them pass."""
    with pytest.raises(ValueError, match=r"request target|header"):
        Tunnel(host, 80, (header,), 0, 0, False)


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("rest", [b"", b"HTTP/1.1 101 at once"])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nProxy-agent: old\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 299 Why not\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_any_2xx_is_a_yes(answer: bytes, rest: bytes, size: int) -> None:
    """What is behind the head came through the tunnel already, whatever the head says of a body."""
    asking = tunnel()
    assert feed(asking, answer + rest, size) == rest
    assert asking.refusal is None


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    ("answer", "status", "body", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno!", 403, b"no", "answered HTTP 403 Forbidden"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", 502, b"", "HTTP 502 Bad Gateway"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, b"", "HTTP 304"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, b"", "HTTP 101"),
        (
            b"HTTP/1.1 407\r\nContent-Length: 0\r\n\r\n",
            407,
            b"",
            "407: it wants credentials, a username and a password",
        ),
    ],
)
def test_any_other_answer_is_a_no(answer: bytes, status: int, body: bytes, words: str, size: int) -> None:
    """With what the proxy had to say: I must know whether to ask for a password or for somebody else."""
    with pytest.raises(ProxyError, match=words) as caught:
        feed(tunnel(), answer, size)
    assert isinstance(caught.value, HandshakeError)
    assert (caught.value.status, caught.value.body) == (status, body)
    assert caught.value.headers.get("content-length", "0") == str(len(body))


def test_credentials_that_are_not_accepted_are_not_asked_for_again() -> None:
    """They are wrong, or the proxy wants another way; the error does not show them."""
    answer = b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(ProxyError, match="does not accept these credentials") as caught:
        tunnel(CREDENTIALS).receive(answer)
    assert CREDENTIALS[1] not in str(caught.value)
    assert caught.value.headers["proxy-authenticate"] == "Negotiate"


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x16\x03\x01\x02\x00", "cannot be understood"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "cannot be understood: .*not HTTP"),
        (b"220 mail.example ESMTP\r\n", "not HTTP"),
        (b"HTPT", "not HTTP"),
        (b"<html>no</html>\r\n\r\n", "cannot be understood"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "three digits"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "colon"),
        (b"HTTP/1.1 200 OK\nX: 1\n\n", "cannot be understood"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * LIMIT, "larger than 200 octets"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 5, "more than 4 header lines"),
    ],
)
def test_what_is_no_answer_is_refused(answer: bytes, words: str, size: int) -> None:
    """Whatever listens there, it cannot make me wait or fill my memory."""
    with pytest.raises(ProxyError, match=words) as caught:
        feed(tunnel(), answer, size)
    assert caught.value.status is None


def test_each_interim_answer_is_limited() -> None:
    """The limit is for one head: many short ones are not a long one."""
    asking = tunnel()
    for _ in range(LIMIT):
        assert asking.receive(b"HTTP/1.1 100 Continue\r\n\r\n") is None
    assert asking.receive(b"HTTP/1.1 200 OK\r\n\r\n") == b""


def test_a_refusal_waits_for_its_body_but_not_for_ever() -> None:
    """A proxy without Content-Length ends its explanation with the connection."""
    asking = tunnel()
    assert asking.receive(b"HTTP/1.1 503 Busy\r\n\r\ncome ") is None
    assert asking.receive(b"back") is None
    refusal = asking.refusal
    assert refusal is not None
    assert (refusal.status, refusal.body) == (503, b"come back")
    ended = asking.ended("the proxy closed it")
    assert (ended.status, ended.body) == (503, b"come back")
    with pytest.raises(ProxyError) as caught:
        asking.receive(b"x" * 5000)
    assert len(caught.value.body) == 4096


def test_the_end_before_an_answer_is_an_error() -> None:
    """It says how it ended."""
    asking = tunnel()
    assert asking.receive(b"HTTP/1.1 200") is None
    error = asking.ended("connection reset")
    assert (error.status, str(error)) == (
        None,
        "the connection to the proxy ended before it answered: connection reset",
    )


@pytest.mark.parametrize("size", [0, 7])
def test_nobody_speaks_before_tls(size: int) -> None:
    """The server would not, so these octets are not the server's."""
    yes = b"HTTP/1.1 200 OK\r\n\r\n"
    assert feed(tunnel(to_tls=True), yes, size) == b""
    with pytest.raises(ProxyError, match="sent something into the tunnel"):
        tunnel(to_tls=True).receive(yes + b"\x15\x03\x03")
