"""The programs of two guides, as conversations: each run with real clients, on both backends."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import socket
import ssl
import threading
import time
import tokenize
from pathlib import Path

import pytest
import trustme
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from tests.examples.applications import (
    PROGRAMS,
    assert_ended,
    closing_of,
    drain,
    program,
    receive,
    receive_until,
    speaking,
)
from tests.examples.programs import BACKENDS, SECONDS, Start

pytestmark = pytest.mark.interop


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=BACKENDS)
def other(request: pytest.FixtureRequest) -> str:
    """The backend at the other end."""
    return str(request.param)


def test_every_message_comes_back(start: Start, backend: str) -> None:
    """The shortest server there is."""
    server = start(program("echo", backend), "0")
    with connect(server.url()) as client:
        messages: list[str | bytes] = ["Hello, world!", "", b"\x00\xff", "\N{SNOWMAN}" * 50_000]
        for message in messages:
            client.send(message)
            assert receive(client) == message
    server.stop()


def test_messages_are_printed_and_come_back_with_a_word(start: Start, backend: str) -> None:
    server = start(program("echo_print", backend), "0")
    with connect(server.url()) as client:
        client.send("Hello\nworld")
        assert receive(client) == "Echo: Hello\nworld"
        client.send(b"\x00")
        assert receive(client) == "Echo: b'\\x00'"
    assert [server.line(), server.line()] == ["Received message: 'Hello\\nworld'\n", "Received message: b'\\x00'\n"]
    server.stop()


def test_messages_go_to_all_others(start: Start, backend: str) -> None:
    """I heard what they said, and not what I said myself."""
    server = start(program("broadcast", backend), "0")
    url = server.url()
    with connect(url) as first, connect(url) as second, connect(url) as third:
        for speaker, name in ((first, "first"), (second, "second"), (third, "third")):
            # What is printed has been sent to all who were connected then, and the third is the last of them.
            speaker.send(name)
            server.line_with(repr(name))
        first.send(b"\x00")
        heard = [receive_until(client, "New message: b'\\x00'") for client in (second, third)]
        assert "New message: second" not in heard[0]
        assert "New message: third" not in heard[1]
        third.send("bye")
        assert "New message: first" not in receive_until(first, "New message: bye")
    server.stop()


@pytest.mark.parametrize("name", ["broadcast", "relay"])
def test_who_does_not_read_does_not_hold_up_the_others(start: Start, backend: str, name: str) -> None:
    """One of us had stopped reading; the rest went on, and he was sent away."""
    server = start(program(name, backend), "0")
    url = f"{server.url()}/ws" if name == "relay" else server.url()
    with (
        connect(url, max_queue=1) as slow,
        connect(url, max_size=None) as reader,
        connect(url, max_size=None) as speaker,
    ):
        draining = threading.Thread(target=drain, args=(speaker,))
        draining.start()
        for number in range(24):
            # More than all the buffers on the way hold.
            speaker.send(f"{number:<1000000}")
            assert f" {number} " in str(receive(reader))[:40]
        drain(slow)
        speaker.close()
        draining.join()
    server.stop()


def test_hello_is_said_and_the_answer_printed(start: Start, backend: str, other: str) -> None:
    server = start(program("echo_print", other), "0")
    client = start(program("hello", backend), server.url())
    assert client.line() == "Received: 'Echo: Hello, world!'\n"
    assert_ended(client)
    server.stop()


def test_a_listener_prints_all_until_the_end(start: Start, backend: str) -> None:
    with speaking("one", b"two", "\N{SNOWMAN}") as url:
        client = start(program("listen", backend), url)
        assert [client.line() for _ in range(3)] == ["Received: 'one'\n", "Received: b'two'\n", "Received: '☃'\n"]
        assert_ended(client)


def test_the_time_is_sent_again_and_again(start: Start, backend: str, other: str) -> None:
    """It went on for longer than a queue of unread answers would have lasted, until the server was stopped."""
    server = start(program("echo_print", other), "0")
    client = start(program("periodic", backend), server.url(), "0.005")
    for _ in range(50):
        assert re.fullmatch(r"Received message: 'Current time: [\d.]+'\n", server.line())
        assert re.fullmatch(r"Received: 'Echo: Current time: [\d.]+'\n", client.line())
    server.stop()
    assert_ended(client)


@pytest.mark.parametrize("name", ["periodic", "listen", "asker"])
def test_a_client_that_is_stopped_says_goodbye(start: Start, backend: str, name: str) -> None:
    """Ctrl-C in the client: it ended without a word, and the server heard that it was going."""
    codes: list[int | None] = []
    asked = threading.Event()

    def wait(connection: ServerConnection) -> None:
        connection.send("welcome")
        with contextlib.suppress(ConnectionClosed):
            for _ in connection:
                asked.set()
        codes.append(connection.close_code)

    with serve(wait, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        client = start(program(name, backend), f"ws://127.0.0.1:{server.socket.getsockname()[1]}")
        # Before it has the handshake's response, a client may not send a Close frame.
        if name == "asker":
            assert asked.wait(SECONDS)
        else:
            client.line_with("welcome")
        client.stop()
        server.shutdown()
        thread.join()
    # A Close frame, and not only the end of the stream.
    assert codes in ([1001], [1011])


def test_a_client_says_in_a_line_that_nobody_listens(start: Start, backend: str) -> None:
    server = start(program("echo", backend), "0")
    url = server.url()
    server.stop()
    client = start(program("hello", backend), url)
    assert client.exit_code() == 1
    assert re.fullmatch(r"Connection\w*Error: .*\n", client.errors())


def test_pings_come_all_the_time_and_who_does_not_answer_is_dropped(start: Start, backend: str) -> None:
    server = start(program("ping", backend), "0", "0.05")
    url = server.url()
    with connect(url) as client:
        assert re.search(r" answers in \d+\.\d{4} seconds$", server.line())
        client.send("still here")
        assert server.line().endswith(" says 'still here'\n")
    with silent_client(url) as silent:
        frames = b""
        while octets := silent.recv(4096):
            frames += octets
    # One by the handler and one by the framework, each with a payload of its own.
    assert frames[:1] == b"\x89"
    assert frames.count(b"\x89") >= 2
    server.stop()
    server = start(program("ping", backend), "0", "0.02")
    with connect(server.url()) as client:
        # Longer than several times the limit: answers count.
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            client.ping().wait(SECONDS)
        client.send("still here")
        server.line_with("says 'still here'")
    server.stop()


def silent_client(url: str) -> socket.socket:
    """A connection that is opened and never answers anything."""
    host, port = url.removeprefix("ws://").split(":")
    client = socket.create_connection((host, int(port)), SECONDS)
    client.sendall(
        b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" % int(port)
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert head.startswith(b"HTTP/1.1 101")
    return client


def test_how_a_conversation_went_wrong_is_printed(start: Start, backend: str) -> None:
    """One left with an error and one sent nonsense; the server said so and went on."""
    server = start(program("errors", backend), "0")
    url = server.url()
    with connect(url) as client:
        client.send("3")
        assert receive(client) == "9.0"
        client.close(4000, "no more")
    assert re.fullmatch(r"Connection closed with error: .*4000.*no more.*\n", server.line())
    with connect(url) as client:
        client.send("seven")
        assert closing_of(client)[0] == 1011
    assert server.line() == "Unhandled exception: could not convert string to float: 'seven'\n"
    with connect(url) as client:
        client.send("4")
        assert receive(client) == "16.0"
    server.stop()


def test_a_server_speaks_tls(start: Start, backend: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    (tmp_path / "server.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    arguments = ["0", str(tmp_path / "server.pem"), str(tmp_path / "server.key")]
    # Twisted calls pyOpenSSL in a way that it warns of.
    server = start(program("tls", backend), *arguments, strict=backend == "asyncio")
    url = server.url()
    assert url.startswith("wss://127.0.0.1:")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with connect(url, ssl=context) as client:
        client.send("privately")
        assert receive(client) == "privately"
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(url)
    server.stop()


def test_a_server_is_a_class(start: Start, backend: str) -> None:
    """It knew how many of us there were, and noticed who left."""
    server = start(program("organized", backend), "0")
    url = server.url()
    with connect(url) as first:
        with connect(url) as second:
            second.send("hello")
            assert receive(second) == "5 for one of 2"
        while True:
            first.send("ab")
            if receive(first) == "2 for one of 1":
                break
    server.stop()


def test_a_relay_tells_everybody_who_said_what(start: Start, backend: str) -> None:
    """Each of us has a number; when the server was stopped, all were told."""
    server = start(program("relay", backend), "0")
    url = f"{server.url()}/ws"
    with connect(url) as first:
        first.send("alone")
        assert receive(first) == "0: alone"
        with connect(url) as second:
            second.send("here")
            assert receive(second) == "1: here"
            assert receive(first) == "1: here"
            second.send(b"not text")
            first.send("bye")
            assert receive(second) == "0: bye"
        with connect(url) as third:
            third.send("numbers are not used again")
            assert receive(third) == "2: numbers are not used again"
            server.interrupt()
            assert closing_of(third)[0] == 1001
        assert closing_of(first)[0] == 1001
    assert_ended(server)


def test_a_client_asks_for_questions_and_answers_them(start: Start, backend: str, other: str) -> None:
    """It asked at once and every so often, and said No to what had a question mark, also to me."""
    server = start(program("relay", other), "0")
    url = f"{server.url()}/ws"
    with connect(url) as client:
        asker = start(program("asker", backend), url, "0.05")
        assert [receive(client) for _ in range(3)] == ["1: Ask me a question."] * 3
        for question in ("Is it late?", "It is late.", "Really?"):
            client.send(question)
        heard = receive_until(client, "1: No.") + receive_until(client, "1: No.")
        assert [text for text in heard if str(text).startswith("0")] == [
            "0: Is it late?",
            "0: It is late.",
            "0: Really?",
        ]
        assert set(heard) <= {"0: Is it late?", "0: It is late.", "0: Really?", "1: No.", "1: Ask me a question."}
        receive_until(client, "1: Ask me a question.")
        asker.stop()
    server.stop()
    client_alone = start(program("asker", backend), url)
    assert client_alone.exit_code() == 1


# How long they are.

# Lines of the programs in the guides: without empty lines, comments, docstrings, and the page of the chat. Where a
# guide runs a program's lines together they were broken after each statement. The relay and its client are put together
# from the pieces in the text, with the two variables that are only described; the server with TLS has the handler that
# it refers to, of three lines.
ORIGINALS = {
    # aiohttp
    "client": 22,
    "server": 36,
    "chat": 88,
    "auth": 67,
    # students
    "relay": 29,
    "asker": 14,
    # asyncio
    "echo": 8,
    "echo_print": 11,
    "broadcast": 18,
    "hello": 9,
    "listen": 8,
    "periodic": 10,
    "ping": 12,
    "errors": 13,
    "tls": 11,
    "organized": 18,
}
# How a client is started and ended, and what it does every few seconds: the originals end with a traceback at Ctrl-C
# and when nobody listens. And a name for type checkers.
NOT_COUNTED = {"on_asyncio", "on_twisted", "either"}
CLIENTS = {"asker", "client", "hello", "listen", "periodic"}


@pytest.mark.parametrize("name", ORIGINALS)
def test_no_program_is_longer_than_its_original(backend: str, name: str) -> None:
    """It does more than what I had, and is not longer; modules that are its own are part of it."""
    assert lines_of(program(name, backend)) <= ORIGINALS[name]


@pytest.mark.parametrize("name", sorted(ORIGINALS.keys() - CLIENTS))
def test_a_server_needs_nothing_that_is_not_counted(backend: str, name: str) -> None:
    """I copied the shortest into my own folder, and it ran."""
    assert f"from on_{backend}" not in program(name, backend).read_text("utf-8")


def test_every_program_has_an_original() -> None:
    """On both backends."""
    for backend in BACKENDS:
        names = {path.stem.removesuffix(f"_{backend}") for path in PROGRAMS.glob(f"*_{backend}.py")}
        assert names - {"on"} == set(ORIGINALS)


def lines_of(path: Path) -> int:
    """The lines with code in it and in the modules beside it that it imports."""
    text = path.read_text("utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    # A line belongs to the code if there is a token on it; comments and line ends are none.
    empty = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {line for token in tokens if token.type not in empty for line in range(token.start[0], token.end[0] + 1)}
    imported: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
            if node.module == "__future__":
                # Every file of this project has it; it does nothing here.
                lines.discard(node.lineno)
    beside = (path.with_name(f"{name}.py") for name in sorted(imported - NOT_COUNTED))
    return len(lines) + sum(lines_of(module) for module in beside if module.exists())
