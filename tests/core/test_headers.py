"""`_core.headers`: the multi-dict, headers that applications give, and the grammar of list values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsframework._core.headers import (
    MAX_EXTENSION_OFFERS,
    MAX_LIST_LENGTH,
    ExtensionOffer,
    Headers,
    check_header,
    check_not_given,
    check_subprotocol,
    check_text,
    default_header,
    has_header,
    header_pairs,
    is_token,
    lower,
    origin_header,
    parse_extensions,
    parse_tokens,
    split_list,
    token_list,
)
from wsframework._core.violation import HandshakeRefused

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SEPARATORS = '()<>@,;:\\"/[]?={} \t'
FORBIDDEN_IN_VALUES = [chr(code) for code in (*range(0x09), *range(0x0A, 0x20), 0x7F, 0x100, 0x2028, 0xD800)]

tokens = st.text(TOKEN_CHARACTERS, min_size=1, max_size=8)
offers = st.builds(
    ExtensionOffer, tokens, st.lists(st.tuples(tokens, st.none() | tokens), max_size=4).map(lambda pairs: tuple(pairs))
)


# --- Headers ---


def test_lookup_ignores_case_and_joins_repeated_lines() -> None:
    """I read a header as from a dict; what was sent in two lines reads as one list."""
    headers = Headers([("Accept", "a"), ("HOST", "h"), ("accept", "b")])
    assert headers["accept"] == headers["ACCEPT"] == "a, b"
    assert headers["Host"] == "h"
    assert headers.get("cookie") is None


def test_iteration_gives_each_name_once_in_order_of_appearance() -> None:
    """I can list the headers, and turn them into a dict."""
    headers = Headers([("B", "1"), ("a", "2"), ("b", "3")])
    assert list(headers) == ["b", "a"]
    assert len(headers) == 2
    assert dict(headers) == {"b": "1, 3", "a": "2"}


def test_repeated_lines_can_be_had_one_by_one() -> None:
    """Set-Cookie may not be joined, so I read its lines."""
    headers = Headers([("Set-Cookie", "a=1, x"), ("set-cookie", "b=2")])
    assert headers.get_all("SET-COOKIE") == ["a=1, x", "b=2"]
    assert headers.get_all("cookie") == []
    headers.get_all("set-cookie").append("c=3")
    assert headers.get_all("set-cookie") == ["a=1, x", "b=2"]


def test_a_header_that_may_be_there_once_is_not_joined() -> None:
    """Two Host lines are an attack and no list."""
    headers = Headers([("Host", "a"), ("Origin", "x, y"), ("host", "b")])
    assert headers.get_one("ORIGIN") == "x, y"
    assert headers.get_one("cookie") is None
    with pytest.raises(ValueError, match="more than one Host header"):
        headers.get_one("Host")


def test_the_lines_are_kept_as_received() -> None:
    """For a log or a proxy I want exactly what came in."""
    pairs = (("Host", "h"), ("hOST", ""))
    assert Headers(iter(pairs)).raw == pairs
    assert Headers().raw == ()


def test_membership_ignores_case_and_other_types_are_not_in() -> None:
    """`in` works as I expect it from names."""
    headers: Any = Headers([("Host", "h")])
    assert "HOST" in headers
    assert "cookie" not in headers
    assert 1 not in headers


def test_a_missing_header_is_a_key_error() -> None:
    """Headers behave like a dict for what is not there, too."""
    with pytest.raises(KeyError):
        Headers()["host"]


def test_headers_equal_any_mapping_with_the_same_content() -> None:
    """In my tests I compare headers with a dict of lower-cased names."""
    assert Headers([("Host", "h")]) == {"host": "h"} == Headers([("HOST", "h")])
    assert Headers([("Host", "h")]) != {"host": "other"}


def test_headers_cannot_be_hashed_nor_changed() -> None:
    """Headers are a value that nobody changes under me."""
    headers: Any = Headers([("Host", "h")])
    with pytest.raises(TypeError):
        hash(headers)
    with pytest.raises(TypeError):
        headers["host"] = "x"
    with pytest.raises(AttributeError):
        headers.raw = ()
    with pytest.raises(AttributeError):
        headers.other = 1


def test_repr_shows_the_lines_but_no_credentials() -> None:
    """A request in my log must not give my users' cookies away."""
    headers = Headers([("Host", "h"), ("Cookie", "secret"), ("authorization", "secret"), ("Proxy-Authorization", "s")])
    expected = "Headers([('Host', 'h'), ('Cookie', '***'), ('authorization', '***'), ('Proxy-Authorization', '***')])"
    assert repr(headers) == expected
    assert "secret" not in repr(Headers([("Set-Cookie", "secret")]))


# --- headers that an application gives ---


@pytest.mark.parametrize(
    ("given_headers", "pairs"),
    [
        (None, ()),
        ({}, ()),
        ([], ()),
        ({"A": "1", "B": "2"}, (("A", "1"), ("B", "2"))),
        ({"A": ["1", "2"], "B": ()}, (("A", "1"), ("A", "2"))),
        ({"A": (str(i) for i in range(2))}, (("A", "0"), ("A", "1"))),
        ([("A", "1"), ("A", "2")], (("A", "1"), ("A", "2"))),
        ((["A", "1"],), (("A", "1"),)),
        (iter([("A", ["1", "2"])]), (("A", "1"), ("A", "2"))),
        (Headers([("A", "1"), ("b", "x"), ("a", "2")]), (("A", "1"), ("b", "x"), ("a", "2"))),
        ({"A": ""}, (("A", ""),)),
        ({"A": "x\ty \x80\xff"}, (("A", "x\ty \x80\xff"),)),
    ],
)
def test_headers_may_be_a_mapping_or_pairs_and_values_may_be_lists(
    given_headers: Any, pairs: tuple[tuple[str, str], ...]
) -> None:
    """I give headers as a dict, as pairs, or hand on what I received; a list repeats the header."""
    assert header_pairs(given_headers) == pairs


@pytest.mark.parametrize(
    "given_headers",
    [
        "Host: x",
        b"Host: x",
        5,
        ["Host"],
        [("Host",)],
        [("Host", "a", "b")],
        {"X": 5},
        {"X": None},
        {"X": b"bytes"},
        {"X": bytearray(b"bytes")},
        {"X": memoryview(b"bytes")},
        {"X": [b"bytes"]},
        {"X": ["a", 5]},
        {5: "x"},
        {b"X": "x"},
    ],
)
def test_headers_of_wrong_types_are_a_type_error(given_headers: Any) -> None:
    """I hear at once when I mixed up str and bytes."""
    with pytest.raises(TypeError, match=r"header"):
        header_pairs(given_headers)


@pytest.mark.parametrize("character", FORBIDDEN_IN_VALUES)
@pytest.mark.parametrize("template", ["{}", "a{}b", "a{}", "{}b"])
def test_header_values_with_control_characters_are_refused(template: str, character: str) -> None:
    """What a user of mine typed cannot become another header line."""
    with pytest.raises(ValueError, match="the value of the header 'X-Name' contains a control character"):
        header_pairs({"X-Name": template.format(character)})


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "\x00", "ä", "a\n", *SEPARATORS])
def test_header_names_must_be_tokens(name: str) -> None:
    """Nor can a header name."""
    with pytest.raises(ValueError, match=r"the header name .* is not a token"):
        header_pairs([(name, "value")])


@pytest.mark.parametrize("value", [5, None, b"x"])
def test_text_that_is_no_str_is_a_type_error(value: Any) -> None:
    """The message says what it is about and what I gave."""
    with pytest.raises(TypeError, match=f"the reason must be a str, not {type(value).__name__}"):
        check_text("the reason", value)


@pytest.mark.parametrize(
    ("check", "arguments"),
    [(check_text, ("it", "x\ty é")), (check_header, ("X-A", "")), (check_subprotocol, ("v1.x",))],
)
def test_good_text_headers_and_subprotocols_pass(check: Callable[..., None], arguments: tuple[str, ...]) -> None:
    """What HTTP allows, I may send."""
    check(*arguments)


@pytest.mark.parametrize("protocol", ["", "a b", "a,b", "é", "a/b", "x\r\ny"])
def test_subprotocols_must_be_tokens(protocol: str) -> None:
    """A subprotocol cannot be a list or contain another header."""
    with pytest.raises(ValueError, match="subprotocol"):
        check_subprotocol(protocol)


def test_subprotocols_must_be_str() -> None:
    """Bytes are not taken for text."""
    protocol: Any = b"chat"
    with pytest.raises(TypeError, match="a subprotocol must be a str, not bytes"):
        check_subprotocol(protocol)


@pytest.mark.parametrize("name", ["Connection", "content-length", "TRANSFER-ENCODING", "Upgrade", "Sec-WebSocket-Foo"])
def test_headers_of_the_framework_cannot_be_given(name: str) -> None:
    """I cannot break the handshake by a header by accident."""
    with pytest.raises(ValueError, match=f"the header '{name}' is written by the framework"):
        check_not_given((("X", "1"), (name, "1")), {"upgrade"}, websocket=True)


def test_other_headers_can_be_given() -> None:
    """Everything else is mine to set."""
    check_not_given((("X-Upgrade", "1"), ("Upgrade", "x"), ("Sec-WebSocket-Version", "13")), ())
    check_not_given((("Sec-Fetch-Mode", "websocket"),), {"upgrade"}, websocket=True)


def test_a_default_header_gives_way_to_a_given_one() -> None:
    """My own Server header replaces the framework's; None or "" sends none."""
    assert default_header("Server", "x", (("Date", "today"),)) == (("Server", "x"),)
    assert default_header("Server", "x", (("SERVER", "mine"),)) == ()
    assert default_header("Server", None, ()) == default_header("Server", "", ()) == ()
    assert has_header((("SERVER", "mine"),), "server")
    assert not has_header((), "server")


def test_the_name_of_the_origin_header_depends_on_the_version() -> None:
    """Clients of version 8 call it Sec-WebSocket-Origin."""
    assert [origin_header(version) for version in (8, 13)] == ["Sec-WebSocket-Origin", "Origin"]


# --- lists ---


def test_tokens_are_what_rfc_9110_says() -> None:
    """Every character of section 5.6.2 and no other."""
    assert is_token(TOKEN_CHARACTERS)
    assert not is_token("")
    for code in range(0x300):
        assert is_token(chr(code)) == (chr(code) in TOKEN_CHARACTERS)
    assert not is_token("token\n")
    assert not is_token("\N{KELVIN SIGN}")


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("", []),
        (" \t", []),
        (",", []),
        (", ,\t,", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a\t,\tb , ", ["a", "b"]),
        (",a,,B,", ["a", "B"]),
        ("keep-alive, Upgrade", ["keep-alive", "Upgrade"]),
    ],
)
def test_lists_of_tokens_are_cut_at_commas(value: str, elements: list[str]) -> None:
    """White space and empty elements mean nothing (RFC 9110 section 5.6.1)."""
    assert split_list(value) == token_list(value) == parse_tokens(value) == elements


@pytest.mark.parametrize("value", ["a b", "a;b", '"a"', "a,(b)", "\x0ba", "a\xa0", "websocket/13", "a=b"])
def test_lists_with_something_else_than_tokens_are_malformed(value: str) -> None:
    """Only space and tab are white space; nothing is guessed."""
    with pytest.raises(ValueError, match="not a token"):
        token_list(value)
    with pytest.raises(HandshakeRefused) as refused:
        parse_tokens(value)
    assert refused.value.status == 400
    assert value not in refused.value.text


def test_names_are_compared_in_lower_case() -> None:
    """A comparison without regard to case."""
    assert lower(["WebSocket", "h2c"]) == ["websocket", "h2c"]


# --- Sec-WebSocket-Extensions (RFC 6455 section 9.1) ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        (" , ,\t", []),
        ("foo", [("foo", ())]),
        ("foo, bar", [("foo", ()), ("bar", ())]),
        (",foo,,bar,", [("foo", ()), ("bar", ())]),
        ("foo; a", [("foo", (("a", None),))]),
        ("foo;a=1;b", [("foo", (("a", "1"), ("b", None)))]),
        ("foo; a=1; a=2", [("foo", (("a", "1"), ("a", "2")))]),
        ("foo ;\ta = 1 , bar", [("foo", (("a", "1"),)), ("bar", ())]),
        ('foo; a="1"', [("foo", (("a", "1"),))]),
        ('foo; a="\\1\\x"', [("foo", (("a", "1x"),))]),
        ('foo; a = "x" ; b', [("foo", (("a", "x"), ("b", None)))]),
        ("__proto__; constructor", [("__proto__", (("constructor", None),))]),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate",
            [
                ("permessage-deflate", (("client_max_window_bits", None), ("server_max_window_bits", "10"))),
                ("permessage-deflate", ()),
            ],
        ),
        # The examples of RFC 6455 section 9.1.
        ("deflate-stream", [("deflate-stream", ())]),
        (
            "mux; max-channels=4; flow-control, deflate-stream",
            [("mux", (("max-channels", "4"), ("flow-control", None))), ("deflate-stream", ())],
        ),
        ("private-extension", [("private-extension", ())]),
    ],
)
def test_extension_lists_are_parsed(value: str, expected: list[tuple[str, tuple[tuple[str, str | None], ...]]]) -> None:
    """Offers, their parameters and their order, as written."""
    assert [(offer.name, offer.params) for offer in parse_extensions(value)] == expected


@pytest.mark.parametrize(
    "value",
    [
        ";",
        "=",
        ";a",
        "foo;",
        "foo; ;a",
        "foo;,bar",
        "foo; a=",
        "foo; a=,bar",
        "foo; a==1",
        "foo; a=1 2",
        "foo bar",
        "foo; a b",
        "foo=1",
        '"foo"',
        'foo; "a"',
        'foo; a=""',
        'foo; a="',
        'foo; a="x',
        'foo; a="x\\',
        'foo; a="x\\"',
        'foo; a="x y"',
        'foo; a="x,y"',
        'foo; a="x\\"y"',
        'foo; a="x\\\\y"',
        'foo; a="x"y',
        "foo; a=(1)",
        "fo\xf6",
        "foo\x0b",
        "foo,\xa0bar",
    ],
)
def test_malformed_extension_lists_are_a_value_error(value: str) -> None:
    """Nothing is guessed; what to do about it is the caller's decision."""
    with pytest.raises(ValueError, match=r"extension"):
        parse_extensions(value)


def test_extension_lists_are_bounded() -> None:
    """Nobody makes the server allocate thousands of offers."""
    assert len(parse_extensions(",".join(["a"] * MAX_EXTENSION_OFFERS))) == MAX_EXTENSION_OFFERS
    assert len(parse_extensions(",".join(["a"] * MAX_EXTENSION_OFFERS) + ", ,")) == MAX_EXTENSION_OFFERS
    with pytest.raises(ValueError, match="more than 16 extension offers"):
        parse_extensions(",".join(["a"] * (MAX_EXTENSION_OFFERS + 1)))
    assert parse_extensions("a" * MAX_LIST_LENGTH) == [ExtensionOffer("a" * MAX_LIST_LENGTH)]
    with pytest.raises(ValueError, match="longer than 4096 characters"):
        parse_extensions("a" * (MAX_LIST_LENGTH + 1))


@pytest.mark.parametrize("value", ['a;b="' + "\\" * 4000, "a;b=" + '"c' * 2000, "a" + " " * 4000 + "b", ";" * 4096])
def test_hostile_extension_lists_are_read_once(value: str) -> None:
    """The patterns that made other parsers quadratic or worse are just malformed."""
    with pytest.raises(ValueError, match="extension"):
        parse_extensions(value)


@given(st.lists(offers, max_size=5))
def test_written_offers_read_back_the_same(expected: list[ExtensionOffer]) -> None:
    """What we write, we understand."""
    assert parse_extensions(", ".join(map(str, expected))) == expected


@given(st.text('ab=;," \t\\\x00\xe9', max_size=40))
def test_any_extension_list_is_parsed_or_a_value_error(value: str) -> None:
    """No other exception leaves the parser, and what it returns is made of tokens."""
    try:
        parsed = parse_extensions(value)
    except ValueError:
        return
    for offer in parsed:
        assert all(is_token(text) for text in (offer.name, *(part for pair in offer.params for part in pair if part)))
