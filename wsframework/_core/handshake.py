"""The opening handshake of RFC 6455 section 4 as pure functions: the server's half, and the names of the client's.

Strategy: one small check per step. A request is refused by the first one it fails, with the HTTP status that says why;
texts are constant and never quote the peer. What is written is checked when it is written, whoever gave it. An
extension that a client offers badly is declined, everything else that is malformed ends the handshake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address

from wsframework._core.client_handshake import ClientHello, ConnectionResponse, build_request, check_response
from wsframework._core.headers import (
    MAX_LIST_LENGTH,
    ExtensionOffer,
    HeaderPairs,
    Headers,
    check_not_given,
    check_subprotocol,
    default_header,
    has_header,
    lower,
    origin_header,
    parse_extensions,
    parse_tokens,
    split_list,
)
from wsframework._core.http import REASONS, RequestHead, has_content, render_lines, render_response
from wsframework._core.key import accept_key, is_key, new_key
from wsframework._core.uri import OriginPatterns, default_port, parse_host, parse_origin, parse_target
from wsframework._core.violation import HandshakeRefused

__all__ = [
    "ClientHello",
    "ConnectionRequest",
    "ConnectionResponse",
    "ServerPolicy",
    "accept_key",
    "accept_response",
    "build_request",
    "check_plain_request",
    "check_request",
    "check_response",
    "error_response",
    "forwarded_peer",
    "new_key",
    "wants_upgrade",
]

_VERSION = re.compile(r"[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]")  # RFC 6455 section 4.3


@dataclass(frozen=True, slots=True)
class ConnectionRequest:
    """What a client asks for, given to the server's `onConnect`.

    `peer` is where it comes from, `headers` reads like a dict without regard to case. `host` is the Host header
    without port and brackets, in lower case; `path` is as sent (not percent-decoded), `params` its query's fields.
    `version` is the protocol version (8 or 13), `origin` is "" when there is none, `protocols` and `extensions` are
    what is offered, in the client's order. `route` is what the path says for the parameters of its route, by name and
    percent-decoded; empty where no router is used.
    """

    peer: str
    headers: Headers
    host: str
    path: str
    params: dict[str, list[str]]
    version: int
    origin: str
    protocols: list[str]
    extensions: list[ExtensionOffer]
    route: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """What a server insists on; `external_port` is the port that clients see (None: any), 403 answers other origins.

    `allow_null_origin` None lets in `null` and `file:` where `origins` lets in any origin.
    """

    versions: tuple[int, ...]
    origins: OriginPatterns
    allow_null_origin: bool | None
    external_port: int | None
    is_secure: bool


# --- The server reads (RFC 6455 section 4.2.1) ---


def wants_upgrade(head: RequestHead) -> bool:
    """True when the request asks for another protocol: `check_request` then says whether it is a good handshake."""
    return "upgrade" in head.headers


def check_plain_request(head: RequestHead) -> None:
    """Check a request that is no upgrade, before anybody answers it: GET or HEAD, one valid Host, no body.

    HTTP/1.0 is good enough and may come without a Host. Raises HandshakeRefused 400 or 405.
    """
    _check_method(head, "GET", "HEAD")
    if head.version != "1.0" or "host" in head.headers:
        _check_target(head, _check_host(head.headers))
    else:
        _check_target(head, None)
    _check_no_body(head.headers)


def check_request(head: RequestHead, peer: str, policy: ServerPolicy) -> tuple[ConnectionRequest, str]:
    """Check an opening handshake; the request and the client's key, which `accept_response` wants.

    Raises HandshakeRefused with the status to answer: 400 malformed, 403 origin, 405 method, 426 another protocol or
    version, 505 HTTP/1.0.
    """
    headers = head.headers
    _check_method(head, "GET")  # item 1
    if head.version == "1.0":
        raise HandshakeRefused(505, "a WebSocket handshake needs HTTP/1.1")
    host, port = _check_host(headers)  # item 2
    _check_port(port, policy)
    path, params = _check_target(head, (host, port))
    _check_no_body(headers)
    _check_upgrade(headers, policy)  # items 3 and 4
    version = _check_version(headers, policy)  # item 6
    key = _check_key(headers)  # item 5
    protocols = _check_protocols(headers)  # item 8
    origin = _check_origin(headers, version, policy)  # item 7
    extensions = _read_extensions(headers)  # item 9
    request = ConnectionRequest(peer, headers, host, path, params, version, origin, protocols, extensions)
    return request, key


def forwarded_peer(headers: Headers, hops: int) -> str | None:
    """The address that the `hops`-th proxy from here saw: that entry from the right of all X-Forwarded-For lines.

    What stands further left is the client's own word. None when there are fewer entries, or it is no IP address; a
    port and brackets are taken off.
    """
    entries = headers.get("x-forwarded-for", "").split(",")
    if not 1 <= hops <= len(entries):
        return None
    address = _without_port(entries[-hops].strip(" \t"))
    try:
        # The zone of an IPv6 address may be any text, and means nothing on this machine.
        return None if "%" in address else str(ip_address(address))
    except ValueError:
        return None


def _without_port(entry: str) -> str:
    if entry.startswith("["):
        address, bracket, _ = entry[1:].partition("]")
        return address if bracket else ""
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _single(headers: Headers, name: str) -> str | None:
    """The value of a header that may be there only once."""
    try:
        return headers.get_one(name)
    except ValueError as error:
        raise HandshakeRefused(400, str(error)) from error


def _check_method(head: RequestHead, *allowed: str) -> None:
    if head.method not in allowed:
        raise HandshakeRefused(405, "this method is not allowed here", (("Allow", ", ".join(allowed)),))


def _check_host(headers: Headers) -> tuple[str, int | None]:
    value = _single(headers, "Host")
    if value is None:
        raise HandshakeRefused(400, "the Host header is missing")
    try:
        return parse_host(value)
    except ValueError as error:
        raise HandshakeRefused(400, "the Host header is malformed") from error


def _check_port(port: int | None, policy: ServerPolicy) -> None:
    expected = policy.external_port
    if expected is not None and (port or default_port(policy.is_secure)) != expected:
        raise HandshakeRefused(400, "the port in the Host header is not the port of this server")


def _check_target(head: RequestHead, host: tuple[str, int | None] | None) -> tuple[str, dict[str, list[str]]]:
    """Path and params. An absolute target must name the same place as Host, or two readers could differ on it."""
    try:
        path, params = parse_target(head.target)
        if head.target.startswith("/") or host is None:
            return path, params
        authority = head.target.partition("://")[2].partition("/")[0].partition("?")[0]
        if parse_host(authority) == host:
            return path, params
    except ValueError as error:
        raise HandshakeRefused(400, "the request target is not a path") from error
    raise HandshakeRefused(400, "the request target and the Host header name different hosts")


def _check_no_body(headers: Headers) -> None:
    """A body would be read as frames by one of the parties, and skipped by another."""
    if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
        raise HandshakeRefused(400, "the request must not have a body")


def _check_upgrade(headers: Headers, policy: ServerPolicy) -> None:
    protocols = headers.get("upgrade", "")
    if protocols != "websocket" and "websocket" not in lower(split_list(protocols)):
        raise HandshakeRefused(426, "this server upgrades to websocket only", _upgrade_headers(policy))
    options = headers.get("connection", "")
    if options != "Upgrade" and "upgrade" not in lower(parse_tokens(options)):
        raise HandshakeRefused(400, "the Connection header does not say Upgrade; a proxy may have taken it out")


def _check_version(headers: Headers, policy: ServerPolicy) -> int:
    value = _single(headers, "Sec-WebSocket-Version")
    if value is None:
        raise HandshakeRefused(400, "the Sec-WebSocket-Version header is missing")
    if not _VERSION.fullmatch(value):
        raise HandshakeRefused(400, "the Sec-WebSocket-Version header is malformed")
    if int(value) not in policy.versions:
        raise HandshakeRefused(426, "this version of the protocol is not supported", _upgrade_headers(policy))
    return int(value)


def _upgrade_headers(policy: ServerPolicy) -> HeaderPairs:
    """What a 426 says (RFC 9110 section 15.5.22, RFC 6455 section 4.4)."""
    versions = ", ".join(str(version) for version in sorted(policy.versions, reverse=True))
    return (("Upgrade", "websocket"), ("Sec-WebSocket-Version", versions))


def _check_key(headers: Headers) -> str:
    key = _single(headers, "Sec-WebSocket-Key")
    if key is None:
        raise HandshakeRefused(400, "the Sec-WebSocket-Key header is missing")
    if not is_key(key):
        raise HandshakeRefused(400, "the Sec-WebSocket-Key header is not 16 octets in base64")
    return key


def _check_protocols(headers: Headers) -> list[str]:
    value = headers.get("sec-websocket-protocol")
    if value is None:
        return []
    if len(value) > MAX_LIST_LENGTH:
        raise HandshakeRefused(400, f"the Sec-WebSocket-Protocol header is longer than {MAX_LIST_LENGTH} characters")
    protocols = parse_tokens(value)
    if not protocols:
        raise HandshakeRefused(400, "the Sec-WebSocket-Protocol header is empty")
    if len(set(protocols)) < len(protocols):
        raise HandshakeRefused(400, "the Sec-WebSocket-Protocol header contains a subprotocol twice")
    return protocols


def _check_origin(headers: Headers, version: int, policy: ServerPolicy) -> str:
    value = _single(headers, origin_header(version))
    if value is None:
        return ""
    if not _is_allowed(value, policy):
        raise HandshakeRefused(403, "this origin is not allowed")
    return value


def _is_allowed(value: str, policy: ServerPolicy) -> bool:
    try:
        origin = parse_origin(value)
    except ValueError:
        # No browser sends this: who allows any origin means this too, who names origins does not.
        return policy.origins.allows_any
    if origin is not None:
        return policy.origins.matches(origin)
    # Any page can show itself in a frame that has the origin `null`.
    return policy.origins.allows_any if policy.allow_null_origin is None else policy.allow_null_origin


def _read_extensions(headers: Headers) -> list[ExtensionOffer]:
    try:
        return parse_extensions(headers.get("sec-websocket-extensions", ""))
    except ValueError:
        return []


# --- The server answers (section 4.2.2) ---


def accept_response(
    key: str, protocol: str | None, extensions: str | None, server: str | None, headers: Iterable[tuple[str, str]]
) -> bytes:
    """The 101 response; `server` is the value of the Server header, unless `headers` has one.

    ValueError for headers that cannot be sent or belong to the handshake itself (Upgrade, Connection, Sec-WebSocket-*
    and what describes a body).
    """
    given = tuple(headers)
    check_not_given(given, {"upgrade"}, websocket=True)
    agreed = []
    if protocol is not None:
        check_subprotocol(protocol)
        agreed.append(("Sec-WebSocket-Protocol", protocol))
    if extensions:
        agreed.append(("Sec-WebSocket-Extensions", extensions))
    default = _server_line(server) if server and not (given and has_header(given, "server")) else ""
    head = (
        f"HTTP/1.1 101 Switching Protocols\r\n{default}"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept_key(key)}\r\n"
        f"{render_lines((*agreed, *given))}\r\n"
    )
    return head.encode("latin-1")


@lru_cache(maxsize=16)
def _server_line(server: str) -> str:
    return render_lines((("Server", server),))


def error_response(
    status: int,
    text: str,
    headers: Iterable[tuple[str, str]],
    *,
    server: str | None,
    head_only: bool = False,
    body: bytes | None = None,
    content_type: str = "text/plain; charset=utf-8",
) -> bytes:
    """A complete response after which the connection is closed; a refusal, or the answer to a plain request.

    `text` (if empty, the phrase of the status) is the body unless there is a `body`; `head_only` answers HEAD. A
    Server or Content-Type among `headers` replaces the default. ValueError for headers that cannot be sent, and for
    Connection, Content-Length and Transfer-Encoding.
    """
    given = tuple(headers)
    check_not_given(given, ())
    content = f"{text or REASONS.get(status, status)}\n".encode() if body is None else body
    # RFC 9110 section 7.8: who sends Upgrade lists it in Connection.
    connection = "close, Upgrade" if has_header(given, "upgrade") else "close"
    lines = [*default_header("Server", server, given), ("Connection", connection), *given]
    if content and has_content(status):
        lines += default_header("Content-Type", content_type, given)
    if not head_only:
        return render_response(status, None, lines, content)
    if has_content(status):
        lines.append(("Content-Length", str(len(content))))
    return render_response(status, None, lines, None)
