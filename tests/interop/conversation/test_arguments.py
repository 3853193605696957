"""Arguments of `connect` and `serve` that cannot be meant: told at once, by name, before anything is opened."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.scenes import echo, scenario
from wsframework.websocket.types import HttpResponse

pytestmark = pytest.mark.interop

URL = "ws://127.0.0.1:9/"


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        (7, TypeError, r"URL|url"),
        (None, (TypeError, ValueError), r"(?i)url"),
        (b"ws://localhost/", TypeError, r"(?i)url"),
        ("http://localhost/", ValueError, "ws://"),
        ("localhost:9000", ValueError, "ws://"),
        ("", ValueError, r"(?i)url"),
        ("ws://localhost/#part", ValueError, "fragment"),
        ("ws://user:password@localhost/", ValueError, "Authorization"),
        ("ws://localhost:99999/", ValueError, "port"),
    ],
)
@scenario
async def test_a_url_that_is_none(kit: Kit, url: Any, error: Any, words: str) -> None:
    """connect() itself raises: I need not await it to hear of my typing mistake."""
    with pytest.raises(error, match=words):
        kit.connect(url)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"subprotocols": "chat"}, TypeError, "protocols"),
        ({"subprotocols": ["a b"]}, ValueError, "subprotocol"),
        ({"subprotocols": ["a", "a"]}, ValueError, "twice"),
        ({"subprotocols": 7}, TypeError, "protocols"),
        ({"origin": 7}, TypeError, "(?i)origin"),
        ({"origin": "a\r\nb"}, ValueError, "(?i)origin"),
        ({"headers": {"A\r\nB": "x"}}, ValueError, "header"),
        ({"headers": {"A": "x\r\nB: y"}}, ValueError, "header"),
        ({"headers": 7}, TypeError, "header"),
        ({"headers": {"Sec-WebSocket-Key": "x"}}, ValueError, r"(?i)sec-websocket-key"),
        ({"user_agent": 7}, TypeError, "(?i)user.agent"),
        ({"timeout": -1}, ValueError, "timeout"),
        ({"timeout": float("nan")}, ValueError, "timeout"),
        ({"timeout": "soon"}, TypeError, "timeout"),
        ({"compression": "yes"}, TypeError, "compression"),
        ({"compression": 1}, TypeError, "compression"),
        ({"max_queue": 0}, ValueError, "max_queue"),
        ({"max_queue": -1}, ValueError, "max_queue"),
        ({"max_queue": 1.5}, TypeError, "max_queue"),
        ({"max_queue": None}, TypeError, "max_queue"),
        ({"autoPingInterval": -1}, ValueError, "autoPingInterval"),
        ({"maxMessagePayloadSize": "big"}, TypeError, "maxMessagePayloadSize"),
        ({"allowedOrigins": ["*"]}, TypeError, "allowedOrigins"),
    ],
    ids=str,
)
@scenario
async def test_unfit_arguments_of_connect(
    kit: Kit, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    """The error names the argument and says what it may be."""
    with pytest.raises(error, match=words):
        kit.connect(URL, **arguments)


@scenario
async def test_tls_settings_for_a_url_without_tls(kit: Kit) -> None:
    """The connection would not be encrypted, which is not what I meant."""
    with pytest.raises((TypeError, ValueError), match=r"ssl|TLS|contextFactory"):
        kit.connect(URL, ssl=object())


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("autoPingIntervall", "autoPingInterval"),
        ("maxMessagePayloadsize", "maxMessagePayloadSize"),
        ("max_que", "max_queue"),
        ("subprotocol", "subprotocols"),
        ("header", "headers"),
        ("compress", "compression"),
    ],
)
@pytest.mark.parametrize("what", ["connect", "serve"])
@scenario
async def test_a_misspelt_name_is_told_with_the_closest_one(kit: Kit, what: str, misspelt: str, meant: str) -> None:
    """Arguments and options alike: to whoever calls they look the same."""
    with pytest.raises(TypeError, match=rf"{misspelt}.*\b{meant}\b"):
        kit.connect(URL, **{misspelt: 1}) if what == "connect" else kit.serve(echo, **{misspelt: 1})


@pytest.mark.parametrize(
    "handler",
    [None, 7, "echo", [echo], {"/x": None}, {"/x": "echo"}],
    ids=["None", "number", "text", "list", "none-for-a-path", "text-for-a-path"],
)
@scenario
async def test_a_handler_that_cannot_be_called(kit: Kit, handler: Any) -> None:
    """The error says what a handler is."""
    with pytest.raises(TypeError, match="handler"):
        kit.serve(handler)


@pytest.mark.parametrize("pattern", ["no-slash", "/<", "/<a>/<a>", 7], ids=str)
@scenario
async def test_a_route_that_is_none(kit: Kit, pattern: Any) -> None:
    """As Router.add would say it."""
    with pytest.raises((TypeError, ValueError)):
        kit.serve({pattern: echo})


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"port": None}, ValueError, "port"),
        ({"port": "80"}, TypeError, "port"),
        ({"port": -1}, ValueError, "port"),
        ({"port": 65536}, ValueError, "port"),
        ({"port": True}, TypeError, "port"),
        ({"host": 7}, TypeError, "host"),
        ({"host": None, "port": None}, ValueError, "port"),
        ({"host": "127.0.0.1", "port": 0, "unix": "/tmp/x"}, ValueError, "unix"),
        ({"unix": 7, "host": None, "port": None}, TypeError, "unix"),
        ({"subprotocols": "chat"}, TypeError, "protocols"),
        ({"subprotocols": ["a b"]}, ValueError, "subprotocol"),
        ({"origins": "https://example.com"}, TypeError, "rigins"),
        ({"origins": [7]}, TypeError, "rigins"),
        ({"origins": ["https://exa mple.com"]}, ValueError, "rigin"),
        ({"headers": {"A": "x\r\nB: y"}}, ValueError, "header"),
        ({"headers": {"Sec-WebSocket-Accept": "x"}}, ValueError, r"(?i)sec-websocket-accept"),
        ({"server": 7}, TypeError, "(?i)server"),
        ({"server": "a\r\nb"}, ValueError, "(?i)server"),
        ({"process_request": 7}, TypeError, "process_request"),
        ({"http": 7}, TypeError, "http"),
        ({"http": {"no-slash": "x"}}, ValueError, "slash"),
        ({"http": {"/": 7}}, TypeError, "http"),
        ({"http": {7: "x"}}, (TypeError, ValueError), "http"),
        ({"compression": "yes"}, TypeError, "compression"),
        ({"max_queue": 0}, ValueError, "max_queue"),
        ({"max_queue": "x"}, TypeError, "max_queue"),
        ({"close_timeout": -1}, ValueError, "close_timeout"),
        ({"close_timeout": "x"}, TypeError, "close_timeout"),
        ({"backlog": "x"}, TypeError, "backlog"),
        ({"ssl": 7}, TypeError, "ssl"),
        ({"autoPingInterval": -1}, ValueError, "autoPingInterval"),
    ],
    ids=str,
)
@scenario
async def test_unfit_arguments_of_serve(kit: Kit, arguments: dict[str, Any], error: Any, words: str) -> None:
    """Nothing listens yet when I am told."""
    with pytest.raises(error, match=words):
        kit.serve(echo, **arguments)


@scenario
async def test_pages_are_checked_before_anything_listens(kit: Kit) -> None:
    """A page for a path that is fine, as HTML and as a response."""
    server = await kit.serve(echo, http={"/": "x", "/y": HttpResponse("y")})
    await server.close()
