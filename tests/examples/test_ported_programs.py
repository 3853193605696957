"""Programs as people wrote them for Autobahn|Python: with another package name in their imports they run.

Where Autobahn|Python is installed, the same text runs on that too, with the imports turned back: so they are what users
of it have.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.examples.programs import BACKENDS, Program, Start

pytestmark = [pytest.mark.interop, pytest.mark.slow]

PROGRAMS = Path(__file__).parent / "ported_programs"
OURS = "wsframework"
PACKAGES = [OURS, *(["autobahn"] if find_spec("autobahn") else [])]

# What Autobahn|Python has on Twisted alone.
ONLY_OURS = {
    ("asyncio", name)
    for name in ["agent_client", "streaming_producer_client", "memory_agent", "wrapping_server", "wrapping_client"]
}


@dataclass(frozen=True)
class Runner:
    """Runs the programs of one backend on one of the packages."""

    backend: str
    package: str
    folder: Path
    start: Start

    def __call__(self, name: str, *arguments: str) -> Program:
        """Start the program of that name."""
        path = PROGRAMS / self.backend / f"{name}.py"
        if self.package == OURS:
            return self.start(path, *arguments)
        if (self.backend, name) in ONLY_OURS:
            pytest.skip(f"{self.package} does not have this on {self.backend}")
        original = self.folder / path.name
        original.write_text(renamed(path.read_text(), self.package))
        return self.start(original, *arguments, strict=False)

    def serve(self, name: str, *arguments: str, port: int = 0) -> tuple[Program, str]:
        """Start a server; its URL."""
        server = self(name, str(port), *arguments)
        return server, "ws://127.0.0.1:" + server.line_with("listening on ").split()[-1]

    def ends(self, program: Program) -> None:
        """It ends by itself and has nothing to complain about."""
        code, errors = program.exit_code(), program.errors()
        assert code == 0, errors
        # What the other package says about closed connections is not ours to judge.
        assert not errors or (self.package != OURS and "Traceback" not in errors), errors

    def stop(self, server: Program) -> None:
        """Ctrl-C."""
        server.interrupt()
        self.ends(server)


@pytest.fixture(params=[(backend, package) for backend in BACKENDS for package in PACKAGES], ids="-".join)
def run(request: pytest.FixtureRequest, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Programs of each backend, on each package."""
    # They print without flushing.
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    backend, package = request.param
    return Runner(backend, package, tmp_path, start)


def renamed(source: str, package: str) -> str:
    """A program with the package of its imports exchanged."""
    return re.sub(rf"^(from|import) {OURS}\b", rf"\1 {package}", source, flags=re.MULTILINE)


def unused_port() -> int:
    """A port for a program that is told where to listen before it is there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def says(program: Program, *lines: str) -> None:
    """It prints these lines one after the other, and maybe others in between (Twisted's log has words of its own)."""
    for line in lines:
        program.line_with(line)


def test_a_message_hashed_frame_by_frame(run: Runner) -> None:
    """My server computes a digest for each frame, the client sends the next one when it has that."""
    server, url = run.serve("frame_hash_server")
    client = run("frame_hash_client", url)
    says(client, *(f"digest {number} is right" for number in (1, 2, 3, 4)), "digest 4 is right", "closed: True 1000")
    says(server, *(f"frame {number} of 3145728 bytes" for number in (1, 2, 3, 4)))
    says(server, "frame 5 of 0 bytes", "message of 5 frames ended")
    run.ends(client)
    run.stop(server)


def test_a_frame_without_end_hashed_as_it_comes(run: Runner) -> None:
    """A frame may be 2^63 - 1 octets long; my server takes what comes of it."""
    server, url = run.serve("streaming_hash_server")
    client = run("streaming_hash_client", url)
    for number in (1, 2, 3):
        says(client, f"{number << 20} bytes of the frame are sent", f"digest {number} is right")
    says(client, "closed: False 1006")
    says(server, "streaming in from tcp4:127.0.0.1:", "frame of 9223372036854775807 bytes begins")
    run.ends(client)
    run.stop(server)


def test_a_producer_writes_the_frames(run: Runner) -> None:
    """The transport tells my producer when to go on, and the message is longer than any buffer."""
    server, url = run.serve("streaming_hash_server")
    client = run("streaming_producer_client", url)
    says(client, "sent 20971520 bytes in 210 frames")
    says(client, "20 batches, digest is True", "closed: True 1000")
    says(server, "frame of 100000 bytes begins", "frame of 71520 bytes begins", "message ends after 20971520 bytes")
    run.ends(client)
    run.stop(server)


@pytest.mark.parametrize("arguments", [pytest.param((), id="plain"), pytest.param(("prepared",), id="prepared")])
def test_what_one_says_everybody_hears(run: Runner, arguments: tuple[str, ...]) -> None:
    """The factory of my server has the list of clients, and may prepare each message once."""
    server, url = run.serve("broadcast_server", *arguments, port=unused_port())
    clients = [run("broadcast_client", url, word) for word in ("first", "second")]
    for client, word in zip(clients, ("first", "second"), strict=True):
        says(client, f"heard {word} from tcp4:127.0.0.1:", "closed: True")
        run.ends(client)
    says(server, "registered tcp4:127.0.0.1:", "unregistered tcp4:127.0.0.1:")
    says(server, ", 0 left")
    run.stop(server)


def test_headers_and_cookies_go_both_ways(run: Runner) -> None:
    """My server answers a cookie with a cookie; onConnect returns a subprotocol and headers."""
    server, url = run.serve("http_headers_server")
    client = run("http_headers_client", url)
    for visit in ("1", "2"):
        says(server, "/some%20path {'a': ['1', '3'], 'b': ['2']} host=127.0.0.1 version=13")
        says(server, "origin=http://localhost agent=TestClient/1.0", "client header: client's own, None")
        says(server, "same headers: True")
        says(client, "connected to tcp4:127.0.0.1:", "server: TestServer/1.0", "x-fixed: always")
        says(client, "x-dynamic: computed", "x-twice: one, two", f"message: greeting visit {visit}")
        says(client, "closed: True 1000")
    run.ends(client)
    run.stop(server)


def test_messages_are_compressed(run: Runner) -> None:
    """I return an acceptance for the first offer, as everybody does."""
    server, url = run.serve("compression_server")
    client = run("compression_client", url)
    says(client, "in use: ['permessage-deflate']", *["received 1500 bytes, the same: True"] * 3)
    says(client, "closed: True 1000, ratios below a quarter: True True")
    says(server, "in use: ['permessage-deflate']", "closed: True 1000, received 4500, which were shorter: True")
    run.ends(client)
    run.stop(server)


NAME = "permessage-deflate"


def in_use(is_server: bool, agreed: str, mem_level: int) -> str:
    """What one end prints of its extension."""
    return f"in use: {{'extension': '{NAME}', 'is_server': {is_server}, {agreed}, 'mem_level': {mem_level}}}"


OFFERED = {
    "alone": "; client_max_window_bits; server_no_context_takeover 0",
    "small": "; client_max_window_bits; server_max_window_bits=10 10",
    "other": " 0",
}
# What is offered, what is answered to that, what is agreed on then, and with which memory level at the server.
NEGOTIATIONS = [
    (
        "small,alone,other",
        "'client_max_window_bits': 0, 'client_no_context_takeover': True, 'server_max_window_bits': 0, "
        "'server_no_context_takeover': True",
        "'server_no_context_takeover': True, 'client_no_context_takeover': True, 'server_max_window_bits': 15, "
        "'client_max_window_bits': 15",
        8,
    ),
    (
        "other,small",
        "'client_max_window_bits': 9, 'client_no_context_takeover': False, 'server_max_window_bits': 10, "
        "'server_no_context_takeover': False",
        "'server_no_context_takeover': False, 'client_no_context_takeover': False, 'server_max_window_bits': 10, "
        "'client_max_window_bits': 9",
        2,
    ),
    ("other", "", "", 0),
]


def test_compression_is_negotiated(run: Runner) -> None:
    """My functions look at the offers and at the answer, and one of them may say no."""
    server, url = run.serve("compression_advanced_server")
    for offers, answer, agreed, mem_level in NEGOTIATIONS:
        client = run("compression_advanced_client", url, offers)
        for offer in offers.split(","):
            says(server, f"offered: {NAME}; client_no_context_takeover{OFFERED[offer]}")
        if agreed:
            says(client, f"answered: {{'extension': '{NAME}', {answer}}}", in_use(False, agreed, 3))
            says(server, in_use(True, agreed, mem_level))
        else:
            says(client, "in use: nothing")
        says(client, f"text of 900 bytes came as less: {bool(agreed)}", "the same: True, both ways as 1024 1024")
        says(client, "closed: True 1000")
        says(server, "closed: True 1000")
        run.ends(client)
    client = run("compression_advanced_client", url, "small", "refuse")
    says(client, "answered: ", "closed: False 1006")
    says(server, "closed: False 1006")
    run.ends(client)
    run.stop(server)


def test_services_by_subprotocol(run: Runner) -> None:
    """onConnect decides what serves the connection, and refuses what it does not know."""
    server, url = run.serve("subprotocols_server")
    path = "/text?token=secret"
    client = run("subprotocols_client", url + path, "unknown.example", "upper.example")
    says(client, "speaking upper.example", "received HELLO", "closed: True ")
    says(server, "UpperService closed: True 3999 thank you")
    client = run("subprotocols_client", url + path, "reverse.example", "upper.example")
    says(client, "speaking reverse.example", "received I reverse", "received olleH", "closed: True ")
    says(server, "ReverseService closed: True 3999 thank you")
    for target, status in {"/elsewhere": 404, "/text?token=guess": 403, path: 400}.items():
        client = run("subprotocols_client", url + target, "unknown.example")
        says(client, f"closed: False 1006, status line: HTTP/1.1 {status} ")
        run.ends(client)
    run.stop(server)


def test_squares_take_their_time(run: Runner) -> None:
    """onMessage waits for a result; an error in it closes the connection with a code of its own."""
    server, url = run.serve("slowsquare_server")
    client = run("slowsquare_client", url)
    for number, square in {"2": "4", "1.5": "2.25", "3": "9"}.items():
        says(client, f"asked for the square of {number}", f"result received: {square}")
    says(client, "asked for the square of 10", "closed: True 3000 Exception raised: number too large")
    run.ends(client)
    run.stop(server)


def test_a_client_that_stops_answering_pings_is_let_go(run: Runner) -> None:
    """My client answered three pings of the keepalive and then hung."""
    server, url = run.serve("keepalive_server")
    client = run("keepalive_client", url)
    says(server, "ping received: are you there?")
    says(server, *(f"pong {number} received, 20 bytes" for number in (1, 2, 3)), "closed: False 1006 after 3 pongs")
    says(client, "pong received: are you there?", "ping 4 received, 20 bytes", "closed: False 1006")
    run.ends(client)
    run.stop(server)


def test_a_client_comes_back(run: Runner) -> None:
    """It was started before the server, and the server throws it out after each message."""
    port = unused_port()
    client = run("reconnecting_client", f"ws://127.0.0.1:{port}")
    says(client, "connection failed, trying again")
    server, _ = run.serve("goodbye_server", port=port)
    for number in (1, 2, 3):
        says(client, f"received conversation {number}", "closed: True 1000", "connection lost")
    run.ends(client)
    run.stop(server)


def test_an_agent_opens_by_url(run: Runner) -> None:
    """I wait for open and closed, and listen to messages."""
    server, url = run.serve("subprotocols_server")
    client = run("agent_client", url + "/text?token=secret")
    says(client, "ClientProtocol is open to tcp4:127.0.0.1:", "protocol upper.example", "message AGENT False")
    says(client, "clean: True, code 1000", "and another one")
    run.ends(client)
    run.stop(server)


def test_a_stream_protocol_behind_websocket(run: Runner) -> None:
    """My protocols speak lines and know nothing of WebSocket."""
    server, url = run.serve("wrapping_server")
    client = run("wrapping_client", url)
    says(server, "lines from ")
    says(client, "line welcome", "line SOME WORDS", "lost")
    says(server, "lines lost")
    run.ends(client)
    run.stop(server)


def test_protocols_tested_in_memory(run: Runner) -> None:
    """My unit tests open connections without a network."""
    program = run("memory_agent")
    code, errors = program.exit_code(), program.errors()
    assert code == 0, errors
    assert "Ran 2 tests" in errors
