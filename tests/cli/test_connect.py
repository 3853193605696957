"""`wsframework connect` with pipes."""

from __future__ import annotations

import base64
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from tests.cli.shells import BACKENDS, SECONDS, Command, Peer
from wsframework._core.closure import Cause, Closure
from wsframework.cli import connect as command_module

pytestmark = pytest.mark.interop

Start = Callable[..., Command]
StartPeer = Callable[..., Peer]


@pytest.fixture(params=BACKENDS)
def connect(command: Start, request: pytest.FixtureRequest) -> Start:
    """`connect`, on each backend."""

    def start(*arguments: str, **options: Any) -> Command:
        return command("connect", *arguments, "--backend", request.param, **options)

    return start


def closing(code: int, reason: str = "") -> Callable[[ServerConnection], None]:
    """A handler that closes at once."""
    return lambda connection: connection.close(code, reason)


def test_each_line_is_a_message_and_each_message_a_line(connect: Start, peer: StartPeer) -> None:
    """`printf 'one\\ntwo\\n' | wsframework connect URL` printed the answers, and nothing else on stdout."""
    server = peer()
    done = connect(server.url, text="one\ntwo words\n\n//slash\nümlaut ☃\r\nlast")
    assert done.status() == 0
    assert done.output() == ["one", "two words", "", "/slash", "ümlaut ☃", "last"]
    assert server.closure() == (1000, "")


def test_all_answers_to_a_large_input_are_printed(connect: Start, peer: StartPeer) -> None:
    """I piped a file of ten thousand lines, and had ten thousand answers."""
    lines = [f"line {number} {'x' * 200}" for number in range(10_000)]
    done = connect(peer().url, text="\n".join(lines))
    assert (done.status(), done.output()) == (0, lines)


def test_an_answer_that_takes_its_time_is_waited_for(connect: Start, peer: StartPeer) -> None:
    """The server thought about it for a moment; --wait says for how long it may."""
    sent = threading.Event()

    def answer_after_the_ping(connection: ServerConnection) -> None:
        message = connection.recv()
        connection.ping().wait(SECONDS)
        connection.send(message)
        sent.wait(SECONDS)
        connection.send("second")

    done = connect(peer(answer_after_the_ping).url, "--wait", "20", text="hello")
    assert done.line() == "hello"
    sent.set()
    assert done.line() == "second"
    assert done.status() == 0


def test_what_steers_a_terminal_is_escaped(connect: Start, peer: StartPeer) -> None:
    """A server sent escape sequences in everything it could; my terminal got none of them."""
    evil = "\x1b[2J\x1b]0;title\x07\r\n\u202egnp.exe\x9b\x00"

    def attack(connection: ServerConnection) -> None:
        connection.send(evil)
        connection.send('{"a": "\\u001b[1m\\u009b"}')
        connection.send(evil.encode())
        connection.ping(evil.encode())
        connection.recv()
        connection.close(4000, "\x1b[31mred")

    done = connect(peer(attack).url, "--frames", "--json", "--binary", "utf8")
    escaped = r"\x1b[2J\x1b]0;title\x07\r\n\u202egnp.exe\x9b\x00"
    assert done.line() == escaped
    assert [done.line() for _ in range(3)] == ["{", r'  "a": "\u001b[1m\x9b"', "}"]
    assert done.line() == escaped
    done.write("go on\n")
    assert done.status() == 1
    errors = done.errors()
    assert all(line.isprintable() for line in errors), errors
    assert errors[-1] == r"Closed by the server: 4000 (of the application) \x1b[31mred"


@pytest.mark.parametrize(("code", "status"), [(1000, 0), (1001, 0), (1011, 1), (3000, 1), (4000, 1)])
def test_the_exit_status_says_how_it_was_closed(connect: Start, peer: StartPeer, code: int, status: int) -> None:
    """My script sees whether the server was content."""
    done = connect(peer(closing(code, "because")).url)
    assert done.status() == status
    assert done.errors()[-1].startswith(f"Closed by the server: {code} (")


def test_a_connection_that_breaks_is_an_error(connect: Start, peer: StartPeer) -> None:
    """The server went away without a word: exit status 1."""
    done = connect(peer(lambda connection: connection.socket.shutdown(socket.SHUT_RDWR)).url)
    assert done.status() == 1
    assert done.errors()[-1].startswith("Ended: 1006 (abnormal)")


def test_what_is_asked_for_is_in_the_handshake(connect: Start, peer: StartPeer) -> None:
    """Headers, subprotocols, origin, compression."""
    server = peer(subprotocols=["b"])
    arguments = ["-H", "X-One: 1", "--header", "Authorization:Bearer a:b", "-s", "a", "-s", "b"]
    done = connect(server.url, *arguments, "--origin", "https://example.com", "--compression", text="")
    assert done.status() == 0
    headers = server.request().headers
    assert (headers["X-One"], headers["Authorization"]) == ("1", "Bearer a:b")
    assert headers["Sec-WebSocket-Protocol"] == "a, b"
    assert headers["Origin"] == "https://example.com"
    assert "permessage-deflate" in headers["Sec-WebSocket-Extensions"]
    facts = {words[0]: words[1] for line in done.errors() if len(words := line.split()) > 1}
    assert facts["address"] == server.url.removeprefix("ws://").rstrip("/")
    assert (facts["subprotocol"], facts["extensions"].rstrip(";"), facts["TLS"]) == ("b", "permessage-deflate", "none")


def test_a_refusal_is_one_line(connect: Start, peer: StartPeer) -> None:
    """401: one line on stderr says so, exit status 1."""
    server = peer(process_request=lambda connection, request: connection.respond(401, "who are you?\n"))
    done = connect(server.url)
    assert done.status() == 1
    (line,) = done.errors()
    assert line.startswith("wsframework connect: ")
    assert "401" in line
    assert done.output() == []


def test_a_server_that_says_nothing_is_not_waited_for_longer(connect: Start) -> None:
    """--timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = connect(f"ws://127.0.0.1:{silent.getsockname()[1]}/", "--timeout", "0.2")
        assert done.status() == 1
        (line,) = done.errors()
        assert line.endswith("within 0.2 seconds")


@pytest.mark.parametrize(
    "arguments",
    [
        ("http://example.com",),
        ("ws://127.0.0.1:1/", "-H", "no colon"),
        ("ws://127.0.0.1:1/", "-H", "Not a token: x"),
        ("ws://127.0.0.1:1/", "-s", "not a token"),
        ("ws://127.0.0.1:1/", "--insecure"),
        ("wss://127.0.0.1:1/", "--ca", "no-such-file"),
        ("ws://127.0.0.1:1/", "--proxy", "socks://127.0.0.1:1"),
        ("ws://127.0.0.1:1/", "--timeout", "soon"),
    ],
)
def test_wrong_usage_is_2(connect: Start, arguments: tuple[str, ...]) -> None:
    """What I typed was wrong: it said what, and tried nothing."""
    done = connect(*arguments)
    assert done.status() == 2
    assert "error: " in done.errors()[-1]


def test_certificates_are_verified(connect: Start, peer: StartPeer, certificate: tuple[str, str]) -> None:
    """A certificate of an authority that I do not trust is refused; --ca trusts it, --insecure any."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate[0])
    url = peer(ssl=context).url.replace("ws:", "wss:")
    done = connect(url)
    assert done.status() == 1
    assert "certificate" in " ".join(done.errors())
    for arguments in (("--ca", certificate[1]), ("--insecure",)):
        done = connect(url, *arguments, text="hello")
        assert (done.status(), done.output()) == (0, ["hello"])
        assert any("TLSv1." in line for line in done.errors())


class Proxy:
    """An HTTP proxy for one connection; `asked` is the head of the request that it got."""

    def __init__(self, listening: socket.socket) -> None:
        self.asked = ""
        self._listening = listening
        self.url = f"http://user:secret@127.0.0.1:{listening.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        client, _ = self._listening.accept()
        with client:
            while "\r\n\r\n" not in self.asked:
                self.asked += client.recv(4096).decode("latin-1")
            host, port = self.asked.split()[1].rsplit(":", 1)
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=self._copy, args=(server, client))
                back.start()
                self._copy(client, server)
                back.join(SECONDS)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_a_proxy_is_gone_through(connect: Start, peer: StartPeer) -> None:
    """--proxy, with a password, which the server does not get to see."""
    server = peer()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)
        proxy = Proxy(listening)
        done = connect(server.url, "--proxy", proxy.url, text="hello")
        assert (done.status(), done.output()) == (0, ["hello"])
        proxy.thread.join(SECONDS)
    assert proxy.asked.startswith(f"CONNECT {server.url[5:-1]} HTTP/1.1\r\n")
    assert "Basic " + base64.b64encode(b"user:secret").decode() in proxy.asked
    assert "Proxy-Authorization" not in server.request().headers


@pytest.mark.parametrize("display", ["hex", "base64", "utf8"])
def test_octets_are_shown_as_asked(connect: Start, peer: StartPeer, display: str) -> None:
    """--binary."""
    data = bytes([0, 65, 255])
    shown = {"hex": "00 41 ff", "base64": base64.b64encode(data).decode(), "utf8": r"\x00A\xff"}[display]
    done = connect(peer().url, "--binary", display, text="/bin 0041ff")
    assert (done.status(), done.output()) == (0, [shown])


def test_files_are_sent_as_what_they_are(connect: Start, peer: StartPeer, tmp_path: Path) -> None:
    """Text as text, all else as octets; what is too long is refused before it is read."""
    (tmp_path / "text.txt").write_text("two\nlines ü")
    (tmp_path / "octets").write_bytes(b"\xff\x00")
    (tmp_path / "long").write_bytes(b"x" * 1001)
    text = "/file text.txt\n/file octets\n/file long\n/file missing\n/file\n"
    done = connect(peer().url, "--max-size", "1000", text=text)
    assert (done.status(), done.output()) == (0, [r"two\nlines ü", "ff 00"])
    errors = done.errors()
    assert "sent 12 octets as text" in errors
    assert "sent 2 octets as binary" in errors
    assert "! long has 1,001 octets, over the limit of 1,000; --max-size raises it" in errors
    assert "! missing is no file" in errors


def test_commands_do_what_help_says(connect: Start, peer: StartPeer) -> None:
    """/ping, /pong, /json, /headers, /stats, /help; a mistake is said and nothing ends."""
    text = (
        '/ping\n/ping hello\n/pong x\n/json {"a": [1]}\n/json {a}\n/headers\n/stats\n/help\n/nope\n/bin 0\n/close 7\n'
    )
    done = connect(peer().url, "--frames", text=text + "/close 1005\n/ping " + "x" * 126 + "\nstill here")
    assert (done.status(), done.output()) == (0, ['{"a": [1]}', "still here"])
    errors = "\n".join(done.errors())
    assert errors.count("pong after ") == 2
    assert errors.index("< PONG 'hello'") < errors.rindex("pong after "), "the frame comes first"
    assert errors.index("< PONG") < errors.index("pong after ")
    for said in ("< PONG 'hello'", "> PING", "> PONG 'x'", "! that is no JSON", "HTTP/1.1 101", "on the wire"):
        assert said in errors
    for said in ("/close [code [reason]]", "! there is no /nope", "! /bin HEX", "close code 1005 cannot", "not 126"):
        assert said in errors
    assert "> CLOSE 1000" in errors
    assert "< CLOSE 1000" in errors


def test_close_has_a_code_and_a_reason(connect: Start, peer: StartPeer) -> None:
    """/close 4001 so long; what follows it is not sent."""
    server = peer()
    done = connect(server.url, text="/close 4001 so long\nmore\n")
    assert done.status() == 1
    assert server.closure() == (4001, "so long")
    assert done.errors()[-1] == 'Closed by you with 4001 "so long" (the server answered 4001 "so long")'


def test_what_i_closed_with_is_shown_whatever_the_answer(connect: Start, command: Start) -> None:
    """My code and reason are what I want to see; the exit status goes by the answer."""
    server = command("serve", "echo", "--port", "0", "--quiet")
    done = connect(server.url(), text="/close 4001 enough\n")
    assert done.status() == 0
    assert done.errors()[-1] == 'Closed by you with 4001 "enough" (the server answered 1000)'


def test_an_answer_without_a_code_is_called_that() -> None:
    """A Close frame may be empty."""
    conversation = SimpleNamespace(
        closure=Closure(Cause.CLOSE_HANDSHAKE, 1005, None), closedByMe=True, localCloseCode=1000, localCloseReason=None,
        remoteCloseCode=None, remoteCloseReason=None,
    )  # fmt: skip
    assert command_module._ending(conversation) == "Closed by you with 1000 (the server answered without a code)"


@pytest.mark.parametrize("code", ["99", "10000", "soon", "1e3", "-1000"])
def test_a_code_that_is_none_is_answered_with_those_there_are(connect: Start, peer: StartPeer, code: str) -> None:
    """/close 99."""
    done = connect(peer().url, text=f"/close {code}\n")
    assert done.status() == 0
    assert "! /close [code [reason]]: the code is one of 1000 to 1003, 1007 to 1014 or 3000 to 4999" in done.errors()


def test_a_line_that_is_not_utf8_is_not_sent(connect: Start, peer: StartPeer) -> None:
    """Rather than something else."""
    done = connect(peer().url, text=b"\xff\xfe\nfine\n")
    assert (done.status(), done.output()) == (0, ["fine"])
    assert any("not UTF-8" in line for line in done.errors())


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_closes_in_order(connect: Start, peer: StartPeer, number: int, status: int) -> None:
    """Ctrl-C: the server was told that I am going away, and there was no traceback."""
    server = peer()
    done = connect(server.url)
    done.write("hello\n")
    assert done.line() == "hello"
    done.signal(number)
    assert done.status() == status
    assert server.closure() == (1001, "")
    assert done.errors()[-1] == "Closed by you with 1001 (the server answered 1001)"


def test_a_signal_ends_the_attempt_to_connect(connect: Start) -> None:
    """I did not want to wait for a server that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        done = connect(f"ws://127.0.0.1:{silent.getsockname()[1]}/", "--timeout", "600")
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(SECONDS)
            connection.recv(4096)
            done.signal(signal.SIGINT)
            assert done.status() == 130
    assert (done.output(), done.errors()) == ([], [])


def test_a_reader_that_goes_away_is_no_error_message(connect: Start, peer: StartPeer) -> None:
    """`wsframework connect URL | head -1`."""
    reading, writing = os.pipe()
    done = connect(peer().url, stdout=writing)
    os.close(writing)
    done.write("one\n")
    with open(reading, "rb") as pipe:
        assert pipe.readline() == b"one\n"
    done.write("two\n")
    assert done.status() == 1
    assert not [line for line in done.errors() if "Traceback" in line or "Error" in line]
