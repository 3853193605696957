"""URLs, request targets, Host values and origins: everything that names a place.

Strategy: a URL is cut by hand at the delimiters of RFC 3986 instead of by `urllib.parse.urlsplit`, because that
function drops tabs and line ends silently, forgets user and password, and knows nothing about unix sockets. Every
authority, whoever wrote it, goes through one grammar (`_AUTHORITY`), so that a URL, a Host header, an Origin header
and an origin pattern cannot disagree about what a host is. Errors never quote their input: it may hold a password or
come from the peer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import parse_qs, quote, unquote

__all__ = [
    "UNIX_HOST",
    "Origin",
    "OriginPatterns",
    "WebSocketUri",
    "bracket",
    "default_port",
    "format_host",
    "parse_authority",
    "parse_host",
    "parse_origin",
    "parse_target",
    "parse_uri",
]

# The host that a URL of a unix socket has.
UNIX_HOST: Final = "unix"

_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443, "http": 80, "https": 443}

_AUTHORITY: Final = re.compile(r"(?:\[(?P<ipv6>[^\[\]]*)\]|(?P<name>[^\[\]:]*))(?::(?P<port>[^:\[\]]*))?")
# The characters of names in use, not all of RFC 3986's reg-name: no sub-delims, no percent-encoding.
# Both cases are written out: `re.IGNORECASE` and `str.lower` take the Kelvin sign for a k.
_NAME: Final = re.compile(r"[A-Za-z0-9._~-]{1,255}")
_ZONE: Final = re.compile(r"[A-Za-z0-9._~-]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
# A URL that lacks the scheme, as far as its path.
_PLACE: Final = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?].*)?")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NAME_PATTERN: Final = re.compile(r"[a-z0-9._~*-]{1,255}")
_IPV6_PATTERN: Final = re.compile(r"[0-9a-f:.*]+")
_SCHEME_PATTERN: Final = re.compile(r"[a-z0-9+.*-]+")
_PORT_PATTERN: Final = re.compile(r"[0-9]*\*[0-9*]*")

# IDNA 2003 (what Python's codec does) and IDNA 2008 (what browsers do) map these four to different names.
_IDNA_DEVIATIONS: Final = re.compile("[\u00df\u03c2\u200c\u200d]")

_VISIBLE_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class WebSocketUri:
    """A parsed `ws:` or `wss:` URL (RFC 6455 section 3).

    `host` is lower-cased, an IPv6 address without its brackets, `UNIX_HOST` for a unix socket, whose path is
    `unix_path` (else None). `port` has its default filled in. `resource` is what goes into the request line: path and
    query, percent-encoded; `path` is the path percent-decoded, `params` the query's fields.
    """

    is_secure: bool
    host: str
    port: int
    unix_path: str | None
    resource: str
    path: str
    params: dict[str, list[str]]


def default_port(is_secure: bool) -> int:
    """443 for `wss`, 80 for `ws` (RFC 6455 section 3)."""
    return _DEFAULT_PORTS["wss" if is_secure else "ws"]


def parse_uri(uri: str) -> WebSocketUri:
    """Parse a WebSocket URL; `ValueError` says what is wrong with it.

    Characters that may not stand in a request line (a space, anything that is not ASCII) are percent-encoded, control
    characters are refused. Names that are not ASCII become their `xn--` form.

    A unix socket is written `ws://unix:/tmp/socket`: all of it up to a `?` is the socket's path, and the resource is
    `/`. To name a resource too, percent-encode the slashes of the socket's path and put a colon behind it:
    `ws://unix:%2Ftmp%2Fsocket:/chat?room=1`. The path is percent-decoded in both forms. In the first, a colon belongs
    to the path, but `:/` is refused, because some programs would read it as the start of the resource.
    """
    if not isinstance(uri, str):
        raise TypeError(f"a WebSocket URL must be a str, not {type(uri).__name__}")
    if _CONTROL.search(uri):
        raise ValueError("invalid WebSocket URL: it contains a control character")
    if "#" in uri:
        raise ValueError("invalid WebSocket URL: it has a fragment (RFC 6455 section 3); write %23 for the character #")
    scheme, separator, rest = uri.partition("://")
    if scheme.lower() not in ("ws", "wss"):
        raise ValueError(f"invalid WebSocket URL: it must start with ws:// or wss://{_scheme_hint(scheme, separator)}")
    is_secure = scheme.lower() == "wss"
    if rest[:5].lower() == "unix:":
        host, port = UNIX_HOST, None
        unix_path, rest = _cut_unix_path(rest[5:])
    else:
        unix_path = None
        authority, rest = _cut_authority(rest)
        host, port = _parse_uri_authority(authority)
    resource = quote(_rooted(rest), safe=_VISIBLE_ASCII)
    path, params = parse_target(resource)
    return WebSocketUri(is_secure, host, port or default_port(is_secure), unix_path, resource, unquote(path), params)


def _scheme_hint(scheme: str, separator: str) -> str:
    """What to write instead; nothing of the URL is quoted."""
    if not separator:
        return "; write ws:// in front of it" if _PLACE.fullmatch(scheme) else ""
    if scheme.lower() == "https":
        return "; write wss:// in place of https://"
    return "; write ws:// in place of http://" if scheme.lower() == "http" else ""


def _cut_authority(text: str) -> tuple[str, str]:
    """Cut behind the authority, which ends at the first slash or question mark."""
    end = min((i for i in (text.find("/"), text.find("?")) if i >= 0), default=len(text))
    return text[:end], text[end:]


def _rooted(text: str) -> str:
    """A path may be missing, also before a query."""
    return text if text.startswith("/") else "/" + text


def _parse_uri_authority(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise ValueError("invalid WebSocket URL: it has a user or password; send an Authorization header instead")
    if authority.lower() == UNIX_HOST:
        raise ValueError("invalid WebSocket URL: the path of the unix socket is missing (ws://unix:/path/of/socket)")
    return parse_authority(authority)


def parse_authority(authority: str) -> tuple[str, int | None]:
    """Host and port as they stand in a URL, without a user; port None when not given. `ValueError` otherwise.

    The host becomes lower-cased, a name that is not ASCII its `xn--` form, an IPv6 address loses its brackets and may
    have a zone (RFC 6874).
    """
    match = _match_authority(authority)
    port = _parse_port(match["port"])
    if match["ipv6"] is None:
        return _parse_name(_to_ascii(match["name"]), _NAME), port
    # RFC 6874: the zone of a link-local address follows an encoded percent sign.
    address, percent, zone = match["ipv6"].partition("%25")
    if not percent:
        return _parse_ipv6(address), port
    if not _ZONE.fullmatch(zone):
        raise ValueError("invalid zone of an IPv6 address")
    return f"{_parse_ipv6(address)}%{zone}", port


def _cut_unix_path(text: str) -> tuple[str, str]:
    """Cut `text`, which stands behind `unix:`, into the decoded path of the socket and the resource."""
    before_query, question_mark, query = text.partition("?")
    if before_query.startswith("/"):
        if ":/" in before_query:
            raise ValueError("ambiguous unix socket: write %3A for the colon, or %2F for the slashes of its path")
        encoded, resource = before_query, ""
    else:
        encoded, _, resource = before_query.partition(":")
        if "/" in encoded:
            raise ValueError("ambiguous unix socket: write %2F for the slashes of its path, or start it with a slash")
    # The file system's own rule for octets that are not UTF-8.
    path = unquote(encoded, errors="surrogateescape")
    # A leading NUL is Linux' abstract namespace.
    if not path or "\x00" in path[1:]:
        raise ValueError("invalid path of a unix socket: it is empty or contains NUL")
    return path, resource + question_mark + query


def _match_authority(text: str) -> re.Match[str]:
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise ValueError("invalid host or port; an IPv6 address stands in brackets")
    return match


def _parse_name(text: str, allowed: re.Pattern[str]) -> str:
    if not allowed.fullmatch(text):
        raise ValueError("invalid host name: it is missing, too long or has a character that host names do not have")
    return text.lower()


def _parse_ipv6(text: str) -> str:
    """One spelling for each address, so that addresses can be compared as text."""
    if "%" in text:
        raise ValueError("an IPv6 address with a zone is not possible here, or its percent sign is not encoded (%25)")
    try:
        return str(IPv6Address(text))
    except ValueError as error:
        raise ValueError("invalid IPv6 address") from error


def _parse_port(text: str | None) -> int | None:
    """An empty port means the default (RFC 3986 section 3.2.3)."""
    if not text:
        return None
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise ValueError("invalid port: it must be a number from 1 to 65535")
    return int(text)


def _to_ascii(name: str) -> str:
    # The codec's time grows with the square of the length.
    if name.isascii() or len(name) > 255:
        return name
    if _IDNA_DEVIATIONS.search(name):
        raise ValueError("ambiguous international host name: write it in its xn-- form")
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError("invalid international host name") from error


def bracket(host: str) -> str:
    """The host as it stands in a URL: an IPv6 address in brackets, its zone encoded (RFC 6874)."""
    return f"[{host.replace('%', '%25')}]" if ":" in host else host


def format_host(host: str, port: int, is_secure: bool) -> str:
    """The value of the Host header: IPv6 in brackets, the default port left out (RFC 6455 section 4.1)."""
    # A zone has a meaning on this machine only and is not sent (RFC 6874 section 4).
    text = bracket(host.partition("%")[0])
    return text if port == default_port(is_secure) else f"{text}:{port}"


# A server is asked for under few names, and what can be remembered is short.
@lru_cache(maxsize=128)
def parse_host(value: str) -> tuple[str, int | None]:
    """The value of a Host header as (host, port): lower-cased, IPv6 without brackets, port None when not given.

    `ValueError` for everything else that may be in there (RFC 9110 section 7.2).
    """
    match = _match_authority(value)
    if match["ipv6"] is not None:
        return _parse_ipv6(match["ipv6"]), _parse_port(match["port"])
    return _parse_name(match["name"], _NAME), _parse_port(match["port"])


def parse_target(target: str) -> tuple[str, dict[str, list[str]]]:
    """A request target as (path, params); the path is not percent-decoded.

    The origin form `/path?query` and, for what comes through a proxy, the absolute form `http://host/path` (RFC 9112
    section 3.2); `ValueError` for any other.
    """
    scheme, separator, rest = target.partition("://")
    if separator and scheme.lower() in _DEFAULT_PORTS:
        authority, rest = _cut_authority(rest)
        parse_host(authority)
        target = _rooted(rest)
    if not target.startswith("/"):
        raise ValueError("the request target must start with a slash")
    path, _, query = target.partition("?")
    return path, parse_qs(query, keep_blank_values=True) if query else {}


@dataclass(frozen=True, slots=True)
class Origin:
    """A web origin (RFC 6454), lower-cased; `port` is None only for schemes that have no default port."""

    scheme: str
    host: str
    port: int | None


def parse_origin(value: str) -> Origin | None:
    """The value of an Origin header; None for `null` and for `file:`, which say nothing about who asks.

    The default ports of http, https, ws and wss are filled in. `ValueError` when malformed (RFC 6454 section 7.1), and
    also for a list of origins.
    """
    if value.lower() == "null" or value.lower().startswith("file:"):
        return None
    scheme, separator, authority = value.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        raise ValueError("invalid origin: it must be scheme://host or scheme://host:port")
    scheme = scheme.lower()
    host, port = parse_host(authority)
    return Origin(scheme, host, port or _DEFAULT_PORTS.get(scheme))


@dataclass(frozen=True, slots=True)
class _OriginPattern:
    """One pattern, cut into its components, so that no `*` reaches into the next one."""

    scheme: str
    host: str
    port: str | None

    def matches(self, origin: Origin) -> bool:
        if not _matches_glob(self.scheme, origin.scheme) or not _matches_glob(self.host, origin.host):
            return False
        if self.port is None:
            return origin.port == _DEFAULT_PORTS.get(origin.scheme)
        return _matches_glob(self.port, "" if origin.port is None else str(origin.port))


class OriginPatterns:
    """The origins that a server allows.

    Each pattern is `scheme://host` or `scheme://host:port`; a `*` in a component stands for any run of characters of
    that component, everything else for itself, upper case or not. Without a port the pattern means the default port of
    the origin's scheme. The pattern `*` alone means every origin. `ValueError` for a pattern that could never match.
    """

    __slots__ = ("_patterns", "allows_any")

    def __init__(self, patterns: Iterable[str]) -> None:
        texts = tuple(patterns)
        self.allows_any = "*" in texts
        self._patterns = tuple(_parse_pattern(text) for text in texts if text != "*")

    def matches(self, origin: Origin) -> bool:
        """True when one of the patterns allows `origin`."""
        return self.allows_any or any(pattern.matches(origin) for pattern in self._patterns)


def _parse_pattern(text: str) -> _OriginPattern:
    scheme, separator, authority = text.lower().partition("://")
    try:
        if not separator or not _SCHEME_PATTERN.fullmatch(scheme):
            raise ValueError("it must be scheme://host or scheme://host:port")
        if "/" in authority:
            raise ValueError("it ends after host and port, without a slash or a path")
        match = _match_authority(authority)
        return _OriginPattern(scheme, _parse_host_pattern(match), _parse_port_pattern(match["port"]))
    except ValueError as error:
        # A pattern comes from the application: it can be quoted.
        raise ValueError(f"invalid origin pattern {text!r}: {error}") from error


def _parse_host_pattern(match: re.Match[str]) -> str:
    address = match["ipv6"]
    if address is None:
        return _parse_name(_to_ascii(match["name"]), _NAME_PATTERN)
    if "*" not in address:
        return _parse_ipv6(address)
    if not _IPV6_PATTERN.fullmatch(address):
        raise ValueError("invalid IPv6 address")
    return address


def _parse_port_pattern(text: str | None) -> str | None:
    if text is not None and _PORT_PATTERN.fullmatch(text):
        return text
    port = _parse_port(text)
    return None if port is None else str(port)


def _matches_glob(pattern: str, text: str) -> bool:
    """Each piece between two `*` at its first place is enough: no backtracking, as a regular expression would do."""
    first, *middle = pattern.split("*")
    if not middle:
        return pattern == text
    last = middle.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True
