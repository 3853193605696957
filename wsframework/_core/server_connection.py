"""The server's side of a connection: reads the request, answers it, and ends TCP itself (RFC 6455 section 7.1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from wsframework._core.closure import Cause
from wsframework._core.codec import MASK_EITHER, MASK_REQUIRED
from wsframework._core.connection import Connection
from wsframework._core.constants import CloseCode, State
from wsframework._core.deflate import Deflater
from wsframework._core.handshake import (
    ConnectionRequest,
    ServerPolicy,
    accept_response,
    check_plain_request,
    check_request,
    error_response,
    forwarded_peer,
    wants_upgrade,
)
from wsframework._core.headers import Headers
from wsframework._core.http import HeadReader, RequestHead, parse_request_head
from wsframework._core.lifecycle import Input, step
from wsframework._core.masking import mask_source
from wsframework._core.negotiation import PerMessageDeflate
from wsframework._core.port import ServerPort
from wsframework._core.violation import HandshakeRefused
from wsframework.exceptions import HandshakeError, HandshakeRejected, HandshakeTimeout
from wsframework.options import ServerOptions

__all__ = ["ServerConnection"]

_FLASH_REQUEST: Final = b"<policy-file-request/>\0"


class ServerConnection(Connection):
    """Call `connected` first. `server` is the value of the Server header, None to leave it out.

    Most connections are idle most of the time and never look back at their request, so an open one keeps nothing of it
    but its octets.
    """

    __slots__ = ("_head", "_heads", "_key", "_maybe_flash", "_policy", "_server")
    _port: ServerPort
    options: ServerOptions

    def __init__(
        self,
        port: ServerPort,
        options: ServerOptions,
        peer: str,
        policy: ServerPolicy,
        server: str | None,
        keys: Callable[[], bytes],
        random: Callable[[int], bytes],
    ) -> None:
        require = MASK_REQUIRED if options.requireMaskedClientFrames else MASK_EITHER
        mask_key = mask_source(options.maskServerFrames, options.applyMask, keys)
        super().__init__(port, options, peer, require, mask_key, random)
        self._policy = policy
        self._server = server
        self._maybe_flash = options.serveFlashSocketPolicy
        self._key = ""
        # None when the head is there, or somebody else reads it.
        self._heads: HeadReader | None = HeadReader(options.maxHandshakeSize, options.maxHandshakeHeaders)
        self._head: RequestHead | bytes | None = None

    def connected(self) -> None:
        """The transport is there: the client has `openHandshakeTimeout` from now."""
        self._port.set_timeout(self.options.openHandshakeTimeout)

    @property
    def head(self) -> RequestHead | None:
        """The head of the request, once it is there."""
        return parse_request_head(self._head) if isinstance(self._head, bytes) else self._head

    @property
    def keeps_request(self) -> bool:
        """True when `request_again` works: the connection was accepted, and the request came in octets."""
        return isinstance(self._head, bytes)

    def request_again(self) -> ConnectionRequest:
        """What `handshake_received` was called with, made anew."""
        head = self.head
        assert head is not None, "whoever asks has looked at keeps_request"
        return check_request(head, self.peer, self._policy)[0]

    def receive_head(self, head: RequestHead, rest: bytes) -> None:
        """The request's head came, with `rest` behind it; for HTTP servers that have read it, in place of `receive`."""
        self._heads = None
        try:
            self._read_request(head, rest)
        except HandshakeRefused as refusal:
            self.refuse(refusal.status, refusal.text, refusal.headers)

    def hand_over(self) -> tuple[RequestHead, bytes]:
        """Leave the request to another connection's `receive_head`: its head, and what came behind it.

        For the transport, too; nothing more happens here.
        """
        head = self.head
        assert head is not None, "the application is being asked about it"
        self._deciding = False
        return head, self._early

    def accept(
        self,
        protocol: str | None,
        headers: Iterable[tuple[str, str]] = (),
        extension: tuple[PerMessageDeflate, Deflater] | None = None,
    ) -> None:
        """The application's yes; late: nothing. `extension` is what `extend` takes.

        `ValueError` for headers that cannot be sent.
        """
        if self.state is not State.CONNECTING:
            return
        text = None if extension is None else str(extension[0])
        response = accept_response(self._key, protocol, text, self._server, headers)
        self.protocol = protocol
        if extension is not None:
            self.extend(*extension)
        self._key = ""
        assert isinstance(self._head, RequestHead), "there is something to say yes to"
        self._head = self._head.octets or self._head
        self._out.write(response)
        self._open(self._early)

    def refuse(
        self,
        status: int,
        text: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        content_type: str = "text/plain; charset=utf-8",
    ) -> None:
        """Answer with an HTTP response and end; `text` is the body where `body` is None. Late: nothing.

        `ValueError` for headers that cannot be sent, with nothing changed.
        """
        if self.state is not State.CONNECTING:
            return
        headers = tuple(headers)
        response = self._render(status, text, headers, body, content_type)
        error = HandshakeRejected(
            f"answered with HTTP {status}: {text}", status, Headers(headers), body or text.encode()
        )
        self._answer(response, Cause.OPENING, error)

    def _answer(self, response: bytes, cause: Cause, error: HandshakeError) -> None:
        self.state, _ = step(self.state, Input.VIOLATION)
        self._record(cause, CloseCode.ABNORMAL, str(error), error)
        self._early = b""
        self._out.write(response)
        self._finish()

    def _render(
        self, status: int, text: str, headers: Iterable[tuple[str, str]], body: bytes | None, content_type: str
    ) -> bytes:
        head = self.head
        head_only = head is not None and head.method == "HEAD"
        return error_response(
            status, text, headers, server=self._server, head_only=head_only, body=body, content_type=content_type
        )

    def _receive_opening(self, data: bytes) -> None:
        if self._deciding:
            self._keep_early(data)
            return
        if self._maybe_flash and data:
            data = self._early + data
            self._early = b""
            self._maybe_flash = _FLASH_REQUEST.startswith(data[: len(_FLASH_REQUEST)])
            if self._maybe_flash:
                self._receive_flash(data)
                return
        heads = self._heads
        assert heads is not None, "the head has not come yet"
        try:
            octets = heads.feed(data)
            if octets is None:
                return
            head = parse_request_head(octets)
        except HandshakeRefused as refusal:
            self.refuse(refusal.status, refusal.text, refusal.headers)
        else:
            self.receive_head(head, heads.rest)

    def _receive_flash(self, data: bytes) -> None:
        """The Flash player's question, which no HTTP request begins like."""
        if len(data) < len(_FLASH_REQUEST):
            self._early = data
            return
        policy = self.options.flashSocketPolicy.encode()
        self._answer(policy + b"\0", Cause.OPENING, HandshakeError("answered a Flash socket policy request"))

    def _read_request(self, head: RequestHead, rest: bytes) -> None:
        self._head = head
        upgrade = wants_upgrade(head)
        if not upgrade:
            check_plain_request(head)
            self._early = rest
            self._ask(self._port.http_request, head)
            return
        hops = self.options.trustXForwardedFor
        if hops:
            self.peer = forwarded_peer(head.headers, hops) or self.peer
        request, self._key = check_request(head, self.peer, self._policy)
        self._early = rest
        self._ask(self._port.handshake_received, request)

    def _opening_timed_out(self) -> None:
        if not self._deciding:
            super()._opening_timed_out()
            return
        self._port.timed_out(Cause.OPENING_TIMEOUT)
        text = "the server did not decide about the connection in time"
        response = self._render(503, text, (), None, "text/plain; charset=utf-8")
        self._answer(response, Cause.OPENING_TIMEOUT, HandshakeTimeout(f"{text} (onConnectTimeout)", 503))

    def _end_transport(self) -> None:
        self._finish()

    @property
    def _drop_timeout(self) -> float:
        return self.options.closeHandshakeTimeout
