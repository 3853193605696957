"""`_core.handshake`: what a server accepts, what it answers, and that both halves understand each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsframework._core import client_handshake, handshake, key
from wsframework._core.handshake import (
    ClientHello,
    ConnectionRequest,
    ServerPolicy,
    accept_response,
    build_request,
    check_plain_request,
    check_request,
    check_response,
    error_response,
    forwarded_peer,
    new_key,
    wants_upgrade,
)
from wsframework._core.headers import ExtensionOffer, Headers
from wsframework._core.http import HeadReader, RequestHead, parse_request_head, parse_response_head
from wsframework._core.uri import OriginPatterns
from wsframework._core.violation import HandshakeRefused

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
PEER = "tcp4:1.2.3.4:5"
POLICY = ServerPolicy(
    versions=(8, 13), origins=OriginPatterns(["*"]), allow_null_origin=True, external_port=None, is_secure=False
)
# The request of RFC 6455 section 1.2 without what is optional.
FIELDS = {
    "Host": "server.example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def head(
    changes: dict[str, str | Sequence[str] | None] | None = None,
    *,
    line: str = "GET /chat HTTP/1.1",
    base: dict[str, str] = FIELDS,
) -> RequestHead:
    """The good request with some headers changed: None takes one out, a list gives several lines."""
    octets = [line]
    for name, value in (base | (changes or {})).items():
        lines = [] if value is None else [value] if isinstance(value, str) else value
        octets += [f"{name}: {text}" for text in lines]
    return parse_request_head("\r\n".join([*octets, "", ""]).encode("latin-1"))


def plain(changes: dict[str, str | Sequence[str] | None] | None = None, line: str = "GET / HTTP/1.1") -> RequestHead:
    return head(changes, line=line, base={"Host": "h"})


def check(request: RequestHead, policy: ServerPolicy = POLICY) -> ConnectionRequest:
    return check_request(request, PEER, policy)[0]


def refusal(request: RequestHead, policy: ServerPolicy = POLICY) -> HandshakeRefused:
    with pytest.raises(HandshakeRefused) as refused:
        check(request, policy)
    return refused.value


# --- what the server reads ---


def test_the_smallest_request_that_is_accepted() -> None:
    """The items 1 to 6 of RFC 6455 section 4.2.1."""
    request = head()
    assert check_request(request, PEER, POLICY) == (
        ConnectionRequest(PEER, request.headers, "server.example.com", "/chat", {}, 13, "", [], []),
        KEY,
    )


def test_a_request_with_everything() -> None:
    """My onConnect sees all that the client says."""
    request = head(
        {
            "Host": "Server.Example.COM:8080",
            "Origin": "http://example.com",
            "Sec-WebSocket-Protocol": ["chat, superchat", "mqtt"],
            "Sec-WebSocket-Extensions": ["permessage-deflate; client_max_window_bits", "foo; a=1; a=2"],
            "Cookie": "a=1",
        },
        line="GET /a%20b/c?x=1&x=2&y= HTTP/1.1",
    )
    assert check(request) == ConnectionRequest(
        peer=PEER,
        headers=request.headers,
        host="server.example.com",
        path="/a%20b/c",
        params={"x": ["1", "2"], "y": [""]},
        version=13,
        origin="http://example.com",
        protocols=["chat", "superchat", "mqtt"],
        extensions=[
            ExtensionOffer("permessage-deflate", (("client_max_window_bits", None),)),
            ExtensionOffer("foo", (("a", "1"), ("a", "2"))),
        ],
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": "WebSocket"},
        {"Upgrade": "h2c, WEBSOCKET"},
        {"Upgrade": ["foo/1", "websocket"]},
        {"Connection": "upgrade"},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": ["keep-alive", "UPGRADE"]},
        {"Content-Length": "0"},
        {"Host": "[2001:DB8::1]:80"},
        {"Host": "localhost"},
        {"Sec-WebSocket-Extensions": ""},
    ],
)
def test_variants_that_real_clients_send_are_accepted(changes: dict[str, Any]) -> None:
    """Case, lists and repeated lists mean the same."""
    assert check(head(changes)).version == 13


@pytest.mark.parametrize("method", ["POST", "HEAD", "get", "CONNECT", "OPTIONS", "X"])
def test_the_method_must_be_get(method: str) -> None:
    """405 names what is allowed (item 1)."""
    refused = refusal(head(line=f"{method} / HTTP/1.1"))
    assert (refused.status, refused.headers) == (405, (("Allow", "GET"),))


def test_http_1_0_is_refused() -> None:
    """505 (item 1)."""
    assert refusal(head(line="GET / HTTP/1.0")).status == 505
    assert check(head(line="GET / HTTP/1.2")).path == "/"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "the Host header is missing"),
        (["a", "b"], "more than one Host header"),
        (["a", "a"], "more than one Host header"),
        ("", "malformed"),
        ("a, b", "malformed"),
        ("a b", "malformed"),
        ("a:b", "malformed"),
        ("a:0", "malformed"),
        ("a:65536", "malformed"),
        ("::1", "malformed"),
        ("[::1", "malformed"),
        ("user@a", "malformed"),
        ("a/b", "malformed"),
        ("<script>", "malformed"),
        ("\xe4", "malformed"),
    ],
)
def test_there_must_be_exactly_one_valid_host(value: Any, text: str) -> None:
    """400: two readers must not differ about the host (item 2)."""
    for request in (head({"Host": value}), plain({"Host": value})):
        with pytest.raises(HandshakeRefused, match=text) as refused:
            (check if wants_upgrade(request) else check_plain_request)(request)
        assert refused.value.status == 400


@pytest.mark.parametrize(
    ("external_port", "is_secure", "host", "is_good"),
    [
        (8080, False, "h:8080", True),
        (8080, False, "h:80", False),
        (8080, False, "h", False),
        (80, False, "h", True),
        (80, False, "h:", True),
        (80, True, "h", False),
        (443, True, "h", True),
        (443, True, "h:443", True),
        (None, True, "h:1234", True),
    ],
)
def test_the_port_in_host_must_be_the_external_port(
    external_port: int | None, is_secure: bool, host: str, is_good: bool
) -> None:
    """When I set externalPort, only requests for that port are mine."""
    policy = replace(POLICY, external_port=external_port, is_secure=is_secure)
    if is_good:
        assert check(head({"Host": host}), policy).host == "h"
    else:
        assert refusal(head({"Host": host}), policy).status == 400


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://h/chat", "h", "/chat"),
        ("http://H:80/chat?x=1", "h:80", "/chat"),
        ("ws://h", "h", "/"),
        ("http://h?x=/y", "h", "/"),
        ("http://[::1]:1/", "[0:0:0:0:0:0:0:1]:1", "/"),
        ("//other/path", "h", "//other/path"),
        ("/http://other/", "h", "/http://other/"),
    ],
)
def test_an_absolute_target_is_accepted_for_the_same_host(target: str, host: str, path: str) -> None:
    """Some proxies send it (RFC 9112 section 3.2.2)."""
    assert check(head({"Host": host}, line=f"GET {target} HTTP/1.1")).path == path
    check_plain_request(plain({"Host": host}, line=f"GET {target} HTTP/1.1"))


@pytest.mark.parametrize(
    "target", ["http://other/", "http://h:81/", "http://h@h/", "http:///x", "*", "h:80", "chat", "ftp://h/"]
)
def test_targets_that_are_no_path_or_name_another_host_are_refused(target: str) -> None:
    """400 for both, so that the path in onConnect always begins with a slash."""
    assert refusal(head({"Host": "h"}, line=f"GET {target} HTTP/1.1")).status == 400
    with pytest.raises(HandshakeRefused) as refused:
        check_plain_request(plain(line=f"GET {target} HTTP/1.1"))
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"Transfer-Encoding": "chunked"},
        {"Transfer-Encoding": ""},
        {"Transfer-Encoding": "identity", "Content-Length": "0"},
        {"Content-Length": "5"},
        {"Content-Length": ["0", "5"]},
        {"Content-Length": ["0", "0"]},
        {"Content-Length": "0, 0"},
        {"Content-Length": "00"},
        {"Content-Length": "+0"},
        {"Content-Length": "-0"},
        {"Content-Length": "0x0"},
        {"Content-Length": ""},
        {"Content-Length": "\xb2"},
    ],
)
def test_requests_have_no_body(changes: dict[str, Any]) -> None:
    """400: a body is how requests are smuggled past a proxy."""
    for request in (head(changes), plain(changes)):
        with pytest.raises(HandshakeRefused, match="must not have a body") as refused:
            (check if wants_upgrade(request) else check_plain_request)(request)
        assert refused.value.status == 400


@pytest.mark.parametrize("value", [None, "", "h2c", "web socket", "websocket/13", "xwebsocket", "websocket;x"])
def test_another_protocol_is_answered_with_426(value: str | None) -> None:
    """The client is told what this server upgrades to (item 3)."""
    refused = refusal(head({"Upgrade": value}))
    assert refused.status == 426
    assert refused.headers == (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13, 8"))


@pytest.mark.parametrize("value", [None, "", "keep-alive", "close", "Upgrade2", "x Upgrade", "(Upgrade"])
def test_connection_must_say_upgrade(value: str | None) -> None:
    """400 (item 4)."""
    assert refusal(head({"Connection": value})).status == 400


@pytest.mark.parametrize(
    "value", [None, ["13", "13"], "13, 8", "", "013", "+13", "13.0", "x", "256", "1000", "\xb9\xb3", "-1"]
)
def test_the_version_must_be_one_number(value: Any) -> None:
    """400 when it is missing, repeated or malformed (item 6)."""
    refused = refusal(head({"Sec-WebSocket-Version": value}))
    assert refused.status == 400
    assert "Sec-WebSocket-Version" in refused.text


@pytest.mark.parametrize("value", ["0", "7", "9", "14", "99", "100", "199", "249", "255"])
def test_an_unsupported_version_is_answered_with_the_supported_ones(value: str) -> None:
    """426 and the list, so that the client can try again (section 4.4)."""
    refused = refusal(head({"Sec-WebSocket-Version": value}))
    assert refused.status == 426
    assert refused.headers == (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13, 8"))


def test_versions_are_those_of_the_policy() -> None:
    """I can switch the old one off."""
    assert check(head({"Sec-WebSocket-Version": "8"})).version == 8
    refused = refusal(head({"Sec-WebSocket-Version": "8"}), replace(POLICY, versions=(13,)))
    assert refused.headers[1] == ("Sec-WebSocket-Version", "13")


@pytest.mark.parametrize(
    "value", [None, [KEY, KEY], "", "x", KEY + "=", "dGhlIHNhbXBsZSBub25jZR==", KEY[:-1], f"{KEY}, {KEY}"]
)
def test_the_key_must_be_one_key(value: Any) -> None:
    """400 when it is missing, repeated or not 16 octets in base64 (item 5)."""
    refused = refusal(head({"Sec-WebSocket-Key": value}))
    assert refused.status == 400
    assert "Sec-WebSocket-Key" in refused.text


@pytest.mark.parametrize(
    "value", ["", ",", "a b", "a, a", ["a", "b, a"], "a;b", '"a"', "a/b", "\xe4", "a" * 4097, "a," * 2049]
)
def test_malformed_subprotocol_lists_are_refused(value: Any) -> None:
    """400: tokens, each once, at most 4096 characters (item 8)."""
    assert refusal(head({"Sec-WebSocket-Protocol": value})).status == 400


def test_a_long_subprotocol_list_is_accepted() -> None:
    """The limit is far above what anybody needs, and names are compared with case."""
    names = ["a" * 2000, "b" * 2000, "B"]
    assert check(head({"Sec-WebSocket-Protocol": names})).protocols == names


@pytest.mark.parametrize(
    "value", ["foo;", "=", 'a; b="', "a" * 5000, ",".join(["a"] * 17), ["permessage-deflate", "x y"]]
)
def test_malformed_extension_offers_are_declined(value: Any) -> None:
    """The connection comes about without extensions (item 9)."""
    assert check(head({"Sec-WebSocket-Extensions": value})).extensions == []


# --- origins ---

ONLY = ["https://example.com", "http://*.example.org:8080", "http://[::1]", "https://xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (None, True),
        ("https://example.com", True),
        ("HTTPS://EXAMPLE.com:443", True),
        ("http://a.example.org:8080", True),
        ("http://[0:0::1]", True),
        ("https://xn--bcher-kva.example", True),
        ("http://example.com", False),
        ("https://example.com:8443", False),
        ("https://example.com.", False),
        ("https://evil-example.com", False),
        ("https://example.com.evil", False),
        ("https://a.example.com", False),
        ("http://example.org:8080", False),
        ("http://a.example.org", False),
        ("http://evil/.example.org:8080", False),
        ("https://example.com/", False),
        ("https://user@example.com", False),
        ("https://example.com https://evil.example", False),
        ("https://b\xfccher.example", False),
        ("example.com", False),
        ("", False),
        ("null", True),
        ("file:///a", True),
    ],
)
def test_origins_are_compared_with_the_allowed_ones(origin: str | None, is_allowed: bool) -> None:
    """403 for a web page that is not mine; who sends no origin is no browser (item 7)."""
    policy = replace(POLICY, origins=OriginPatterns(ONLY))
    request = head({"Origin": origin})
    if is_allowed:
        assert check(request, policy).origin == (origin or "")
    else:
        assert refusal(request, policy).status == 403


@pytest.mark.parametrize("origin", ["null", "file://", "file:///x"])
def test_the_null_origin_has_its_own_option(origin: str) -> None:
    """Refused when I say so, also where any other origin is allowed."""
    assert check(head({"Origin": origin})).origin == origin
    assert refusal(head({"Origin": origin}), replace(POLICY, allow_null_origin=False)).status == 403


@pytest.mark.parametrize("origin", ["null", "NULL", "file://", "file:///x"])
@pytest.mark.parametrize(
    ("patterns", "given", "is_allowed"),
    [
        (["*"], None, True),
        (["*"], False, False),
        (["https://a.example", "*"], None, True),
        (["https://a.example"], None, False),
        (["https://a.example"], True, True),
        (["*://*:*"], None, False),
        ([], None, False),
    ],
)
def test_the_null_origin_is_on_no_list(origin: str, patterns: list[str], given: bool | None, is_allowed: bool) -> None:
    """Any page can show itself in a sandboxed frame, whose origin is null: I named the pages that may connect."""
    policy = replace(POLICY, origins=OriginPatterns(patterns), allow_null_origin=given)
    if is_allowed:
        assert check(head({"Origin": origin}), policy).origin == origin
    else:
        assert refusal(head({"Origin": origin}), policy).status == 403


@pytest.mark.parametrize("origin", ["", "example.com", "http://a b", "http://a, http://b", "\xe9"])
def test_any_origin_means_malformed_ones_too(origin: str) -> None:
    """Devices send strange origins; only who names the allowed ones is strict."""
    assert check(head({"Origin": origin})).origin == origin
    assert refusal(head({"Origin": origin}), replace(POLICY, origins=OriginPatterns(["*://*:*"]))).status == 403


def test_two_origin_lines_are_refused() -> None:
    """400, also where any origin is allowed."""
    refused = refusal(head({"Origin": ["http://a", "http://a"]}))
    assert (refused.status, refused.text) == (400, "more than one Origin header")


def test_version_8_has_its_origin_elsewhere() -> None:
    """Each version's own header is looked at, and only that one."""
    policy = replace(POLICY, origins=OriginPatterns(ONLY))
    good, evil = "https://example.com", "https://evil.example"
    old = {"Sec-WebSocket-Version": "8"}
    assert check(head({**old, "Sec-WebSocket-Origin": good, "Origin": evil}), policy).origin == good
    assert refusal(head({**old, "Sec-WebSocket-Origin": evil, "Origin": good}), policy).status == 403
    assert refusal(head({"Sec-WebSocket-Origin": good, "Origin": evil}), policy).status == 403
    assert refusal(head({**old, "Sec-WebSocket-Origin": [good, good]}), policy).status == 400


# --- requests that are no upgrade ---


def test_an_upgrade_is_wanted_when_the_header_is_there() -> None:
    """The rest goes to the page or health check of the factory."""
    assert wants_upgrade(head())
    assert wants_upgrade(head({"Upgrade": "h2c"}))
    assert not wants_upgrade(head({"Upgrade": None}))


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("GET / HTTP/1.1", {}),
        ("HEAD /health HTTP/1.1", {}),
        ("GET / HTTP/1.0", {"Host": None}),
        ("GET / HTTP/1.0", {"Host": "h:80"}),
        ("GET http://other/ HTTP/1.0", {"Host": None}),
        ("GET / HTTP/1.1", {"Content-Length": "0"}),
    ],
)
def test_plain_requests_that_are_accepted(line: str, changes: dict[str, Any]) -> None:
    """Browsers and the health checks of load balancers, also old ones."""
    check_plain_request(plain(changes, line))


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "get"])
def test_plain_requests_are_get_or_head(method: str) -> None:
    """405 names both."""
    with pytest.raises(HandshakeRefused) as refused:
        check_plain_request(plain(line=f"{method} / HTTP/1.1"))
    assert (refused.value.status, refused.value.headers) == (405, (("Allow", "GET, HEAD"),))


@pytest.mark.parametrize("host", [["a", "b"], "a b", ""])
def test_http_1_0_may_leave_host_out_but_not_break_it(host: Any) -> None:
    """400."""
    with pytest.raises(HandshakeRefused) as refused:
        check_plain_request(plain({"Host": host}, "GET / HTTP/1.0"))
    assert refused.value.status == 400


@given(
    st.sampled_from(
        ["GET / HTTP/1.1", "GET http://h/ HTTP/1.1", "GET /?%ff&=;& HTTP/1.1", "GET * HTTP/1.0", "HEAD / HTTP/1.1"]
    ),
    st.dictionaries(
        st.sampled_from([*FIELDS, "Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Content-Length"]),
        st.none()
        | st.lists(
            st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=6)
            | st.sampled_from(
                ["8", "null", "http://[", "[::1]", "[", "a:", "websocket", "a,b", 'a; b="', "0", "%", "http://h:x"]
            ),
            max_size=2,
        ),
    ),
)
def test_any_request_is_accepted_or_refused(line: str, changes: dict[str, Any]) -> None:
    """Nothing but HandshakeRefused ever leaves the checks, and its text quotes nobody."""
    request = head(changes, line=line)
    policy = replace(POLICY, origins=OriginPatterns(["http://h"]))
    assert status_of(check, request, policy) in (101, 400, 403, 405, 426, 505)
    assert status_of(check_plain_request, request) in (101, 400, 405)


def status_of(step: Callable[..., object], *arguments: object) -> int:
    try:
        step(*arguments)
    except HandshakeRefused as refused:
        return refused.status if refused.text.isascii() else 0
    return 101


# --- X-Forwarded-For ---


@pytest.mark.parametrize(
    ("lines", "hops", "peer"),
    [
        (["1.1.1.1"], 1, "1.1.1.1"),
        (["9.9.9.9, 1.1.1.1"], 1, "1.1.1.1"),
        (["9.9.9.9, 1.1.1.1"], 2, "9.9.9.9"),
        (["9.9.9.9", "1.1.1.1, 2.2.2.2"], 3, "9.9.9.9"),
        ([" 1.1.1.1\t, 2.2.2.2 "], 2, "1.1.1.1"),
        (["1.1.1.1:5555"], 1, "1.1.1.1"),
        (["2001:DB8::1"], 1, "2001:db8::1"),
        (["[2001:db8::1]"], 1, "2001:db8::1"),
        (["[2001:db8::1]:5555"], 1, "2001:db8::1"),
        (["::ffff:1.2.3.4"], 1, str(ip_address("::ffff:1.2.3.4"))),
        ([], 1, None),
        ([""], 1, None),
        (["1.1.1.1"], 2, None),
        (["1.1.1.1"], 0, None),
        (["1.1.1.1"], -1, None),
        (["1.1.1.1, "], 1, None),
        (["1.1.1.1,,2.2.2.2"], 2, None),
        (["evil, 1.1.1.1"], 2, None),
        (["unknown"], 1, None),
        (["1.1.1.256"], 1, None),
        (["01.1.1.1"], 1, None),
        (["fe80::1%eth0"], 1, None),
        (["fe80::1%\x1b"], 1, None),
        (["[::1"], 1, None),
        (["\xb2.1.1.1"], 1, None),
    ],
)
def test_the_peer_behind_proxies_is_counted_from_the_right(lines: list[str], hops: int, peer: str | None) -> None:
    """The client cannot choose its address: what it sent itself stands left of what my proxies added."""
    assert forwarded_peer(Headers([("X-Forwarded-For", line) for line in lines]), hops) == peer


# --- what the server answers ---


def test_the_smallest_101() -> None:
    """RFC 6455 section 4.2.2, item 5."""
    assert accept_response(KEY, None, None, None, ()) == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"\r\n"
    )


def test_a_101_with_everything() -> None:
    """Subprotocol, extensions and my own headers."""
    headers = iter([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    assert accept_response(KEY, "chat", "permessage-deflate", "wsframework", headers) == (
        b"HTTP/1.1 101 Switching Protocols\r\n"
        b"Server: wsframework\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        b"Sec-WebSocket-Protocol: chat\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
        b"Set-Cookie: a=1\r\n"
        b"Set-Cookie: b=2\r\n"
        b"\r\n"
    )


def test_my_server_header_replaces_the_default() -> None:
    """Once, in both kinds of answer."""
    mine = (("SERVER", "mine"),)
    for octets in (
        accept_response(KEY, None, "", "wsframework", mine),
        error_response(400, "x", mine, server="wsframework"),
    ):
        assert b"SERVER: mine\r\n" in octets
        assert b"wsframework" not in octets


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Upgrade", "x"),
        ("connection", "close"),
        ("Sec-WebSocket-Accept", "x"),
        ("SEC-WEBSOCKET-PROTOCOL", "x"),
        ("sec-websocket-version", "13"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("X", "a\r\nY: b"),
        ("X\r\n", "a"),
        ("X", "\x00"),
    ],
)
def test_headers_of_the_application_cannot_break_the_101(name: str, value: str) -> None:
    """Not the handshake's own ones, and no other lines."""
    with pytest.raises(ValueError, match="header"):
        accept_response(KEY, None, None, None, [("A", "1"), (name, value)])


@pytest.mark.parametrize(
    "arguments",
    [
        (KEY, "a b", None, None),
        (KEY, "a\r\nb", None, None),
        (KEY, "", None, None),
        (KEY, None, "a\nb", None),
        (KEY, None, None, "a\nb"),
    ],
)
def test_other_parts_of_the_101_are_checked_too(arguments: tuple[Any, Any, Any, Any]) -> None:
    """A subprotocol is a token, extensions and server stay on their line."""
    with pytest.raises(ValueError, match=r"subprotocol|header"):
        accept_response(*arguments, ())


def test_refusals_are_complete_http() -> None:
    """The client can show what was wrong, and knows where the answer ends."""
    assert error_response(400, "the Host header is missing", (), server="wsframework") == (
        b"HTTP/1.1 400 Bad Request\r\n"
        b"Server: wsframework\r\n"
        b"Connection: close\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 27\r\n"
        b"\r\n"
        b"the Host header is missing\n"
    )


def test_a_426_lists_upgrade_in_connection() -> None:
    """RFC 9110 section 7.8: who sends Upgrade says so in Connection."""
    refused = refusal(head({"Upgrade": "h2c"}))
    octets = error_response(refused.status, "no", refused.headers, server=None)
    assert octets == (
        b"HTTP/1.1 426 Upgrade Required\r\n"
        b"Connection: close, Upgrade\r\n"
        b"Upgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13, 8\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 3\r\n"
        b"\r\n"
        b"no\n"
    )


@pytest.mark.parametrize(
    ("status", "text", "headers", "options", "expected"),
    [
        (
            200,
            "",
            (),
            {"body": b"<p>", "content_type": "text/html"},
            b"Content-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>",
        ),
        (404, "", (), {}, b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\n\r\nNot Found\n"),
        (599, "", (), {}, b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\n599\n"),
        (403, "n\xf6", (), {}, b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\nn\xc3\xb6\n"),
        (403, "no", (), {"head_only": True}, b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\n"),
        (200, "", (), {"body": b""}, b"Content-Length: 0\r\n\r\n"),
        (200, "", (), {"body": b"", "head_only": True}, b"Content-Length: 0\r\n\r\n"),
        (204, "x", (), {}, b"\r\n"),
        (304, "x", (), {"head_only": True}, b"\r\n"),
        (401, "x", (("content-type", "a/b"),), {}, b"content-type: a/b\r\nContent-Length: 2\r\n\r\nx\n"),
        (
            303,
            "",
            (("Location", "/x"), ("Set-Cookie", "a"), ("Set-Cookie", "b")),
            {"body": b""},
            b"Location: /x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
        ),
    ],
)
def test_answers_of_all_kinds(
    status: int, text: str, headers: tuple[tuple[str, str], ...], options: dict[str, Any], expected: bytes
) -> None:
    """Pages, redirects, HEAD, and answers without content."""
    octets = error_response(status, text, headers, server=None, **options)
    line, _, rest = octets.partition(b"\r\n")
    assert line.startswith(b"HTTP/1.1 %d " % status)
    assert rest == b"Connection: close\r\n" + expected


@pytest.mark.parametrize(
    ("status", "headers", "options"),
    [
        (400, [("Connection", "keep-alive")], {}),
        (400, [("content-length", "3")], {}),
        (400, [("Transfer-Encoding", "chunked")], {"head_only": True}),
        (400, [("Location", "/\r\nSet-Cookie: x")], {}),
        (400, [], {"server": "a\nb"}),
        (400, [], {"content_type": "a\r\nb: c"}),
        (99, [], {}),
        (1008, [], {}),
    ],
)
def test_answers_that_would_not_be_http_are_a_value_error(
    status: int, headers: list[tuple[str, str]], options: dict[str, Any]
) -> None:
    """My mistake is mine to see, the client gets nothing broken."""
    with pytest.raises(ValueError, match=r"header|status"):
        error_response(status, "x", headers, **{"server": None, **options})


# --- both halves ---


def test_the_client_half_can_be_had_here() -> None:
    """One module to import for the whole handshake."""
    assert set(handshake.__all__) > set(client_handshake.__all__)
    assert handshake.accept_key is key.accept_key


tokens = st.text("abcXYZ019-_.", min_size=1, max_size=6)


@given(
    st.binary(min_size=16, max_size=16),
    st.sampled_from([8, 13]),
    st.sampled_from(["h", "h:81", "[::1]:80", "xn--a.example."]),
    st.text("abc/%20?&=;", max_size=20),
    st.lists(tokens, unique=True, max_size=4),
    st.sampled_from([None, "http://h", "null"]),
    st.sampled_from([None, "permessage-deflate; client_max_window_bits, foo"]),
    st.binary(max_size=4),
)
def test_our_server_accepts_our_client_and_the_other_way_round(
    random16: bytes,
    version: int,
    host: str,
    path: str,
    protocols: list[str],
    origin: str | None,
    extensions: str | None,
    frames: bytes,
) -> None:
    """Whatever is configured, both halves agree on it, octet for octet."""
    hello = ClientHello(
        host, "/" + path, new_key(random16), version, origin, tuple(protocols), extensions, "me", (("X", "1"),)
    )
    reader = HeadReader(32768)
    octets = reader.feed(build_request(hello) + frames)
    assert octets is not None
    assert reader.rest == frames
    request, client_key = check_request(parse_request_head(octets), PEER, POLICY)
    assert (client_key, request.version, request.protocols, request.origin) == (
        hello.key,
        version,
        protocols,
        origin or "",
    )
    assert ", ".join(map(str, request.extensions)) == (extensions or "")
    chosen = protocols[-1] if protocols else None
    agreed = extensions and extensions.replace("client_max_window_bits", "client_max_window_bits=10")
    octets = HeadReader(32768).feed(accept_response(client_key, chosen, agreed, "s", ()))
    assert octets is not None
    response = check_response(parse_response_head(octets), hello, PEER)
    assert response.protocol == chosen
    assert ", ".join(map(str, response.extensions)) == (agreed or "")
