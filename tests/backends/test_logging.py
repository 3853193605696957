"""What is logged: at which level, in which words, with which fields, and by whose logger."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from tests.backends.programs import KEY, Backend, close, note_taker, opened, request, text
from wsframework._core.codec import encode_frame
from wsframework.websocket import Router
from wsframework.websocket.types import ConnectingRequest, ConnectionDeny

PEER = "tcp4:192.0.2.1:54321"
FIELDS = ("ws_id", "ws_role", "ws_peer", "ws_path")
LEVELS = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.ERROR: "error",
    LogLevel.debug: "debug",
    LogLevel.info: "info",
    LogLevel.critical: "error",
}


@dataclass
class Line:
    """One entry of either log."""

    world: str
    logger: str
    level: str
    text: str
    fields: dict[str, object]
    error: BaseException | None


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """All that is logged, at whatever level, by whatever logger."""
    found: list[Line] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            fields = {name: value for name, value in vars(record).items() if name in FIELDS}
            error = record.exc_info[1] if record.exc_info else None
            found.append(Line("logging", record.name, LEVELS[record.levelno], record.getMessage(), fields, error))

    def observe(event: dict[str, Any]) -> None:
        fields = {name: event[name] for name in FIELDS if name in event}
        error = event["log_failure"].value if "log_failure" in event else None
        found.append(
            Line("twisted", event["log_namespace"], LEVELS[event["log_level"]], formatEvent(event), fields, error)
        )

    handler = Handler()
    ours = logging.getLogger("wsframework")
    root = logging.getLogger()
    root.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    yield found
    globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]
    ours.setLevel(logging.NOTSET)
    root.removeHandler(handler)


def only(lines: list[Line]) -> Line:
    """The one line that there is, without the connection's number."""
    (line,) = lines
    assert re.match(r"ws-[0-9]+[: ]", line.text)
    assert line.text.isprintable()
    assert line.fields.get("ws_id") == re.split("[: ]", line.text)[0]
    line.text = re.sub(r"^ws-[0-9]+(: )?", "", line.text)
    return line


def refused(backend: Backend, octets: bytes, **options: Any) -> Any:
    """A server's protocol, after a peer sent these octets, waited for ten minutes, and went."""
    factory = backend.make_server(note_taker(backend))
    factory.setProtocolOptions(**options)
    link = backend.connect(factory)
    link.receive(octets)
    backend.settle()
    backend.advance(600)
    if not link.lost:
        link.end()
    backend.settle()
    return link.protocol


# Quiet.


def test_what_ends_in_order_is_not_worth_a_line(backend: Backend, lines: list[Line]) -> None:
    """A hundred thousand clients come and go, and my log stays empty."""
    link = opened(backend, note_taker(backend))
    link.receive(text("hello") + close(1000, "bye"))
    link.end()
    link = opened(backend, note_taker(backend))
    link.protocol.sendClose(1001)
    link.receive(close(1001))
    link.end()
    for end in ("end", "cut"):
        link = opened(backend, note_taker(backend))
        getattr(link, end)()
        assert link.lost
    link = opened(backend, note_taker(backend))
    link.protocol.dropConnection(abort=True)
    backend.settle()
    assert link.lost
    assert lines == []


def test_serving_a_page_is_not_worth_a_line(backend: Backend, lines: list[Line]) -> None:
    """Health checks do not fill my log."""
    refused(backend, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert lines == []


@pytest.mark.parametrize("end", ["end", "cut"])
def test_who_comes_and_goes_without_a_word_is_only_there_for_debugging(
    backend: Backend, lines: list[Line], end: str
) -> None:
    """A port scan, a load balancer that looks whether the port is open, a browser that connects in advance."""
    link = backend.connect(backend.make_server())
    getattr(link, end)()
    backend.settle()
    line = only(lines)
    assert line.level == "debug"
    assert line.text.startswith(f"connection with {PEER} ended before a request came: ")


def test_an_answer_that_comes_too_late_is_only_there_for_debugging(backend: Backend, lines: list[Line]) -> None:
    """Nothing is wrong with it, and in a shutdown under load there would be one for every message."""

    class Slow(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendClose()
            self.sendMessage(payload)

    opened(backend, Slow).receive(text("hello"))
    line = only(lines)
    assert (line.level, line.error) == ("debug", None)
    assert line.text == f"onMessage had something to send when the connection with {PEER} was closing"


def test_a_connection_that_logs_nothing_has_no_number(backend: Backend) -> None:
    """A million quiet connections, and the next one that is refused is ws-1."""
    link = opened(backend, note_taker(backend))
    link.receive(text("hello") + close(1000))
    link.end()
    assert "connection_id" not in vars(link.protocol)
    first = int(link.protocol.connection_id.removeprefix("ws-"))
    assert opened(backend, None).protocol.connection_id == f"ws-{first + 1}"
    assert link.protocol.connection_id == f"ws-{first}"


# One line for each peer that was refused or dropped.

BIG = request() + encode_frame(2, b"x" * 101, KEY)


@pytest.mark.parametrize(
    ("octets", "options", "words"),
    [
        (b"GET /\x1b[31m HTTP/1.1\r\n\r\n", {}, "was refused: answered with HTTP 400: "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {}, "was refused: answered with HTTP 400: "),
        (b"SSH-2.0-scan\r\n\r\n", {}, "was refused: answered with HTTP 400: "),
        (request("X: " + "x" * 40_000), {}, "was refused: answered with HTTP 431: "),
        (b"GET /x?a=b HTTP/1.1\r\nHost: x\r\n\r\n", {"webStatus": False}, "for /x was refused: answered with HTTP 426"),
        (
            request("Origin: http://evil.example"),
            {"allowedOrigins": ["http://good.example"]},
            "for /chat was refused: answered with HTTP 403: this origin is not allowed: http://evil.example",
        ),
        (
            request("Origin: \u202e" + "x" * 100),
            {"allowedOrigins": ["http://good.example"]},
            "for /chat was refused: answered with HTTP 403: this origin is not allowed: \\xe2\\x80\\xaexxx",
        ),
        (b"GET / HTT", {}, "was dropped: the opening handshake was not complete within openHandshakeTimeout"),
        (b"", {}, "was dropped: the opening handshake was not complete within openHandshakeTimeout"),
        (
            b"GET / HTT",
            {"openHandshakeTimeout": 0},
            "was lost: the connection was lost during the opening handshake: the peer closed the transport",
        ),
        (BIG, {}, "was dropped: message of at least 101 octets is over maxMessagePayloadSize (100)"),
        (
            BIG,
            {"failByDrop": False},
            "was closed with 1009: message of at least 101 octets is over maxMessagePayloadSize (100)",
        ),
        (request() + b"\x81\x01x", {}, "was dropped: frame from a client is not masked"),
        (
            request(),
            {"autoPingInterval": 1, "autoPingTimeout": 1},
            "was dropped: no answer to a ping within autoPingTimeout",
        ),
    ],
)
def test_one_line_says_why_a_peer_was_let_go(
    backend: Backend, octets: bytes, options: dict[str, Any], words: str, lines: list[Line]
) -> None:
    """It names the rule or the limit, and what the peer was told."""
    refused(backend, octets, **{"maxMessagePayloadSize": 100, **options})
    line = only(lines)
    assert (line.level, line.error) == ("info", None)
    assert line.text.startswith(f"connection with {PEER} {words}")
    assert len(line.text) < 300


def test_a_refusal_of_mine_is_one_line(backend: Backend, lines: list[Line]) -> None:
    """With my reason. Sending a client elsewhere is no refusal."""

    class Door(note_taker(backend)):  # type: ignore[misc]
        def onConnect(self, request: Any) -> Any:
            if request.params["room"] == ["1"]:
                raise ConnectionDeny(403, "members only")
            raise ConnectionDeny(307, headers={"Location": "/elsewhere"})

    for room in (b"1", b"2"):
        link = backend.connect(backend.make_server(Door))
        link.receive(request().replace(b"room=1", b"room=" + room))
        link.end()
        backend.settle()
    line = only(lines)
    assert line.level == "info"
    assert line.text == f"connection with {PEER} for /chat was refused: answered with HTTP 403: members only"


def test_a_client_says_why_it_failed(backend: Backend, lines: list[Line]) -> None:
    """A hostile server chooses its status line; it cannot begin a line of its own, nor steer my terminal."""
    client = backend.connect(backend.make_client())
    client.receive(b"HTTP/1.1 403 caf\xe9 \x85" + b"x" * 300 + b"\r\nContent-Length: 0\r\n\r\n")
    backend.settle()
    line = only(lines)
    assert line.level == "info"
    assert line.fields["ws_role"] == "client"
    assert line.text.startswith(rf"connection with {PEER} failed: the server answered HTTP 403 caf\xe9 \x85xxx")
    assert line.text.endswith("xxx...")
    assert line.text.isascii()
    assert len(line.text) < 300


def test_a_path_cannot_forge_lines_and_is_cut(backend: Backend, lines: list[Line]) -> None:
    """Who asks for 8000 letters gets a short line; a token in the query does not come into my log."""
    refused(backend, b"GET /" + b"a" * 5000 + b"?token=secret HTTP/1.1\r\nHost: x\r\n\r\n", webStatus=False)
    line = only(lines)
    assert f"for /{'a' * 56}... was refused" in line.text
    assert line.fields["ws_path"] == f"/{'a' * 196}..."


# Errors of the application.


@pytest.mark.parametrize("hook", ["onConnect", "onOpen", "onMessage", "onClose"])
def test_an_error_of_mine_is_logged_once_with_its_traceback(backend: Backend, lines: list[Line], hook: str) -> None:
    """And the end that comes of it is not logged on top."""

    def fail(self: Any, *_: Any) -> None:
        raise RuntimeError("my mistake")

    factory = backend.make_server(type("Fails", (note_taker(backend),), {hook: fail}))
    link = backend.connect(factory)
    link.receive(request())
    link.receive(text("hello"))
    backend.settle()
    link.end()
    backend.settle()
    line = only(lines)
    assert (line.level, str(line.error)) == ("error", "my mistake")
    assert line.text.startswith(hook)
    assert PEER in line.text
    assert line.fields == {"ws_id": line.fields["ws_id"], "ws_role": "server", "ws_peer": PEER, "ws_path": "/chat"}


def test_an_error_of_mine_before_the_client_is_open_is_logged_once(backend: Backend, lines: list[Line]) -> None:
    """The same for the other end."""

    class Fails(note_taker(backend, "client")):  # type: ignore[misc]
        def onConnecting(self, details: Any) -> None:
            raise RuntimeError("my mistake")

    backend.connect(backend.make_client(Fails))
    backend.settle()
    line = only(lines)
    assert (line.level, str(line.error)) == ("error", "my mistake")
    assert line.text == f"onConnecting failed for {PEER}; dropping the connection"


def test_an_error_while_answering_a_request_is_logged_once(backend: Backend, lines: list[Line]) -> None:
    """Not as a refusal, too."""

    def fail(request: Any) -> None:
        raise RuntimeError("my mistake")

    factory = backend.make_server()
    factory.onHttpRequest = fail
    link = backend.connect(factory)
    link.receive(b"GET /page?a=b HTTP/1.1\r\nHost: x\r\n\r\n")
    link.end()
    backend.settle()
    line = only(lines)
    assert (line.level, str(line.error)) == ("error", "my mistake")
    assert line.text == f"onHttpRequest failed for {PEER}; answering 500"
    assert line.fields["ws_path"] == "/page"


# Fields.


def test_a_protocols_own_log_has_the_fields(backend: Backend, lines: list[Line]) -> None:
    """self.log.info("...") says which connection it was; a factory has none."""
    link = opened(backend, note_taker(backend))
    link.protocol.log.info("{who} joined", who="Ada")
    link.protocol.factory.log.info("started")
    try:
        raise RuntimeError("my mistake")
    except RuntimeError:
        log = link.protocol.log
        (log.failure if hasattr(log, "failure") else log.exception)("failed")
    fields = {"ws_id": link.protocol.connection_id, "ws_role": "server", "ws_peer": PEER, "ws_path": "/chat"}
    assert [(line.level, line.text, line.fields) for line in lines] == [
        ("info", "Ada joined", fields),
        ("info", "started", {}),
        ("error", "failed", fields),
    ]


def test_a_clients_path_is_what_it_asked_for(backend: Backend) -> None:
    """The factory's, or what onConnecting says for this attempt."""

    class Fresh(note_taker(backend, "client")):  # type: ignore[misc]
        def onConnecting(self, details: Any) -> Any:
            return ConnectingRequest(resource="/v2/feed?token=secret")

    client = backend.connect(backend.make_client(Fresh, url="ws://example.com/v1?token=secret"))
    backend.settle()
    assert client.protocol._log_fields()["ws_path"] == "/v2/feed"
    assert client.protocol.http_request_uri == "/v2/feed?token=secret"
    assert client.protocol.http_request_path == "/v2/feed"
    client = backend.connect(backend.make_client(note_taker(backend, "client"), url="ws://example.com/v1?token=secret"))
    assert client.protocol._log_fields()["ws_path"] == "/v1"


def test_an_application_may_name_its_connections(backend: Backend, lines: list[Line]) -> None:
    """By the id of a request, say, that other programs log, too; it may even be the peer's."""

    class Named(note_taker(backend)):  # type: ignore[misc]
        def onConnect(self, request: Any) -> None:
            self.connection_id = request.headers["x-request-id"]

    link = opened(backend, Named, "X-Request-Id: 4711\x85")
    link.receive(b"\x81\x01x")
    backend.settle()
    (line,) = lines
    name = link.protocol.connection_id.encode("unicode_escape").decode()
    assert line.text.startswith(f"{name}: connection with ")
    assert line.fields["ws_id"] == name


def test_a_router_does_not_change_the_name(backend: Backend, lines: list[Line]) -> None:
    """The protocol that stands in until the path is known has logged octets already."""
    router = Router()
    router.add("/chat", note_taker(backend))
    factory = backend.make_server()
    factory.setProtocolOptions(logOctets=True)
    factory.setRouter(router)
    link = backend.connect(factory)
    link.receive(request())
    link.receive(text("hello"))
    assert len(lines) > 2
    assert len({line.fields["ws_id"] for line in lines}) == 1
    link = backend.connect(factory)
    link.receive(request().replace(b"/chat", b"/nowhere"))
    link.end()
    backend.settle()
    assert f"connection with {PEER} for /nowhere was refused: answered with HTTP 404" in lines[-1].text


# Each in its own world.


def test_each_backend_has_its_own_logger(backend: Backend, lines: list[Line]) -> None:
    """Twisted's never writes to logging, and asyncio's never to Twisted's log."""
    link = opened(backend, note_taker(backend), logFrames=True)
    link.protocol.log.info("mine")
    link.protocol.log.debug("mine")
    link.receive(text("hello") + b"\x81\x01x")
    backend.settle()
    link = backend.connect(backend.make_server())
    link.receive(b"nonsense\r\n\r\n")
    link.end()
    assert len(lines) == 5
    world = "twisted" if "Twisted" in type(backend).__name__ else "logging"
    ours = "wsframework.twisted" if world == "twisted" else "wsframework.asyncio"
    assert {line.world for line in lines} == {world}
    assert {line.logger for line in lines if line.text != "mine"} == {ours}


# The options logFrames and logOctets.


def test_frames_are_lines_on_request(backend: Backend, lines: list[Line]) -> None:
    """I can read the conversation."""
    link = opened(backend, None, logFrames=True)
    link.receive(text("hello, world"))
    link.protocol.sendMessage(bytes(20), isBinary=True, fragmentSize=12)
    link.receive(encode_frame(9, b"\x0a\x0b", KEY) + close(1000, "bye"))
    name = link.protocol.connection_id
    assert [line.text for line in lines] == [
        f"{name} < TEXT 12 octets 'hello, world'",
        f"{name} > BINARY 12 octets {'00 ' * 12}[part]",
        f"{name} > CONTINUATION 8 octets {bytes(8).hex(' ')}",
        f"{name} < PING 2 octets 0a 0b",
        f"{name} > PONG 2 octets 0a 0b",
        f"{name} < CLOSE 1000 'bye'",
        f"{name} > CLOSE 1000",
    ]
    assert {line.level for line in lines} == {"debug"}
    assert all(line.fields["ws_path"] == "/chat" for line in lines)


def test_octets_are_lines_on_request(backend: Backend, lines: list[Line]) -> None:
    """In both directions, the opening handshake, too."""
    link = backend.connect(backend.make_server())
    factory = backend.make_server()
    factory.setProtocolOptions(logOctets=True)
    link = backend.connect(factory)
    link.receive(request())
    link.receive(text("hi"))
    link.protocol.sendMessage("ho", sync=True)
    name = link.protocol.connection_id
    sent = link.take()
    assert [line.text for line in lines] == [
        f"{name} < RAW {len(request())} octets {request().hex()}",
        f"{name} > RAW {len(sent) - 4} octets {sent[:-4].hex()}",
        f"{name} < RAW 8 octets {text('hi').hex()}",
        f"{name} > RAW 4 octets {sent[-4:].hex()}",
    ]


# A program that has configured nothing.

UNCONFIGURED = """
from tests.backends.programs import opened, request, text
from wsframework.{module}.testing import {kind} as Backend

backend = Backend()


class Fails(backend.server_protocol):
    def onMessage(self, payload, isBinary):
        raise RuntimeError("my mistake")


for octets in (b"", b"nonsense\\r\\n\\r\\n", request() + b"\\x81\\x01x"):
    link = backend.connect(backend.make_server())
    link.receive(octets)
    link.end()
opened(backend, Fails).receive(text("hello"))
backend.settle()
backend.close()
"""


def test_without_configuration_only_errors_of_mine_are_shown(backend: Backend) -> None:
    """I have not set up logging yet; why does my handler do nothing?"""
    kind = type(backend)
    module = "twisted" if "Twisted" in kind.__name__ else "asyncio"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", UNCONFIGURED.format(module=module, kind=kind.__name__)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("Traceback") == done.stderr.count("RuntimeError: my mistake") == 1
    assert done.stderr.count("ws-") == 1
    assert f"onMessage raised on the connection with {PEER}; closing it with 1011" in done.stderr
