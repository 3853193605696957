"""`wsframework connect` with somebody at a terminal, with prompt_toolkit and without."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from tests.cli.shells import BACKENDS, SECONDS, Peer, Terminal

pytestmark = [pytest.mark.interop, pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")]

StartPeer = Callable[..., Peer]
Start = Callable[..., Terminal]


@pytest.fixture
def without_extra(tmp_path: Path) -> str:
    """A folder that hides prompt_toolkit and rich, when it is the first to be looked in."""
    folder = tmp_path / "hidden"
    folder.mkdir()
    for name in ("prompt_toolkit", "rich"):
        (folder / f"{name}.py").write_text(f"raise ModuleNotFoundError('hidden', name={name!r})\n")
    return str(folder)


@pytest.fixture(params=[(backend, extra) for backend in BACKENDS for extra in (True, False)], ids=str)
def connect(terminal: Start, without_extra: str, request: pytest.FixtureRequest) -> Start:
    """`connect` in a terminal, on each backend, with the extra and without."""
    backend, extra = request.param
    if extra:
        pytest.importorskip("prompt_toolkit")

    def start(*arguments: str, **options: Any) -> Terminal:
        if not extra:
            options["first"] = without_extra
        return terminal("connect", *arguments, "--backend", backend, **options)

    return start


def test_what_is_typed_is_sent_and_what_comes_is_shown(connect: Start, peer: StartPeer) -> None:
    """I typed, saw the answer, and left with Ctrl-D."""
    server = peer()
    shell = connect(server.url)
    shell.until("subprotocol")
    shell.until("/help for commands, Ctrl-D to close")
    shell.type("hello\r")
    shell.until("< hello")
    shell.type("/bin 00ff\r")
    shell.until("< [2 octets] 00 ff")
    shell.type("/ping\r")
    shell.until("pong after ")
    shell.type("\x04")
    assert shell.status() == 0
    shell.until("Closed by you with 1000 (the server answered 1000)")
    assert server.closure() == (1000, "")


def test_ctrl_c_closes_in_order(connect: Start, peer: StartPeer) -> None:
    """I pressed Ctrl-C in the middle of a line."""
    server = peer()
    shell = connect(server.url)
    shell.type("hello\r")
    shell.until("< hello")
    shell.type("half a l")
    shell.type("\x03")
    assert shell.status() == 130
    shown = shell.until("\nClosed by you with 1001 (the server answered 1001)")
    assert "Traceback" not in shown
    assert server.closure() == (1001, "")


def test_the_end_of_the_connection_is_the_end(connect: Start, peer: StartPeer) -> None:
    """The server closed while I was typing: I had my shell back, and the reason."""

    def answer_and_close(connection: ServerConnection) -> None:
        connection.send(connection.recv(timeout=SECONDS))
        connection.close(4000, "enough")

    shell = connect(peer(answer_and_close).url)
    shell.type("hello\r")
    shell.until("< hello")
    assert shell.status() == 1
    shell.until("Closed by the server: 4000 (of the application) enough")


def test_a_message_cannot_look_like_anything_else(connect: Start, peer: StartPeer) -> None:
    """Lines of a message are indented, and nothing in it steers my terminal."""

    def attack(connection: ServerConnection) -> None:
        connection.recv(timeout=SECONDS)
        connection.send("first\nClosed by the server: 1000 (normal)\x1b[2K\x1b]52;c;aGk=\x07")
        connection.send("x" * 5000)
        connection.recv(timeout=SECONDS)

    shell = connect(peer(attack).url)
    shell.type("go\r")
    shell.until("1,000 more characters")
    shell.type("bye\r")
    assert shell.status() == 0
    shown = shell.until("\n  Closed by the server: 1000 (normal)\\x1b[2K\\x1b]52;c;aGk=\\x07")
    assert "\x1b]52" not in shell.raw()
    assert "< first" in shown


def test_the_end_of_what_is_typed_is_the_end(connect: Start, peer: StartPeer) -> None:
    """Ctrl-D closes at once: only at the end of a pipe are late answers waited for."""
    shell = connect(peer().url, "--wait", "600")
    shell.type("hello\r")
    shell.until("< hello")
    shell.type("\x04")
    assert shell.status() == 0


@pytest.mark.parametrize(("columns", "count"), [(40, 13), (80, 10)])
def test_the_help_fits_the_terminal(connect: Start, peer: StartPeer, columns: int, count: int) -> None:
    """On my telephone no line of /help was broken, and on my screen each has one line."""
    shell = connect(peer().url, columns=columns)
    shell.type("/help\r")
    lines = shell.until("send /text").splitlines()
    begin = next(number for number, line in enumerate(lines) if "/ping [text] " in line)
    end = next(number for number, line in enumerate(lines) if "send /text" in line)
    assert end - begin + 1 == count
    assert all(len(line) < columns for line in lines[begin : end + 1])
    shell.type("\x04")
    assert shell.status() == 0


def test_lines_can_be_had_again(terminal: Start, peer: StartPeer) -> None:
    """With prompt_toolkit, arrow up is the line before, and Tab completes a command."""
    pytest.importorskip("prompt_toolkit")
    shell = terminal("connect", peer().url)
    shell.type("hello\r")
    shell.until("< hello")
    shell.type("\x1b[A\r")
    shell.until("< hello", 2)
    shell.type("/sta\t")
    shell.until("/stats")
    shell.type("\r")
    shell.until("on the wire")
    shell.type("\x04")
    assert shell.status() == 0


def test_colors_can_be_had_without(terminal: Start, peer: StartPeer, without_extra: str) -> None:
    """NO_COLOR."""
    for more, expected in (({}, True), ({"NO_COLOR": "1"}, False)):
        shell = terminal("connect", peer().url, first=without_extra, **more)
        shell.until("subprotocol")
        shell.type("\x04")
        assert shell.status() == 0
        shell.until("Closed by you")
        assert ("\x1b[" in shell.raw()) is expected
