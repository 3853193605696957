"""`_core.client_handshake`: what a client asks for, and what answers it takes (RFC 6455 section 4.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsframework._core.client_handshake import ClientHello, ConnectionResponse, build_request, check_response
from wsframework._core.headers import ExtensionOffer, Headers
from wsframework._core.http import ResponseHead, parse_response_head
from wsframework._core.violation import HandshakeFailed

HELLO = ClientHello(
    host="server.example.com",
    resource="/chat",
    key="dGhlIHNhbXBsZSBub25jZQ==",
    version=13,
    origin=None,
    protocols=(),
    extensions=None,
    useragent=None,
    headers=(),
)
ACCEPT = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
GOOD = (b"Upgrade: websocket", b"Connection: Upgrade", ACCEPT)


def hello(**changes: Any) -> ClientHello:
    return replace(HELLO, **changes)


def response(*fields: bytes, line: bytes = b"HTTP/1.1 101 Switching Protocols") -> ResponseHead:
    return parse_response_head(b"\r\n".join([line, *fields, b"", b""]))


# --- the request ---


def test_the_smallest_request_has_what_rfc_6455_requires() -> None:
    """The items 1 to 9 of section 4.1."""
    assert build_request(HELLO) == (
        b"GET /chat HTTP/1.1\r\n"
        b"Host: server.example.com\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"\r\n"
    )


def test_a_request_with_everything() -> None:
    """What I configure is sent as I gave it."""
    everything = hello(
        host="[::1]:9000",
        resource="/a%20b?c=d",
        origin="http://example.com",
        protocols=("chat", "superchat"),
        extensions="permessage-deflate; client_max_window_bits",
        useragent="tester/1",
        headers=(("Authorization", "Bearer x"), ("X-A", "1"), ("X-A", "2")),
    )
    assert build_request(everything) == (
        b"GET /a%20b?c=d HTTP/1.1\r\n"
        b"Host: [::1]:9000\r\n"
        b"User-Agent: tester/1\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Origin: http://example.com\r\n"
        b"Sec-WebSocket-Protocol: chat, superchat\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        b"Authorization: Bearer x\r\n"
        b"X-A: 1\r\n"
        b"X-A: 2\r\n"
        b"\r\n"
    )


def test_version_8_names_its_origin_differently() -> None:
    """The drafts before the RFC said Sec-WebSocket-Origin."""
    request = build_request(hello(version=8, origin="http://example.com"))
    assert b"Sec-WebSocket-Version: 8\r\nSec-WebSocket-Origin: http://example.com\r\n" in request
    assert b"\r\nOrigin:" not in request


def test_empty_values_are_not_sent() -> None:
    """No User-Agent, no Origin and no extensions when I say ""."""
    assert build_request(hello(origin="", useragent="", extensions="", protocols=[])) == build_request(HELLO)


def test_my_own_user_agent_and_origin_headers_are_sent_once() -> None:
    """Headers that I set by hand replace the framework's."""
    request = build_request(hello(useragent="framework", headers=(("user-agent", "mine"), ("ORIGIN", "http://mine"))))
    assert b"framework" not in request
    assert request.endswith(b"13\r\nuser-agent: mine\r\nORIGIN: http://mine\r\n\r\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"host": ""},
        {"host": "a b"},
        {"host": "a\r\nX: y"},
        {"host": "::1"},
        {"host": "a:99999"},
        {"host": "user@host"},
        {"resource": ""},
        {"resource": "chat"},
        {"resource": "http://h/"},
        {"resource": "/a b"},
        {"resource": "/a#b"},
        {"resource": "/\r\nX: y"},
        {"resource": "/\u0100"},
        {"resource": "/\xe9"},
        {"key": ""},
        {"key": "dGhlIHNhbXBsZSBub25jZR=="},
        {"key": "dGhlIHNhbXBsZSBub25jZQ==\r\nX: y"},
        {"version": 0},
        {"version": 18},
        {"origin": "http://a\r\nX: y"},
        {"origin": "http://\u0100"},
        {"protocols": ("a b",)},
        {"protocols": ("",)},
        {"protocols": ("a,b",)},
        {"protocols": ("a", "b", "a")},
        {"protocols": ("a\r\nX: y",)},
        {"extensions": "foo;"},
        {"extensions": "foo\r\nX: y"},
        {"useragent": "a\nb"},
        {"headers": (("X", "a\r\nY: b"),)},
        {"headers": (("X Y", "a"),)},
        {"headers": (("Host", "other"),)},
        {"headers": (("upgrade", "h2c"),)},
        {"headers": (("Connection", "close"),)},
        {"headers": (("Content-Length", "5"),)},
        {"headers": (("Transfer-Encoding", "chunked"),)},
        {"headers": (("Sec-WebSocket-Key", "x"),)},
        {"headers": (("SEC-WEBSOCKET-PROTOCOL", "x"),)},
        {"origin": "http://a", "headers": (("Origin", "http://b"),)},
    ],
)
def test_what_cannot_be_sent_is_a_value_error(changes: dict[str, Any]) -> None:
    """Nothing that I or my users put into the settings changes the request behind my back."""
    with pytest.raises(ValueError, match=r"\w"):
        build_request(hello(**changes))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"host": b"h"}, "the host"),
        ({"resource": None}, "the resource"),
        ({"origin": b"http://a"}, "'Origin'"),
        ({"useragent": 5}, "'User-Agent'"),
        ({"protocols": "chat"}, "subprotocols must be a tuple"),
        ({"protocols": (b"chat",)}, "a subprotocol must be a str"),
        ({"headers": (("X", b"y"),)}, "'X'"),
    ],
)
def test_wrong_types_are_a_type_error(changes: dict[str, Any], named: str) -> None:
    """The error names what I mixed up."""
    with pytest.raises(TypeError, match=named):
        build_request(hello(**changes))


# --- the response ---


def test_the_smallest_response_that_is_accepted() -> None:
    """Upgrade, Connection and the answer to our key."""
    head = response(*GOOD)
    expected = ConnectionResponse("tcp4:1.2.3.4:80", head.headers, 18, None, [])
    assert check_response(head, HELLO, "tcp4:1.2.3.4:80") == expected


@pytest.mark.parametrize(
    "fields",
    [
        (b"UPGRADE: WebSocket", b"CONNECTION: upgrade", ACCEPT),
        (b"Upgrade: websocket", b"Connection: keep-alive, Upgrade", ACCEPT),
        (b"Upgrade: websocket", b"Connection: keep-alive", b"Connection: Upgrade", ACCEPT),
        (*GOOD, b"Sec-WebSocket-Extensions: ", b"Server: x", b"Set-Cookie: a=1"),
    ],
)
def test_names_are_compared_without_regard_to_case_and_lists_are_read(fields: tuple[bytes, ...]) -> None:
    """Servers write it in several ways."""
    assert check_response(response(*fields), HELLO, "").protocol is None


def test_the_chosen_subprotocol_and_extensions_are_reported() -> None:
    """My onConnect sees what was agreed on."""
    offered = hello(protocols=("a", "b"), extensions="foo, bar; x; y=1")
    fields = (
        *GOOD,
        b"Sec-WebSocket-Protocol: b",
        b'Sec-WebSocket-Extensions: bar; x="1"',
        b"Sec-WebSocket-Extensions: foo",
    )
    answer = check_response(response(*fields), offered, "")
    assert answer.protocol == "b"
    assert answer.extensions == [ExtensionOffer("bar", (("x", "1"),)), ExtensionOffer("foo")]


def test_the_version_is_the_number_of_the_option() -> None:
    """As in Autobahn, the client's version is a draft number."""
    assert check_response(response(*GOOD), HELLO, "").version == 18
    assert check_response(response(*GOOD), hello(version=8), "").version == 12


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ((b"Connection: Upgrade", ACCEPT), "Upgrade"),
        ((b"Upgrade: ", b"Connection: Upgrade", ACCEPT), "Upgrade"),
        ((b"Upgrade: h2c", b"Connection: Upgrade", ACCEPT), "Upgrade"),
        ((b"Upgrade: websocket, h2c", b"Connection: Upgrade", ACCEPT), "Upgrade"),
        ((b"Upgrade: websocket", b"Upgrade: websocket", b"Connection: Upgrade", ACCEPT), "Upgrade"),
        ((b"Upgrade: websocket", ACCEPT), "Connection"),
        ((b"Upgrade: websocket", b"Connection: close", ACCEPT), "Connection"),
        ((b"Upgrade: websocket", b"Connection: no Upgrade", ACCEPT), "Connection"),
        (GOOD[:2], "Accept"),
        ((*GOOD[:2], b"Sec-WebSocket-Accept: "), "Accept"),
        ((*GOOD[:2], b"Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO="), "Accept"),
        ((*GOOD[:2], ACCEPT + b"="), "Accept"),
        ((*GOOD, ACCEPT), "Accept"),
        ((*GOOD, b"Sec-WebSocket-Accept: other"), "Accept"),
        ((*GOOD, b"Sec-WebSocket-Protocol: c"), "subprotocol"),
        ((*GOOD, b"Sec-WebSocket-Protocol: "), "subprotocol"),
        ((*GOOD, b"Sec-WebSocket-Protocol: A"), "subprotocol"),
        ((*GOOD, b"Sec-WebSocket-Protocol: a, b"), "subprotocol"),
        ((*GOOD, b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Protocol: a"), "subprotocol"),
        ((*GOOD, b"Sec-WebSocket-Extensions: bar"), "extension that was not offered"),
        ((*GOOD, b"Sec-WebSocket-Extensions: foo, bar"), "extension that was not offered"),
        ((*GOOD, b"Sec-WebSocket-Extensions: foo;"), "malformed"),
        ((*GOOD, b"Sec-WebSocket-Extensions: " + b"a" * 5000), "malformed"),
    ],
)
def test_a_response_that_breaks_a_rule_fails(fields: tuple[bytes, ...], named: str) -> None:
    """A server that did not understand, or is hostile, gets no frames (section 4.1, response items 2 to 6)."""
    with pytest.raises(HandshakeFailed, match=named):
        check_response(response(*fields), hello(protocols=("a", "b"), extensions="foo"), "")


def test_what_was_not_asked_for_cannot_be_chosen() -> None:
    """No offer, no extension and no subprotocol."""
    for field in (b"Sec-WebSocket-Extensions: permessage-deflate", b"Sec-WebSocket-Protocol: chat"):
        with pytest.raises(HandshakeFailed, match="not offered"):
            check_response(response(*GOOD, field), HELLO, "")


def test_http_1_0_cannot_upgrade() -> None:
    """The version of the response counts, too."""
    with pytest.raises(HandshakeFailed, match=r"HTTP/1\.1"):
        check_response(response(*GOOD, line=b"HTTP/1.0 101 x"), HELLO, "")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"])
            | st.just("Sec-WebSocket-Extensions"),
            st.sampled_from(
                ["websocket", "Upgrade", ACCEPT.decode().partition(" ")[2], "a", "foo", 'foo; a="', ",;=", ""]
            )
            | st.text(st.characters(codec="latin-1"), max_size=5),
        ),
        max_size=8,
    )
)
def test_any_response_is_accepted_or_fails(pairs: list[tuple[str, str]]) -> None:
    """A hostile server cannot raise anything else in the client, nor choose what was not offered."""
    try:
        answer = check_response(
            ResponseHead("1.1", 101, "", Headers(pairs), ""), hello(protocols=("a",), extensions="foo"), ""
        )
    except HandshakeFailed:
        return
    assert answer.protocol in (None, "a")
    assert {extension.name for extension in answer.extensions} <= {"foo"}
