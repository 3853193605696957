"""The internal errors of the core: what a peer did wrong, decided once for both backends."""

from __future__ import annotations

__all__ = ["HandshakeFailed", "HandshakeRefused", "ProtocolViolation"]


class ProtocolViolation(Exception):
    """The peer broke the framing rules after the opening handshake.

    `code` is the close code that says how (RFC 6455 section 7.4.1), `reason` a short English text that may be sent
    to the peer: it names the rule or the limit and never quotes what the peer sent.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class HandshakeRefused(Exception):
    """A server refuses the request in its buffer: `status` is the HTTP status to answer with.

    `text` becomes the response's body: constant wording, never anything that the peer sent. `headers` are added to
    the response (for example `Sec-WebSocket-Version` beside 426).
    """

    def __init__(self, status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text
        self.headers = headers


class HandshakeFailed(Exception):
    """A client cannot accept the server's response; `reason` says which rule of RFC 6455 section 4.1 failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
