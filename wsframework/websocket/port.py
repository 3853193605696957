"""Between a `Connection` and the user's protocol object: calls the callbacks and judges what they return.

This is the one boundary behind which the application's code runs. What it raises is logged with its traceback and ends
the connection with 1011 (or the handshake with 500); nothing of it reaches the peer, and no other connection notices.
A callback may return a result that comes later (a coroutine, a Deferred, a Future): `onConnect` and `onConnecting` are
waited for, messages are handled one after the other (`maxConcurrentMessages`), the rest only has its errors reported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from wsframework._core.client_connection import ClientConnection
from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import HOLD_HANDLER, Connection
from wsframework._core.constants import CloseCode
from wsframework._core.handshake import ConnectionRequest, ConnectionResponse
from wsframework._core.headers import header_pairs
from wsframework._core.http import RequestHead
from wsframework._core.keepalive import AnsweredPing
from wsframework._core.server_connection import ServerConnection
from wsframework._core.uri import parse_target
from wsframework.websocket.types import ConnectingRequest, ConnectionAccept, ConnectionDeny, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from wsframework.websocket.protocol import (
        WebSocketClientProtocol,
        WebSocketProtocol,
        WebSocketServerProtocol,
    )

__all__ = ["ClientProtocolPort", "ProtocolPort", "ServerProtocolPort", "describe_loss"]


def describe_loss(error: BaseException | None) -> str:
    """Why a transport ended, for onClose. None: it ended in order, only without a Close frame before."""
    if error is None:
        return "the peer closed the transport without a Close frame"
    return f"the transport was lost: {error or type(error).__name__}"


class ProtocolPort(ABC):
    """The upcalls of both roles. A backend adds the verbs (see `wsframework._core.port.Port`) and the three below."""

    __slots__ = ("_max_pending", "_pending", "connection", "protocol")

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self.protocol = protocol
        self.connection: Connection
        self._pending = 0
        self._max_pending = 1

    def begin(self, connection: Connection) -> None:
        """Take the connection over; the role goes on."""
        self.connection = connection
        self._max_pending = connection.options.maxConcurrentMessages

    # What a backend adds.

    @abstractmethod
    def attach(self, result: object, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> bool:
        """If `result` comes later, call `done` or `failed` with it, once (perhaps at once), and return True."""

    @abstractmethod
    def after_first_step(self, function: Callable[[], None]) -> None:
        """Call `function` when a coroutine that was attached just now has run to its first wait."""

    @abstractmethod
    def log_failure(self, text: str, error: BaseException) -> None:
        """Log `text` with the traceback of `error`."""

    @abstractmethod
    def log_info(self, text: str) -> None:
        """Log a line about a peer that was refused or dropped."""

    @abstractmethod
    def log_debug(self, text: str) -> None:
        """Log a line for the options logFrames and logOctets."""

    # Callbacks of the application.

    def run(self, name: str, *args: object) -> None:
        """Call a hook whose result nobody waits for."""
        try:
            result = getattr(self.protocol, name)(*args)
        except Exception as error:
            self.callback_failed(name, error)
            return
        self.watch(name, result)

    def watch(self, name: str, result: object) -> bool:
        """See to it that the errors of a later result are reported; True if it is one."""
        return result is not None and self.attach(result, _ignore, lambda error: self.callback_failed(name, error))

    def callback_failed(self, name: str, error: BaseException) -> None:
        """The application raised: say so once, and close with 1011."""
        self.log_failure(f"{name} raised on the connection with {self.protocol.peer}; closing it with 1011", error)
        self.connection.fail(Cause.CALLBACK_ERROR, CloseCode.INTERNAL_ERROR, f"{name} raised {type(error).__name__}")

    def opened(self) -> None:
        """See `Port.opened`. No message comes before onOpen has begun, even if it is a coroutine."""
        protocol = self.protocol
        try:
            result = protocol.onOpen()
        except Exception as error:
            self.callback_failed("onOpen", error)
        else:
            if self.watch("onOpen", result):
                self.connection.hold(HOLD_HANDLER)
                self.after_first_step(lambda: self.connection.release(HOLD_HANDLER))
        protocol._opened()

    def message(self, payload: bytes, is_binary: bool) -> None:
        """See `Port.message`. The hot path: a plain onMessage costs nothing beside its own call."""
        try:
            result = self.protocol.onMessage(payload, is_binary)
        except Exception as error:
            self.callback_failed("onMessage", error)
            return
        if result is not None:
            self._message_pending(result)

    def _message_pending(self, result: object) -> None:
        self._pending += 1
        if not self.attach(result, self._message_done, self._message_failed):
            self._pending -= 1
        elif self._max_pending and self._pending >= self._max_pending:
            self.connection.hold(HOLD_HANDLER)

    def _message_done(self, _: object) -> None:
        self._pending -= 1
        self.connection.release(HOLD_HANDLER)

    def _message_failed(self, error: BaseException) -> None:
        self._pending -= 1
        self.callback_failed("onMessage", error)

    def ping(self, payload: bytes) -> None:
        self.run("onPing", payload)

    def pong(self, payload: bytes) -> None:
        self.run("onPong", payload)

    def auto_pong(self, answered: AnsweredPing, payload: bytes) -> None:
        sent = int(answered.sent * 1e9)
        received = int(answered.received * 1e9)
        round_trip = (answered.received - answered.sent) * 1e3
        self.run("onAutoPong", sent, answered.sequence, received, round_trip, payload)

    def close_frame(self, code: int | None, reason: bytes) -> None:
        self.run("onCloseFrame", code, reason)

    def timed_out(self, cause: Cause) -> None:
        self.protocol._timed_out(cause)
        self.run(_TIMEOUT_HOOKS[cause])

    def sending_paused(self) -> None:
        self.run("onSendingPaused")

    def sending_resumed(self) -> None:
        self.protocol._drained()
        self.run("onSendingResumed")

    def trace_frame(self, outgoing: bool, first: int, masked: bool, size: int) -> None:
        direction = "sent" if outgoing else "received"
        opcode = _OPCODE_NAMES.get(first & 0x0F, "reserved")
        flags = f"fin={first >> 7} rsv={first >> 4 & 7} masked={int(masked)}"
        self.log_debug(f"{direction} {opcode} frame, {flags}, {size} octets, {self.protocol.peer}")

    def closed(self, closure: Closure) -> None:
        """See `Port.closed`. An error in onClose is only logged: there is nothing left to close."""
        protocol = self.protocol
        protocol.factory._forget(protocol)
        if _is_told(closure):
            self.log_info(_one_line(f"connection with {protocol.peer} ended: {closure.reason}"))
        text = f"onClose raised on the connection with {protocol.peer}"
        try:
            result = protocol.onClose(closure.was_clean, closure.code, closure.reason)
        except Exception as error:
            self.log_failure(text, error)
        else:
            if result is not None:
                self.attach(result, _ignore, lambda error: self.log_failure(text, error))
        protocol._closed(closure)


class ServerProtocolPort(ProtocolPort):
    """What a server asks the application before the connection is open."""

    __slots__ = ()
    protocol: WebSocketServerProtocol
    connection: ServerConnection

    def handshake_received(self, request: ConnectionRequest) -> None:
        protocol = self.protocol
        protocol._request = request
        refusal = protocol.factory._admit(protocol)
        if refusal is not None:
            self.connection.refuse(HTTPStatus.SERVICE_UNAVAILABLE, refusal, (("Retry-After", "5"),))
            return
        try:
            result = protocol.onConnect(request)
        except Exception as error:
            self._connect_failed(error)
            return
        if result is None or not self.attach(result, self._connect_done, self._connect_failed):
            self._connect_done(result)

    def _connect_done(self, result: object) -> None:
        """Carry out what onConnect returned. What cannot be carried out is the application's error: 500."""
        try:
            accept = _as_accept(result)
            subprotocol = self._choose_subprotocol(accept.subprotocol)
            headers = (*self.protocol.factory._header_pairs, *header_pairs(accept.headers))
            self.connection.accept(subprotocol, headers)
        except (TypeError, ValueError) as error:
            self._connect_failed(error)

    def _choose_subprotocol(self, chosen: str | None) -> str | None:
        offered = self.connection_request.protocols
        if chosen is None:
            known = self.protocol.factory.protocols
            return next((protocol for protocol in offered if protocol in known), None)
        if chosen not in offered:
            raise ValueError(f"onConnect chose the subprotocol {chosen!r}, which is none of those offered: {offered}")
        return chosen

    @property
    def connection_request(self) -> ConnectionRequest:
        """The request that is being decided about."""
        request = self.protocol._request
        assert request is not None, "set before onConnect is called"
        return request

    def _connect_failed(self, error: BaseException) -> None:
        if isinstance(error, ConnectionDeny):
            try:
                self._deny(error)
            except (TypeError, ValueError) as misuse:
                error = misuse
            else:
                return
        self.log_failure(f"onConnect failed for {self.protocol.peer}; refusing with 500", error)
        self.connection.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "the server could not decide about the connection")

    def _deny(self, deny: ConnectionDeny) -> None:
        text = deny.reason or _phrase(deny.code)
        body = deny.body.encode() if isinstance(deny.body, str) else deny.body
        self.connection.refuse(deny.code, text, header_pairs(deny.headers), body)

    def http_request(self, head: RequestHead) -> None:
        """A request without an upgrade: the factory's hook answers it, or the status page, or 426."""
        try:
            path, params = parse_target(head.target)
        except ValueError:
            self.connection.refuse(HTTPStatus.BAD_REQUEST, "malformed request target")
            return
        request = HttpRequest(head.method, path, params, head.headers, self.protocol.peer)
        try:
            result = self.protocol.factory.onHttpRequest(request)
        except Exception as error:
            self._http_failed(error)
            return
        if result is None or not self.attach(result, self._http_done, self._http_failed):
            self._http_done(result)

    def _http_done(self, response: object) -> None:
        if response is None:
            response = self.protocol.factory._default_response(self.connection.options)
        try:
            if not isinstance(response, HttpResponse):
                raise TypeError(f"onHttpRequest must return an HttpResponse or None, not {type(response).__name__}")
            body = response.body.encode() if isinstance(response.body, str) else response.body
            headers = header_pairs(response.headers)
            self.connection.refuse(response.status, _phrase(response.status), headers, body, response.content_type)
        except (TypeError, ValueError) as error:
            self._http_failed(error)

    def _http_failed(self, error: BaseException) -> None:
        self.log_failure(f"onHttpRequest failed for {self.protocol.peer}; answering 500", error)
        self.connection.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "the server could not answer this request")


class ClientProtocolPort(ProtocolPort):
    """What a client asks the application before the connection is open."""

    __slots__ = ()
    protocol: WebSocketClientProtocol
    connection: ClientConnection

    def connecting(self) -> None:
        protocol = self.protocol
        try:
            result = protocol.onConnecting(protocol.transport_details)
        except Exception as error:
            self._connecting_failed(error)
            return
        if result is None or not self.attach(result, self._connecting_done, self._connecting_failed):
            self._connecting_done(result)

    def _connecting_done(self, result: object) -> None:
        try:
            if result is not None and not isinstance(result, ConnectingRequest):
                raise TypeError(f"onConnecting must return a ConnectingRequest or None, not {type(result).__name__}")
            self.connection.start(
                self.protocol.factory._hello(result or ConnectingRequest(), self.connection.client_options)
            )
        except (TypeError, ValueError) as error:
            self._connecting_failed(error)

    def _connecting_failed(self, error: BaseException) -> None:
        self._give_up("onConnecting", error)

    def response_received(self, response: ConnectionResponse) -> None:
        self.protocol._response = response
        try:
            result = self.protocol.onConnect(response)
        except Exception as error:
            self._connect_failed(error)
            return
        if result is None or not self.attach(result, self._connect_done, self._connect_failed):
            self._connect_done(result)

    def _connect_done(self, _: object) -> None:
        self.connection.accept()

    def _connect_failed(self, error: BaseException) -> None:
        self._give_up("onConnect", error)

    def _give_up(self, name: str, error: BaseException) -> None:
        self.log_failure(f"{name} failed for {self.protocol.peer}; dropping the connection", error)
        self.connection.refuse(f"{name} raised {type(error).__name__}", error)


_TIMEOUT_HOOKS = {
    Cause.OPENING_TIMEOUT: "onOpenHandshakeTimeout",
    Cause.CLOSING_TIMEOUT: "onCloseHandshakeTimeout",
    Cause.DROP_TIMEOUT: "onServerConnectionDropTimeout",
    Cause.PING_TIMEOUT: "onAutoPingTimeout",
}

# Ends that somebody looking after a server wants to find in the log; each reason names the rule or the limit.
_TOLD = frozenset(Cause) - {Cause.CLOSE_HANDSHAKE, Cause.CALLBACK_ERROR, Cause.DROPPED, Cause.LOST}
_LONGEST_LINE = 200

_OPCODE_NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


def _ignore(_: object) -> None:
    """The result of a callback that nobody waits for."""


def _is_told(closure: Closure) -> bool:
    failure = closure.failure
    answered = failure is not None and failure.status is not None and failure.status < HTTPStatus.BAD_REQUEST
    return closure.cause in _TOLD and not answered


def _one_line(text: str) -> str:
    """Nothing that a peer sent may begin a line of its own in the log, or steer a terminal."""
    return text.encode("unicode_escape").decode("ascii")[:_LONGEST_LINE]


def _as_accept(result: object) -> ConnectionAccept:
    """What a server's onConnect may return, as one type."""
    if isinstance(result, ConnectionAccept):
        return result
    if result is None or isinstance(result, str):
        return ConnectionAccept(result)
    if isinstance(result, tuple) and len(result) == 2:
        subprotocol, headers = result
        return ConnectionAccept(subprotocol, headers)
    allowed = "None, a subprotocol, a pair (subprotocol or None, headers) or a ConnectionAccept"
    raise TypeError(f"onConnect must return {allowed}, not {type(result).__name__}")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"
