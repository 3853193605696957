"""What clients and servers of the command line say when a connection or a port is not to be had."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.shells import BACKENDS, SECONDS, Command, Peer
from wsframework._core.uri import parse_uri
from wsframework.cli.advice import of_connecting
from wsframework.cli.backends import load

pytestmark = pytest.mark.interop

Start = Callable[..., Command]
StartPeer = Callable[..., Peer]

LACKS_TLS = "; does this port speak TLS? If it does not, use ws://"
WANTS_TLS = "; perhaps this port speaks TLS; if it does, use wss://"
# A fatal alert of TLS, and what nginx and Go's servers say in HTTP.
ALERT = b"\x15\x03\x01\x00\x02\x02\x46"
REFUSALS = [
    ALERT,
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 46\r\n\r\nThe plain HTTP request was sent to HTTPS port\r\n",
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
]


@pytest.fixture(params=[(name, backend) for name in ("connect", "bench") for backend in BACKENDS], ids=str)
def call(command: Start, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Run a client's command that fails, on each backend: the one line that it says, without its name."""
    name, backend = request.param

    def run(*arguments: str) -> str:
        done = command(name, *arguments, "--backend", backend)
        assert done.status() == 1
        (line,) = done.errors()
        start = f"wsframework {name}: "
        assert line.startswith(start)
        return line.removeprefix(start)

    return run


@contextmanager
def answering(octets: bytes) -> Iterator[int]:
    """The port of a server that says this to its one client, whatever was asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(4096)
                client.sendall(octets)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(SECONDS)


def nobody() -> int:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def test_nobody_there_is_said_with_the_place(call: Callable[..., str]) -> None:
    """I had forgotten to start the server."""
    port = nobody()
    assert call(f"ws://127.0.0.1:{port}/x") == f"127.0.0.1:{port}: Connection refused; is a server running there?"


@pytest.mark.parametrize("name", BACKENDS)
def test_a_name_that_cannot_be_looked_up_is_said(name: str) -> None:
    """I saw that I had mistyped it."""
    errors = {"asyncio": socket.gaierror(socket.EAI_NONAME, "no such name")}
    if name == "twisted":
        errors[name] = pytest.importorskip("twisted.internet.error").DNSLookupError("no such name")
    line = of_connecting(load(name), errors[name], parse_uri("ws://exmaple.com/"))
    assert line is not None
    assert line.startswith("exmaple.com: the name cannot be looked up")


def test_a_unix_socket_that_is_not_there_is_said_with_its_path(call: Callable[..., str], tmp_path: Path) -> None:
    """The same where the place is a file."""
    path = tmp_path / "none"
    assert call(f"ws://unix:{path}") == f"{path}: No such file or directory; is a server running there?"


def test_a_proxy_that_is_not_there_is_not_taken_for_the_server(call: Callable[..., str]) -> None:
    """It was the proxy that I should have started; its password is not shown."""
    line = call("ws://127.0.0.1:1/", "--proxy", f"http://user:secret@127.0.0.1:{nobody()}")
    assert line == "Connection refused by the proxy; is it running?"


def test_tls_at_a_plain_port_is_asked_about(call: Callable[..., str], peer: StartPeer) -> None:
    """wss:// where ws:// is spoken: some servers answer in HTTP, others hang up."""
    with answering(REFUSALS[1]) as port:
        assert call(f"wss://127.0.0.1:{port}/") == f"TLS failed: wrong version number{LACKS_TLS}"
    line = call(peer().url.replace("ws:", "wss:"))
    assert line.startswith("the connection was lost")
    assert line.endswith(LACKS_TLS)


def test_plain_at_a_port_with_tls_is_guessed(
    call: Callable[..., str], peer: StartPeer, certificate: tuple[str, str]
) -> None:
    """ws:// where wss:// is spoken: that server only hangs up."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate[0])
    line = call(peer(ssl=context).url)
    assert line.startswith("the connection was lost during the opening handshake: ")
    assert line.endswith(WANTS_TLS)


@pytest.mark.parametrize("octets", REFUSALS)
def test_a_server_that_asks_for_tls_is_understood(call: Callable[..., str], octets: bytes) -> None:
    """Some say it with an alert, some in words."""
    with answering(octets) as port:
        assert call(f"ws://127.0.0.1:{port}/").endswith(WANTS_TLS)


def test_other_refusals_have_no_such_advice(call: Callable[..., str]) -> None:
    """A 400 for another reason, and an alert in answer to TLS."""
    with answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as port:
        assert call(f"ws://127.0.0.1:{port}/") == "the server answered HTTP 400 Bad Request"
    with answering(ALERT) as port:
        assert call(f"wss://127.0.0.1:{port}/") == "TLS failed: tlsv1 alert protocol version"


def test_a_certificate_that_is_not_trusted_is_called_that(
    call: Callable[..., str], peer: StartPeer, certificate: tuple[str, str]
) -> None:
    """In the same words on both backends, with what to do if it is right nevertheless."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate[0])
    line = call(peer(ssl=context).url.replace("ws:", "wss:"))
    assert line.startswith("the server's certificate is not trusted")
    assert line.endswith("; --ca FILE trusts what is signed by the certificates in FILE, -k any server")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_port_that_is_taken_is_named(command: Start, backend: str) -> None:
    """And how to have another one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("serve", "echo", "--port", str(port), "--backend", backend)
        assert done.status() == 1
        said = f"127.0.0.1:{port} is in use by another program; --port 0 takes a free one"
        assert done.errors() == [f"wsframework serve: {said}"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_address_of_another_machine_is_named(command: Start, backend: str) -> None:
    """192.0.2.1 is nobody's."""
    done = command("serve", "echo", "--host", "192.0.2.1", "--port", "9", "--backend", backend)
    assert done.status() == 1
    (line,) = done.errors()
    assert line.startswith("wsframework serve: 192.0.2.1:9: ")


@pytest.mark.parametrize("name", ["connect", "bench", "check"])
@pytest.mark.parametrize(("scheme", "meant"), [("http", "ws"), ("https", "wss"), ("HTTPS", "wss")])
def test_a_url_of_the_web_is_rewritten(command: Start, name: str, scheme: str, meant: str) -> None:
    """I copied the address from my browser."""
    done = command(name, f"{scheme}://127.0.0.1:1/a?b")
    assert done.status() == 2
    assert done.errors()[-1].endswith(f"it must start with ws:// or wss://; write {meant}://127.0.0.1:1/a?b")
