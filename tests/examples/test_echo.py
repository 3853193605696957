"""The echo examples of both backends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from tests.examples.programs import BACKENDS, EXAMPLES, SECONDS, Start

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("backend", BACKENDS)
def test_server_sends_every_message_back(start: Start, backend: str) -> None:
    """I started the echo server and tried it with another library."""
    server = start(EXAMPLES / backend / "echo_server.py", "--port", "0")
    with connect(server.url()) as client:
        assert "connects" in server.line()
        messages: list[str | bytes] = ["Hello, world!", "", "\N{SNOWMAN}" * 50_000, b"\x00\xff", b""]
        for message in messages:
            client.send(message)
            assert client.recv(SECONDS) == message
        client.close(1000, "done")
    assert server.line_with("is gone").rstrip().endswith("1000 done")
    server.stop()


@pytest.mark.parametrize("client_backend", BACKENDS)
@pytest.mark.parametrize("server_backend", BACKENDS)
def test_client_prints_what_comes_back_and_ends(start: Start, server_backend: str, client_backend: str) -> None:
    """I ran the client against the server, and it ended by itself."""
    server = start(EXAMPLES / server_backend / "echo_server.py", "--port", "0")
    url = server.url()
    client = start(EXAMPLES / client_backend / "echo_client.py", url)
    assert client.line() == f"connected to {url.replace('ws://', 'tcp4:')}\n"
    assert client.line() == "text: Hello, world!\n"
    assert client.line() == "binary: 00 01 02 ff\n"
    assert client.line().rstrip() == "closed: 1000"
    assert (client.exit_code(), client.errors()) == (0, "")
    server.stop()


@pytest.mark.parametrize("backend", BACKENDS)
def test_server_says_goodbye_when_it_is_stopped(start: Start, backend: str) -> None:
    """I pressed Ctrl-C in the server while clients were connected: they were told, and the server ended."""
    server = start(EXAMPLES / backend / "echo_server.py", "--port", "0")
    url = server.url()
    with connect(url) as idle, connect(url) as talking:
        talking.send("there?")
        assert talking.recv(SECONDS) == "there?"
        server.interrupt()
        for client in (idle, talking):
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(SECONDS)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
    assert (server.exit_code(), server.errors()) == (0, "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_messages_that_come_after_the_goodbye_are_no_errors(start: Start, backend: str) -> None:
    """I stopped the server in the middle of the traffic, and its log was not flooded."""
    server = start(EXAMPLES / backend / "echo_server.py", "--port", "0")
    with connect(server.url()) as client, contextlib.suppress(ConnectionClosed):
        # Many are on their way when the server says goodbye.
        listener = threading.Thread(target=hear_all, args=(client,))
        for number in range(5_000):
            client.send("x" * 100)
            if number == 1_000:
                listener.start()
                server.interrupt()
    listener.join()
    assert (server.exit_code(), server.errors()[:2000]) == (0, "")


def hear_all(client: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            client.recv(SECONDS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_client_says_in_a_line_that_nobody_listens(start: Start, backend: str) -> None:
    """I forgot to start the server."""
    server = start(EXAMPLES / backend / "echo_server.py", "--port", "0")
    url = server.url()
    server.stop()
    client = start(EXAMPLES / backend / "echo_client.py", url)
    assert client.exit_code() == 1
    errors = client.errors()
    assert errors.startswith(f"cannot connect to {url}: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("name", ["echo_client.py", "broadcast_client.py"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_client_says_in_a_line_that_it_was_refused(start: Start, backend: str, name: str) -> None:
    """The address was right, but I was not allowed in."""
    with refusing_server() as url:
        client = start(EXAMPLES / backend / name, url)
        assert client.exit_code() == 1
        assert client.errors() == f"cannot connect to {url}: the server answered HTTP 403 Forbidden\n"


@contextlib.contextmanager
def refusing_server() -> Iterator[str]:
    """A WebSocket server that takes nobody."""
    refuse = partial(ServerConnection.respond, status=HTTPStatus.FORBIDDEN, text="")
    with serve(lambda _: None, "127.0.0.1", 0, process_request=lambda connection, _: refuse(connection)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()
