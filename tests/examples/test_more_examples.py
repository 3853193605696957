"""The other examples: each is run, and does what it says."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect, unix_connect
from websockets.typing import Subprotocol

from tests.examples.programs import BACKENDS, EXAMPLES, SECONDS, Program, Start

pytestmark = pytest.mark.interop

PORT = ("--port", "0")
PIECE = bytes(range(256)) * 256


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Path:
    """The folder with a backend's examples."""
    return EXAMPLES / str(request.param)


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """A path for a unix socket; pytest's own temporary folders have names too long for that."""
    folder = Path(tempfile.mkdtemp(prefix="ws-"))
    yield folder / "socket"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def write_certificate(authority: trustme.CA, folder: Path) -> tuple[str, str]:
    """The files with a server's certificate and key."""
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    return str(certificate), str(key)


def write_authority(authority: trustme.CA, path: Path) -> str:
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def assert_ended(program: Program) -> None:
    """By itself, and without a complaint."""
    assert (program.exit_code(), program.errors()) == (0, "")


def get(url: str, path: str, context: ssl.SSLContext | None = None) -> tuple[int, str]:
    """Status and body of an HTTP response."""
    host = url.split("/")[2]
    connection = (
        http.client.HTTPConnection(host, timeout=SECONDS)
        if context is None
        else http.client.HTTPSConnection(host, timeout=SECONDS, context=context)
    )
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


# Streams.


def test_a_long_message_is_hashed_in_each_way_to_send_it(start: Start, backend: Path) -> None:
    """I sent more than the limit of a message that is put together, by frames, by pieces and by a producer."""
    server = start(backend / "streaming_server.py", *PORT)
    url = server.url()
    sizes = {"message": 1_000_000, "frame": 17_000_001, "streaming": 17_000_001, "producer": 17_000_001}
    clients = {
        mode: start(backend / "streaming_client.py", url, "--mode", mode, "--size", str(size))
        for mode, size in sizes.items()
    }
    for mode, client in clients.items():
        whole = (PIECE * (sizes[mode] // len(PIECE) + 1))[: sizes[mode]]
        assert client.line() == f"{mode}: {sizes[mode]} {hashlib.sha256(whole).hexdigest()}\n"
        assert_ended(client)
    server.stop()


def test_a_stream_of_lines_goes_through_websocket(start: Start, backend: Path) -> None:
    """The server knows lines, the client knows lines, and neither of them messages."""
    server = start(backend / "wrapping_server.py", *PORT)
    url = server.url()
    client = start(backend / "wrapping_client.py", url, "live", "stressed")
    assert [client.line(), client.line()] == ["evil\n", "desserts\n"]
    assert_ended(client)
    with connect(url, subprotocols=[Subprotocol("binary")]) as other:
        # A line may come in pieces.
        other.send(b"ab")
        other.send(b"c\r\n")
        assert other.recv(SECONDS) == b"cba\n"
        server.stop()


# Broadcasts and routes.


def test_news_go_to_everybody(start: Start, backend: Path) -> None:
    """Two of us heard the same news, and I not my own."""
    server = start(backend / "broadcast_prepared_server.py", *PORT, "--interval", "0.02")
    url = server.url()
    with connect(url) as first, connect(url) as second:
        assert str(first.recv(SECONDS)).startswith("news ")
        second.send("mine")
        heard = iter(lambda: first.recv(SECONDS), "mine")
        assert all(str(text).startswith("news ") for text in heard)
        assert {str(second.recv(SECONDS)).split()[0] for _ in range(3)} == {"news"}
    server.interrupt()
    assert re.fullmatch(r"sent \d+, dropped 0, disconnected 0\n", server.line_with("sent "))
    assert_ended(server)


@pytest.mark.parametrize("policy", ["disconnect", "drop oldest"])
def test_who_does_not_read_is_treated_by_the_policy(start: Start, backend: Path, policy: str) -> None:
    """One of us did not read; the others got everything."""
    options = ["--interval", "600", "--policy", policy, "--max-octets", "65536"]
    server = start(backend / "broadcast_prepared_server.py", *PORT, *options)
    url = server.url()
    count = 24
    with connect(url, max_queue=1) as slow, connect(url) as reader, connect(url) as speaker:
        for number in range(count):
            # More than all the buffers on the way hold.
            speaker.send(bytes([number]) * 1_000_000)
            assert reader.recv(SECONDS)[0] == number
        if policy == "disconnect":
            with pytest.raises(ConnectionClosed):
                read_all(slow)
        else:
            numbers = [0]
            while numbers[-1] < count - 1:
                numbers.append(int(slow.recv(SECONDS)[0]))
            assert numbers == sorted(numbers)
            assert len(numbers) < count
    server.interrupt()
    summary = server.line_with("sent ")
    assert ("disconnected 1\n" in summary) is (policy == "disconnect")
    assert "dropped 0" not in summary
    assert_ended(server)


def read_all(client: ClientConnection) -> None:
    while True:
        client.recv(SECONDS)


def test_paths_decide_what_a_connection_is_for(start: Start, backend: Path) -> None:
    """An echo, two rooms that do not hear each other, and nothing else."""
    server = start(backend / "routing_server.py", *PORT)
    url = server.url()
    with connect(f"{url}/echo") as echo:
        echo.send("x" * 2000)
        assert echo.recv(SECONDS) == "x" * 2000
    with (
        connect(f"{url}/rooms/blue") as first,
        connect(f"{url}/rooms/blue") as second,
        connect(f"{url}/rooms/red") as red,
    ):
        assert server.line().rstrip().endswith(" enters blue")
        first.send("only for blue")
        red.send("only for red")
        assert [first.recv(SECONDS), second.recv(SECONDS), red.recv(SECONDS)] == ["only for blue"] * 2 + [
            "only for red"
        ]
        red.send("x" * 2000)
        with pytest.raises(ConnectionClosed):
            red.recv(SECONDS)
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{url}/rooms")
    assert refused.value.response.status_code == 404
    server.stop()


# What is asked for, and by whom.


def test_headers_go_both_ways(start: Start, backend: Path) -> None:
    """With the token I was greeted in my language; without it I was asked for it."""
    server = start(backend / "http_headers_server.py", *PORT, "--token", "open")
    url = server.url()
    client = start(backend / "http_headers_client.py", url, "open")
    assert client.line() == f"X-Served-By: {'Twisted' if backend.name == 'twisted' else 'asyncio'}\n"
    assert client.line() == "X-Greeting: Guten Tag\n"
    assert re.fullmatch(r"Set-Cookie: session=[\w-]{22}; HttpOnly; SameSite=Strict\n", client.line())
    assert client.line() == "Set-Cookie: language=de\n"
    assert_ended(client)
    with pytest.raises(InvalidStatus) as refused:
        connect(url)
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["WWW-Authenticate"] == "Bearer"
    stranger = start(backend / "http_headers_client.py", url, "guess")
    assert stranger.exit_code() == 1
    assert stranger.errors() == f"{url} answered 401 and wants Bearer: a token is needed\n"
    server.stop()


def test_subprotocols_decide_about_the_language(start: Start, backend: Path) -> None:
    """The server took the best that I know, and spoke it."""
    server = start(backend / "subprotocols_server.py", *PORT)
    url = server.url()
    text, structured, unknown = Subprotocol("sum.text"), Subprotocol("sum.json"), Subprotocol("sum.xml")
    with connect(url, subprotocols=[unknown, text, structured]) as client:
        assert client.subprotocol == structured
        client.send('{"numbers": [1, 2, 3]}')
        assert json.loads(client.recv(SECONDS)) == {"sum": 6}
    with connect(url, subprotocols=[text]) as client:
        client.send("1 2 4")
        assert client.recv(SECONDS) == "7"
        client.send("one two")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1007
    with pytest.raises(InvalidStatus) as refused:
        connect(url, subprotocols=[unknown])
    assert refused.value.response.status_code == 400
    server.stop()


def test_an_agent_opens_a_client_without_a_class(start: Start, backend: Path) -> None:
    """Handlers printed what came; a refusal was printed too."""
    server = start(backend / "routing_server.py", *PORT)
    url = server.url()
    client = start(backend / "agent_client.py", f"{url}/echo", "one", "two")
    assert [client.line() for _ in range(3)] == ["one\n", "two\n", "closed: 1000\n"]
    assert_ended(client)
    refused = start(backend / "agent_client.py", f"{url}/nowhere")
    assert refused.exit_code() == 1
    assert refused.errors().startswith(f"{url}/nowhere answered 404: ")
    server.stop()


# Time.


def test_slow_answers_come_when_they_are_ready(start: Start, backend: Path) -> None:
    """The quick question overtook the slow one; nonsense ended the connection, with a reason."""
    server = start(backend / "slowsquare_server.py", *PORT, "--delay", "0.01")
    with connect(server.url()) as client:
        for number in (100, 0):
            client.send(json.dumps(number))
        answers = [json.loads(client.recv(SECONDS)) for _ in range(2)]
        assert answers == [{"number": 0, "square": 0}, {"number": 100, "square": 10_000}]
        client.send("seven")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "a number from 0 to 1000 is needed")
    server.stop()


def test_pings_are_timed_and_who_does_not_answer_is_dropped(start: Start, backend: Path) -> None:
    """The server said how long I took, and gave up a client that was silent."""
    server = start(backend / "keepalive_server.py", *PORT, "--interval", "0.05", "--timeout", "5")
    url = server.url()
    with connect(url):
        for number in (1, 2):
            assert re.search(rf"answered ping {number} in \d+\.\d+ ms$", server.line_with("answered"))
    server.line_with("is gone: 1000")
    server.stop()
    server = start(backend / "keepalive_server.py", *PORT, "--interval", "0.05", "--timeout", "0.05")
    url = server.url()
    with silent_client(url) as silent:
        name = f"tcp4:127.0.0.1:{silent.getsockname()[1]}"
        assert server.line() == f"{name} did not answer\n"
        assert server.line().startswith(f"{name} is gone: 1006 ")
    server.stop()


def silent_client(url: str) -> socket.socket:
    """A connection that is opened and never answers a ping."""
    host, port = url.removeprefix("ws://").split(":")
    client = socket.create_connection((host, int(port)), SECONDS)
    client.sendall(
        b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" % int(port)
    )
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


# Where it runs.


def test_tls_is_verified(start: Start, backend: Path, authority: trustme.CA, tmp_path: Path) -> None:
    """The client trusts the authority that it was told of, and nobody else."""
    server = start(
        backend / "echo_tls_server.py", *write_certificate(authority, tmp_path), *PORT, strict=backend.name == "asyncio"
    )
    url = server.url()
    right = write_authority(authority, tmp_path / "right.pem")
    wrong = write_authority(trustme.CA(), tmp_path / "wrong.pem")
    client = start(backend / "echo_tls_client.py", url, "--ca", right)
    strangers = [start(backend / "echo_tls_client.py", url, *given) for given in (["--ca", wrong], [])]
    assert client.line() == "text: Hello, privately!\n", client.errors()
    assert_ended(client)
    for stranger in strangers:
        assert stranger.exit_code() == 1
        errors = stranger.errors()
        assert errors.startswith(f"cannot connect to {url}: ")
        assert "certificate verify failed" in errors
    with connect(url, ssl=ssl.create_default_context(cafile=right)) as other:
        other.send("there?")
        assert other.recv(SECONDS) == "there?"
    server.stop()


def test_unix_sockets_work(start: Start, backend: Path, socket_path: Path) -> None:
    """No port is needed, and no file is left over."""
    server = start(backend / "unix_server.py", str(socket_path))
    url = server.url()
    client = start(backend / "unix_client.py", url)
    assert client.line() == f"connected to unix:{socket_path}\n"
    assert client.line() == "text: Hello, neighbour!\n"
    assert_ended(client)
    with unix_connect(str(socket_path)) as other:
        other.send("there?")
        assert other.recv(SECONDS) == "there?"
    server.stop()
    assert not list(socket_path.parent.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="SO_REUSEPORT shares connections out on Linux only")
def test_several_processes_serve_one_port(start: Start, backend: Path) -> None:
    """I connected until I had seen both of them, and they ended together."""
    server = start(backend / "multicore_server.py", *PORT, "--processes", "2")
    url = server.url()
    seen: set[str | bytes] = set()
    while len(seen) < 2:
        with connect(url) as client:
            seen.add(client.recv(SECONDS))
            client.send("there?")
            assert client.recv(SECONDS) == "there?"
    with connect(url) as client:
        client.recv(SECONDS)
        server.interrupt()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    assert_ended(server)
    with pytest.raises(OSError, match="refused"):
        connect(url)


def test_the_example_of_tests_passes(start: Start, backend: Path) -> None:
    """It is run as any unit test."""
    tests = start(backend / "testing_example.py")
    assert tests.exit_code() == 0
    errors = tests.errors()
    assert "Ran 2 tests" in errors
    assert errors.endswith("\nOK\n")


# Only on Twisted. Some of its own modules (static pages, TLS servers) do what Python or OpenSSL's package warns of, so
# where these are used warnings are no errors.

TWISTED = EXAMPLES / "twisted"


def test_a_site_has_a_page_and_an_echo(start: Start) -> None:
    """On one port, and both ended in order."""
    server = start(TWISTED / "site_server.py", *PORT, strict=False)
    url = server.url()
    assert get(url, "/")[1].startswith("<!doctype html>")
    assert get(url, "/nothing")[0] == 404
    with connect(url.replace("http", "ws") + "ws") as client:
        client.send("there?")
        assert client.recv(SECONDS) == "there?"
        server.interrupt()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    assert_ended(server)


def test_a_site_over_tls_has_a_page_and_an_echo(start: Start, authority: trustme.CA, tmp_path: Path) -> None:
    """Both are served securely."""
    server = start(TWISTED / "site_tls_server.py", *write_certificate(authority, tmp_path), *PORT, strict=False)
    url = server.url()
    context = ssl.create_default_context(cafile=write_authority(authority, tmp_path / "authority.pem"))
    assert get(url, "/", context)[1].startswith("<!doctype html>")
    with connect(url.replace("https", "wss") + "ws", ssl=context) as client:
        client.send("there?")
        assert client.recv(SECONDS) == "there?"
    server.stop()


def test_a_wsgi_application_has_an_echo_beside_it(start: Start) -> None:
    """The application has all paths but one."""
    server = start(TWISTED / "wsgi_server.py", *PORT)
    url = server.url()
    for path in ("/", "/some/where"):
        assert get(url, path) == (200, f"WSGI serves {path}\n")
    with connect(url.replace("http", "ws") + "ws") as client:
        client.send("there?")
        assert client.recv(SECONDS) == "there?"
    server.stop()


def test_endpoints_are_described_by_strings(start: Start) -> None:
    """Programs that know nothing of WebSocket talked through it."""
    server = start(TWISTED / "endpoints_server.py", r"wsframework:tcp\:0\:interface=127.0.0.1:url=ws\://localhost")
    port = server.url("port ")
    client = start(
        TWISTED / "endpoints_client.py", rf"wsframework:tcp\:127.0.0.1\:{port}:url=ws\://localhost\:{port}", "live"
    )
    assert client.line() == "evil\n"
    assert_ended(client)
    with connect(f"ws://127.0.0.1:{port}", subprotocols=[Subprotocol("binary")]) as other:
        other.send(b"abc\n")
        assert other.recv(SECONDS) == b"cba\n"
    server.stop()


def test_twistd_runs_the_service(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It served, and said goodbye when twistd was stopped."""
    monkeypatch.setenv("ENDPOINT", "tcp:0:interface=127.0.0.1")
    twistd = Path(sys.executable).with_name("twistd")
    service = str(TWISTED / "service.tac")
    server = start(twistd, "--nodaemon", "--pidfile=", "--python", service, strict=False)
    port = server.url("starting on")
    with connect(f"ws://127.0.0.1:{port}") as client:
        client.send("there?")
        assert client.recv(SECONDS) == "there?"
        server.interrupt()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    # twistd ends by the signal that stopped it.
    server.line_with("Server Shut Down")
    server.exit_code()
    assert "Traceback" not in server.errors()
