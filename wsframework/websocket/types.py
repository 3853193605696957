"""The data classes that callbacks are given and return. All of them check what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from wsframework._core.handshake import ConnectionRequest, ConnectionResponse
from wsframework._core.headers import (
    HeaderPairs,
    Headers,
    HeadersInput,
    check_not_given,
    check_subprotocol,
    check_text,
    header_pairs,
)
from wsframework._core.uri import bracket, parse_host, parse_uri

__all__ = [
    "ConnectingRequest",
    "ConnectionAccept",
    "ConnectionDeny",
    "ConnectionRequest",
    "ConnectionResponse",
    "Headers",
    "HttpRequest",
    "HttpResponse",
    "IncomingMessage",
    "OutgoingMessage",
    "Ping",
    "TransportDetails",
    "checked_protocols",
]

# RFC 6455 section 5.5.
_MAX_CONTROL_PAYLOAD: Final = 125


@dataclass(frozen=True, slots=True)
class ConnectingRequest:
    """What a client's `onConnecting` returns: what to ask the server for, in this connection only.

    None takes the factory's value; `headers` that are given stand in place of the factory's. `host` and `port` are
    what the Host header says, not where the connection goes; `resource` is path and query. `TypeError` or `ValueError`
    for what cannot stand in a request.
    """

    host: str | None = None
    port: int | None = None
    resource: str | None = None
    headers: HeadersInput = None
    useragent: str | None = None
    origin: str | None = None
    protocols: Iterable[str] | None = None

    def __post_init__(self) -> None:
        if self.host is not None:
            check_text("host", self.host)
            # A zone is stripped when the Host header is written.
            parse_host(bracket(self.host.partition("%")[0]))
        if self.port is not None:
            _check_number("port", self.port, 1, 65535)
        if self.resource is not None:
            object.__setattr__(self, "resource", _checked_resource(self.resource))
        for name in ("useragent", "origin"):
            if getattr(self, name) is not None:
                check_text(name, getattr(self, name))
        if self.headers is not None:
            object.__setattr__(self, "headers", header_pairs(self.headers))
        if self.protocols is not None:
            object.__setattr__(self, "protocols", checked_protocols(self.protocols))


@dataclass(frozen=True, slots=True)
class ConnectionAccept:
    """What a server's `onConnect` returns to accept with a subprotocol, headers or both.

    `subprotocol` must be one that the client offered, None for none; `headers` are added to the response, a list as
    value repeats the header. `TypeError` or `ValueError` for what cannot stand in a response.
    """

    subprotocol: str | None = None
    headers: HeadersInput = None

    def __post_init__(self) -> None:
        if self.subprotocol is not None:
            check_subprotocol(self.subprotocol)
        object.__setattr__(self, "headers", header_pairs(self.headers))


class ConnectionDeny(Exception):
    """Raised in a server's `onConnect` to refuse the connection with an HTTP response.

    `code` is any status from 300 to 599 and `reason` its phrase, None for the usual one. `headers` are added to the
    response, for example Location or WWW-Authenticate, a list as value repeats the header. `body` is what the response
    says, a str goes out as UTF-8; it is plain text unless `headers` have a Content-Type. None: the reason.

    Attributes: `code`, `reason`, `headers` (pairs) and `body` (bytes or None).
    `TypeError` or `ValueError` for what cannot stand in a response.
    """

    BAD_REQUEST: Final = 400
    UNAUTHORIZED: Final = 401
    FORBIDDEN: Final = 403
    NOT_FOUND: Final = 404
    NOT_ACCEPTABLE: Final = 406
    REQUEST_TIMEOUT: Final = 408
    TOO_MANY_REQUESTS: Final = 429
    INTERNAL_SERVER_ERROR: Final = 500
    NOT_IMPLEMENTED: Final = 501
    SERVICE_UNAVAILABLE: Final = 503

    def __init__(
        self, code: int, reason: str | None = None, headers: HeadersInput = None, body: str | bytes | None = None
    ) -> None:
        _check_number("code", code, 300, 599)
        if reason is not None:
            check_text("reason", reason)
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.headers = _response_headers(headers)
        self.body = None if body is None else _octets(body)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that is no upgrade, on the port of a WebSocket server.

    `path` is not percent-decoded, `params` are the fields of the query, `peer` is as in `ConnectionRequest`.
    """

    method: str
    path: str
    params: dict[str, list[str]]
    headers: Headers
    peer: str


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The answer to an `HttpRequest`; the connection ends after it.

    A `body` of str goes out as UTF-8. A Content-Type among the `headers` is taken before `content_type`. Afterwards
    `body` is bytes and `headers` are pairs. `TypeError` or `ValueError` for what cannot stand in a response; `status`
    is 200 to 599.
    """

    body: str | bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: HeadersInput = None

    def __post_init__(self) -> None:
        _check_number("status", self.status, 200, 599)
        check_text("content_type", self.content_type)
        object.__setattr__(self, "body", _octets(self.body))
        object.__setattr__(self, "headers", _response_headers(self.headers))


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message received; the payload of a text message is valid UTF-8."""

    payload: bytes
    is_binary: bool = False

    def __post_init__(self) -> None:
        _check_type("payload", self.payload, bytes)
        _check_type("is_binary", self.is_binary, bool)


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to be sent; `skip_compress` is for payloads that do not get shorter by compression."""

    payload: bytes
    is_binary: bool = False
    skip_compress: bool = False

    def __post_init__(self) -> None:
        _check_type("payload", self.payload, bytes)
        _check_type("is_binary", self.is_binary, bool)
        _check_type("skip_compress", self.skip_compress, bool)


@dataclass(frozen=True, slots=True)
class Ping:
    """A Ping to be sent, with up to 125 octets (RFC 6455 section 5.5)."""

    payload: bytes = b""

    def __post_init__(self) -> None:
        _check_type("payload", self.payload, bytes)
        if len(self.payload) > _MAX_CONTROL_PAYLOAD:
            raise ValueError(f"payload has {len(self.payload)} octets, a Ping holds up to {_MAX_CONTROL_PAYLOAD}")


@dataclass(frozen=True, slots=True)
class TransportDetails:
    """What is known about the transport below a connection.

    `own` and `peer` are the two ends, written as `tcp4:127.0.0.1:9000`, `tcp6:...` or `unix:path`, None when unknown;
    `peer` is always the transport's end, whatever X-Forwarded-For says. `channel_type` is `tcp`, `tls`, `unix`,
    `memory`, or `null` for any other. The last two are what the peer's half of the opening handshake said and the
    subprotocol in use, None before the connection is open. Of a peer's certificate the transport itself can tell.
    """

    is_server: bool
    is_secure: bool = False
    own: str | None = None
    peer: str | None = None
    channel_type: str = "null"
    http_headers_received: Mapping[str, str] | None = None
    websocket_protocol: str | None = None


def _check_type(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__}, not {type(value).__name__}")


def _check_number(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be int, not {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high}, not {value}")


def _checked_resource(resource: str) -> str:
    """Path and query, percent-encoded where needed, under the rules for URLs."""
    _check_type("resource", resource, str)
    if not resource.startswith("/"):
        raise ValueError("resource must start with a slash")
    return parse_uri("ws://localhost" + resource).resource


def checked_protocols(protocols: Iterable[str]) -> tuple[str, ...]:
    """RFC 6455 section 4.1, item 10: tokens, none of them twice."""
    if isinstance(protocols, str | bytes) or not isinstance(protocols, Iterable):
        raise TypeError(f"protocols must be a list of str, not {type(protocols).__name__}")
    names = tuple(protocols)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"protocols must be a list of str; one of its items is {type(name).__name__}")
        check_subprotocol(name)
    if len(set(names)) < len(names):
        raise ValueError("a subprotocol is listed twice")
    return names


def _response_headers(headers: HeadersInput) -> HeaderPairs:
    """Checked, and without those that say where the response ends: whoever writes the body writes them too."""
    pairs = header_pairs(headers)
    check_not_given(pairs, ())
    return pairs


def _octets(body: str | bytes) -> bytes:
    if isinstance(body, str):
        return body.encode()
    _check_type("body", body, bytes)
    return body
