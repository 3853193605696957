"""`wsframework serve`, with clients of another library."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.cli.certificates import self_signed
from tests.cli.shells import BACKENDS, SECONDS, Command, client
from wsframework.cli import serve as command_module

pytestmark = pytest.mark.interop

Start = Callable[..., Command]


@pytest.fixture(params=BACKENDS)
def serve(command: Start, request: pytest.FixtureRequest) -> Start:
    """`serve` on a free port, on each backend."""

    def start(*arguments: str, **options: Any) -> Command:
        return command("serve", *arguments, "--port", "0", "--backend", request.param, **options)

    return start


def received(connection: ClientConnection) -> Any:
    return connection.recv(timeout=SECONDS)


def test_echo_sends_back_what_it_gets(serve: Start) -> None:
    """Text as text, octets as octets; one line for the connection when it is over."""
    server = serve("echo")
    with client(server.url() + "/some/path?token=secret") as connection:
        for message in ("hello", b"\x00\xff", "x" * 1_000_000):
            connection.send(message)
            assert received(connection) == message
    line = server.error_with(" 1000 after ")
    assert "/some/path" in line
    assert "secret" not in line
    assert "1,000,007 octets in, 1,000,007 out" in line


def test_broadcast_sends_to_everybody_else(serve: Start) -> None:
    """What I sent came to the two others, and not to me."""
    url = serve("broadcast").url()
    with client(url) as one, client(url) as two, client(url) as three:
        # Each has been heard of when what it sends is there.
        three.send("three is here")
        assert (received(one), received(two)) == ("three is here", "three is here")
        one.send("text")
        two.send(b"octets")
        assert {received(three), received(three)} == {"text", b"octets"}
        assert received(one) == b"octets"
        assert received(two) == "text"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_in_order(serve: Start, number: int, status: int) -> None:
    """Everybody who is connected is told that it goes away."""
    server = serve("echo", "--quiet")
    with client(server.url()) as connection:
        connection.send("x")
        assert received(connection) == "x"
        server.signal(number)
        with pytest.raises(ConnectionClosed) as caught:
            received(connection)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    assert server.status() == status
    assert server.errors() == []


def test_a_second_signal_ends_it_at_once(serve: Start) -> None:
    """A client did not answer the Close, and I had no patience: no traceback either."""
    server = serve("echo", "--quiet")
    port = int(server.url().rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), SECONDS) as silent:
        silent.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert silent.recv(4096).startswith(b"HTTP/1.1 101 ")
        server.signal(signal.SIGINT)
        assert silent.recv(4096)[:1] == b"\x88", "a Close frame"
        server.signal(signal.SIGINT)
        assert server.status() == -signal.SIGINT
    assert server.errors() == []


@pytest.fixture(scope="session")
def parts(certificate: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The certificate and its key, a file for each."""
    folder = Path(tmp_path_factory.mktemp("parts"))
    key, begin, rest = Path(certificate[0]).read_text().partition("-----BEGIN CERTIFICATE-----")
    (folder / "c.pem").write_text(begin + rest)
    (folder / "k.pem").write_text(key)
    return str(folder / "c.pem"), str(folder / "k.pem")


def test_it_can_speak_tls(serve: Start, certificate: tuple[str, str], parts: tuple[str, str]) -> None:
    """--tls with one file that has both, or with two, before what is served and after it."""
    for words in (
        ("echo", "--tls", certificate[0]),
        ("--tls", certificate[0], "echo"),
        ("--tls", parts[0], "--key", parts[1], "echo"),
    ):
        server = serve(*words)
        url = server.url()
        assert url.startswith("wss://")
        with client(url, ssl=ssl.create_default_context(cafile=certificate[1])) as connection:
            connection.send("secret")
            assert received(connection) == "secret"


def test_pages_can_be_kept_away(serve: Start) -> None:
    """--origin names the pages that may connect; the refusal is in the log."""
    server = serve("echo", "--origin", "https://*.example.com")
    url = server.url()
    with client(url, origin="https://a.example.com") as connection:
        connection.send("x")
        assert received(connection) == "x"
    with pytest.raises(InvalidStatus) as caught:
        client(url, origin="https://example.org")
    assert caught.value.response.status_code == 403
    assert "this origin is not allowed" in server.error_with("was refused")


def test_there_can_be_a_limit(serve: Start) -> None:
    """--max-connections 1: the second is told 503."""
    url = serve("echo", "--max-connections", "1").url()
    with client(url) as connection:
        with pytest.raises(InvalidStatus) as caught:
            client(url)
        assert caught.value.response.status_code == 503
        connection.send("x")
        assert received(connection) == "x"


def test_the_handler_with_a_log_has_the_name_of_the_one_within() -> None:
    """A warning at the end says which handler did not end; it should be mine."""

    async def greet(conversation: Any) -> None:
        """Say hello."""

    logged = command_module._logged(greet)
    assert (logged.__name__, logged.__qualname__, logged.__doc__) == ("greet", greet.__qualname__, "Say hello.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("tunnel",),
        ("echo", "tcp:127.0.0.1:1"),
        ("tunnel", "udp:127.0.0.1:1"),
        ("tunnel", "tcp:127.0.0.1"),
        ("tunnel", "tcp::1:22"),
        ("echo", "--tls", "no-such-file"),
        ("echo", "--tls", "a", "b", "c"),
        ("echo", "--key", "a"),
        ("echo", "--origin", "not an origin"),
        ("echo", "--port", "65536"),
        ("echo", "--max-connections", "-1"),
    ],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_wrong_usage_is_2(command: Start, backend: str, arguments: tuple[str, ...]) -> None:
    """It says what is wrong, and serves nothing."""
    done = command("serve", "--port", "0", "--backend", backend, *arguments)
    assert done.status() == 2
    assert "error: " in done.errors()[-1]
    assert done.output() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--tls", "{cert}", "{key}", "echo"),
            "'{key}' is not one of echo, chat, broadcast, tunnel; if {key} has the key: --tls {cert} --key {key}",
        ),
        (
            ("echo", "--tls", "{cert}", "{key}"),
            "tunnel needs a target, tcp:host:port, and nothing else takes one; "
            "if {key} has the key: --tls {cert} --key {key}",
        ),
        (("--tls", "{cert}", "echo"), "{cert} has no private key; name its file with --key"),
        (("--tls", "{cert}", "--key", "{cert}", "echo"), "{cert} has no private key"),
        (("--tls", "{key}", "echo"), "{key} has no certificate"),
        (("--tls", "{cert}", "--key", "none", "echo"), "--key none: No such file or directory"),
    ],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_files_for_tls_that_will_not_do_are_named(
    command: Start, parts: tuple[str, str], backend: str, words: tuple[str, ...], said: str
) -> None:
    """It told me how to name the two files, in the same words on both backends."""
    names = {"cert": parts[0], "key": parts[1]}
    done = command("serve", *(word.format(**names) for word in words), "--port", "0", "--backend", backend)
    assert done.status() == 2
    assert done.errors()[-1] == "wsframework serve: error: " + said.format(**names)


def test_a_key_of_another_certificate_is_no_traceback(serve: Start, parts: tuple[str, str], tmp_path: Path) -> None:
    """What OpenSSL says is understandable there."""
    self_signed(tmp_path / "other.pem")
    done = serve("echo", "--tls", parts[0], "--key", str(tmp_path / "other.pem"))
    assert done.status() == 2
    assert "mismatch" in done.errors()[-1]


def test_a_tunnel_may_have_its_words_apart(command: Start) -> None:
    """`serve tunnel --port 0 tcp:...`, as I happened to type it."""
    server = command("serve", "tunnel", "--port", "0", "tcp:127.0.0.1:9")
    assert server.url().startswith("ws://127.0.0.1:")


def test_it_warns_when_everybody_can_connect(capsys: pytest.CaptureFixture[str]) -> None:
    """Only where it listens for more than this machine."""
    for host, warns in (("0.0.0.0", True), ("::", True), ("192.0.2.1", True), ("127.0.0.1", False), ("::1", False)):
        server = SimpleNamespace(url="ws://127.0.0.1:1")
        command_module._announce(server, SimpleNamespace(host=host, what="echo"))  # type: ignore[arg-type]
        shown = capsys.readouterr()
        assert shown.out == "echo: ws://127.0.0.1:1\n"
        assert ("everybody" in shown.err) is warns
