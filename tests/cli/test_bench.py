"""`wsframework bench`."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from tests.cli.shells import BACKENDS, Command, Peer, Terminal

pytestmark = pytest.mark.interop

Start = Callable[..., Command]
StartPeer = Callable[..., Peer]


@pytest.fixture(params=BACKENDS)
def bench(command: Start, request: pytest.FixtureRequest) -> Start:
    """`bench`, on each backend, without warming up."""

    def start(*arguments: str, **options: Any) -> Command:
        return command("bench", *arguments, "--warmup", "0", "--backend", request.param, **options)

    return start


def test_the_numbers_add_up(bench: Start, peer: StartPeer) -> None:
    """As many messages as I asked for, each in the histogram once, and percentiles in their order."""
    arguments = ["--json", "-c", "3", "-n", "200", "--pipeline", "4", "--size", "300", "--binary", "--seconds", "30"]
    done = bench(peer().url, *arguments)
    assert done.status() == 0
    result = json.loads("".join(done.output()))
    assert (result["messages"], result["errors"]) == (200, {})
    assert sum(bar["messages"] for bar in result["histogram"]) == 200
    latency = result["latency"]
    times = [latency[name] for name in ("p50", "p90", "p99", "p99.9", "max")]
    assert times == sorted(times)
    assert 0 < latency["min"] <= latency["mean"] <= latency["max"] < result["seconds"] < 30
    assert result["messages_per_second"] == pytest.approx(200 / result["seconds"])
    assert result["octets_per_second"] == pytest.approx(300 * 200 / result["seconds"])
    assert result["asked"]["connections"] == 3


def test_the_time_is_a_bound(bench: Start, peer: StartPeer) -> None:
    """Without --messages it ends when its time is over."""
    done = bench(peer().url, "--seconds", "0.3", "--json", "-c", "2")
    assert done.status() == 0
    result = json.loads("".join(done.output()))
    assert result["messages"] > 0
    assert 0.3 <= result["seconds"] < 10


def test_it_is_drawn(bench: Start, peer: StartPeer) -> None:
    """Rates, percentiles, and a histogram; with ASCII alone where the terminal has no more."""
    for encoding, block in (("utf-8", "█"), ("ascii", "#")):
        done = bench(peer().url, "-n", "50", PYTHONIOENCODING=encoding)
        assert done.status() == 0
        text = "\n".join(done.output())
        for part in ("10 connections", "50 messages in", "messages/s", "MB/s", "p99.9", "no errors", block):
            assert part in text
        assert done.errors() == []


def test_large_messages_in_flight_do_not_block_each_other(bench: Start, peer: StartPeer) -> None:
    """Both ends have much to send: neither waits for the other for ever."""
    arguments = ["--size", "300000", "--pipeline", "40", "-n", "80", "-c", "1", "--seconds", "60", "--json"]
    done = bench(peer().url, *arguments)
    assert done.status() == 0
    assert json.loads("".join(done.output()))["messages"] == 80


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("something else", "what came back is not what was sent"),
        (None, "nothing came back within 0.3 seconds"),
    ],
)
def test_a_server_that_does_not_echo_is_found_out(bench: Start, peer: StartPeer, answer: str | None, said: str) -> None:
    """One line says so; numbers would mean nothing."""

    def reply(connection: ServerConnection) -> None:
        for _ in connection:
            if answer is not None:
                connection.send(answer)

    done = bench(peer(reply).url, "--timeout", "0.3" if answer is None else "20")
    assert done.status() == 1
    assert done.errors() == [f"wsframework bench: this server does not echo: {said}"]
    assert done.output() == []


def test_an_answer_that_is_wrong_later_is_counted(bench: Start, peer: StartPeer) -> None:
    """The tenth message of each connection came back changed."""

    def forget(connection: ServerConnection) -> None:
        for number, message in enumerate(connection):
            connection.send("wrong" if number == 10 else message)

    done = bench(peer(forget).url, "-c", "2", "--json")
    assert done.status() == 1
    result = json.loads("".join(done.output()))
    assert result["errors"] == {"what came back is not what was sent": 2}


def test_connections_that_end_are_counted(bench: Start, peer: StartPeer) -> None:
    """The server closed them after ten messages; it ended when none was left, and said why."""

    def tire(connection: ServerConnection) -> None:
        for _ in range(10):
            connection.send(connection.recv())
        connection.close(1013, "tired")

    done = bench(peer(tire).url, "-c", "3", "--seconds", "60")
    assert done.status() == 1
    assert "  3 times: closed with 1013: tired" in done.output()


def test_ctrl_c_ends_it_in_order(bench: Start, peer: StartPeer) -> None:
    """Connections are closed, there is no traceback, and no result."""
    server = peer()
    done = bench(server.url, "-c", "1", "--seconds", "600")
    server.request()
    done.signal(signal.SIGINT)
    assert done.status() == 130
    assert (done.output(), done.errors()) == ([], [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "0"),
        ("--pipeline", "x"),
        ("--size", "-1"),
        ("--seconds", "nan"),
        ("--text", "--binary"),
        ("-c", "10000", "--pipeline", "10000"),
    ],
)
def test_wrong_usage_is_2(bench: Start, arguments: tuple[str, ...]) -> None:
    """It says what is wrong, and sends nothing."""
    done = bench("ws://127.0.0.1:1/", *arguments)
    assert done.status() == 2
    assert "error: " in done.errors()[-1]


def test_a_terminal_sees_how_far_it_is(terminal: Callable[..., Terminal], peer: StartPeer) -> None:
    """A bar, with rich; the result without it afterwards."""
    pytest.importorskip("rich")
    shell = terminal("bench", peer().url, "--seconds", "0.5", "-c", "2")
    shell.until("measuring")
    assert shell.status() == 0
    shell.until("no errors")
