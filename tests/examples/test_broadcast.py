"""The broadcast examples of both backends."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.examples.programs import BACKENDS, EXAMPLES, SECONDS, Start

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("backend", BACKENDS)
def test_everybody_gets_what_anybody_says(start: Start, backend: str) -> None:
    """Three of us were connected, and each saw each message, text and binary."""
    server = start(EXAMPLES / backend / "broadcast_server.py", "--port", "0", "--interval", "600")
    url = server.url()
    with connect(url) as first, connect(url) as second, connect(url) as third:
        messages: list[str | bytes] = ["Hello", b"\x00\xff"]
        for message in messages:
            second.send(message)
            assert [client.recv(SECONDS) for client in (first, second, third)] == [message] * 3
    server.stop()


@pytest.mark.parametrize("backend", BACKENDS)
def test_everybody_gets_the_ticks(start: Start, backend: str) -> None:
    """I only listened."""
    server = start(EXAMPLES / backend / "broadcast_server.py", "--port", "0", "--interval", "0.01")
    with connect(server.url()) as client:
        words = [str(client.recv(SECONDS)).split() for _ in range(3)]
        first = int(words[0][1])
        assert [(word[0], int(word[1])) for word in words] == [("tick", first + count) for count in range(3)]
    server.stop()


@pytest.mark.parametrize("client_backend", BACKENDS)
@pytest.mark.parametrize("server_backend", BACKENDS)
def test_clients_print_what_is_said_until_they_are_stopped(
    start: Start, server_backend: str, client_backend: str
) -> None:
    """I had a client open in a terminal, another one said hello, and Ctrl-C ended mine."""
    server = start(EXAMPLES / server_backend / "broadcast_server.py", "--port", "0", "--interval", "600")
    url = server.url()
    client = start(EXAMPLES / client_backend / "broadcast_client.py", url, "I am here")
    assert client.line() == "I am here\n"
    with connect(url) as other:
        other.send("So am I")
        other.send(b"\x00\xff")
        assert client.line() == "So am I\n"
        assert client.line() == "2 octets\n"
        client.stop()
    assert client.line().rstrip() == "closed: 1000"
    server.stop()


@pytest.mark.parametrize("backend", BACKENDS)
def test_clients_end_when_the_server_is_stopped(start: Start, backend: str) -> None:
    """I pressed Ctrl-C in the server: the clients were told, and ended too."""
    server = start(EXAMPLES / backend / "broadcast_server.py", "--port", "0")
    url = server.url()
    client = start(EXAMPLES / backend / "broadcast_client.py", url)
    assert client.line() == "Hello, everybody!\n"
    with connect(url) as other:
        server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            other.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    assert client.line_with("closed").rstrip() == "closed: 1001"
    assert (client.exit_code(), client.errors()) == (0, "")
