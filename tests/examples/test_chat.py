"""The chat examples, seen by a client that is no browser: on each backend, and on both at once."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.examples.programs import BACKENDS, EXAMPLES, SECONDS, Program, Start

pytestmark = pytest.mark.interop

PROGRAMS = [f"{backend}/chat.py" for backend in BACKENDS]


@pytest.fixture(params=[*PROGRAMS, "chat_demo.py"])
def chat(request: pytest.FixtureRequest, start: Start) -> Iterator[list[str]]:
    """The addresses where the room is served, two of them; the program is stopped in order at the end."""
    if request.param == "chat_demo.py":
        program = start(EXAMPLES / request.param, "--port-twisted", "0", "--port-asyncio", "0")
        yield demo_urls(program)
    else:
        program = start(EXAMPLES / request.param, "--port", "0")
        yield [program.url()] * 2
    program.stop()


def demo_urls(program: Program) -> list[str]:
    return [program.url("  Twisted  "), program.url("  asyncio  ")]


class Person:
    """Somebody with a client of their own."""

    def __init__(self, page: str, name: str = "") -> None:
        self._stack = ExitStack()
        self.connection = self._stack.enter_context(connect(page.replace("http", "ws")))
        if name:
            self.say(type="join", name=name)
            self.welcome = self.hear()

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def say(self, **message: object) -> None:
        self.connection.send(json.dumps(message))

    def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.connection.recv(SECONDS))
        return message

    def close_code(self) -> int | None:
        """Listen to the end; the code with which it came."""
        try:
            while True:
                self.connection.recv(SECONDS)
        except ConnectionClosed as closed:
            return None if closed.rcvd is None else closed.rcvd.code


def said(name: str, text: str) -> dict[str, str]:
    return {"type": "said", "name": name, "text": text}


def test_people_see_who_is_there_who_comes_and_who_goes(chat: list[str]) -> None:
    """When I came in I saw who was there, and then who joined and left."""
    with Person(chat[0], "Ada") as ada:
        assert (ada.welcome["type"], ada.welcome["name"], ada.welcome["people"]) == ("welcome", "Ada", ["Ada"])
        with Person(chat[1], "Grace") as grace:
            assert grace.welcome["people"] == ["Ada", "Grace"]
            assert ada.hear() == {"type": "joined", "name": "Grace"}
        assert ada.hear() == {"type": "left", "name": "Grace"}
        with Person(chat[1], "Grace") as grace:
            assert grace.welcome["people"] == ["Ada", "Grace"]


def test_everybody_hears_what_is_said(chat: list[str]) -> None:
    """What I said came to everybody in the room, also to me, and to nobody who had not joined."""
    with Person(chat[0], "Ada") as ada, Person(chat[1], "Grace") as grace, Person(chat[1]) as outside:
        ada.hear()
        ada.say(type="say", text=" Good <b>morning</b>!\n\N{SUN WITH FACE} ")
        grace.say(type="say", text="Hello")
        heard = [said("Ada", "Good <b>morning</b>!\n\N{SUN WITH FACE}"), said("Grace", "Hello")]
        for person in (ada, grace):
            assert sorted((person.hear() for _ in heard), key=lambda message: message["name"]) == heard
        outside.say(type="join", name="Alan")
        assert outside.hear()["type"] == "welcome"


def test_a_connection_that_breaks_is_a_leave(chat: list[str]) -> None:
    """His computer crashed; he did not stay in the list."""
    with Person(chat[0], "Ada") as ada, Person(chat[1], "Grace") as grace:
        ada.hear()
        grace.connection.socket.shutdown(socket.SHUT_RDWR)
        assert ada.hear() == {"type": "left", "name": "Grace"}


BAD_MESSAGES: list[str | bytes] = [
    b"\x00\xff",
    "",
    "not JSON",
    "[" * 10_000,
    "1" * 5_000,
    "null",
    '["join"]',
    "{}",
    '{"type": null}',
    '{"type": []}',
    '{"type": "shout", "text": "HELLO"}',
    '{"type": "say"}',
    '{"type": "say", "text": 5}',
    '{"type": "say", "text": " \\n "}',
    json.dumps({"type": "say", "text": "x" * 2001}),
    '{"type": "join", "name": "Ada again"}',
]


def test_bad_messages_are_answered_and_change_nothing(chat: list[str]) -> None:
    """My script had bugs; it was told so, and the others noticed nothing."""
    with Person(chat[0], "Ada") as ada, Person(chat[1], "Grace") as grace:
        ada.hear()
        for bad in BAD_MESSAGES:
            ada.connection.send(bad)
            answer = ada.hear()
            assert (answer["type"], set(answer)) == ("error", {"type", "text"}), bad
        ada.say(type="say", text="x" * 2000)
        assert grace.hear() == said("Ada", "x" * 2000)


BAD_NAMES = ["", "  ", "x" * 25, "a\x00b", "a\u202eb", "\ud800\u200b", None, 5, "ADA", "\uff21da", " ada "]


def test_bad_names_are_refused_and_another_may_be_tried(chat: list[str]) -> None:
    """My name was taken, or too long, or could not be read; I was told and chose another."""
    with Person(chat[0], "Ada") as ada, Person(chat[1]) as other:
        other.say(type="say", text="I have not joined")
        assert other.hear()["type"] == "error"
        for bad in BAD_NAMES:
            other.say(type="join", name=bad)
            assert other.hear()["type"] == "error", bad
        other.say(type="join", name="  Grace \n Hopper ")
        assert other.hear()["name"] == "Grace Hopper"
        assert ada.hear() == {"type": "joined", "name": "Grace Hopper"}


def test_half_a_character_does_not_reach_the_others(chat: list[str]) -> None:
    """JSON can write half a character; nobody's terminal has to cope with it."""
    with Person(chat[0], "Ada") as ada:
        ada.connection.send('{"type": "say", "text": "a\\ud800b"}')
        assert ada.hear() == said("Ada", "a?b")


def test_a_message_beyond_all_measure_ends_the_connection(chat: list[str]) -> None:
    """I pasted a book, and was sent away for it with the code that says so."""
    with Person(chat[0], "Ada") as ada, Person(chat[1], "Grace") as grace:
        ada.hear()
        grace.say(type="say", text="x" * 20_000)
        assert grace.close_code() == 1009
        assert ada.hear() == {"type": "left", "name": "Grace"}


def test_pages_of_other_sites_are_refused(chat: list[str]) -> None:
    """Another site's page cannot chat in my name."""
    for page in chat:
        host = urlsplit(page).netloc
        address = f"ws://{host}/"
        for origin in ("http://evil.example", f"http://{host}.evil.example", "null"):
            with pytest.raises(InvalidStatus) as refused, connect(address, additional_headers={"Origin": origin}):
                pass
            assert refused.value.response.status_code == 403
        with connect(address, additional_headers={"Origin": f"http://{host}"}):
            pass


def test_page_is_served_with_a_strict_policy(chat: list[str]) -> None:
    """I opened the address in a browser and got the page; nothing in it comes from elsewhere."""
    for page in chat:
        response, body = get(page, "/")
        assert response.status == 200
        assert response.getheader("Content-Type") == "text/html; charset=utf-8"
        policy = response.getheader("Content-Security-Policy") or ""
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert body.startswith("<!DOCTYPE html>")
        assert "innerHTML" not in body
        response, body = get(page, "/favicon.ico?<script>")
        assert (response.status, "<" in body) == (404, False)


def get(page: str, target: str) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection(urlsplit(page).netloc, timeout=SECONDS)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("program", PROGRAMS)
def test_stopping_the_server_says_goodbye(start: Start, program: str) -> None:
    """The room was closed: my client was told 1001 and did not have to guess."""
    server = start(EXAMPLES / program, "--port", "0")
    page = server.url()
    with Person(page, "Ada") as ada, Person(page) as outside:
        server.stop()
        assert (ada.close_code(), outside.close_code()) == (1001, 1001)


def test_demo_says_which_backend_serves(start: Start) -> None:
    """Two addresses, two backends, one room."""
    program = start(EXAMPLES / "chat_demo.py", "--port-twisted", "0", "--port-asyncio", "0")
    on_twisted, on_asyncio = demo_urls(program)
    assert on_twisted != on_asyncio
    with Person(on_twisted, "Ada") as ada, Person(on_asyncio, "Grace") as grace:
        assert (ada.welcome["server"], grace.welcome["server"]) == ("Twisted", "asyncio")
    program.stop()


def test_stopping_the_demo_says_goodbye_on_both_backends(start: Start) -> None:
    """Ctrl-C with people on both sides, some of whom do not answer: it ended all the same."""
    program = start(EXAMPLES / "chat_demo.py", "--port-twisted", "0", "--port-asyncio", "0")
    pages = demo_urls(program)
    with ExitStack() as stack:
        people = [stack.enter_context(Person(page, f"Person {number}")) for number, page in enumerate(pages * 5)]
        silent = [stack.enter_context(half_open(page)) for page in pages]
        program.stop()
        assert [person.close_code() for person in people] == [1001] * len(people)
        assert len(silent) == 2


def half_open(page: str) -> socket.socket:
    """Somebody who shakes hands and then neither reads nor writes."""
    url = urlsplit(page)
    assert url.port is not None
    sock = socket.create_connection(("127.0.0.1", url.port))
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
    sock.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n\r\n".encode())
    assert sock.recv(12) == b"HTTP/1.1 101"
    return sock


def test_demo_takes_another_port_where_one_is_taken(start: Start) -> None:
    """The ports were in use, by the demo that I had forgotten in another window."""
    with ExitStack() as stack:
        for port in (9000, 9001):
            # Whoever has it already does as well.
            with suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        program = start(EXAMPLES / "chat_demo.py")
        for port in (9000, 9001):
            assert program.line().startswith(f"Port {port} is taken")
        for page in demo_urls(program):
            with Person(page, f"Person at {page[-6:]}") as person:
                assert person.welcome["type"] == "welcome"
        program.stop()


@pytest.mark.parametrize("backend", ["twisted", "asyncio"])
def test_demo_does_not_exchange_the_port_that_i_asked_for(start: Start, backend: str) -> None:
    """My proxy looks for it there."""
    other = {"twisted": "asyncio", "asyncio": "twisted"}[backend]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # Not strict: what was made so far is left to the end of the process.
        arguments = [f"--port-{backend}", str(port), f"--port-{other}", "0"]
        program = start(EXAMPLES / "chat_demo.py", *arguments, strict=False)
        assert program.exit_code() == 1
        assert program.errors() == f"cannot serve on port {port}: another program has it\n"


@pytest.mark.parametrize("port", ["99999", "-1", "http", "1_0"])
def test_demo_refuses_what_is_no_port(start: Start, port: str) -> None:
    """I mistyped it."""
    program = start(EXAMPLES / "chat_demo.py", f"--port-twisted={port}")
    assert program.exit_code() == 2
    assert program.errors().endswith(f"a port is a number from 0 to 65535, not {port!r}\n")


def test_demo_says_in_a_line_that_it_cannot_serve(start: Start) -> None:
    """I mistyped the host."""
    # Not strict: what was made so far is left to the end of the process.
    arguments = ["--host", "192.0.2.1", "--port-twisted", "0", "--port-asyncio", "0"]
    program = start(EXAMPLES / "chat_demo.py", *arguments, strict=False)
    assert program.exit_code() == 1
    errors = program.errors()
    assert errors.startswith("cannot serve on port 0: ")
    assert errors.count("\n") == 1
