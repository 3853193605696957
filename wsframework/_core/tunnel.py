"""The way through an HTTP proxy: the request CONNECT and its answer (RFC 9110 section 9.3.6), without a transport."""

from __future__ import annotations

from typing import Final

from wsframework._core.headers import HeaderPairs, has_header
from wsframework._core.http import HeadReader, ResponseHead, body_size, parse_response_head, render_request
from wsframework._core.uri import bracket
from wsframework._core.violation import HandshakeFailed, HandshakeRefused
from wsframework.exceptions import ProxyError

__all__ = ["Tunnel"]

# How much of a refusal's body is kept for the error that the application gets.
_MAX_BODY: Final = 4096
_START: Final = b"HTTP/"


class Tunnel:
    """Asks a proxy for a tunnel to a host and port: send `request`, and feed what comes to `receive`.

    `headers` are for the proxy, checked already; nothing of them goes further. `max_size` and `max_headers` limit the
    head of the answer. `to_tls`: what goes through the tunnel begins with TLS, where the client speaks first.
    """

    __slots__ = (
        "_body",
        "_has_credentials",
        "_head",
        "_heads",
        "_max_headers",
        "_max_size",
        "_start",
        "_to_tls",
        "request",
    )

    def __init__(
        self, host: str, port: int, headers: HeaderPairs, max_size: int, max_headers: int, to_tls: bool
    ) -> None:
        # The zone of an IPv6 address has a meaning on this machine only.
        authority = f"{bracket(host.partition('%')[0])}:{port}"
        self.request: Final = render_request(authority, (("Host", authority), *headers), "CONNECT")
        self._has_credentials = has_header(headers, "proxy-authorization")
        self._max_size = max_size
        self._max_headers = max_headers
        self._to_tls = to_tls
        self._heads = HeadReader(max_size, max_headers)
        self._start = b""
        # The head of a refusal, and the beginning of its body.
        self._head: ResponseHead | None = None
        self._body = b""

    def receive(self, data: bytes) -> bytes | None:
        """Octets from the proxy: None while the tunnel is not there, then those that came through it already.

        `ProxyError` when it will not be there. After an answer of either kind this is not called any more.
        """
        if self._head is not None:
            self._collect_body(self._head, data)
            return None
        try:
            return self._read_answer(data)
        except HandshakeFailed as failure:
            raise ProxyError(f"the proxy's answer cannot be understood: {failure.reason}") from failure
        except HandshakeRefused as refusal:
            # The bounded reader of heads speaks as a server; here only the text matters.
            raise ProxyError(f"the proxy's answer cannot be understood: {refusal.text}") from refusal

    def _read_answer(self, data: bytes) -> bytes | None:
        """Any 2xx is a yes, whatever it says of a body; interim answers are skipped (RFC 9110 section 15.2)."""
        while True:
            self._check_start(data)
            octets = self._heads.feed(data)
            if octets is None:
                return None
            data = self._heads.rest
            head = parse_response_head(octets)
            if head.status == 101 or head.status >= 200:
                break
            self._heads = HeadReader(self._max_size, self._max_headers)
            self._start = b""
        if not 200 <= head.status < 300:
            self._head = head
            self._collect_body(head, data)
            return None
        if data and self._to_tls:
            # Whoever takes these for a part of the encrypted stream lets the proxy speak for the server.
            raise ProxyError("the proxy sent something into the tunnel where the server only answers", head.status)
        return data

    def _check_start(self, data: bytes) -> None:
        """Other protocols are recognised at once, also those whose server speaks first and then waits."""
        if len(self._start) < len(_START):
            self._start += data[: len(_START) - len(self._start)]
            if not _START.startswith(self._start):
                raise HandshakeFailed("this is not HTTP")

    def _collect_body(self, head: ResponseHead, data: bytes) -> None:
        """Keep the beginning of a refusal's body: it often says why."""
        self._body += data
        if len(self._body) >= body_size(head, _MAX_BODY):
            raise self._refusal(head)

    @property
    def refusal(self) -> ProxyError | None:
        """The proxy's no, when it was said but not all of its body came; for whoever waits no longer."""
        return None if self._head is None else self._refusal(self._head)

    def ended(self, reason: str) -> ProxyError:
        """What failed, when the connection to the proxy ended before the tunnel was there; `reason` says how."""
        return self.refusal or ProxyError(f"the connection to the proxy ended before it answered: {reason}")

    def _refusal(self, head: ResponseHead) -> ProxyError:
        text = f"the proxy answered HTTP {head.status} {head.reason}".rstrip()
        if head.status == 407 and self._has_credentials:
            text += ": it does not accept these credentials, or not in this way (Basic)"
        elif head.status == 407:
            text += ": it wants credentials, a username and a password"
        body = self._body[: body_size(head, _MAX_BODY)]
        return ProxyError(text, head.status, head.headers, body)
