"""HTTP/1.1 heads, strict and bounded: read, parse, write (RFC 9112).

Strategy: `HeadReader` finds the end of a head in octets that come in any pieces and refuses what no correct peer
sends, at the first octet that proves it; the same octets give the same answer however they are cut. The parsers then
work on the complete head and check the grammar again on their own, because they are also called without the reader.
Nearly all heads come at once and are correct: reader and parser first try to take such a head by one regular
expression, and go through everything else step by step, to say what is wrong with it or what is missing. The
quantifiers in these expressions give nothing back, so no head can make them backtrack. The renderers are the last
writers before the wire: nothing that could start another line passes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, NoReturn

from wsframework._core.headers import Headers, check_header, check_text, is_token
from wsframework._core.violation import HandshakeFailed, HandshakeRefused

__all__ = [
    "REASONS",
    "HeadReader",
    "RequestHead",
    "ResponseHead",
    "body_size",
    "has_content",
    "make_request_head",
    "parse_request_head",
    "parse_response_head",
    "render_lines",
    "render_request",
    "render_response",
]

# RFC 9110 section 15. Four phrases depend on the version of Python, so they are said here.
REASONS: Final[dict[int, str]] = {int(status): status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # control octets but HTAB
_TARGET = re.compile(rb"[\x21\x22\x24-\x7e]+")  # visible ASCII without "#": a fragment never goes on the wire
_VERSION = re.compile(rb"HTTP/([0-9])\.([0-9])")
_STATUS = re.compile(rb"[1-9][0-9][0-9]")

# What a head looks like, to the reader and to the parser.
_WHOLE_HEAD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z](?:[^\x00-\x08\x0a-\x1f\x7f]++\r\n)++\r\n")
_REQUEST_HEAD = re.compile(
    r"(?P<method>[!#$%&'*+\-.^_`|~0-9A-Za-z]++) (?P<target>[\x21\x22\x24-\x7e]++) HTTP/1\.(?P<minor>[0-9])\r\n"
    r"(?P<fields>(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+)\r\n"
)

_TOKEN_OCTETS = frozenset(code for code in range(128) if is_token(chr(code)))
_CR, _LF = b"\r\n"
_TLS_HANDSHAKE = 0x16  # the first octet of a TLS connection, RFC 8446 section 5.1
_NO_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class RequestHead:
    """Request line and headers; `version` is "1.0" or "1.1" (a higher 1.x is treated as 1.1, RFC 9110 section 2.5).

    `octets` are what they were parsed from; empty for a head that came otherwise.
    """

    method: str
    target: str
    version: str
    headers: Headers
    octets: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """Status line and headers; `line` is the whole status line, `version` and `octets` as in `RequestHead`."""

    version: str
    status: int
    reason: str
    headers: Headers
    line: str
    octets: bytes = field(default=b"", compare=False, repr=False)


class HeadReader:
    """Collects octets until a head (first line, header lines, blank line) is complete.

    `max_size` limits the octets of the head, `max_headers` its header lines, `max_line` each line without its CRLF;
    0 is no limit. What cannot become a head any more raises HandshakeRefused: 414 for the first line, 431 for the
    other limits, 400 for the rest. A client uses it for the response and takes only the error's text.
    """

    __slots__ = (
        "_buffer",
        "_head_size",
        "_line_start",
        "_lines",
        "_max_headers",
        "_max_line",
        "_max_size",
        "_position",
    )

    def __init__(self, max_size: int, max_headers: int = 128, max_line: int = 8192) -> None:
        self._max_size = max_size or _NO_LIMIT
        self._max_headers = max_headers or _NO_LIMIT
        self._max_line = max_line or _NO_LIMIT
        self._buffer: bytes | bytearray = b""
        self._line_start = 0
        self._position = 0  # what is before it was looked at and is not looked at again
        self._lines = 0  # complete lines
        self._head_size = 0  # 0 until the head is complete

    @property
    def rest(self) -> bytes:
        """The octets that came after the head; empty until it is complete."""
        return bytes(self._buffer[self._head_size :]) if self._head_size else b""

    def feed(self, data: bytes) -> bytes | None:
        """Add octets; the whole head with its blank line once it is there, None before.

        The octets after it are in `rest`; feeding a reader that has returned its head is a ValueError.
        """
        if self._head_size:
            raise ValueError("the head is complete, what follows it does not belong to the reader")
        if not self._buffer:
            if self._take_whole(data):
                return data[: self._head_size]
            self._buffer = bytearray()
        self._buffer += data
        while (end := self._line_end()) is not None:
            if end == self._line_start:
                return self._finish(end + 2)
            self._lines += 1
            self._line_start = self._position = end + 2
        return None

    def _take_whole(self, data: bytes) -> bool:
        """Take a head that `data` begins with, if it is correct and far from any limit."""
        match = _WHOLE_HEAD.match(data)
        if match is None:
            return False
        size = match.end()
        # The first line and the blank one are no header lines.
        if size > min(self._max_size, self._max_line) or data.count(b"\r\n", 0, size) - 2 > self._max_headers:
            return False
        self._buffer = data
        self._head_size = size
        return True

    def _line_end(self) -> int | None:
        """Where the CRLF of the current line is; None while it has not come."""
        buffer = self._buffer
        self._check_line_start()
        control = _CONTROL.search(buffer, self._position)
        stop = control.start() if control else len(buffer)
        self._check_limits(stop)
        self._position = stop
        if control is None:
            return None
        if buffer[stop] != _CR:
            raise HandshakeRefused(400, "a control character, or a line end that is not CRLF, in the head")
        if stop + 1 == len(buffer):
            return None
        if buffer[stop + 1] != _LF:
            raise HandshakeRefused(400, "a CR without LF in the head")
        return stop

    def _check_line_start(self) -> None:
        """What the first octet of a line proves, as soon as it is there, unless the line end before it was too much."""
        if self._line_start > self._max_size:
            self._refuse_size()
        if self._line_start == len(self._buffer):
            return
        first = self._buffer[self._line_start]
        if self._lines > self._max_headers and first != _CR:
            raise HandshakeRefused(431, f"more than {self._max_headers} header lines")
        if self._lines or first in _TOKEN_OCTETS:
            return
        if first == _TLS_HANDSHAKE:
            raise HandshakeRefused(400, "this looks like TLS, and this port does not speak TLS")
        raise HandshakeRefused(400, "this is not HTTP")

    def _check_limits(self, stop: int) -> None:
        """Check a line that reaches up to `stop`; of two limits that are passed, the one that was passed first."""
        line_limit = self._line_start + self._max_line
        if stop <= min(line_limit, self._max_size):
            return
        if self._max_size < line_limit:
            self._refuse_size()
        if self._lines:
            raise HandshakeRefused(431, f"a header line is longer than {self._max_line} octets")
        raise HandshakeRefused(414, f"the first line is longer than {self._max_line} octets")

    def _finish(self, size: int) -> bytes:
        if size > self._max_size:
            self._refuse_size()
        self._head_size = size
        return bytes(self._buffer[:size])

    def _refuse_size(self) -> NoReturn:
        raise HandshakeRefused(431, f"the head is larger than {self._max_size} octets")


def parse_request_head(head: bytes) -> RequestHead:
    """Parse a complete request head, blank line included (RFC 9112 sections 3 and 5).

    HandshakeRefused: 400 when it is malformed, 505 for a version that is not HTTP/1.x. HTTP/1.0 is parsed: whether
    it is good enough is the caller's decision.
    """
    match = _REQUEST_HEAD.fullmatch(head.decode("latin-1"))
    if match is None:
        return _parse_request_head(head)
    method, target, minor, fields = match.groups()
    pairs = []
    for line in fields.split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        pairs.append((name, value.strip(" \t")))
    return RequestHead(method, target, "1.0" if minor == "0" else "1.1", Headers(pairs), head)


def _parse_request_head(head: bytes) -> RequestHead:
    """The same step by step, to find out what is wrong with it."""
    try:
        line, headers = _split_head(head)
        parts = line.split(b" ")
        if len(parts) != 3:
            raise ValueError("the request line is not made of method, target and version with one space between")
        method, target, version = parts
    except ValueError as error:
        raise HandshakeRefused(400, str(error)) from error
    return _check_request_line(method, target, version, headers)


def make_request_head(
    method: bytes, target: bytes, version: bytes, fields: Iterable[tuple[bytes, bytes]]
) -> RequestHead:
    """The head of a request that an HTTP server has parsed already, held to the same grammar.

    `version` is as in the request line, `fields` are name and value of each header line. HandshakeRefused as
    `parse_request_head`: other parsers let things pass that this one does not.
    """
    try:
        headers = Headers([_check_field(name, value) for name, value in fields])
    except ValueError as error:
        raise HandshakeRefused(400, str(error)) from error
    return _check_request_line(method, target, version, headers)


def _check_request_line(method: bytes, target: bytes, version: bytes, headers: Headers) -> RequestHead:
    try:
        if not is_token(method.decode("latin-1")):
            raise ValueError("the method is not a token")
        if not _TARGET.fullmatch(target):
            raise ValueError("the request target contains a character that is not allowed there")
        parsed_version = _parse_version(version)
    except ValueError as error:
        raise HandshakeRefused(400, str(error)) from error
    if parsed_version is None:
        raise HandshakeRefused(505, "this server speaks HTTP/1.1")
    return RequestHead(method.decode("ascii"), target.decode("ascii"), parsed_version, headers)


def parse_response_head(head: bytes) -> ResponseHead:
    """Parse a complete response head, blank line included (RFC 9112 sections 4 and 5); HandshakeFailed if it is none.

    The reason phrase may be missing together with the space before it, as many servers send it.
    """
    try:
        line, headers = _split_head(head)
        version, _, status_and_reason = line.partition(b" ")
        status, _, reason = status_and_reason.partition(b" ")
        parsed_version = _parse_version(version)
        if not _STATUS.fullmatch(status):
            raise ValueError("the status line has no status of three digits")
    except ValueError as error:
        raise HandshakeFailed(f"the response is not HTTP: {error}") from error
    if parsed_version is None:
        raise HandshakeFailed("the server does not answer with HTTP/1.1")
    return ResponseHead(parsed_version, int(status), reason.decode("latin-1"), headers, line.decode("latin-1"), head)


def _split_head(head: bytes) -> tuple[bytes, Headers]:
    """First line and headers; ValueErrors here and below are texts for the peer and do not quote it."""
    if not head.endswith(b"\r\n\r\n"):
        raise ValueError("the head does not end with a blank line")
    first, *lines = head[:-4].split(b"\r\n")
    if _CONTROL.search(first):
        raise ValueError("a control character in the first line")
    return first, Headers(map(_parse_field, lines))


def _parse_field(line: bytes) -> tuple[str, str]:
    """One header line. A name that is no token is also how a folded line and a space before the colon are found."""
    name, colon, value = line.partition(b":")
    if not colon:
        raise ValueError("a header line has no colon")
    return _check_field(name, value)


def _check_field(name: bytes, value: bytes) -> tuple[str, str]:
    text = name.decode("latin-1")
    if not is_token(text):
        raise ValueError("a header name is not a token")
    if _CONTROL.search(value):
        raise ValueError("a control character in a header value")
    return text, value.strip(b" \t").decode("latin-1")


def _parse_version(version: bytes) -> str | None:
    """ "1.0" or "1.1"; None when it is HTTP of another major version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError("the HTTP version is malformed")
    major, minor = match.groups()
    if major != b"1":
        return None
    return "1.0" if minor == b"0" else "1.1"


def has_content(status: int) -> bool:
    """False for 1xx, 204 and 304, which never have a body (RFC 9110 section 6.4.1)."""
    return status >= 200 and status not in (204, 304)


def body_size(head: ResponseHead, most: int) -> int:
    """How many octets of the body to wait for; without a usable Content-Length `most`, until TCP ends."""
    if not has_content(head.status):
        return 0
    length = head.headers.get("content-length", "")
    if length.isascii() and length.isdigit():
        return min(int(length[:10]), most)
    return most


def render_response(status: int, reason: str | None, headers: Iterable[tuple[str, str]], body: bytes | None) -> bytes:
    """A complete HTTP/1.1 response; `reason` None is the standard phrase of the status.

    A body, also an empty one, adds Content-Length; a status that has none (see `has_content`) goes without it.
    ValueError for a status outside 100..599, for text that would not stay on its line (see `check_header`)
    and for headers that say something else about the length of the body.
    """
    if not 100 <= status <= 599:
        raise ValueError("the status must be between 100 and 599")
    phrase = REASONS.get(status, "") if reason is None else reason
    check_text("the reason phrase", phrase)
    lines = list(headers)
    if not has_content(status):
        body = None
    if body is not None:
        if any(name.lower() in ("content-length", "transfer-encoding") for name, _ in lines):
            raise ValueError("Content-Length and Transfer-Encoding are not the application's to set")
        lines.append(("Content-Length", str(len(body))))
    return _render_head(f"HTTP/1.1 {status} {phrase}", lines) + (body or b"")


def render_request(target: str, headers: Iterable[tuple[str, str]], method: str = "GET") -> bytes:
    """The head of a request for `target`; ValueError when the target or a header would not stay on its line."""
    if not _TARGET.fullmatch(target.encode("utf-8", "surrogatepass")):
        raise ValueError("the request target must be visible ASCII characters without '#'")
    return _render_head(f"{method} {target} HTTP/1.1", headers)


def _render_head(first: str, headers: Iterable[tuple[str, str]]) -> bytes:
    return f"{first}\r\n{render_lines(headers)}\r\n".encode("latin-1")


def render_lines(headers: Iterable[tuple[str, str]]) -> str:
    """Header lines with their line ends; TypeError or ValueError for those that cannot be sent."""
    lines = []
    for name, value in headers:
        check_header(name, value)
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)
