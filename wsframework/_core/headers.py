"""Header fields: the multi-dict that users read, the checks of what users give, and the grammar of list values.

Strategy: all grammar is looked at once, from left to right. The regular expressions here are one character class
with at most one quantifier, so no value can make them backtrack; the extension list has a scanner written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar, overload

from wsframework._core.violation import HandshakeRefused

__all__ = [
    "MAX_EXTENSION_OFFERS",
    "MAX_LIST_LENGTH",
    "ExtensionOffer",
    "HeaderPairs",
    "Headers",
    "HeadersInput",
    "check_header",
    "check_not_given",
    "check_subprotocol",
    "check_text",
    "default_header",
    "has_header",
    "header_pairs",
    "is_token",
    "lower",
    "origin_header",
    "parse_extensions",
    "parse_tokens",
    "split_list",
    "token_list",
]

T = TypeVar("T")

# Longest Sec-WebSocket-Extensions or Sec-WebSocket-Protocol value that is looked at, in characters. Browsers send
# less than 100; the bound keeps the work and the number of objects per handshake small.
MAX_LIST_LENGTH: Final = 4096
MAX_EXTENSION_OFFERS: Final = 16

HeaderPairs: TypeAlias = tuple[tuple[str, str], ...]
HeadersInput: TypeAlias = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str | Iterable[str]]] | None

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_FORBIDDEN = re.compile(r"[^\t\x20-\x7e\x80-\xff]")  # anything but HTAB, SP, VCHAR and obs-text, section 5.5
_OWS = " \t"

# What says where a message ends and what becomes of the connection is never the application's to write.
_FRAMING: Final = frozenset({"connection", "content-length", "transfer-encoding"})

# Not shown by repr(): a request is easily logged, its credentials must not be.
_SECRET = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})


class Headers(Mapping[str, str]):
    """The header lines of a request or response: an immutable multi-dict that reads like a dict.

    Lookup does not care about case. `headers["accept"]` is the values of all lines of that name joined with ", ";
    iteration gives every name once, in lower case, in the order of first appearance. A header that may not be joined
    (Set-Cookie) is read with `get_all`. The constructor takes (name, value) pairs and does not check them.
    """

    __slots__ = ("_raw", "_values")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._raw: HeaderPairs = tuple(pairs)
        # By name in lower case: the value, or the list of them where there are several lines, which is rare.
        self._values: dict[str, str | list[str]] = {}
        for name, value in self._raw:
            folded = name.lower()
            known = self._values.get(folded)
            if known is None:
                self._values[folded] = value
            elif isinstance(known, str):
                self._values[folded] = [known, value]
            else:
                known.append(value)

    @property
    def raw(self) -> HeaderPairs:
        """The lines as they were received: order, repetition and spelling of the names kept."""
        return self._raw

    def get_one(self, name: str) -> str | None:
        """The value of a header that may be there once; None when it is not there, ValueError when it is repeated."""
        value = self._values.get(name.lower())
        if isinstance(value, list):
            raise ValueError(f"more than one {name} header")
        return value

    def get_all(self, name: str) -> list[str]:
        """The values of all lines of this name, one entry per line; empty when there are none."""
        values = self._values.get(name.lower(), ())
        return [values] if isinstance(values, str) else list(values)

    def __getitem__(self, name: str) -> str:
        values = self._values[name.lower()]
        return values if isinstance(values, str) else ", ".join(values)

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | T) -> str | T: ...
    def get(self, key: str, /, default: str | T | None = None) -> str | T | None:
        """`headers[key]`, or `default` where there is no such header."""
        # As `Mapping.get`, in a third of the time: a handshake asks for what is not there several times.
        values = self._values.get(key.lower())
        if values is None:
            return default
        return values if isinstance(values, str) else ", ".join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        shown = [(name, "***" if name.lower() in _SECRET else value) for name, value in self._raw]
        return f"{type(self).__name__}({shown!r})"


def is_token(value: str) -> bool:
    """True for a token of RFC 9110 section 5.6.2: a header name, a method, a subprotocol, ..."""
    return _TOKEN.fullmatch(value) is not None


def check_text(what: str, value: str) -> None:
    """Check that `value` can stand in a header or status line (RFC 9110 section 5.5); `what` names it in the error.

    Raises TypeError when it is no str, ValueError for CR, LF, NUL, any other control character but HTAB, and for
    characters that Latin-1 does not have.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, not {type(value).__name__}")
    if _FORBIDDEN.search(value):
        raise ValueError(f"{what} contains a control character or one that is not in Latin-1")


def check_header(name: str, value: str) -> None:
    """Check one header line that is to be sent; TypeError or ValueError that names the header."""
    if not isinstance(name, str):
        raise TypeError(f"a header name must be a str, not {type(name).__name__}")
    if not is_token(name):
        raise ValueError(f"the header name {name!r} is not a token of RFC 9110")
    if not isinstance(value, str) or _FORBIDDEN.search(value):
        check_text(f"the value of the header {name!r}", value)


def header_pairs(headers: HeadersInput) -> HeaderPairs:
    """Headers as an application gives them, checked and as pairs.

    A mapping or an iterable of (name, value); a value that is an iterable of str is the header repeated. None is no
    headers. Raises TypeError or ValueError that names the header (see `check_header`).
    """
    if headers is None or headers in ({}, ()):
        return ()
    pairs: list[tuple[str, str]] = []
    for name, value in _items(headers):
        values = [value] if isinstance(value, str) else _repeated(name, value)
        for line in values:
            check_header(name, line)
            pairs.append((name, line))
    return tuple(pairs)


def _items(headers: HeadersInput) -> Iterable[tuple[str, str | Iterable[str]]]:
    if isinstance(headers, Headers):
        return headers.raw
    if isinstance(headers, Mapping):
        return headers.items()
    if isinstance(headers, str | bytes) or not isinstance(headers, Iterable):
        raise TypeError(f"headers must be a mapping or an iterable of pairs, not {type(headers).__name__}")
    return map(_pair, headers)


def _pair(item: tuple[str, str | Iterable[str]]) -> tuple[str, str | Iterable[str]]:
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise TypeError("headers must be a mapping or an iterable of pairs (name, value)")
    return item[0], item[1]


def _repeated(name: str, value: Iterable[str]) -> Iterable[str]:
    # An iterable of one bytes object gives ints, which would be reported in a puzzling way.
    if isinstance(value, bytes | bytearray | memoryview) or not isinstance(value, Iterable):
        raise TypeError(f"the value of the header {name!r} must be a str or a list of str, not {type(value).__name__}")
    return value


def check_not_given(given: HeaderPairs, forbidden: Collection[str], *, websocket: bool = False) -> None:
    """ValueError when the application gives a header that is not its to write.

    `forbidden` are names in lower case, in addition to those that say where a message ends and what becomes of the
    connection; `websocket` forbids everything that begins with Sec-WebSocket- as well.
    """
    for name, _ in given:
        folded = name.lower()
        if folded in _FRAMING or folded in forbidden or (websocket and folded.startswith("sec-websocket-")):
            raise ValueError(f"the header {name!r} is written by the framework and cannot be given")


def has_header(given: HeaderPairs, name: str) -> bool:
    """True when there is a line of this name (in lower case)."""
    return any(given_name.lower() == name for given_name, _ in given)


def default_header(name: str, value: str | None, given: HeaderPairs) -> HeaderPairs:
    """The line of a header that is sent unless its value is None or empty, or the application gives its own."""
    return ((name, value),) if value and not (given and has_header(given, name.lower())) else ()


def check_subprotocol(protocol: str) -> None:
    """A subprotocol is a token (RFC 6455 section 11.3.4); TypeError or ValueError."""
    check_text("a subprotocol", protocol)
    if not is_token(protocol):
        raise ValueError(f"the subprotocol {protocol!r} is not a token of RFC 9110")


def origin_header(version: int) -> str:
    """Where a client of this protocol version says its origin: the drafts before RFC 6455 had a name of their own."""
    return "Origin" if version >= 13 else "Sec-WebSocket-Origin"


def split_list(value: str) -> list[str]:
    """The elements of a comma separated list (RFC 9110 section 5.6.1) without quoted strings; empty ones left out."""
    return [element for part in value.split(",") if (element := part.strip(_OWS))]


def lower(values: Iterable[str]) -> list[str]:
    """The values in lower case, to compare names without regard to it."""
    return [value.lower() for value in values]


def token_list(value: str) -> list[str]:
    """The elements of a comma separated list of tokens; ValueError when one is no token."""
    elements = split_list(value)
    if not all(map(is_token, elements)):
        raise ValueError("a list element is not a token")
    return elements


def parse_tokens(value: str) -> list[str]:
    """`token_list` for the header of a request: HandshakeRefused(400) when one element is no token."""
    try:
        return token_list(value)
    except ValueError as error:
        raise HandshakeRefused(400, "a header that is a list of tokens contains something else") from error


@dataclass(frozen=True, slots=True)
class ExtensionOffer:
    """One element of Sec-WebSocket-Extensions (RFC 6455 section 9.1): an extension and its parameters.

    `params` are pairs in the order received, a parameter given twice is there twice; the value is None where there
    was no "=". `str(offer)` is the element as it stands in the header.
    """

    name: str
    params: tuple[tuple[str, str | None], ...] = ()

    def __str__(self) -> str:
        params = (key if value is None else f"{key}={value}" for key, value in self.params)
        return "; ".join((self.name, *params))


def parse_extensions(value: str) -> list[ExtensionOffer]:
    """The offers of a Sec-WebSocket-Extensions value (RFC 6455 section 9.1), in order.

    ValueError when it is malformed, longer than `MAX_LIST_LENGTH` or has more than `MAX_EXTENSION_OFFERS` elements;
    whether that ends the handshake (client) or only declines the offer (server) is the caller's decision.
    """
    if not value:
        return []
    if len(value) > MAX_LIST_LENGTH:
        raise ValueError(f"the extension list is longer than {MAX_LIST_LENGTH} characters")
    scanner = _Scanner(value)
    offers: list[ExtensionOffer] = []
    while not scanner.at_end():
        if scanner.accept(","):  # an empty element, or the comma after an offer
            continue
        if len(offers) == MAX_EXTENSION_OFFERS:
            raise ValueError(f"there are more than {MAX_EXTENSION_OFFERS} extension offers")
        offers.append(scanner.offer())
    return offers


class _Scanner:
    """Reads an extension list from left to right; white space is skipped before every element of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def at_end(self) -> bool:
        while self._text.startswith((" ", "\t"), self._position):
            self._position += 1
        return self._position == len(self._text)

    def accept(self, character: str) -> bool:
        """Step over this character if it is the next one."""
        if self.at_end() or self._text[self._position] != character:
            return False
        self._position += 1
        return True

    def offer(self) -> ExtensionOffer:
        name = self._token()
        params: list[tuple[str, str | None]] = []
        while self.accept(";"):
            key = self._token()
            params.append((key, self._value() if self.accept("=") else None))
        if not self.at_end() and not self._text.startswith(",", self._position):
            raise ValueError("something else than ',' or ';' follows an extension or its parameter")
        return ExtensionOffer(name, tuple(params))

    def _value(self) -> str:
        return self._quoted() if self.accept('"') else self._token()

    def _token(self) -> str:
        self.at_end()
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            raise ValueError("a token is missing in the extension list")
        self._position = match.end()
        return match.group()

    def _quoted(self) -> str:
        """The rest of a quoted string, unescaped; what it holds must be a token (RFC 6455 section 9.1)."""
        text, characters = self._text, []
        while not text.startswith('"', self._position):
            self._position += text.startswith("\\", self._position)
            characters.append(text[self._position : self._position + 1])
            self._position += 1
            if self._position > len(text):
                raise ValueError("a quoted string in the extension list has no end")
        self._position += 1
        unquoted = "".join(characters)
        if not is_token(unquoted):
            raise ValueError("a quoted parameter value in the extension list is not a token")
        return unquoted
