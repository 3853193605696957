"""`_core.http`: heads in any pieces, strict parsing, and writing that nothing gets through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from time import process_time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsframework._core import http
from wsframework._core.headers import is_token
from wsframework._core.http import (
    REASONS,
    HeadReader,
    RequestHead,
    ResponseHead,
    has_content,
    parse_request_head,
    parse_response_head,
    render_request,
    render_response,
)
from wsframework._core.violation import HandshakeFailed, HandshakeRefused

REQUEST = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nX-Empty:\r\n\r\n"
CONTROLS = [bytes([code]) for code in (*range(0x09), *range(0x0A, 0x20), 0x7F)]


def outcome(reader: HeadReader, pieces: Iterable[bytes]) -> object:
    """What a reader makes of octets that come in these pieces."""
    rest: Iterator[bytes] = iter(pieces)
    try:
        for piece in rest:
            head = reader.feed(piece)
            if head is not None:
                return head, reader.rest + b"".join(rest)
    except HandshakeRefused as refused:
        return refused.status, refused.text
    return None


def read(octets: bytes, max_size: int = 0, max_headers: int = 128, max_line: int = 8192) -> object:
    """The outcome, which must be the same for the whole, for single octets and for every cut into two."""

    def run(*pieces: bytes) -> object:
        return outcome(HeadReader(max_size, max_headers, max_line), pieces)

    whole = run(octets)
    assert run(*(octets[i : i + 1] for i in range(len(octets)))) == whole
    if len(octets) < 300:
        assert all(run(octets[:i], octets[i:]) == whole for i in range(len(octets)))
    return whole


def step_by_step(head: bytes) -> object:
    """What the parser makes of a head when it may not take it at one glance."""
    try:
        found = http._parse_request_head(head)
        return found, found.headers.raw
    except HandshakeRefused as refused:
        return refused.status, refused.text


def at_one_glance(head: bytes) -> object:
    """What it makes of it otherwise."""
    try:
        found = parse_request_head(head)
        return found, found.headers.raw
    except HandshakeRefused as refused:
        return refused.status, refused.text


def refusal(octets: bytes, max_size: int = 0, max_headers: int = 128, max_line: int = 8192) -> tuple[int, str]:
    result = read(octets, max_size, max_headers, max_line)
    assert isinstance(result, tuple)
    status, text = result
    assert isinstance(status, int), "the head was taken"
    assert isinstance(text, str)
    return status, text


# --- HeadReader ---


@pytest.mark.parametrize(
    ("octets", "head", "rest"),
    [
        (REQUEST, REQUEST, b""),
        (REQUEST + b"\x81\x85\x00\r\n\r\n\xff", REQUEST, b"\x81\x85\x00\r\n\r\n\xff"),
        (b"G\r\n\r\n", b"G\r\n\r\n", b""),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\nx", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"x"),
        (b"GET / HTTP/1.1\r\nA:\t\x80\xff\r\n\r\n\r\n", b"GET / HTTP/1.1\r\nA:\t\x80\xff\r\n\r\n", b"\r\n"),
    ],
)
def test_a_head_ends_with_the_blank_line_and_the_rest_is_kept(octets: bytes, head: bytes, rest: bytes) -> None:
    """Frames sent together with the request are not lost."""
    assert read(octets) == (head, rest)


@pytest.mark.parametrize("end", range(len(REQUEST)))
def test_an_unfinished_head_is_no_head_and_no_error(end: int) -> None:
    """The reader waits."""
    reader = HeadReader(0)
    assert reader.feed(REQUEST[:end]) is None
    assert reader.rest == b""
    assert reader.feed(b"") is None
    assert reader.feed(REQUEST[end:]) == REQUEST


def test_a_finished_reader_takes_no_more() -> None:
    """Octets after the head are not the reader's business."""
    reader = HeadReader(0)
    assert reader.feed(REQUEST + b"x") == REQUEST
    with pytest.raises(ValueError, match="the head is complete"):
        reader.feed(b"y")
    assert reader.rest == b"x"


def test_a_refusal_is_repeated() -> None:
    """What was refused stays refused, whatever comes."""
    reader = HeadReader(0)
    for data in (b"GET /\n", b"", REQUEST):
        with pytest.raises(HandshakeRefused, match="not CRLF"):
            reader.feed(data)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    "template", [b"GET / HTTP/1.1%b\r\n\r\n", b"G%b", b"G / H\r\nA%b: x", b"G / H\r\nA: x%by\r\n\r\n"]
)
def test_control_characters_are_refused_at_once(template: bytes, control: bytes) -> None:
    """CR alone, LF alone, NUL and their like never get as far as the parser (RFC 9112 section 2.2)."""
    octets = template % control
    if octets == b"G\r":
        assert read(octets) is None
        octets += b"x"
    assert refusal(octets)[0] == 400


@pytest.mark.parametrize("code", range(256))
def test_the_first_octet_must_begin_a_token(code: int) -> None:
    """Who speaks something else than HTTP is told after one octet."""
    octet = bytes([code])
    if is_token(chr(code)):
        assert read(octet) is None
    else:
        assert refusal(octet)[0] == 400


def test_tls_on_a_port_without_tls_is_named() -> None:
    """When I use wss:// where ws:// is served, the server's log says so."""
    assert refusal(b"\x16\x03\x01\x02\x00\x01") == (400, "this looks like TLS, and this port does not speak TLS")
    assert refusal(b"\r\n" + REQUEST) == (400, "this is not HTTP")


def test_the_first_line_is_limited() -> None:
    """414 as soon as the request line is one octet too long."""
    line = b"GET /" + b"a" * 95
    assert read(line, max_line=100) is None
    assert read(line + b"\r\n\r\n", max_line=100) == (line + b"\r\n\r\n", b"")
    assert refusal(line + b"a", max_line=100) == (414, "the first line is longer than 100 octets")
    assert refusal(b"G" * 8193)[0] == 414


def test_header_lines_are_limited() -> None:
    """431 as soon as a header line is one octet too long; each line is counted on its own."""
    line = b"A: " + b"a" * 97
    head = b"GET / HTTP/1.1\r\n" + line + b"\r\n" + line
    assert read(head, max_line=100) is None
    assert read(head + b"\r\n\r\n", max_line=100) == (head + b"\r\n\r\n", b"")
    assert refusal(head + b"a", max_line=100) == (431, "a header line is longer than 100 octets")


def test_the_number_of_header_lines_is_limited() -> None:
    """431 at the first octet of the line that is too many."""
    head = b"GET / HTTP/1.1\r\n" + b"A:1\r\n" * 3
    assert read(head, max_headers=3) is None
    assert read(head + b"\r\n", max_headers=3) == (head + b"\r\n", b"")
    assert refusal(head + b"A", max_headers=3) == (431, "more than 3 header lines")


def test_the_size_of_the_head_is_limited() -> None:
    """431 when the head is one octet too long, however it is made up."""
    assert read(REQUEST, max_size=len(REQUEST)) == (REQUEST, b"")
    assert read(REQUEST + b"frame", max_size=len(REQUEST)) == (REQUEST, b"frame")
    for size in range(1, len(REQUEST)):
        expected = (431, f"the head is larger than {size} octets")
        assert refusal(REQUEST, max_size=size) == expected


def test_of_two_limits_the_one_that_was_passed_first_counts() -> None:
    """The answer does not depend on how TCP cut the request."""
    assert refusal(b"G" * 300, max_size=99, max_line=100)[0] == 431
    assert refusal(b"G" * 300, max_size=100, max_line=100)[0] == 414
    assert refusal(b"G" * 300 + b"\n", max_line=100)[0] == 414
    assert refusal(b"G" * 50 + b"\n" + b"G" * 300, max_size=100, max_line=100)[0] == 400


def test_zero_is_no_limit() -> None:
    """A limit can be switched off."""
    head = b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\n" + b"A: 1\r\n" * 200 + b"\r\n"
    assert outcome(HeadReader(0, 0, 0), [head]) == (head, b"")


def test_a_huge_head_in_single_octets_is_looked_at_once() -> None:
    """A slow sender costs no more than the octets he sends: no rescan from the beginning."""
    line = b"GET / HTTP/1.1\r\nA: " + b"a" * 200_000
    assert outcome(HeadReader(0, 0, 0), (line[i : i + 1] for i in range(len(line)))) is None


HEAD_PIECES = [b"G", b" ", b"/", b"H", b":", b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"\x00", b"\x16", b"\xff", b"aaaa"]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(HEAD_PIECES), max_size=30).map(b"".join),
    st.lists(st.integers(0, 120), max_size=6),
    st.sampled_from([0, 20, 40]),
    st.sampled_from([0, 2]),
    st.sampled_from([0, 10, 20]),
)
def test_the_outcome_does_not_depend_on_the_pieces(
    octets: bytes, cuts: list[int], max_size: int, max_headers: int, max_line: int
) -> None:
    """The same octets give the same head or the same refusal, and nothing but HandshakeRefused ever leaves."""
    places = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    pieces = [octets[start:end] for start, end in pairwise(places)]
    assert b"".join(pieces) == octets
    result = read(octets, max_size, max_headers, max_line)
    assert outcome(HeadReader(max_size, max_headers, max_line), pieces) == result


# --- request heads ---


def request(line: bytes = b"GET / HTTP/1.1", *fields: bytes) -> RequestHead:
    return parse_request_head(b"\r\n".join([line, *fields, b"", b""]))


@pytest.mark.parametrize(
    ("line", "method", "target", "version"),
    [
        (b"GET / HTTP/1.1", "GET", "/", "1.1"),
        (b"GET / HTTP/1.0", "GET", "/", "1.0"),
        (b"GET / HTTP/1.2", "GET", "/", "1.1"),
        (b"GET / HTTP/1.9", "GET", "/", "1.1"),
        (b"get /a?b=c&d HTTP/1.1", "get", "/a?b=c&d", "1.1"),
        (b"M-SEARCH * HTTP/1.1", "M-SEARCH", "*", "1.1"),
        (b"GET http://h:1/x HTTP/1.1", "GET", "http://h:1/x", "1.1"),
        (b'GET /%23"<>|\\^`{}~! HTTP/1.1', "GET", '/%23"<>|\\^`{}~!', "1.1"),
    ],
)
def test_request_lines_are_parsed(line: bytes, method: str, target: str, version: str) -> None:
    """Method, target and version, exactly as sent; a higher HTTP/1.x is spoken to as 1.1."""
    head = request(line)
    assert (head.method, head.target, head.version, head.headers.raw) == (method, target, version, ())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET / a HTTP/1.1",
        b"GET  HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"G\xc9T / HTTP/1.1",
        b"GET /#top HTTP/1.1",
        b"GET /\xe9 HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET /\t HTTP/1.1",
        b"GET / HTTP/1.1\x00",
        b"GET / HTTP/1.1\r",
        b"\nGET / HTTP/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1.10",
        b"GET / HTTP/11",
        b"GET / HTTP/+1.1",
        b"GET / HTTP/1.\xb2",
        b"GET / http/1.1",
        b"GET / HTTPS/1.1",
        b"GET / HTTP 1.1",
        b"GET / HTTP/1.1\xa0",
        b"GET / ",
    ],
)
def test_malformed_request_lines_are_refused(line: bytes) -> None:
    """400: RFC 9112 section 3, one space between the three parts and nothing else."""
    with pytest.raises(HandshakeRefused) as refused:
        request(line)
    assert refused.value.status == 400


@pytest.mark.parametrize("line", [b"PRI * HTTP/2.0", b"GET / HTTP/0.9", b"GET / HTTP/3.0"])
def test_another_major_version_of_http_is_refused(line: bytes) -> None:
    """505, and not 400: the request is understood, the version is not spoken."""
    with pytest.raises(HandshakeRefused) as refused:
        request(line)
    assert refused.value.status == 505


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        (b"Host: h", "Host", "h"),
        (b"Host:h", "Host", "h"),
        (b"Host: \t h \t", "Host", "h"),
        (b"Host:", "Host", ""),
        (b"Host: \t ", "Host", ""),
        (b"X: a:b : c", "X", "a:b : c"),
        (b"X: a\tb", "X", "a\tb"),
        (b"X: \xe9\x80\x85", "X", "\xe9\x80\x85"),
        (b"X: \xa0v\xa0", "X", "\xa0v\xa0"),
        (b"!#$%&'*+-.^_`|~09azAZ: v", "!#$%&'*+-.^_`|~09azAZ", "v"),
    ],
)
def test_header_lines_are_parsed(field: bytes, name: str, value: str) -> None:
    """Space and tab around the value are taken off, nothing else is (RFC 9112 section 5.1)."""
    assert request(b"GET / HTTP/1.1", field).headers.raw == ((name, value),)


def test_repeated_headers_are_all_kept() -> None:
    """The multi-dict has every line in its order."""
    headers = request(b"GET / HTTP/1.1", b"A: 1", b"B: 2", b"a: 3").headers
    assert headers.raw == (("A", "1"), ("B", "2"), ("a", "3"))
    assert headers["A"] == "1, 3"


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"Host",
        b": h",
        b"Host : h",
        b"Host\t: h",
        b" Host: h",
        b"\tfolded",
        b" folded: too",
        b"Ho st: h",
        b"H(ost: h",
        b"H\xf6st: h",
        b"H\x00st: h",
        b"Host\x0b: h",
        *(b"X: a" + control + b"b" for control in CONTROLS),
        b"X: a\x0b",
        b"\x85: x",
    ],
)
def test_malformed_header_lines_are_refused(field: bytes) -> None:
    """400: folded lines, a space before the colon, control characters; the ways to smuggle a header."""
    with pytest.raises(HandshakeRefused) as refused:
        request(b"GET / HTTP/1.1", b"A: 1", field, b"B: 2")
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "head", [b"", b"\r\n", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\n\n", REQUEST[:-1], REQUEST + b"x"]
)
def test_a_head_without_its_blank_line_is_refused(head: bytes) -> None:
    """The parser takes complete heads only."""
    with pytest.raises(HandshakeRefused, match="blank line"):
        parse_request_head(head)


def test_two_heads_are_not_one() -> None:
    """What follows a blank line never becomes a header."""
    with pytest.raises(HandshakeRefused):
        parse_request_head(REQUEST + REQUEST)


# --- response heads ---


@pytest.mark.parametrize(
    ("line", "version", "status", "reason"),
    [
        (b"HTTP/1.1 101 Switching Protocols", "1.1", 101, "Switching Protocols"),
        (b"HTTP/1.1 101 ", "1.1", 101, ""),
        (b"HTTP/1.1 101", "1.1", 101, ""),
        (b"HTTP/1.0 200 OK", "1.0", 200, "OK"),
        (b"HTTP/1.1 404 Nicht\tgefunden \xe4", "1.1", 404, "Nicht\tgefunden \xe4"),
        (b"HTTP/1.1 999 ", "1.1", 999, ""),
    ],
)
def test_status_lines_are_parsed(line: bytes, version: str, status: int, reason: str) -> None:
    """The server's answer, with its whole status line for the log."""
    head = parse_response_head(line + b"\r\nA: 1\r\na: 2\r\n\r\n")
    assert head == ResponseHead(version, status, reason, head.headers, line.decode("latin-1"))
    assert head.headers == {"a": "1, 2"}


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"HTTP/1.1 2\xb20 OK\r\n\r\n",
        b"HTTP/1.1 200\tOK\r\n\r\n",
        b"HTTP/1.1 200 O\rK\r\n\r\n",
        b"HTTP/1.1 200 O\x1bK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\r\n\r\n",
    ],
)
def test_what_is_no_response_fails(head: bytes) -> None:
    """A hostile or broken server gives an error, never another exception."""
    with pytest.raises(HandshakeFailed, match=r"HTTP"):
        parse_response_head(head)


@given(st.lists(st.sampled_from([*HEAD_PIECES, b"GET / HTTP/1.1", b"HTTP/1.1 101 x", b"A: b", b"\t"])).map(b"".join))
def test_any_octets_are_parsed_or_refused(octets: bytes) -> None:
    """Only the one documented error leaves each parser."""
    for head in (octets, octets + b"\r\n\r\n"):
        assert request_status(head) in (0, 400, 505)
        assert 100 <= response_status(head) <= 999


def request_status(head: bytes) -> int:
    try:
        parse_request_head(head)
    except HandshakeRefused as refused:
        return refused.status
    return 0


def response_status(head: bytes) -> int:
    try:
        return parse_response_head(head).status
    except HandshakeFailed:
        return 999


# --- writing ---


@pytest.mark.parametrize(
    ("status", "reason", "headers", "body", "octets"),
    [
        (101, None, [("A", "1")], None, b"HTTP/1.1 101 Switching Protocols\r\nA: 1\r\n\r\n"),
        (200, None, [], b"hi", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        (200, "Fine", [("A", "1"), ("A", "2")], b"", b"HTTP/1.1 200 Fine\r\nA: 1\r\nA: 2\r\nContent-Length: 0\r\n\r\n"),
        (404, "", [], None, b"HTTP/1.1 404 \r\n\r\n"),
        (414, None, [], None, b"HTTP/1.1 414 URI Too Long\r\n\r\n"),
        (599, None, [], None, b"HTTP/1.1 599 \r\n\r\n"),
        (400, "caf\xe9", [("A", "\xe9")], None, b"HTTP/1.1 400 caf\xe9\r\nA: \xe9\r\n\r\n"),
        (204, None, [], b"", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (304, None, [], b"gone", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        (100, None, [], b"x", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (200, None, [("Content-Length", "5")], None, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    ],
)
def test_responses_are_complete_http(
    status: int, reason: str | None, headers: list[tuple[str, str]], body: bytes | None, octets: bytes
) -> None:
    """Any HTTP client understands the answer and knows where it ends."""
    assert render_response(status, reason, iter(headers), body) == octets


@pytest.mark.parametrize("status", [-1, 0, 99, 600, 1000])
def test_a_status_outside_of_http_is_refused(status: int) -> None:
    """A close code is no HTTP status."""
    with pytest.raises(ValueError, match="between 100 and 599"):
        render_response(status, None, [], None)


@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: x", "a\n", "\r", "\x00", "\x1b[0m", "\u2028", "\u0100"])
def test_nothing_that_is_written_can_begin_another_line(text: str) -> None:
    """Response splitting and request splitting end at the last writer, too."""
    with pytest.raises(ValueError, match="the reason phrase"):
        render_response(400, text, [], None)
    with pytest.raises(ValueError, match="'Location'"):
        render_response(303, None, [("Location", text)], None)
    with pytest.raises(ValueError, match="header name"):
        render_response(303, None, [(text, "x")], None)
    with pytest.raises(ValueError, match="'X'"):
        render_request("/", [("X", text)])
    with pytest.raises(ValueError, match="header name"):
        render_request("/", [(text, "x")])


def test_headers_that_are_written_must_be_text() -> None:
    """Bytes are not silently turned into "b'...'"."""
    value: Any = b"x"
    with pytest.raises(TypeError, match="'X'"):
        render_request("/", [("X", value)])


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "Transfer-Encoding"])
def test_the_length_of_a_body_is_said_once(name: str) -> None:
    """Two lengths are how requests get smuggled."""
    with pytest.raises(ValueError, match="Content-Length"):
        render_response(200, None, [(name, "2")], b"hi")


def test_reasons_are_those_of_rfc_9110() -> None:
    """They do not change with the version of Python."""
    assert REASONS[101] == "Switching Protocols"
    assert REASONS[426] == "Upgrade Required"
    assert [REASONS[status] for status in (413, 414, 416, 422)] == [
        "Content Too Large",
        "URI Too Long",
        "Range Not Satisfiable",
        "Unprocessable Content",
    ]


@pytest.mark.parametrize(
    ("status", "has"), [(100, False), (199, False), (200, True), (204, False), (304, False), (404, True)]
)
def test_some_responses_never_have_content(status: int, has: bool) -> None:
    """RFC 9110 section 6.4.1."""
    assert has_content(status) is has


def test_requests_are_written() -> None:
    """GET, the target and the headers in their order."""
    octets = render_request("/chat?x=1", iter([("Host", "h"), ("A", "1"), ("A", "2")]))
    assert octets == b"GET /chat?x=1 HTTP/1.1\r\nHost: h\r\nA: 1\r\nA: 2\r\n\r\n"


@pytest.mark.parametrize(
    "target", ["", "/a b", "/a#b", "/\r\nX: y", "/\xe9", "/\u0100", "/\ud800", "/\x00", "/\n", "/\x7f"]
)
def test_request_targets_that_would_break_the_line_are_refused(target: str) -> None:
    """My users' input in a URL cannot write headers."""
    with pytest.raises(ValueError, match="request target"):
        render_request(target, [])


values = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12).map(
    lambda text: text.strip(" ")
)
names = st.text("AZaz09-_!~", min_size=1, max_size=8)


@given(st.lists(st.tuples(names, values), max_size=8), st.integers(200, 599), values, st.binary(max_size=20))
def test_what_is_written_reads_back_the_same(
    pairs: list[tuple[str, str]], status: int, reason: str, body: bytes
) -> None:
    """Reader, parser and writers agree."""
    reader = HeadReader(0)
    octets = reader.feed(render_request("/x", pairs) + body)
    assert octets is not None
    assert (parse_request_head(octets).headers.raw, reader.rest) == (tuple(pairs), body)
    octets = HeadReader(0).feed(render_response(status, reason, pairs, None))
    assert octets is not None
    head = parse_response_head(octets)
    assert (head.status, head.reason, head.headers.raw) == (status, reason, tuple(pairs))


# What a head is made of, right and wrong; most of what comes out is nearly a head.
lines = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"GET /a?b HTTP/1.0",
        b"GET / HTTP/1.7",
        b"GET / HTTP/2.0",
        b"GET  / HTTP/1.1",
        b"GET /\xe9 HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"Host: h",
        b"Host:h",
        b"Host :h",
        b" folded",
        b"X:\t \t",
        b"X: a \tb \t",
        b"X: \xff:\x80",
        b"no colon",
        b": no name",
        b"A: " + b"x" * 20,
        b"A: x\x00",
        b"A: x\ny",
        b"A: x\ry",
        b"",
    ]
)
ends = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\n\r", b"\r\n\r\n"])
heads = st.lists(st.tuples(lines, ends).map(b"".join), max_size=6).map(
    lambda found: b"GET / HTTP/1.1\r\n" + b"".join(found) + b"\r\n"
)
limits = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 16, 18, 30, 40, 60])


@settings(max_examples=400)
@example(b"GET / HTTP/1.1\r\nA: 3456789012\r\nB\r\n\r\n", 30, 1, 0, [32])
@given(heads, limits, limits, limits, st.lists(st.integers(0, 200), max_size=4))
def test_limits_and_refusals_do_not_depend_on_the_pieces(
    octets: bytes, max_size: int, max_headers: int, max_line: int, cuts: list[int]
) -> None:
    """A head that came at once is taken at one glance; that may be faster, and nothing else."""
    edges = sorted({0, len(octets), *(min(cut, len(octets)) for cut in cuts)})
    pieces = [octets[start:end] for start, end in pairwise(edges)]
    whole = outcome(HeadReader(max_size, max_headers, max_line), [octets])
    assert outcome(HeadReader(max_size, max_headers, max_line), pieces) == whole
    single = (octets[i : i + 1] for i in range(len(octets)))
    assert outcome(HeadReader(max_size, max_headers, max_line), single) == whole


@settings(max_examples=400)
@given(heads | st.binary(max_size=60).map(lambda octets: b"GET / HTTP/1.1\r\nA: " + octets + b"\r\n\r\n"))
def test_what_is_parsed_at_one_glance_is_what_is_parsed_step_by_step(octets: bytes) -> None:
    """And what is wrong is found either way."""
    assert at_one_glance(octets) == step_by_step(octets)


def test_a_whole_head_may_be_as_large_as_the_limits_say() -> None:
    """Not one octet or line more, however it comes."""
    head = b"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\n\r\n"
    assert read(head, max_size=len(head), max_headers=2, max_line=14) == (head, b"")
    assert refusal(head, max_size=len(head) - 1) == (431, f"the head is larger than {len(head) - 1} octets")
    assert refusal(head, max_headers=1) == (431, "more than 1 header lines")
    assert refusal(head, max_line=13) == (414, "the first line is longer than 13 octets")


def test_heads_that_are_nearly_right_take_no_longer_than_right_ones() -> None:
    """Nobody can keep my server busy with one request."""
    for octets in (b"A: x\r\n" * 4000, b"A:" + b" \t" * 15000 + b"\r\n", b"a" * 30000, b"a:\r\n" * 7000):
        for head in (b"GET / HTTP/1.1\r\n" + octets, b"GET / HTTP/1.1\r\n" + octets + b"\r\n\x00"):
            began_at = process_time()
            outcome(HeadReader(0, 0, 0), [head])
            at_one_glance(head)
            # A thousand times what it takes; backtracking would take minutes.
            assert process_time() - began_at < 5
