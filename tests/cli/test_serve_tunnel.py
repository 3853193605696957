"""`wsframework serve tunnel`: octets of TCP in WebSocket messages."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.cli.shells import BACKENDS, SECONDS, Command, client

pytestmark = pytest.mark.interop

Start = Callable[..., Command]
Talk = Callable[[socket.socket], None]
SIZE = 5_000_000


@contextmanager
def tcp_server(talk: Talk) -> Iterator[str]:
    """Where a TCP server listens that talks so with its one client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(SECONDS)
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"tcp:127.0.0.1:{listening.getsockname()[1]}"
        thread.join(SECONDS)
        assert not thread.is_alive()


@pytest.fixture(params=BACKENDS)
def tunnel(command: Start, request: pytest.FixtureRequest) -> Callable[..., str]:
    """A tunnel to a target: its URL."""

    def start(target: str, *arguments: str) -> str:
        return command("serve", "tunnel", target, "--port", "0", "--backend", request.param, *arguments).url()

    return start


def rest_of(connection: ClientConnection) -> tuple[bytes, int, str]:
    """All octets that come, and the code and reason that the server closes with."""
    found = bytearray()
    try:
        while True:
            message = connection.recv(timeout=SECONDS)
            assert isinstance(message, bytes)
            found += message
    except ConnectionClosed:
        assert connection.close_code is not None
        return bytes(found), connection.close_code, connection.close_reason or ""


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def everything(connection: socket.socket) -> bytes:
    pieces = []
    while data := connection.recv(1 << 20):
        pieces.append(data)
    return b"".join(pieces)


def test_octets_go_both_ways(tunnel: Callable[..., str]) -> None:
    """Five megabytes there and back at the same time, while neither side waits for the other."""
    data = os.urandom(SIZE)
    with tcp_server(echo) as target, client(tunnel(target)) as connection:

        def send() -> None:
            for at in range(0, SIZE, 50_000):
                connection.send(data[at : at + 50_000])

        sender = threading.Thread(target=send)
        sender.start()
        found = bytearray()
        while len(found) < SIZE:
            message = connection.recv(timeout=SECONDS)
            assert isinstance(message, bytes)
            found += message
        sender.join(SECONDS)
    assert found == data


def test_the_end_of_tcp_comes_after_all_that_was_sent(tunnel: Callable[..., str]) -> None:
    """The server sent five megabytes and closed: I had all of them, then a Close of 1000."""
    data = os.urandom(SIZE)
    with tcp_server(lambda connection: connection.sendall(data)) as target, client(tunnel(target)) as connection:
        assert rest_of(connection) == (data, 1000, "the TCP connection was ended")


def test_the_end_of_the_conversation_comes_after_all_that_was_sent(tunnel: Callable[..., str]) -> None:
    """I sent five megabytes and closed: the TCP server had all of them, then the end."""
    data = os.urandom(SIZE)
    found: list[bytes] = []

    def read(connection: socket.socket) -> None:
        found.append(everything(connection))

    with tcp_server(read) as target, client(tunnel(target)) as connection:
        connection.send(data)
    assert found == [data]


def test_who_does_not_read_stops_the_other(tunnel: Callable[..., str]) -> None:
    """A TCP server that reads nothing: what I may send is bounded, and goes on when it reads."""
    data, go, stuck = os.urandom(SIZE * 8), threading.Event(), threading.Event()
    found: list[int] = []

    def slow(connection: socket.socket) -> None:
        go.wait(SECONDS)
        found.append(len(everything(connection)))

    with tcp_server(slow) as target, client(tunnel(target)) as connection:

        def send() -> None:
            for at in range(0, len(data), 100_000):
                connection.send(data[at : at + 100_000])
            stuck.set()

        sender = threading.Thread(target=send)
        sender.start()
        assert not stuck.wait(0.5), "forty megabytes went nowhere"
        go.set()
        assert stuck.wait(SECONDS)
        sender.join()
        connection.close()
    assert found == [len(data)]


def test_nobody_there_is_a_bad_gateway(tunnel: Callable[..., str]) -> None:
    """Nothing listens at the target: closed with 1014, and the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with client(tunnel(f"tcp:127.0.0.1:{port}")) as connection:
        assert rest_of(connection) == (b"", 1014, "Connection refused")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_log_says_with_what_we_closed(command: Start, backend: str) -> None:
    """Not with what the client answered: I saw in my own terminal that the target was down."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = command("serve", "tunnel", f"tcp:127.0.0.1:{port}", "--port", "0", "--backend", backend)
    with client(server.url()) as connection:
        rest_of(connection)
    assert " 1014 (Connection refused) after " in server.error_with(" after ")


def test_tcp_that_breaks_is_told(tunnel: Callable[..., str]) -> None:
    """The TCP server reset the connection: closed with 1011."""

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with tcp_server(reset) as target, client(tunnel(target)) as connection:
        connection.send(b"x")
        _, code, reason = rest_of(connection)
        assert code == 1011
        assert reason


def test_text_is_not_for_a_tunnel(tunnel: Callable[..., str]) -> None:
    """Closed with 1003."""
    with tcp_server(echo) as target, client(tunnel(target)) as connection:
        connection.send("text")
        assert rest_of(connection) == (b"", 1003, "a tunnel takes binary messages")


def test_web_pages_are_kept_out(tunnel: Callable[..., str]) -> None:
    """A page that I visit cannot reach what is behind the tunnel, unless --origin names it."""
    for arguments, origin, is_open in (
        ((), "http://127.0.0.1", False),
        (("--origin", "https://example.com"), "https://example.org", False),
        (("--origin", "https://example.com"), "https://example.com", True),
    ):
        with tcp_server(echo) as target:
            url = tunnel(target, *arguments)
            if not is_open:
                with pytest.raises(InvalidStatus) as caught:
                    client(url, origin=origin)
                assert caught.value.response.status_code == 403
            with client(url, **({"origin": origin} if is_open else {})) as connection:
                connection.send(b"hello")
                assert connection.recv(timeout=SECONDS) == b"hello"


def test_the_subprotocol_that_others_ask_for_is_there(tunnel: Callable[..., str]) -> None:
    """noVNC offers "binary" and wants it back."""
    with tcp_server(echo) as target:
        url = tunnel(target)
        with client(url, subprotocols=["binary"]) as connection:
            assert connection.subprotocol == "binary"
