"""The client's half of the opening handshake (RFC 6455 section 4.1): what is asked for, and whether the answer fits it.

What is written is checked when it is written, whoever gave it; a server may be hostile, so its answer is checked as
strictly as a server checks a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wsframework._core.headers import (
    ExtensionOffer,
    HeaderPairs,
    Headers,
    check_not_given,
    check_subprotocol,
    check_text,
    default_header,
    lower,
    origin_header,
    parse_extensions,
    token_list,
)
from wsframework._core.http import ResponseHead, render_request
from wsframework._core.key import accept_key, is_key
from wsframework._core.negotiation import PerMessageDeflateResponse, check_agreed, parse_offers
from wsframework._core.uri import parse_host
from wsframework._core.violation import HandshakeFailed

__all__ = ["ClientHello", "ConnectionResponse", "build_request", "check_response"]

# The newest draft of each protocol version: the numbers of the client's `version` option.
_DRAFTS: Final = {8: 12, 13: 18}


@dataclass(frozen=True, slots=True)
class ConnectionResponse:
    """What the server answered, given to the client's `onConnect`.

    `version` is the number that the `version` option has, the newest one of the protocol version spoken; `protocol` is
    the subprotocol in use or None, `extensions` are the extensions in use, `compression` what was said of
    permessage-deflate if that is one of them.
    """

    peer: str
    headers: Headers
    version: int
    protocol: str | None
    extensions: list[ExtensionOffer]
    compression: PerMessageDeflateResponse | None = None


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client asks for: `host` is the ready Host value, `version` the protocol version (8 or 13).

    `extensions` is the ready Sec-WebSocket-Extensions value. An `origin`, `useragent` or `extensions` that is None or
    empty is not sent; a User-Agent among `headers` replaces `useragent`.
    """

    host: str
    resource: str
    key: str
    version: int
    origin: str | None
    protocols: tuple[str, ...]
    extensions: str | None
    useragent: str | None
    headers: HeaderPairs


def build_request(hello: ClientHello) -> bytes:
    """The request of the opening handshake; TypeError or ValueError that names what cannot be sent."""
    _check_hello(hello)
    lines = [
        ("Host", hello.host),
        *default_header("User-Agent", hello.useragent, hello.headers),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", hello.key),
        ("Sec-WebSocket-Version", str(hello.version)),
        *default_header(origin_header(hello.version), hello.origin, ()),
        *default_header("Sec-WebSocket-Protocol", ", ".join(hello.protocols), ()),
        *default_header("Sec-WebSocket-Extensions", hello.extensions, ()),
        *hello.headers,
    ]
    return render_request(hello.resource, lines)


def _check_hello(hello: ClientHello) -> None:
    check_text("the host", hello.host)
    check_text("the resource", hello.resource)
    parse_host(hello.host)
    if not hello.resource.startswith("/"):
        raise ValueError("the resource must start with a slash")
    if not is_key(hello.key):
        raise ValueError("the key is not 16 octets in base64")
    if hello.version not in _DRAFTS:
        raise ValueError("the protocol version must be 8 or 13")
    if not isinstance(hello.protocols, tuple | list):
        raise TypeError(f"the subprotocols must be a tuple of str, not {type(hello.protocols).__name__}")
    for protocol in hello.protocols:
        check_subprotocol(protocol)
    if len(set(hello.protocols)) < len(hello.protocols):
        raise ValueError("a subprotocol is given twice")
    if hello.extensions:
        parse_extensions(hello.extensions)
    origin = {"origin"} if hello.origin else set()
    check_not_given(hello.headers, {*origin, "host", "upgrade"}, websocket=True)


def check_response(head: ResponseHead, hello: ClientHello, peer: str) -> ConnectionResponse:
    """Check a 101 response against the request it answers; the caller has looked at the status.

    HandshakeFailed says which rule of RFC 6455 section 4.1 is broken.
    """
    headers = head.headers
    if head.version != "1.1":
        raise HandshakeFailed("the server does not answer with HTTP/1.1")
    if headers.get("upgrade", "").lower() != "websocket":
        raise HandshakeFailed("the Upgrade header of the response is not 'websocket'")
    if not _says_upgrade(headers):
        raise HandshakeFailed("the Connection header of the response does not say Upgrade")
    if headers.get_all("sec-websocket-accept") != [accept_key(hello.key)]:
        raise HandshakeFailed("the Sec-WebSocket-Accept header of the response does not answer our key")
    protocols = headers.get_all("sec-websocket-protocol")
    if len(protocols) > 1 or not set(protocols) <= set(hello.protocols):
        raise HandshakeFailed("the server chose a subprotocol that was not offered")
    offers = parse_extensions(hello.extensions or "")
    extensions = _agreed_extensions(headers, offers)
    protocol = protocols[0] if protocols else None
    compression = _agreed_compression(extensions, offers)
    return ConnectionResponse(peer, headers, _DRAFTS[hello.version], protocol, extensions, compression)


def _says_upgrade(headers: Headers) -> bool:
    try:
        return "upgrade" in lower(token_list(headers.get("connection", "")))
    except ValueError:
        return False


def _agreed_extensions(headers: Headers, offers: list[ExtensionOffer]) -> list[ExtensionOffer]:
    try:
        extensions = parse_extensions(headers.get("sec-websocket-extensions", ""))
    except ValueError as error:
        raise HandshakeFailed("the Sec-WebSocket-Extensions header of the response is malformed") from error
    if not {offer.name for offer in offers}.issuperset(extension.name for extension in extensions):
        raise HandshakeFailed("the server chose an extension that was not offered")
    return extensions


def _agreed_compression(
    extensions: list[ExtensionOffer], offers: list[ExtensionOffer]
) -> PerMessageDeflateResponse | None:
    try:
        return check_agreed(extensions, parse_offers(offers))
    except ValueError as error:
        raise HandshakeFailed(f"the server answered the offer of permessage-deflate wrongly: {error}") from error
