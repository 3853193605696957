"""The client's side of a connection: asks, checks the answer, and lets the server end TCP (RFC 6455 section 7.1.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wsframework._core.closure import Cause
from wsframework._core.codec import MASK_EITHER, MASK_FORBIDDEN
from wsframework._core.connection import HOLD_OPENING, Connection
from wsframework._core.constants import CloseCode, State
from wsframework._core.deflate import Deflater
from wsframework._core.handshake import ClientHello, build_request, check_response
from wsframework._core.http import HeadReader, ResponseHead, body_size, parse_response_head
from wsframework._core.lifecycle import Input, step
from wsframework._core.masking import mask_source
from wsframework._core.negotiation import PerMessageDeflate
from wsframework._core.port import ClientPort
from wsframework._core.violation import HandshakeFailed, HandshakeRefused
from wsframework.exceptions import HandshakeError, HandshakeRejected
from wsframework.options import ClientOptions

__all__ = ["ClientConnection"]

# Of what a server says about its refusal, so much stands in the text of the error.
_LONGEST_LINE: Final = 120
# How much of a refusal's body is kept for the error that the application gets.
_MAX_BODY: Final = 4096


class ClientConnection(Connection):
    """Call `connected` first; the port answers with `start`. An open connection keeps of the response's head only its
    octets.
    """

    __slots__ = ("_body", "_head", "_heads", "_hello", "_wanted_body")
    _port: ClientPort
    options: ClientOptions

    def __init__(
        self,
        port: ClientPort,
        options: ClientOptions,
        peer: str,
        keys: Callable[[], bytes],
        random: Callable[[int], bytes],
    ) -> None:
        require = MASK_EITHER if options.acceptMaskedServerFrames else MASK_FORBIDDEN
        mask_key = mask_source(options.maskClientFrames, options.applyMask, keys)
        super().__init__(port, options, peer, require, mask_key, random)
        self._hello: ClientHello | None = None
        # Made when a head is waited for.
        self._heads: HeadReader | None = None
        self._body = b""
        self._wanted_body = 0
        self._head: ResponseHead | bytes | None = None

    def connected(self) -> None:
        """The transport is there; ask the application what to ask for."""
        self._ask(self._port.connecting)

    @property
    def head(self) -> ResponseHead | None:
        """The head of the response, once it is there."""
        return parse_response_head(self._head) if isinstance(self._head, bytes) else self._head

    def start(self, hello: ClientHello) -> None:
        """Send the request; late: nothing. `TypeError` or `ValueError` for what cannot be sent, nothing changed."""
        if self.state is not State.CONNECTING:
            return
        request = build_request(hello)
        self._hello = hello
        self._deciding = False
        self._port.set_timeout(self.options.openHandshakeTimeout)
        self._out.write(request)
        early, self._early = self._early, b""
        self.receive(early)
        self.release(HOLD_OPENING)

    def accept(self, extension: tuple[PerMessageDeflate, Deflater] | None = None) -> None:
        """The application's yes to `response_received`; late: nothing. `extension` is what `extend` takes."""
        if self.state is State.CONNECTING:
            if extension is not None:
                self.extend(*extension)
            self._hello = None
            assert isinstance(self._head, ResponseHead), "there is something to say yes to"
            self._head = self._head.octets
            self._open(self._early)

    def refuse(self, reason: str, cause: BaseException | None = None) -> None:
        """The application's no, or a response that breaks a rule: drop the connection. Late: nothing."""
        if self.state is State.CONNECTING:
            head = self.head
            error = HandshakeError(reason, None if head is None else head.status)
            error.__cause__ = cause
            self._fail_opening(error)

    def fail_opening(self, error: HandshakeError) -> None:
        """What is below the opening handshake failed: drop the connection. Late: nothing."""
        if self.state is State.CONNECTING:
            self._fail_opening(error)

    def _receive_opening(self, data: bytes) -> None:
        if self._deciding:
            self._keep_early(data)
            return
        if self._head is not None:
            self._collect_body(data)
            return
        try:
            self._read_response(data)
        except HandshakeFailed as failure:
            self.refuse(failure.reason)
        except HandshakeRefused as refusal:
            # The bounded reader of heads speaks as a server; to a client only the text matters.
            self.refuse(refusal.text)

    def _read_response(self, data: bytes) -> None:
        """Section 4.1, after the request; interim responses (RFC 9110 section 15.2) are skipped."""
        assert self._hello is not None, "nothing is read before start"
        while True:
            if self._heads is None:
                self._heads = HeadReader(self.options.maxHandshakeSize, self.options.maxHandshakeHeaders)
            octets = self._heads.feed(data)
            if octets is None:
                return
            head = parse_response_head(octets)
            data = self._heads.rest
            self._heads = None
            if head.status == 101 or head.status >= 200:
                break
        self._head = head
        if head.status != 101:
            self._wanted_body = body_size(head, _MAX_BODY)
            self._collect_body(data)
            return
        response = check_response(head, self._hello, self.peer)
        self.protocol = response.protocol
        self._early = data
        self._ask(self._port.response_received, response)

    def _collect_body(self, data: bytes) -> None:
        """Keep the beginning of a refusal's body: it often says why."""
        self._body += data
        if len(self._body) >= self._wanted_body:
            self._fail_opening(self._rejection())

    def _rejection(self) -> HandshakeRejected:
        head = self.head
        assert head is not None, "a status was received"
        body = self._body[: self._wanted_body]
        text = f"the server answered HTTP {head.status} {head.reason}".rstrip()
        said = _first_line(body) if head.headers.get("content-type", "").startswith("text/plain") else ""
        return HandshakeRejected(f"{text}: {said}" if said else text, head.status, head.headers, body)

    def _is_rejected(self) -> bool:
        head = self.head
        return head is not None and head.status != 101

    def _failure_of_opening(self, reason: str) -> HandshakeError:
        return self._rejection() if self._is_rejected() else super()._failure_of_opening(reason)

    def _opening_timed_out(self) -> None:
        if self._is_rejected():
            self._fail_opening(self._rejection())
        else:
            super()._opening_timed_out()

    def _fail_opening(self, error: HandshakeError) -> None:
        self.state, _ = step(self.state, Input.VIOLATION)
        self._record(Cause.OPENING, CloseCode.ABNORMAL, str(error), error)
        self._abort()

    def _end_transport(self) -> None:
        """The server ends TCP; wait for it, but not for ever."""
        self._arm(self._drop_timeout)
        self._release_all()

    @property
    def _drop_timeout(self) -> float:
        return self.options.serverConnectionDropTimeout


def _first_line(body: bytes) -> str:
    """What a server says to people, as far as it can stand in a message: one line of it, and nothing that moves."""
    line = bytes(body).decode("utf-8", "replace").strip().partition("\n")[0].strip()
    line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + "..."
