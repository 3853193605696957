"""`_core.uri`: URLs, Host values, request targets, origins and origin patterns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsframework._core.uri import (
    Origin,
    OriginPatterns,
    WebSocketUri,
    bracket,
    format_host,
    parse_host,
    parse_origin,
    parse_target,
    parse_uri,
)

LONG_NAME = "a" * 255


@pytest.mark.parametrize(
    ("uri", "is_secure", "host", "port", "resource"),
    [
        ("ws://localhost", False, "localhost", 80, "/"),
        ("wss://localhost", True, "localhost", 443, "/"),
        ("WSS://LocalHost:9000/", True, "localhost", 9000, "/"),
        ("ws://localhost:/chat", False, "localhost", 80, "/chat"),
        ("ws://localhost:1", False, "localhost", 1, "/"),
        ("ws://localhost:65535", False, "localhost", 65535, "/"),
        ("ws://localhost:00080", False, "localhost", 80, "/"),
        ("ws://127.0.0.1:9000/a/b?c=d", False, "127.0.0.1", 9000, "/a/b?c=d"),
        ("ws://my_service.example.", False, "my_service.example.", 80, "/"),
        ("ws://localhost?a=b", False, "localhost", 80, "/?a=b"),
        ("ws://localhost/?", False, "localhost", 80, "/?"),
        ("ws://localhost/?u=ws://x/y?z", False, "localhost", 80, "/?u=ws://x/y?z"),
        ("ws://localhost//twice", False, "localhost", 80, "//twice"),
        ("ws://localhost/user@example.com", False, "localhost", 80, "/user@example.com"),
        ("ws://unix.example.com/", False, "unix.example.com", 80, "/"),
        (f"ws://{LONG_NAME}/", False, LONG_NAME, 80, "/"),
    ],
)
def test_url_is_cut_into_its_parts(uri: str, is_secure: bool, host: str, port: int, resource: str) -> None:
    """I write a URL and the client knows where to connect to and what to ask for."""
    parsed = parse_uri(uri)
    assert (parsed.is_secure, parsed.host, parsed.port, parsed.resource) == (is_secure, host, port, resource)
    assert parsed.unix_path is None


def test_path_and_params_are_decoded_and_the_resource_is_not() -> None:
    """The factory's `path` and `params` are what I mean, the request line is what HTTP wants."""
    assert parse_uri("ws://h/a%20b%2Fc?x=1&x=2&y=&z=%26") == WebSocketUri(
        is_secure=False,
        host="h",
        port=80,
        unix_path=None,
        resource="/a%20b%2Fc?x=1&x=2&y=&z=%26",
        path="/a b/c",
        params={"x": ["1", "2"], "y": [""], "z": ["&"]},
    )


def test_characters_that_no_request_line_has_are_encoded() -> None:
    """I may write spaces and letters of my language in the path; percent signs stay as they are."""
    parsed = parse_uri("ws://h/grüße an%20alle?q=ä b")
    assert parsed.resource == "/gr%C3%BC%C3%9Fe%20an%20alle?q=%C3%A4%20b"
    assert parsed.path == "/grüße an alle"
    assert parsed.params == {"q": ["ä b"]}


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("ws://[::1]/", "::1"),
        ("ws://[2001:DB8:0:0::1]:9000/", "2001:db8::1"),
        ("ws://[fe80::1%25eth0]/", "fe80::1%eth0"),
    ],
)
def test_ipv6_address_stands_in_brackets(uri: str, host: str) -> None:
    """I connect to an IPv6 address, also to a link-local one with its interface."""
    assert parse_uri(uri).host == host


@pytest.mark.parametrize(
    ("uri", "host"),
    [("ws://BÜCHER.example/", "xn--bcher-kva.example"), ("ws://例え.テスト:80", "xn--r8jz45g.xn--zckzah")],
)
def test_international_name_becomes_ascii(uri: str, host: str) -> None:
    """I write a domain name in my own script."""
    assert parse_uri(uri).host == host


@pytest.mark.parametrize(
    ("uri", "unix_path", "resource"),
    [
        ("ws://unix:/tmp/socket", "/tmp/socket", "/"),
        ("ws://UNIX:/tmp/socket", "/tmp/socket", "/"),
        ("ws://unix:/tmp/a:b.sock", "/tmp/a:b.sock", "/"),
        ("ws://unix:/tmp/a%3A/b%20c", "/tmp/a:/b c", "/"),
        ("ws://unix:/tmp/socket?x=1", "/tmp/socket", "/?x=1"),
        ("ws://unix:/tmp/socket?x=a:/b", "/tmp/socket", "/?x=a:/b"),
        ("ws://unix:%2Ftmp%2Fsocket", "/tmp/socket", "/"),
        ("ws://unix:%2Ftmp%2Fsocket:", "/tmp/socket", "/"),
        ("ws://unix:%2Ftmp%2Fsocket:/path?x=1", "/tmp/socket", "/path?x=1"),
        ("ws://unix:%2Ftmp%2Fsocket:?x=1", "/tmp/socket", "/?x=1"),
        ("ws://unix:%2Ftmp%2Fa%3Ab:/path:with:colons", "/tmp/a:b", "/path:with:colons"),
        ("ws://unix:.%2Fsocket:/path", "./socket", "/path"),
        ("ws://unix:%00name:/path", "\x00name", "/path"),
        ("ws://unix:/tmp/%FF", "/tmp/\udcff", "/"),
    ],
)
def test_unix_socket_has_a_path_of_its_own_and_a_resource(uri: str, unix_path: str, resource: str) -> None:
    """I connect to a unix socket, with or without a path and a query for the request."""
    parsed = parse_uri(uri)
    assert (parsed.host, parsed.port, parsed.unix_path, parsed.resource) == ("unix", 80, unix_path, resource)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "ws://"),
        ("localhost:9000", "ws://"),
        ("ws:localhost", "ws://"),
        ("http://localhost/", "wss://; write ws:// in place of http://$"),
        ("HTTPS://localhost/", "wss://; write wss:// in place of https://$"),
        ("localhost:9000", "wss://; write ws:// in front of it$"),
        ("example.com/chat?a=b", "wss://; write ws:// in front of it$"),
        ("ftp://localhost/", "or wss://$"),
        ("user:secret@localhost", "or wss://$"),
        (" ws://localhost/", "ws://"),
        ("ws://", "host name"),
        ("ws:///path", "host name"),
        ("ws://:80/", "host name"),
        ("ws://a b/", "host name"),
        ("ws://a%20b/", "host name"),
        ("ws://a\\b/", "host name"),
        (f"ws://{LONG_NAME}a/", "host name"),
        (f"ws://{'ä' * 256}/", "host name"),
        ("ws://℀.example/", "host name"),
        ("ws://faß.example/", "xn--"),
        ("ws://ä..example/", "international"),
        ("ws://h/#", "fragment"),
        ("ws://h/path#part", "fragment"),
        ("ws://h/a\r\nX: y", "control"),
        ("ws://h/\x7f", "control"),
        ("ws://h/\n", "control"),
        ("ws://user@h/", "password"),
        ("ws://user:secret@h/", "password"),
        ("ws://h:0/", "65535"),
        ("ws://h:65536/", "65535"),
        ("ws://h:100000000000000000000/", "65535"),
        ("ws://h:-1/", "65535"),
        ("ws://h:٨٠/", "65535"),
        ("ws://h:80:81/", "brackets"),
        ("ws://::1/", "brackets"),
        ("ws://[::1/", "brackets"),
        ("ws://[::1]80/", "brackets"),
        ("ws://[]/", "IPv6"),
        ("ws://[1.2.3.4]/", "IPv6"),
        ("ws://[v1.x]/", "IPv6"),
        ("ws://[fe80::1%eth0]/", "%25"),
        ("ws://[fe80::1%25]/", "zone"),
        ("ws://[fe80::1%25a%25b]/", "zone"),
        ("ws://unix/path", "unix socket is missing"),
        ("ws://unix:", "empty"),
        ("ws://unix::/path", "empty"),
        ("ws://unix:/tmp/%00", "NUL"),
        ("ws://unix:/tmp/socket:/path", "%3A"),
        ("ws://unix:tmp/socket", "%2F"),
        ("ws://unix:%2Ftmp%2Fsocket/path", "%2F"),
    ],
)
def test_bad_url_is_refused_with_what_is_wrong(uri: str, said: str) -> None:
    """I mistype a URL and the error tells me where."""
    with pytest.raises(ValueError, match=said):
        parse_uri(uri)


def test_error_does_not_quote_the_password() -> None:
    """My password does not end up in a log because the URL was refused."""
    with pytest.raises(ValueError, match="password") as caught:
        parse_uri("ws://user:secret@h/")
    assert "secret" not in str(caught.value)


def test_url_of_another_type_is_a_type_error() -> None:
    """I passed bytes or None by mistake."""
    with pytest.raises(TypeError, match="bytes"):
        parse_uri(b"ws://localhost")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "port", "is_secure", "value"),
    [
        ("localhost", 80, False, "localhost"),
        ("localhost", 443, True, "localhost"),
        ("localhost", 443, False, "localhost:443"),
        ("localhost", 80, True, "localhost:80"),
        ("::1", 80, False, "[::1]"),
        ("::1", 9000, False, "[::1]:9000"),
        ("fe80::1%eth0", 9000, False, "[fe80::1]:9000"),
        ("unix", 80, False, "unix"),
    ],
)
def test_host_header_leaves_out_the_default_port(host: str, port: int, is_secure: bool, value: str) -> None:
    """Servers see the Host header that a browser would send."""
    assert format_host(host, port, is_secure) == value


@pytest.mark.parametrize(("host", "text"), [("h", "h"), ("::1", "[::1]"), ("fe80::1%eth0", "[fe80::1%25eth0]")])
def test_host_in_a_url_is_bracketed_where_needed(host: str, text: str) -> None:
    """I build a URL from an address that a socket gave me."""
    assert bracket(host) == text
    assert parse_uri(f"ws://{text}:9000").host == host


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("Example.COM", "example.com", None),
        ("example.com:9000", "example.com", 9000),
        ("example.com:", "example.com", None),
        ("my_host-1~.", "my_host-1~.", None),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]", "::1", None),
        ("[0:0::1]:9000", "::1", 9000),
    ],
)
def test_host_value_is_read(value: str, host: str, port: int | None) -> None:
    """The server knows under which name it was asked."""
    assert parse_host(value) == (host, port)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":80",
        "a b",
        "a,b",
        "a/b",
        "a@b",
        "a%2eb",
        "\u212a",
        "b\xfccher.example",
        "a:b",
        "a:80:80",
        "a:0",
        "a:65536",
        "a: 80",
        "a:+80",
        "a:8\u0660",
        "a\n",
        "::1",
        "[::1",
        "[::1]x",
        "[::1%25eth0]",
        "[fe80::1%eth0]",
        "[::g]",
        "a" * 256,
    ],
)
def test_malformed_host_value_is_refused(value: str) -> None:
    """Nobody gets a strange Host header past my server."""
    with pytest.raises(ValueError, match=r"invalid|IPv6"):
        parse_host(value)


@given(st.text(max_size=40))
def test_host_value_never_raises_anything_else(value: str) -> None:
    """Whatever a peer sends, the answer is a host or a ValueError."""
    try:
        host, port = parse_host(value)
    except ValueError:
        return
    assert host == host.lower()
    assert host.isascii()
    assert port is None or 1 <= port <= 65535


@pytest.mark.parametrize(
    ("target", "path", "params"),
    [
        ("/", "/", {}),
        ("/a%20b", "/a%20b", {}),
        ("/a?", "/a", {}),
        ("/a?b=1&b=2&c", "/a", {"b": ["1", "2"], "c": [""]}),
        ("/a?b=%20?+", "/a", {"b": [" ? "]}),
        ("//evil.example/a", "//evil.example/a", {}),
        ("/a?next=http://h/", "/a", {"next": ["http://h/"]}),
        ("http://h/a?b=1", "/a", {"b": ["1"]}),
        ("HTTPS://[::1]:9000/a", "/a", {}),
        ("ws://h", "/", {}),
        ("http://h?b=1", "/", {"b": ["1"]}),
    ],
)
def test_request_target_gives_path_and_params(target: str, path: str, params: dict[str, list[str]]) -> None:
    """`request.path` and `request.params` in my onConnect, also behind a proxy that sends absolute targets."""
    assert parse_target(target) == (path, params)


@pytest.mark.parametrize("target", ["", "*", "a", "h:443", "ftp://h/a", "http:/h", "http:///a", "http://u:p@h/a"])
def test_other_request_targets_are_refused(target: str) -> None:
    """Targets of CONNECT, OPTIONS and of other schemes have no place in a handshake."""
    with pytest.raises(ValueError, match=r"slash|invalid"):
        parse_target(target)


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("http://example.com", Origin("http", "example.com", 80)),
        ("HTTPS://Example.com", Origin("https", "example.com", 443)),
        ("https://example.com:8443", Origin("https", "example.com", 8443)),
        ("http://example.com.", Origin("http", "example.com.", 80)),
        ("http://[0::1]:80", Origin("http", "::1", 80)),
        ("ws://h", Origin("ws", "h", 80)),
        ("wss://h", Origin("wss", "h", 443)),
        ("chrome-extension://abcdef", Origin("chrome-extension", "abcdef", None)),
        ("app://h:1", Origin("app", "h", 1)),
        ("null://h", Origin("null", "h", None)),
        ("null", None),
        ("NULL", None),
        ("file://", None),
        ("file:///tmp/page.html", None),
        ("FILE:/tmp/page.html", None),
    ],
)
def test_origin_is_read(value: str, origin: Origin | None) -> None:
    """The page that opens the connection is known by scheme, host and port."""
    assert parse_origin(value) == origin


@pytest.mark.parametrize(
    "value",
    [
        "",
        "example.com",
        "://h",
        "1http://h",
        "ht tp://h",
        "http:/h",
        "http://",
        "http://h/",
        "http://h/path",
        "http://h http://i",
        "http://u@h",
        "http://h:0",
        "http://h:x",
        "http://*",
        "http://b\xfccher.example",
        "about:blank",
        "\u212a://h",
    ],
)
def test_malformed_origin_is_refused(value: str) -> None:
    """An Origin that no browser sends is nobody's origin."""
    with pytest.raises(ValueError, match="invalid"):
        parse_origin(value)


EXAMPLE = "https://example.com"


@pytest.mark.parametrize(
    ("pattern", "origin", "allowed"),
    [
        # Everything but * is literal.
        (EXAMPLE, EXAMPLE, True),
        (EXAMPLE, "https://EXAMPLE.com", True),
        ("HTTPS://Example.COM", EXAMPLE, True),
        (EXAMPLE, "http://example.com", False),
        (EXAMPLE, "https://example.com.evil", False),
        (EXAMPLE, "https://evil-example.com", False),
        (EXAMPLE, "https://examplexcom", False),
        (EXAMPLE, "https://example.com.", False),
        ("https://bücher.example", "https://xn--bcher-kva.example", True),
        # Ports.
        (EXAMPLE, "https://example.com:443", True),
        (EXAMPLE, "https://example.com:8443", False),
        ("https://example.com:443", EXAMPLE, True),
        ("https://example.com:0443", EXAMPLE, True),
        ("https://example.com:", EXAMPLE, True),
        ("https://example.com:8443", "https://example.com:8443", True),
        ("https://example.com:8443", EXAMPLE, False),
        ("http://localhost:*", "http://localhost", True),
        ("http://localhost:*", "http://localhost:9000", True),
        ("http://localhost:90*", "http://localhost:9000", True),
        ("http://localhost:90*", "http://localhost:80", False),
        # Hosts.
        ("https://*.example.com", "https://www.example.com", True),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", EXAMPLE, False),
        ("https://*.example.com", "https://evilexample.com", False),
        ("https://*.example.com", "https://www.example.com.evil", False),
        ("https://*.bücher.example", "https://www.xn--bcher-kva.example", True),
        ("https://www.*", "https://www.example.com", True),
        ("https://a*b*c", "https://axbxc", True),
        ("https://a*b*c", "https://abc", True),
        ("https://a*b*c", "https://acbc", True),
        ("https://a*b*c", "https://axc", False),
        ("https://a*b*c*d", "https://a-c-b-d", False),
        ("https://ab*ba", "https://aba", False),
        ("https://*aa*aa*", "https://aaa", False),
        ("https://**", "https://h", True),
        # Schemes.
        ("*://example.com", "http://example.com", True),
        ("*://example.com", EXAMPLE, True),
        ("*://example.com", "http://example.com:443", False),
        ("http*://example.com", EXAMPLE, True),
        ("http*://example.com", "ws://example.com", False),
        ("*://*:*", "https://example.com:1", True),
        # Schemes without a default port.
        ("chrome-extension://abc", "chrome-extension://abc", True),
        ("chrome-extension://abc:*", "chrome-extension://abc", True),
        ("chrome-extension://abc:1", "chrome-extension://abc", False),
        ("chrome-extension://abc", "chrome-extension://abc:1", False),
        # IPv6.
        ("http://[::1]", "http://[0:0::1]", True),
        ("http://[0:0::1]:9000", "http://[::1]:9000", True),
        ("http://[::1]", "http://[::2]", False),
        ("http://[fe80::*]:*", "http://[fe80::1]:9000", True),
        ("http://[fe80::*]:*", "http://[2001:db8::1]:9000", False),
        ("http://*", "http://[::1]", True),
        # The bare asterisk.
        ("*", "gopher://anything:70", True),
    ],
)
def test_origin_pattern(pattern: str, origin: str, allowed: bool) -> None:
    """I say with `*` which pages may connect, and no page that only looks like them does."""
    parsed = parse_origin(origin)
    assert parsed is not None
    assert OriginPatterns([pattern]).matches(parsed) is allowed


def test_asterisk_does_not_reach_into_another_component() -> None:
    """`https://*.example.com` is no open door for https://evil.com/.example.com and its like."""
    patterns = OriginPatterns(["https://*.example.com", "https://a*9"])
    assert not patterns.matches(Origin("https", "evil.com", 443))
    assert not patterns.matches(Origin("https", "a", 9))
    with pytest.raises(ValueError, match="invalid host"):
        parse_origin("https://evil.com/.example.com")


def test_one_matching_pattern_is_enough_and_none_allows_nothing() -> None:
    """I list several pages; an empty list closes the door."""
    origin = Origin("https", "b", 443)
    assert OriginPatterns(["https://a", "https://b"]).matches(origin)
    assert not OriginPatterns([]).matches(origin)


@pytest.mark.parametrize(("patterns", "allows_any"), [(["*"], True), (["https://a", "*"], True), (["*://*:*"], False)])
def test_bare_asterisk_is_known(patterns: list[str], allows_any: bool) -> None:
    """A server that allows everybody need not look at the header."""
    assert OriginPatterns(patterns).allows_any is allows_any


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "example.com",
        "*.example.com",
        "https://example.com/",
        "https://example.com/*",
        "https://",
        "https://a b",
        "ht/tp://a",
        "https://u@h",
        "https://h:x",
        "https://h:65536",
        "https://h:*x",
        "https://[::1",
        "https://[::g]",
        "https://[g*]",
        "https://faß.example",
    ],
)
def test_pattern_that_could_never_match_is_refused_by_name(pattern: str) -> None:
    """I mistype a pattern and learn it when the server starts, not from users who cannot connect."""
    with pytest.raises(ValueError, match="invalid origin pattern") as caught:
        OriginPatterns(["https://fine", pattern])
    assert repr(pattern) in str(caught.value)
