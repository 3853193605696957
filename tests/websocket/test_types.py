"""`websocket.types`: the data classes that callbacks are given and return."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

import wsframework._core.handshake
from wsframework.websocket import types
from wsframework.websocket.types import (
    ConnectingRequest,
    ConnectionAccept,
    ConnectionDeny,
    Headers,
    HttpRequest,
    HttpResponse,
    IncomingMessage,
    OutgoingMessage,
    Ping,
    TransportDetails,
)

BAD_HEADERS: list[tuple[object, type[Exception], str]] = [
    ({"X-A": "1\r\nX-B: 2"}, ValueError, "X-A"),
    ({"X-A": "1\x00"}, ValueError, "X-A"),
    ({"X A": "1"}, ValueError, "X A"),
    ({"X-A": 1}, TypeError, "X-A"),
    ([("X-A", ["1", None])], TypeError, "X-A"),
    ("X-A: 1", TypeError, "headers"),
]


def test_requests_and_responses_are_those_of_the_core() -> None:
    """I import what my callbacks are given from where Autobahn has it."""
    assert types.ConnectionRequest is wsframework._core.handshake.ConnectionRequest
    assert types.ConnectionResponse is wsframework._core.handshake.ConnectionResponse


def test_all_names_exist() -> None:
    """`from wsframework.websocket.types import *` works."""
    assert all(hasattr(types, name) for name in types.__all__)


@pytest.mark.parametrize(
    "value",
    [
        ConnectingRequest(),
        ConnectionAccept(),
        HttpResponse(),
        IncomingMessage(b""),
        OutgoingMessage(b""),
        Ping(),
        TransportDetails(is_server=True),
    ],
)
def test_data_is_frozen(value: object) -> None:
    """What was checked stays as it was checked."""
    assert dataclasses.is_dataclass(value)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)


def test_connecting_request_without_arguments_changes_nothing() -> None:
    """None means the factory's value."""
    request = ConnectingRequest()
    assert [getattr(request, field.name) for field in dataclasses.fields(request)] == [None] * 7


def test_connecting_request_keeps_what_it_is_given() -> None:
    """I ask for something else in this one connection: a token, another path, other subprotocols."""
    request = ConnectingRequest(
        "Example.com",
        9000,
        "/a b?ä=%20",
        {"Authorization": "Bearer x", "X": ["1", "2"]},
        "me/1",
        "https://a",
        ["x", "y"],
    )
    assert request.host == "Example.com"
    assert request.port == 9000
    assert request.resource == "/a%20b?%C3%A4=%20"
    assert request.headers == (("Authorization", "Bearer x"), ("X", "1"), ("X", "2"))
    assert (request.useragent, request.origin) == ("me/1", "https://a")
    assert request.protocols == ("x", "y")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%eth0", "my_host."])
def test_connecting_request_takes_any_host(host: str) -> None:
    """I name the host as I name it to the factory."""
    assert ConnectingRequest(host=host).host == host


def test_connecting_request_can_take_the_protocols_away() -> None:
    """An empty list is a value, unlike None."""
    request = ConnectingRequest(protocols=[], headers={})
    assert (request.protocols, request.headers) == ((), ())


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"host": ""}, ValueError, "host"),
        ({"host": "a b"}, ValueError, "host"),
        ({"host": "a/b"}, ValueError, "host"),
        ({"host": "a:80"}, ValueError, "IPv6"),
        ({"host": "a\r\nX: y"}, ValueError, "host"),
        ({"host": b"a"}, TypeError, "host"),
        ({"port": 0}, ValueError, "port must be from 1 to 65535, not 0"),
        ({"port": 65536}, ValueError, "port"),
        ({"port": "80"}, TypeError, "port must be int, not str"),
        ({"port": True}, TypeError, "port must be int, not bool"),
        ({"resource": ""}, ValueError, "slash"),
        ({"resource": "a"}, ValueError, "slash"),
        ({"resource": "http://h/"}, ValueError, "slash"),
        ({"resource": "/a#b"}, ValueError, "fragment"),
        ({"resource": "/a HTTP/1.1\r\nX: y"}, ValueError, "control"),
        ({"resource": b"/"}, TypeError, "resource must be str, not bytes"),
        ({"useragent": "a\nb"}, ValueError, "useragent"),
        ({"useragent": 1}, TypeError, "useragent"),
        ({"origin": "a\x00"}, ValueError, "origin"),
        ({"origin": b"a"}, TypeError, "origin"),
        ({"protocols": "chat"}, TypeError, "protocols must be a list of str, not str"),
        ({"protocols": 1}, TypeError, "protocols must be a list of str, not int"),
        ({"protocols": [b"chat"]}, TypeError, "one of its items is bytes"),
        ({"protocols": ["a b"]}, ValueError, "'a b' is not a token"),
        ({"protocols": [""]}, ValueError, "not a token"),
        ({"protocols": ["a", "b", "a"]}, ValueError, "twice"),
        *(({"headers": headers}, error, said) for headers, error, said in BAD_HEADERS),
    ],
)
def test_connecting_request_refuses_what_cannot_be_sent(
    arguments: dict[str, object], error: type[Exception], said: str
) -> None:
    """Data of my users that I put into a request cannot become a second header or request."""
    make: Callable[..., object] = ConnectingRequest
    with pytest.raises(error, match=said):
        make(**arguments)


def test_connection_accept() -> None:
    """I accept with one of the subprotocols and set two cookies."""
    accept = ConnectionAccept("chat", {"Set-Cookie": ["a=1", "b=2"]})
    assert accept.subprotocol == "chat"
    assert accept.headers == (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
    assert (ConnectionAccept().subprotocol, ConnectionAccept().headers) == (None, ())


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("a b",), ValueError, "'a b' is not a token"),
        (("a\r\nX: y",), ValueError, "subprotocol"),
        ((["chat"],), TypeError, "subprotocol must be a str, not list"),
        *(((None, headers), error, said) for headers, error, said in BAD_HEADERS),
    ],
)
def test_connection_accept_refuses_what_cannot_be_sent(
    arguments: tuple[object, ...], error: type[Exception], said: str
) -> None:
    """A header that would split the response is my error, and I learn it where I made it."""
    make: Callable[..., object] = ConnectionAccept
    with pytest.raises(error, match=said):
        make(*arguments)


def test_connection_deny_needs_a_code_only() -> None:
    """I refuse with a status."""
    deny = ConnectionDeny(ConnectionDeny.FORBIDDEN)
    assert (deny.code, deny.reason, deny.headers, deny.body) == (403, None, (), None)
    assert deny.args == (403, None)


def test_connection_deny_carries_headers_and_a_body() -> None:
    """I refuse in JSON and say how to authenticate."""
    deny = ConnectionDeny(
        401, "Who are you", {"WWW-Authenticate": ["Basic", "Bearer"], "content-type": "application/json"}, '{"ä": 1}'
    )
    assert (deny.code, deny.reason) == (401, "Who are you")
    assert deny.headers == (
        ("WWW-Authenticate", "Basic"),
        ("WWW-Authenticate", "Bearer"),
        ("content-type", "application/json"),
    )
    assert deny.body == '{"ä": 1}'.encode()
    assert ConnectionDeny(404, body=b"\xff").body == b"\xff"


@pytest.mark.parametrize("code", [300, 302, 400, 599])
def test_connection_deny_takes_any_refusing_status(code: int) -> None:
    """I redirect, or use a status that has no constant."""
    assert ConnectionDeny(code).code == code


def test_constants_of_connection_deny() -> None:
    """Autobahn's names work, and 401 and 429 have one too."""
    constants = {name: value for name, value in vars(ConnectionDeny).items() if name.isupper()}
    assert constants == {
        "BAD_REQUEST": 400,
        "UNAUTHORIZED": 401,
        "FORBIDDEN": 403,
        "NOT_FOUND": 404,
        "NOT_ACCEPTABLE": 406,
        "REQUEST_TIMEOUT": 408,
        "TOO_MANY_REQUESTS": 429,
        "INTERNAL_SERVER_ERROR": 500,
        "NOT_IMPLEMENTED": 501,
        "SERVICE_UNAVAILABLE": 503,
    }


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((299,), ValueError, "code must be from 300 to 599, not 299"),
        ((101,), ValueError, "code"),
        ((600,), ValueError, "code"),
        (("403",), TypeError, "code must be int, not str"),
        ((True,), TypeError, "code must be int, not bool"),
        ((403, "a\r\nX: y"), ValueError, "reason"),
        ((403, b"no"), TypeError, "reason"),
        ((403, None, None, 1), TypeError, "body must be bytes, not int"),
        ((403, None, {"Content-Length": "1"}), ValueError, "'Content-Length'"),
        ((403, None, {"connection": "keep-alive"}), ValueError, "'connection'"),
        ((403, None, {"Transfer-Encoding": "chunked"}), ValueError, "'Transfer-Encoding'"),
        *(((403, None, headers), error, said) for headers, error, said in BAD_HEADERS),
    ],
)
def test_connection_deny_refuses_what_cannot_be_sent(
    arguments: tuple[object, ...], error: type[Exception], said: str
) -> None:
    """The text of an exception that I pass as reason cannot split the response."""
    make: Callable[..., object] = ConnectionDeny
    with pytest.raises(error, match=said):
        make(*arguments)


def test_http_request_holds_what_was_asked() -> None:
    """My status page looks at path and query."""
    request = HttpRequest("GET", "/status", {"a": ["1"]}, Headers([("Host", "h")]), "tcp4:127.0.0.1:1")
    assert (request.method, request.path, request.params) == ("GET", "/status", {"a": ["1"]})
    assert (request.headers["host"], request.peer) == ("h", "tcp4:127.0.0.1:1")


def test_http_response_is_a_page_unless_it_says_otherwise() -> None:
    """I return the page of my chat."""
    response = HttpResponse("<p>ä")
    assert (response.body, response.status, response.headers) == ("<p>ä".encode(), 200, ())
    assert response.content_type == "text/html; charset=utf-8"
    assert HttpResponse(b"\xff").body == b"\xff"
    assert HttpResponse().body == b""
    css = HttpResponse("", 404, "text/css", {"X": ["1", "2"]})
    assert (css.status, css.content_type, css.headers) == (404, "text/css", (("X", "1"), ("X", "2")))


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("", 199), ValueError, "status must be from 200 to 599, not 199"),
        (("", 600), ValueError, "status"),
        (("", "200"), TypeError, "status"),
        (("", 200, "a\r\nX: y"), ValueError, "content_type"),
        (("", 200, None), TypeError, "content_type"),
        ((None,), TypeError, "body must be bytes, not NoneType"),
        (("", 200, "a/b", {"Content-Length": "0"}), ValueError, "'Content-Length'"),
        *((("", 200, "a/b", headers), error, said) for headers, error, said in BAD_HEADERS),
    ],
)
def test_http_response_refuses_what_cannot_be_sent(
    arguments: tuple[object, ...], error: type[Exception], said: str
) -> None:
    """A mistake in my page is found before a half response is out."""
    make: Callable[..., object] = HttpResponse
    with pytest.raises(error, match=said):
        make(*arguments)


def test_messages() -> None:
    """Text is the default, as it is in `sendMessage`."""
    assert (IncomingMessage(b"a").payload, IncomingMessage(b"a").is_binary) == (b"a", False)
    assert IncomingMessage(b"a", True).is_binary
    message = OutgoingMessage(b"a", True, True)
    assert (message.payload, message.is_binary, message.skip_compress) == (b"a", True, True)
    assert not OutgoingMessage(b"a").skip_compress


@pytest.mark.parametrize(
    ("make", "arguments", "said"),
    [
        (IncomingMessage, ("a",), "payload must be bytes, not str"),
        (IncomingMessage, (b"a", 1), "is_binary must be bool, not int"),
        (OutgoingMessage, (None,), "payload must be bytes, not NoneType"),
        (OutgoingMessage, (b"a", None), "is_binary must be bool, not NoneType"),
        (OutgoingMessage, (b"a", False, 1), "skip_compress must be bool, not int"),
        (Ping, ("a",), "payload must be bytes, not str"),
    ],
)
def test_message_of_another_type_is_a_type_error(
    make: Callable[..., object], arguments: tuple[object, ...], said: str
) -> None:
    """I forgot to encode."""
    with pytest.raises(TypeError, match=said):
        make(*arguments)


def test_ping_holds_125_octets() -> None:
    """A control frame has no room for more."""
    assert Ping().payload == b""
    assert Ping(b"x" * 125).payload == b"x" * 125
    with pytest.raises(ValueError, match="payload has 126 octets, a Ping holds up to 125"):
        Ping(b"x" * 126)


def test_transport_details_are_filled_in_step_by_step() -> None:
    """Before the handshake I see the transport, after it what was agreed too."""
    details = TransportDetails(is_server=False, is_secure=True, own="tcp4:127.0.0.1:1", channel_type="tls")
    assert (details.peer, details.http_headers_received, details.websocket_protocol) == (None,) * 3
    assert dataclasses.replace(details, websocket_protocol="chat").websocket_protocol == "chat"
    assert TransportDetails(is_server=True).channel_type == "null"
