"""The programs of the third guide, which speak JSON: types of messages, a chat, tokens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator

import aiohttp
import jwt
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.examples.applications import ask, assert_ended, closing_of, program, receive_json, speaking
from tests.examples.programs import BACKENDS, SECONDS, Program, Start

SECRET = "a secret of this test that is long enough for HS256"

pytestmark = pytest.mark.interop


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=BACKENDS)
def other(request: pytest.FixtureRequest) -> str:
    """The backend at the other end."""
    return str(request.param)


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection by the library that the guide is about."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as connection:
        yield connection


def test_messages_have_types(start: Start, backend: str) -> None:
    """An echo is for me, a broadcast for everybody; nonsense is answered and does no harm."""
    server = start(program("server", backend), "0")
    url = f"{server.url()}/ws"

    async def scene() -> None:
        async with opened(url) as first, opened(url) as second:
            for connection in (first, second):
                await connection.send_json({"type": "echo", "message": ["any", {"thing": 1}]})
                answer = await connection.receive_json(timeout=SECONDS)
                assert answer == {"type": "echo_response", "message": ["any", {"thing": 1}]}
            await first.send_json({"type": "broadcast", "message": "news"})
            for connection in (first, second):
                assert await connection.receive_json(timeout=SECONDS) == {"type": "broadcast", "message": "news"}

    asyncio.run(scene())
    with connect(url) as client:
        invalid = {"type": "error", "message": "Invalid JSON message"}
        assert ask(client, "{") == invalid
        assert ask(client, "[" * 100_000) == invalid
        for kind in ("echo", "broadcast"):
            # What Python's parser takes and JSON does not have.
            assert ask(client, f'{{"type": "{kind}", "message": NaN}}') == invalid
        for nonsense in ("[]", "1", "{}", '{"type": "echo"}', '{"type": ["echo"], "message": 1}'):
            assert ask(client, nonsense)["type"] == "error"
        half = ask(client, '{"type": "echo", "message": "\\ud800"}')
        assert half in (invalid, {"type": "echo_response", "message": "\ud800"})
        client.send(b"\xff")
        assert receive_json(client) == invalid
    with pytest.raises(InvalidStatus):
        connect(server_root(url))
    server.stop()


def server_root(url: str) -> str:
    return url.removesuffix("/ws")


def test_a_client_sends_and_prints_until_the_end(start: Start, backend: str, other: str) -> None:
    server = start(program("server", other), "0")
    client = start(program("client", backend), f"{server.url()}/ws")
    for _ in range(2):
        assert client.line().startswith('Received text: \'{"type":"error"')
    server.stop()
    assert client.line() == "WebSocket closed\n"
    assert_ended(client)
    with speaking(b"\x00", after=2) as url:
        client = start(program("client", backend), url)
        assert client.line() == "Received binary: b'\\x00'\n"
        assert_ended(client)
    with speaking("half of", after=2, abort=True) as url:
        client = start(program("client", backend), url)
        assert client.line() == "Received text: 'half of'\n"
        assert client.line().startswith("WebSocket error: ")
        assert_ended(client)


def stop_chat(server: Program) -> None:
    """Ctrl-C; it logs who comes and goes, and no trouble."""
    server.interrupt()
    assert server.exit_code() == 0
    for line in server.errors().splitlines():
        assert re.fullmatch(r"INFO:(chat:User .* (joined|left) the chat|wsframework\..*)", line), line


def test_people_chat(start: Start, backend: str) -> None:
    """Ada and Grace came, spoke and left; everybody who was there knew."""
    server = start(program("chat", backend), "0")
    url = f"{server.url()}/ws"
    with connect(url) as ada:
        welcome = ask(ada, {"type": "join", "username": "  Ada "})
        assert welcome == {"type": "system", "message": "Welcome Ada!", "username": "Ada", "users": ["Ada"]}
        with connect(url) as grace, connect(url):
            assert ask(grace, {"type": "join", "username": "Grace"})["users"] == ["Ada", "Grace"]
            joined = {"type": "user_joined", "username": "Grace", "message": "Grace joined the chat"}
            assert receive_json(ada) == joined
            said = {"type": "message", "username": "Ada", "message": "Good morning!\nAll well?"}
            assert ask(ada, {"type": "message", "message": "Good morning!\nAll well?"}) == said
            assert receive_json(grace) == said
        left = {"type": "user_left", "username": "Grace", "message": "Grace left the chat"}
        assert receive_json(ada) == left
        assert ask(ada, {"type": "message", "message": "alone"})["message"] == "alone"
        with connect(url) as namesake, connect(url) as nameless:
            assert ask(namesake, {"type": "join", "username": "Ada"})["username"] == "Ada 2"
            assert ask(nameless, {"type": "join"})["username"] == "Anonymous"
            assert receive_json(ada)["username"] == "Ada 2"
    stop_chat(server)


def test_nonsense_in_the_chat_is_answered(start: Start, backend: str) -> None:
    server = start(program("chat", backend), "0")
    url = f"{server.url()}/ws"
    invalid = {"type": "error", "message": "Invalid JSON message"}
    with connect(url) as client:
        assert ask(client, "not json") == invalid
        assert ask(client, "[" * 20_000) == invalid
        early = {"type": "message", "message": "too early"}
        before: list[object] = [[], "1", {}, early, {"type": "dance"}, {"type": "join", "username": ["no", "name"]}]
        for nonsense in before:
            assert ask(client, nonsense)["type"] == "error"
        assert ask(client, {"type": "join"})["type"] == "system"
        again = {"type": "join", "username": "Ada"}
        inside: list[object] = [again, {"type": "message"}, {"type": "message", "message": 1}]
        for nonsense in inside:
            assert ask(client, nonsense)["type"] == "error"
        assert ask(client, '{"type": "message", "message": "half of \\ud83d\\u202e"}')["message"] == "half of "
        assert len(ask(client, {"type": "message", "message": "x" * 3_000})["message"]) == 2_000
        client.send("x" * 100_000)
        assert closing_of(client)[0] == 1009
    with connect(url) as client:
        # A name that a log or a terminal would take for something else.
        client.send(json.dumps({"type": "join", "username": "Eve\nINFO:chat:User Root joined the chat\x1b[31m"}))
        assert receive_json(client)["username"] == "Eve INFO:chat:User Root "
    stop_chat(server)


@pytest.mark.parametrize("name", ["chat", "relay"])
def test_the_page_is_served_and_other_sites_are_kept_out(start: Start, backend: str, name: str) -> None:
    """I could read the page; a page of another site could not talk to the server of my machine."""
    server = start(program(name, backend), "0")
    url = server.url()
    with urllib.request.urlopen(url.replace("ws://", "http://"), timeout=SECONDS) as response:
        policy = response.headers["Content-Security-Policy"]
        html = response.read().decode()
    assert "unsafe" not in policy
    assert "<script>" in html
    assert "innerHTML" not in html
    with connect(f"{url}/ws", origin=Origin(url.replace("ws://", "http://"))):
        pass
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{url}/ws", origin=Origin("https://example.com"))
    assert refused.value.response.status_code == 403
    stop_chat(server)


@pytest.fixture
def doorkeeper(start: Start, backend: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the server that asks for tokens."""
    monkeypatch.setenv("JWT_SECRET", SECRET)
    server = start(program("auth", backend), "0")
    yield f"{server.url('serving')}/ws"
    server.stop()


def token(seconds: float = 60, secret: str = SECRET, **claims: object) -> str:
    claims = {"username": "Ada", "exp": int(time.time() + seconds), **claims}
    return jwt.encode({name: claim for name, claim in claims.items() if claim is not None}, secret, algorithm="HS256")


def test_a_token_opens_the_door(doorkeeper: str) -> None:
    """Before it I was told that one is needed, after it I was answered."""
    with connect(doorkeeper) as client:
        required = {"type": "error", "message": "Authentication required"}
        assert ask(client, {"type": "ping"}) == required
        assert ask(client, {"type": "auth"}) == required
        assert ask(client, "{") == {"type": "error", "message": "Invalid JSON message"}
        assert ask(client, {"type": "auth", "token": token()}) == {"type": "auth_success", "message": "Welcome Ada!"}
        assert ask(client, {"type": "ping"}) == {"type": "pong"}
        echo = {"type": "echo", "username": "Ada", "message": "hello"}
        assert ask(client, {"type": "message", "message": "hello"}) == echo
        assert ask(client, {"type": "auth", "token": token()})["type"] == "error"


def test_a_token_that_will_not_do_closes_the_door(doorkeeper: str) -> None:
    unsigned = jwt.encode({"username": "Ada", "exp": int(time.time()) + 60}, "", algorithm="none")
    tokens = [
        token(secret="another secret that is as long as the right one"),
        token(-1),
        token(exp=None),
        token(username=None),
        unsigned,
        "nonsense",
        "\ud800",
        None,
        7,
    ]
    for unfit in tokens:
        with connect(doorkeeper) as client:
            answer = ask(client, {"type": "auth", "token": unfit})
            assert answer == {"type": "auth_error", "message": "Invalid or expired token"}
            assert closing_of(client) == (1000, "")


def test_a_conversation_ends_with_its_token(doorkeeper: str) -> None:
    """It was answered as long as the token was valid, and then told why it was over."""
    with connect(doorkeeper) as client, connect(doorkeeper) as longer:
        begun = time.time()
        assert ask(client, {"type": "auth", "token": token(2)})["type"] == "auth_success"
        assert ask(longer, {"type": "auth", "token": token()})["type"] == "auth_success"
        assert ask(client, {"type": "ping"}) == {"type": "pong"}
        assert closing_of(client) == (1008, "the token has expired")
        assert time.time() >= int(begun + 2)
        assert ask(longer, {"type": "ping"}) == {"type": "pong"}


def test_the_server_prints_a_token_to_try_it_with(start: Start, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a secret from me it made one, which is another each time."""
    monkeypatch.delenv("JWT_SECRET", raising=False)
    servers = [start(program("auth", backend), "0") for _ in range(2)]
    tokens = [server.line_with("a token").split()[-1] for server in servers]
    for server, accepted in zip(servers, (True, False), strict=True):
        with connect(f"{server.url('serving')}/ws") as client:
            answer = ask(client, {"type": "auth", "token": tokens[0]})
            assert answer["type"] == ("auth_success" if accepted else "auth_error")
    for server in servers:
        server.stop()
