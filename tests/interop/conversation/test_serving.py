"""What `serve` does besides conversing: routes, requests, refusals and pages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.logs import Logged
from tests.interop.conversation.rawpeers import http_get
from tests.interop.conversation.scenes import echo, pair, scenario
from wsframework.exceptions import ConnectionClosed, HandshakeRejected
from wsframework.websocket import ConnectionAccept, ConnectionDeny
from wsframework.websocket.types import HttpResponse

pytestmark = pytest.mark.interop


@scenario
async def test_routes_lead_to_handlers(kit: Kit) -> None:
    """Parameters are in route_params, decoded; the query is no part of the path."""

    async def room(ws: Any) -> None:
        await ws.send(f"{ws.route_params['name']} {ws.http_request_params}")

    async with kit.serve({"/echo": echo, "/rooms/<name>": room}) as server:
        async with kit.connect(f"{server.url}/echo") as ws:
            await ws.send("x")
            assert await ws.recv() == "x"
        async with kit.connect(f"{server.url}/rooms/blue%20one?a=1") as ws:
            assert await ws.recv() == "blue one {'a': ['1']}"


@pytest.mark.parametrize("path", ["", "/", "/Echo", "/echo/", "/rooms", "/rooms/", "/rooms/a/b", "/other"])
@scenario
async def test_other_paths_are_not_found(kit: Kit, path: str) -> None:
    """The client sees a 404."""
    async with kit.serve({"/echo": echo, "/rooms/<name>": echo}) as server:
        with pytest.raises(HandshakeRejected) as caught:
            await kit.connect(f"{server.url}{path}")
    assert caught.value.status == 404


@scenario
async def test_without_routes_every_path_is_the_handlers(kit: Kit) -> None:
    """It can look at http_request_path."""

    async def tell(ws: Any) -> None:
        await ws.send(ws.http_request_path)

    async with kit.serve(tell) as server, kit.connect(f"{server.url}/any/where") as ws:
        assert await ws.recv() == "/any/where"


@scenario
async def test_a_subprotocol_is_agreed_on(kit: Kit) -> None:
    """The first that the client offers and the server has; none if there is none in common."""

    async def tell(ws: Any) -> None:
        await ws.send(repr(ws.websocket_protocol_in_use))

    async with kit.serve(tell, subprotocols=["chat.v2", "chat.v1"]) as server:
        for offered, agreed in ((["chat.v1", "chat.v2"], "chat.v1"), (["x", "chat.v2"], "chat.v2"), (["x"], None)):
            async with kit.connect(server.url, subprotocols=offered) as ws:
                assert await ws.recv() == repr(agreed)
                assert ws.websocket_protocol_in_use == agreed
        async with kit.connect(server.url) as ws:
            assert ws.websocket_protocol_in_use is None


@scenario
async def test_only_origins_on_the_list_may_come_in(kit: Kit) -> None:
    """Others get 403, as browsers of other people's pages should."""
    async with kit.serve(echo, origins=["https://example.com", "https://*.example.org"]) as server:
        for origin in ("https://example.com", "https://a.example.org"):
            async with kit.connect(server.url, origin=origin) as ws:
                await ws.send("in")
                assert await ws.recv() == "in"
        for origin in (
            "https://example.net",
            "http://example.com",
            "https://example.com.evil.example",
            "null",
            "file://",
        ):
            with pytest.raises(HandshakeRejected) as caught:
                await kit.connect(server.url, origin=origin)
            assert caught.value.status == 403


@scenario
async def test_pages_of_this_servers_own_may_come_in(kit: Kit) -> None:
    """origins="same": whatever name and port people use for this server. A program that is no browser says nothing."""
    async with kit.serve(echo, origins="same") as server:
        own = server.url.replace("ws", "http", 1)
        for origin in (own, own.upper(), None):
            async with kit.connect(server.url, origin=origin) as ws:
                await ws.send("in")
                assert await ws.recv() == "in"
        for origin in ("http://example.com", own + "0", "null", f"https://example.com?{own}"):
            with pytest.raises(HandshakeRejected) as caught:
                await kit.connect(server.url, origin=origin)
            assert (caught.value.status, caught.value.body) == (403, b"pages of other origins cannot connect here\n")


@scenario
async def test_each_side_sees_the_others_headers(kit: Kit) -> None:
    """Headers of connect() in the handler, headers of serve() at the client; and the names of both programs."""

    async def tell(ws: Any) -> None:
        await ws.send(f"{ws.http_headers['X-Token']} {ws.http_headers['user-agent']} {ws.websocket_origin}")

    async with kit.serve(tell, headers={"X-Served-By": "one"}, server="mine/1") as server:
        headers = {"X-Token": "secret"}
        async with kit.connect(server.url, headers=headers, user_agent="me/2", origin="http://o.example") as ws:
            assert await ws.recv() == "secret me/2 http://o.example"
            assert ws.http_headers["x-served-by"] == "one"
            assert ws.http_headers["server"] == "mine/1"


@scenario
async def test_the_names_of_both_programs_by_default(kit: Kit) -> None:
    """The framework's, without a version that would help those who look for old ones."""

    async def tell(ws: Any) -> None:
        await ws.send(ws.http_headers["user-agent"])

    async with kit.serve(tell) as server, kit.connect(server.url) as ws:
        assert await ws.recv() == "wsframework"
        assert ws.http_headers["server"] == "wsframework"


def _answers(offered: str) -> dict[str, Any]:
    return {
        "none": None,
        "subprotocol": offered,
        "pair": (offered, {"X-Extra": "1"}),
        "headers": (None, {"X-Extra": "1"}),
        "accept": ConnectionAccept(offered, {"X-Extra": "1"}),
    }


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
@pytest.mark.parametrize("answer", ["none", "subprotocol", "pair", "headers", "accept"])
@scenario
async def test_process_request_may_accept_in_many_ways(kit: Kit, answer: str, later: bool) -> None:
    """All that onConnect may return, from a plain function or an `async def`."""
    seen: list[Any] = []

    def now(request: Any) -> Any:
        seen.append((request.path, request.params, request.headers["x-token"], request.protocols))
        return _answers("two")[answer]

    async def some_time(request: Any) -> Any:
        await kit.turns(2)
        return now(request)

    process = some_time if later else now
    async with kit.serve(echo, process_request=process, subprotocols=["one", "two"]) as server:
        asked = {"subprotocols": ["one", "two"], "headers": {"X-Token": "t"}}
        async with kit.connect(f"{server.url}/path?a=1", **asked) as ws:
            await ws.send("x")
            assert await ws.recv() == "x"
            # Where it says nothing about it, the server's list does.
            assert ws.websocket_protocol_in_use in (
                ("two",) if answer in ("subprotocol", "pair", "accept") else ("one", None)
            )
            assert ws.http_headers.get("x-extra") == ("1" if answer in ("pair", "headers", "accept") else None)
    assert seen == [("/path", {"a": ["1"]}, "t", ["one", "two"])]


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
@pytest.mark.parametrize("how", ["raise", "return"])
@scenario
async def test_process_request_may_refuse(kit: Kit, how: str, later: bool, logged: Logged) -> None:
    """By ConnectionDeny or by an HttpResponse: the client sees status, headers and body; nothing is logged."""

    def now(request: Any) -> Any:
        if how == "raise":
            raise ConnectionDeny(401, headers={"WWW-Authenticate": "Basic"}, body="who are you?")
        return HttpResponse("who are you?", 401, "text/plain", {"WWW-Authenticate": "Basic"})

    async def some_time(request: Any) -> Any:
        await kit.turns(2)
        return now(request)

    async with kit.serve(echo, process_request=some_time if later else now) as server:
        with pytest.raises(HandshakeRejected) as caught:
            await kit.connect(server.url)
    error = caught.value
    assert (error.status, error.body, error.headers["www-authenticate"]) == (401, b"who are you?", "Basic")
    assert error.headers["content-type"].startswith("text/plain")
    assert logged.texts == []


@scenario
async def test_process_request_may_redirect(kit: Kit) -> None:
    """Any status from 300 on refuses."""

    def process(request: Any) -> HttpResponse:
        return HttpResponse("", 302, headers={"Location": "ws://elsewhere.example/"})

    async with kit.serve(echo, process_request=process) as server:
        with pytest.raises(HandshakeRejected) as caught:
            await kit.connect(server.url)
    assert (caught.value.status, caught.value.headers["location"]) == (302, "ws://elsewhere.example/")


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
@pytest.mark.parametrize("mistake", ["raises", "a number", "not offered", "status 200"])
@scenario
async def test_a_mistake_in_process_request_is_a_500_and_logged(
    kit: Kit, mistake: str, later: bool, logged: Logged
) -> None:
    """Never a hang, and never an open door; the client does not see my error's text."""

    def now(request: Any) -> Any:
        if mistake == "raises":
            raise LookupError("the secret")
        return {"a number": 7, "not offered": "unknown", "status 200": HttpResponse("fine", 200)}[mistake]

    async def some_time(request: Any) -> Any:
        await kit.turns(2)
        return now(request)

    async with kit.serve(echo, process_request=some_time if later else now) as server:
        with pytest.raises(HandshakeRejected) as caught:
            await kit.connect(server.url)
    assert caught.value.status == 500
    assert b"secret" not in caught.value.body
    assert len(logged.take_errors()) == 1


@scenario
async def test_process_request_is_asked_before_routes_lead_anywhere(kit: Kit) -> None:
    """With routes too, for every handshake that leads to a handler."""

    def process(request: Any) -> None:
        if "x-token" not in request.headers:
            raise ConnectionDeny(403)

    async with kit.serve({"/a": echo, "/b/<name>": echo}, process_request=process) as server:
        for path in ("/a", "/b/x"):
            with pytest.raises(HandshakeRejected) as caught:
                await kit.connect(f"{server.url}{path}")
            assert caught.value.status == 403
            async with kit.connect(f"{server.url}{path}", headers={"X-Token": "t"}) as ws:
                await ws.send("x")
                assert await ws.recv() == "x"


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
@pytest.mark.parametrize("routes", [False, True], ids=["handler", "routes"])
@scenario
async def test_a_function_answers_plain_requests(kit: Kit, later: bool, routes: bool) -> None:
    """On the same port and path; None gives the page of the framework."""

    def now(request: Any) -> HttpResponse | None:
        if request.path == "/page":
            return HttpResponse(f"<p>{request.method} {request.params['a'][0]}</p>")
        return None

    async def some_time(request: Any) -> HttpResponse | None:
        await kit.turns(2)
        return now(request)

    async with kit.serve({"/page": echo} if routes else echo, http=some_time if later else now) as server:
        status, headers, body = await http_get(kit, server.port, "/page?a=1")
        assert (status, headers["content-type"], body) == (200, "text/html; charset=utf-8", "<p>GET 1</p>")
        status, _, body = await http_get(kit, server.port, "/")
        assert (status, "WebSocket" in body or status == 404) == (status, True)
        async with kit.connect(f"{server.url}/page") as ws:
            await ws.send("x")
            assert await ws.recv() == "x"


@scenario
async def test_a_mapping_answers_plain_requests(kit: Kit) -> None:
    """Pages as HTML or as responses, by path without its query; 404 for all others."""
    pages = {"/": "<h1>Grüße</h1>", "/health": HttpResponse("ok", content_type="text/plain")}
    async with kit.serve(echo, http=pages) as server:
        assert (await http_get(kit, server.port))[2] == "<h1>Grüße</h1>"
        status, headers, body = await http_get(kit, server.port, "/health?x=1")
        assert (status, headers["content-type"], body) == (200, "text/plain", "ok")
        assert (await http_get(kit, server.port, "/other"))[0] == 404
        async with kit.connect(server.url) as ws:
            await ws.send("x")
            assert await ws.recv() == "x"


@scenario
async def test_an_error_in_the_http_function_is_a_500_and_logged(kit: Kit, logged: Logged) -> None:
    """Conversations go on."""

    def fail(request: Any) -> HttpResponse:
        raise LookupError("the secret")

    async with kit.serve(echo, http=fail) as server, kit.connect(server.url) as ws:
        status, _, body = await http_get(kit, server.port)
        assert status == 500
        assert "secret" not in body
        await ws.send("x")
        assert await ws.recv() == "x"
    assert logged.take_errors() == [LookupError]


@scenario
async def test_options_reach_the_connections(kit: Kit) -> None:
    """Any name of setProtocolOptions; and what differs by default here."""
    async with pair(kit, maxMessagePayloadSize=10, autoPingSize=8) as (client, server):
        assert (server.maxMessagePayloadSize, server.autoPingSize) == (10, 8)
        for ws in (client, server):
            assert (ws.autoPingInterval, ws.autoPingTimeout, ws.failByDrop) == (20, 20, False)
        await client.send("x" * 11)
        with pytest.raises(ConnectionClosed) as caught:
            await client.recv()
        assert caught.value.code == 1009


@scenario
async def test_defaults_can_be_set_back(kit: Kit) -> None:
    """By naming them."""
    async with pair(kit, autoPingInterval=0, autoPingTimeout=0, failByDrop=True) as (_, server):
        assert (server.autoPingInterval, server.autoPingTimeout, server.failByDrop) == (0, 0, True)
