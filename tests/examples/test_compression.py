"""The examples for compression: each is run, and its numbers show that it compressed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect

from tests.examples.programs import BACKENDS, EXAMPLES, SECONDS, Program, Start

pytestmark = pytest.mark.interop

NAME = "permessage-deflate"
PORT = ("--port", "0")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Path:
    """The folder with a backend's examples."""
    return EXAMPLES / str(request.param)


def sizes(line: str) -> tuple[int, int]:
    """Before and after compression."""
    before, after = map(int, re.findall(r"\d+", line.partition(":")[2])[-2:])
    return before, after


def assert_ended(program: Program) -> None:
    """By itself, and without a complaint."""
    assert (program.exit_code(), program.errors()) == (0, "")


@pytest.mark.parametrize("client_backend", BACKENDS)
def test_both_ends_say_true(start: Start, backend: Path, client_backend: str) -> None:
    """A tenth of the octets went, in both directions."""
    server = start(backend / "echo_compressed_server.py", *PORT)
    url = server.url()
    client = start(EXAMPLES / client_backend / "echo_compressed_client.py", url)
    in_use = f"{NAME}; server_max_window_bits=12; client_max_window_bits=12"
    assert client.line() == f"uses {in_use}\n"
    assert server.line().endswith(f" uses {in_use}\n")
    for direction in ("outgoing", "incoming"):
        line = client.line()
        assert line.startswith(f"{direction}: ")
        before, after = sizes(line)
        assert after < before / 6
    assert_ended(client)
    assert sizes(server.line_with("is gone: ").partition("gone")[2])[0] == before
    server.stop()


def test_a_client_that_does_not_compress_is_served_too(start: Start, backend: Path) -> None:
    """It only takes more octets; and a server without compression is no problem for my client."""
    server = start(backend / "echo_compressed_server.py", *PORT)
    with connect(server.url(), compression=None) as client:
        assert server.line().endswith(" uses no compression\n")
        client.send("x" * 1000)
        assert client.recv(SECONDS) == "x" * 1000
    assert server.line_with("is gone").endswith("1000 octets of messages went as 1000\n")
    server.stop()
    plain = start(backend / "echo_server.py", *PORT)
    ours = start(backend / "echo_compressed_client.py", plain.url())
    assert ours.line() == "uses no compression\n"
    before, after = sizes(ours.line_with("incoming: "))
    assert before == after > 0
    assert_ended(ours)
    plain.stop()


CASES: list[tuple[list[str], str, tuple[bool, bool]]] = [
    ([], f"{NAME}; server_no_context_takeover; client_no_context_takeover", (True, False)),
    (["small", "alone"], f"{NAME}; server_no_context_takeover; client_no_context_takeover", (True, False)),
    (["large", "small"], f"{NAME}; server_max_window_bits=10; client_max_window_bits=10", (True, True)),
    (["large"], "no compression", (False, False)),
]


@pytest.mark.parametrize("client_backend", BACKENDS)
def test_functions_decide(start: Start, backend: Path, client_backend: str) -> None:
    """Of what my client offers, the server's function takes what it likes best; the other function says how we send."""
    server = start(backend / "echo_compressed_advanced_server.py", *PORT)
    url = server.url()
    for offers, in_use, shorter in CASES:
        arguments = [text for offer in offers for text in ("--offer", offer)]
        client = start(EXAMPLES / client_backend / "echo_compressed_advanced_client.py", url, *arguments)
        assert client.line() == f"uses {in_use}\n"
        before, first = sizes(client.line_with("text: "))
        _, again = sizes(client.line_with("text again: "))
        # What the first message gained, and the second by what it could refer to.
        assert (first < before / 4, again < first) == shorter
        assert sizes(client.line_with("picture: ")) == (1000, 1000)
        assert client.line() == "the picture is the same\n"
        assert_ended(client)
        assert server.line_with(" uses ").endswith(f" uses {in_use}\n")
    server.stop()


@pytest.mark.parametrize("name", ["echo_compressed_server.py", "echo_compressed_advanced_server.py"])
def test_another_librarys_client(start: Start, backend: Path, name: str) -> None:
    """With the parameters that it likes."""
    server = start(backend / name, *PORT)
    url = server.url()
    factories = [
        ClientPerMessageDeflateFactory(),
        ClientPerMessageDeflateFactory(client_max_window_bits=True, server_max_window_bits=9),
        ClientPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True),
    ]
    for factory in factories:
        with connect(url, compression=None, extensions=[factory]) as client:
            messages: list[str | bytes] = ["x" * 100_000, "x" * 1000, b"\0" * 1000, ""]
            for message in messages:
                client.send(message)
                assert client.recv(SECONDS) == message
    server.stop()


@pytest.mark.parametrize("backend_name", BACKENDS)
@pytest.mark.parametrize("name", ["echo_compressed_client.py", "echo_compressed_advanced_client.py"])
def test_client_says_in_a_line_that_nobody_listens(start: Start, backend_name: str, name: str) -> None:
    """I forgot to start the server."""
    server = start(EXAMPLES / backend_name / "echo_server.py", *PORT)
    url = server.url()
    server.stop()
    client = start(EXAMPLES / backend_name / name, url)
    assert client.exit_code() == 1
    errors = client.errors()
    assert errors.startswith(f"cannot connect to {url}: ")
    assert errors.count("\n") == 1
