"""A message that is small on the wire and huge behind it ends as soon as it is over the limit, or goes by in pieces.

A MiB that inflates to one GiB; by pieces it is a tenth of that unless WSFRAMEWORK_STREAM_GIB says otherwise, in GiB.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec

import pytest

from tests.interop.deflated_wire import (
    BINARY,
    Messages,
    accept,
    bomb,
    close_code,
    compressed,
    connect,
    frames,
    send_and_receive,
)
from tests.interop.processes import Program, running
from tests.interop.test_slow_reader import echo, frame, open_connection

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

KIB, MIB = 1 << 10, 1 << 20
BOMB = bomb(1024)
STREAM = int(float(os.environ.get("WSFRAMEWORK_STREAM_GIB", "0.1")) * 1024)
# How much more than the limit on messages a process' memory may grow, and how much at all when nothing is assembled.
GROWTH = 4 * MIB
GROWTH_BY_PIECES = 8 * MIB
DEFAULT_LIMIT = 16 * MIB
# Turns of the server's loop in which it could inflate what nobody has asked for.
ECHOES_MEANWHILE = 200

# The limit, whether the connection just ends, and the size of the bomb's frames.
CASES = [
    pytest.param(DEFAULT_LIMIT, False, len(BOMB), id="default-closing-one-frame"),
    pytest.param(DEFAULT_LIMIT, True, 4 * KIB, id="default-dropping-fragments"),
    pytest.param(64 * KIB, False, 16, id="64KiB-closing-small-fragments"),
    pytest.param(64 * KIB, True, len(BOMB), id="64KiB-dropping-one-frame"),
]


@pytest.fixture(params=["twisted", "asyncio", "uvloop"])
def backend(request: pytest.FixtureRequest) -> str:
    """What the process runs on."""
    if request.param == "uvloop" and find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    name: str = request.param
    return name


def options(limit: int, drops: bool) -> str:
    """The process' last argument; the default limit is really the default."""
    chosen = {} if limit == DEFAULT_LIMIT else {"maxMessagePayloadSize": limit}
    return json.dumps({"failByDrop": drops, **chosen})


def warm_up(connection: socket.socket, masked: bool) -> None:
    """A compressed message there and back, so that all that is needed for one is loaded."""
    payload = b"ordinary " * 1000
    connection.sendall(b"".join(frames(compressed(payload), len(payload), masked)))
    assert b"".join(Messages(connection).next()) == payload


@contextmanager
def measured(program: Program, limit: int, capsys: pytest.CaptureFixture[str], what: str) -> Iterator[None]:
    """What happens in here may take so much memory, compared with what there is before."""
    before = program.memory()
    began = time.monotonic()
    yield
    grown = program.peak_memory() - before
    with capsys.disabled():
        print(f"\n{what}: {time.monotonic() - began:.2f} s, memory grew by {grown / MIB:.1f} MiB", end="")
    assert grown < limit


def expect_refusal(program: Program, limit: int, drops: bool, came: list[tuple[int, bytes]]) -> None:
    """The peer was told with 1009, or nothing at all; the process' log and its onClose name the limit."""
    assert close_code(came) == (None if drops else 1009)
    name = f"maxMessagePayloadSize ({limit})"
    log = program.report()["log"]
    assert name in log
    closed = program.report()
    assert closed["code"] == (1006 if drops else 1009)
    assert name in closed["reason"]


@pytest.mark.parametrize(("limit", "drops", "size"), CASES)
def test_a_server_refuses_a_message_that_inflates_to_a_thousand_times_its_size(
    backend: str, limit: int, drops: bool, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """They sent me a MiB that was a GiB: the log says over which limit it was, nobody else noticed it."""
    with running("deflate_process", backend, "messages", options(limit, drops)) as server:
        port = server.report()["port"]
        with closing(open_connection(port, None)) as modest, closing(connect(port)) as hostile:
            warm_up(hostile, masked=True)
            echo(modest, b"before")
            parts = list(frames(BOMB, size, masked=True))
            with measured(server, limit + GROWTH, capsys, backend):
                # The first frame, or a part of it: not yet too much.
                beginning = parts[0][:16]
                hostile.sendall(beginning)
                echo(modest, b"meanwhile")
                came = send_and_receive(hostile, b"".join(parts)[len(beginning) :])
                echo(modest, b"afterwards")
            expect_refusal(server, limit, drops, came)


@pytest.mark.parametrize(("limit", "drops", "size"), [CASES[0], CASES[-1]])
def test_a_client_refuses_a_message_that_inflates_to_a_thousand_times_its_size(
    backend: str, limit: int, drops: bool, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server that I asked answered with a GiB: I did not take it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        with (
            running("deflate_process", backend, "messages", port, options(limit, drops)) as client,
            closing(accept(listener)) as hostile,
        ):
            warm_up(hostile, masked=False)
            with measured(client, limit + GROWTH, capsys, backend):
                came = send_and_receive(hostile, b"".join(frames(BOMB, size, masked=False)))
            expect_refusal(client, limit, drops, came)


@pytest.mark.parametrize("api", ["pieces", "plain"])
def test_by_pieces_it_goes_through_in_constant_memory(
    backend: str, api: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """My server sends it back while it inflates, compressed or not, no faster than it is read."""
    little, much = (b"".join(frames(bomb(size), 64 * KIB, masked=True)) for size in (1, STREAM))
    with running("deflate_process", backend, api, "{}") as server:
        port = server.report()["port"]
        with closing(open_connection(port, None)) as modest, closing(connect(port)) as client:
            others, echoes = Messages(modest), Messages(client)
            modest.sendall(frame(BINARY, b"before"))
            assert b"".join(others.next()) == b"before"
            client.sendall(little)
            assert zeros(echoes) == MIB
            with measured(server, GROWTH_BY_PIECES, capsys, f"{backend}, {api}, {STREAM} MiB"):
                sending = threading.Thread(target=client.sendall, args=(much,))
                sending.start()
                for _ in range(ECHOES_MEANWHILE):
                    modest.sendall(frame(BINARY, b"meanwhile"))
                    assert b"".join(others.next()) == b"meanwhile"
                assert zeros(echoes) == STREAM * MIB
                sending.join()


def zeros(messages: Messages) -> int:
    """The length of the next message, which is zeros."""
    length = 0
    for piece in messages.next():
        assert piece.count(0) == len(piece)
        length += len(piece)
    return length
