"""The protocol classes that users subclass, without a framework; the backends add the transport.

All machinery is behind the two attributes `_port` and `_connection`, which are there from the moment the transport is
connected. A subclass need not call `__init__` of this class: there is none.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from zope.interface import implementer

from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import HOLD_APPLICATION
from wsframework._core.constants import State
from wsframework._core.handshake import ConnectionRequest, ConnectionResponse
from wsframework._core.headers import Headers
from wsframework._core.server_connection import ServerConnection
from wsframework._core.uri import parse_target
from wsframework.exceptions import Disconnected, HandshakeError, PayloadExceededError
from wsframework.options import ClientOptions, ServerOptions
from wsframework.websocket.attributes import ConnectionAttributes, install_options
from wsframework.websocket.events import Observable
from wsframework.websocket.interfaces import IWebSocketChannelStreamingApi
from wsframework.websocket.messages import MessageSending
from wsframework.websocket.payload import control_payload, message_payload
from wsframework.websocket.prepared import PreparedMessage
from wsframework.websocket.producing import Production
from wsframework.websocket.statistics import Timings, TrafficStats
from wsframework.websocket.streaming import StreamingApi
from wsframework.websocket.types import HttpResponse, TransportDetails

if TYPE_CHECKING:
    from wsframework.websocket.factory import WebSocketClientFactory, WebSocketServerFactory
    from wsframework.websocket.hints import (
        ClientOptionAttributes,
        ConnectAnswer,
        ConnectingAnswer,
        NowOrLater,
        ServerOptionAttributes,
    )
    from wsframework.websocket.port import ProtocolPort

    # What `install_options` adds, for type checkers.
    _ServerOptions = ServerOptionAttributes
    _ClientOptions = ClientOptionAttributes
else:
    _ServerOptions = _ClientOptions = object

__all__ = [
    "PreparedMessage",
    "Timings",
    "TrafficStats",
    "WebSocketClientProtocol",
    "WebSocketProtocol",
    "WebSocketServerProtocol",
]


@implementer(IWebSocketChannelStreamingApi)
class WebSocketProtocol(MessageSending, ConnectionAttributes, StreamingApi, Observable):
    """What servers and clients share: callbacks to override, methods to call, attributes to read.

    Every callback may be a plain method, an `async def`, or return a result that comes later (a Deferred, a Future).
    The order is `onConnecting` (client), `onConnect`, `onOpen`, messages, `onClose`; each of the four at most once,
    `onClose` exactly once for every connection that was made and nothing after it. What a callback raises is logged
    with its traceback and closes the connection with 1011.
    """

    is_server: ClassVar[bool]

    transport: Any = None
    log: Any

    _port: ProtocolPort | None = None
    _production: Production | None = None
    _traffic_stats: TrafficStats | None = None
    _timings: Timings | None = None
    _is_open: Any = None
    _openings: tuple[Any, ...] = ()
    _is_closed: Any = None
    _drain: Any = None
    _was_open = False

    # Callbacks, for subclasses to override.

    def onConnect(self, request_or_response: Any) -> Any:
        """The opening handshake came so far that the application can decide; see the two roles."""

    def onOpen(self) -> Any:
        """The opening handshake is complete: messages may be sent, and will be received from now on.

        A later result is not waited for: messages come as soon as a coroutine has reached its first `await`, so that
        onOpen may itself be a conversation.
        """

    def onMessage(self, payload: bytes, isBinary: bool) -> Any:
        """A whole message came; `payload` of a text message is valid UTF-8 (section 5.6).

        A later result is waited for before the next message of this connection is handled (`maxConcurrentMessages`);
        meanwhile nothing is read from the peer.
        """

    def onPing(self, payload: bytes) -> Any:
        """A Ping came (section 5.5.2); this answers with a Pong, and an override must do so or call it."""
        self.sendPong(payload)

    def onPong(self, payload: bytes) -> Any:
        """A Pong came (section 5.5.3), asked for or not."""

    def onAutoPong(self, ping_sent_ns: int, ping_seq: int, pong_received_ns: int, rtt_ms: float, payload: bytes) -> Any:
        """A Pong came that answers the automatic ping number `ping_seq`; called before onPong.

        The two times are in nanoseconds of the loop's or reactor's clock.
        """

    def onAutoPingTimeout(self) -> Any:
        """No sign of life came within `autoPingTimeout`; the transport is dropped after this call."""

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> Any:
        """The connection is gone; nothing is called after this.

        `wasClean` says that both Close frames were exchanged; `code` is then the peer's, 1005 if it gave none.
        Otherwise it is the code that we failed the connection with, or 1006, and `reason` says in words what
        happened.
        """

    def onCloseFrame(self, code: int | None, reasonRaw: bytes) -> Any:
        """A valid Close frame came and is answered after this call."""

    def onOpenHandshakeTimeout(self) -> Any:
        """`openHandshakeTimeout` or `onConnectTimeout` passed; the transport is dropped after this call."""

    def onCloseHandshakeTimeout(self) -> Any:
        """`closeHandshakeTimeout` passed without an answer to our Close; the transport is dropped after this call."""

    def onServerConnectionDropTimeout(self) -> Any:
        """The peer did not end TCP after the closing handshake; the transport is dropped after this call."""

    def onSendingPaused(self) -> Any:
        """The peer does not keep up: more than `sendHighWaterMark` octets wait. Stop sending if you can.

        Until `onSendingResumed` nothing is read from this peer, so one that never reads its answers cannot fill the
        memory with them.
        """

    def onSendingResumed(self) -> Any:
        """The peer has caught up after `onSendingPaused`."""

    # Methods to call.

    def sendMessageFromThread(self, payload: bytes | bytearray | memoryview | str, isBinary: bool = False) -> None:
        """`sendMessage` for other threads: the message is sent by the connection's own loop or reactor, soon.

        The loop is woken once for all that waits. Raises at once what `sendMessage` would raise now, and
        `SendBufferFull` when more than maxSendBuffer octets wait in this line.
        """
        octets = message_payload(payload, isBinary)
        connection = self._connection
        if connection is None or connection.state is not State.OPEN:
            raise Disconnected("cannot send a message: the connection is not open")
        limit = connection.options.maxMessagePayloadSize
        if limit and len(octets) > limit:
            raise PayloadExceededError(f"message of {len(octets)} octets is over maxMessagePayloadSize ({limit})")
        self.factory._inbox.put(self, octets, isBinary, connection.options.maxSendBuffer)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let `producer` send at the peer's speed: it is told when to pause and when to go on.

        `streaming` True: it sends by itself between `resumeProducing` and `pauseProducing`; False: it sends once for
        each `resumeProducing`. `stopProducing` is called when the connection ends. `RuntimeError` if there is one.
        """
        if self._production is not None:
            raise RuntimeError("a producer is registered already")
        connection, port = self._connection, self._port
        if connection is None or port is None or connection.state is not State.OPEN:
            producer.stopProducing()
            return
        self._production = Production(producer, streaming, self.factory._later, port.guard)
        self._production.begin(connection.sending_is_paused)

    def unregisterProducer(self) -> None:
        """The end of `registerProducer`; nothing without a producer."""
        if self._production is not None:
            self._production.end()
            self._production = None

    def sendPing(self, payload: bytes | None = None) -> None:
        """Send a Ping of at most 125 octets (`ValueError` above); nothing unless the connection is open."""
        octets = control_payload(payload)
        if self._connection is not None:
            self._connection.send_ping(octets)

    def sendPong(self, payload: bytes | None = None) -> None:
        """Send a Pong of at most 125 octets (`ValueError` above); nothing unless the connection is open."""
        octets = control_payload(payload)
        if self._connection is not None:
            self._connection.send_pong(octets)

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None:
        """Begin the closing handshake (section 7.1.2); onClose follows. Nothing if it has begun already.

        `code` is one of 1000-1003, 1007-1014, 3000-4999 (`ValueError` otherwise); `reason` is cut between two
        characters to 123 octets of UTF-8. Raises `Disconnected` before the connection is open.
        """
        if self._connection is None:
            raise Disconnected("cannot close: the connection is not open yet")
        self._connection.send_close(code, reason)

    def dropConnection(self, abort: bool = False) -> None:
        """End the transport without a closing handshake, at once (`abort`) or after what was written."""
        if self._connection is not None:
            self._connection.drop(Cause.DROPPED, "the application dropped the connection", abort)

    def pauseReceiving(self) -> None:
        """Deliver no more messages and read no more from the peer until `resumeReceiving`."""
        if self._connection is not None:
            self._connection.hold(HOLD_APPLICATION)

    def resumeReceiving(self) -> None:
        """The end of `pauseReceiving`."""
        if self._connection is not None:
            self._connection.release(HOLD_APPLICATION)

    def releaseCompression(self) -> None:
        """Give the memory back that permessage-deflate takes for this connection, until the next message needs it.

        What is sent next cannot refer to messages before and is longer for it. See also `release_after` of
        `DeflatePolicy`. Nothing without the extension, or in the middle of a message.
        """
        if self._connection is not None:
            self._connection.release_contexts()

    def drain(self) -> Awaitable[None]:
        """A result that comes (None) when sending is not paused, at once if it is not; `Disconnected` at the end."""
        drained: Awaitable[None] = self._new_future()
        connection = self._connection
        if connection is not None and connection.state is State.CLOSED:
            self._reject(drained, Disconnected("the connection is closed"))
        elif connection is None or not connection.sending_is_paused:
            self._resolve(drained, None)
        else:
            # Without those of whoever gave up: there may be many, of a peer that never reads.
            waiting = [other for other in self._drain or () if not self._is_done(other)]
            self._drain = [*waiting, drained]
        return drained

    @property
    def trafficStats(self) -> TrafficStats:
        """What went over this connection."""
        if self._traffic_stats is None:
            if self._connection is None:
                raise Disconnected("there is no transport yet")
            self._traffic_stats = TrafficStats(self._connection)
        return self._traffic_stats

    @property
    def trackedTimings(self) -> Timings | None:
        """Marks in time (option trackTimings): onConnect, onOpen, onMessage, sendMessage, the latest of each."""
        return self._timings

    def _track(self, key: str) -> None:
        if self._timings is not None:
            self._timings.track(key)

    # Results to wait for.

    @property
    def is_open(self) -> Awaitable[Self]:
        """A result that comes with this protocol when onOpen was called; rejected with a `HandshakeError` if it never
        is.
        """
        if self._is_open is None:
            self._is_open = self._new_opening()
        return self._is_open  # type: ignore[no-any-return]

    @is_open.setter
    def is_open(self, future: Any) -> None:
        # Autobahn's programs may bring their own.
        self._is_open = future
        self._openings = (*self._openings, future)

    def _new_opening(self) -> Any:
        """A result like is_open for one waiter alone: what callbacks of others do to theirs does not reach it."""
        opening = self._new_future()
        if self._was_open:
            self._resolve(opening, self)
        elif self._state is State.CLOSED:
            self._reject(opening, self._opening_failure())
        else:
            self._openings = (*self._openings, opening)
        return opening

    @property
    def is_closed(self) -> Awaitable[Self]:
        """A result that comes with this protocol after onClose was called; never rejected."""
        if self._is_closed is None:
            self._is_closed = self._new_future()
            if self._state is State.CLOSED:
                self._resolve(self._is_closed, self)
        return self._is_closed  # type: ignore[no-any-return]

    @is_closed.setter
    def is_closed(self, future: Any) -> None:
        # Autobahn's programs may bring their own.
        self._is_closed = future

    # What the port tells.

    def _opened(self) -> None:
        self._was_open = True
        openings, self._openings = self._openings, ()
        for opening in openings:
            self._resolve(opening, self)

    def _port_failed(self, name: str, error: BaseException) -> None:
        if self._port is not None:
            self._port.callback_failed(name, error)

    def _closed(self, closure: Closure) -> None:
        openings, self._openings = self._openings, ()
        for opening in openings:
            self._reject(opening, self._opening_failure())
        for drained in self._drain or ():
            self._reject(drained, Disconnected(f"the connection closed before it was drained: {closure.reason}"))
        self._drain = None
        if self._is_closed is not None:
            self._resolve(self._is_closed, self)

    def _drained(self) -> None:
        waiting, self._drain = self._drain, None
        for drained in waiting or ():
            self._resolve(drained, None)

    def _timed_out(self, cause: Cause) -> None:
        self._timeout = cause

    def _opening_failure(self) -> HandshakeError:
        closure = self.closure
        if closure is not None and closure.failure is not None:
            return closure.failure
        return HandshakeError("the connection ended before it was open")

    # What a backend adds.

    @abstractmethod
    def _new_future(self) -> Any:
        """A new later result of the backend's kind."""

    @abstractmethod
    def _resolve(self, future: Any, result: object) -> None:
        """Give `future` its result, unless somebody has cancelled it."""

    @abstractmethod
    def _is_done(self, future: Any) -> bool:
        """Whether it has come, or somebody has cancelled it."""

    @abstractmethod
    def _reject(self, future: Any, error: Exception) -> None:
        """Give `future` its error, unless somebody has cancelled it."""


class WebSocketServerProtocol(WebSocketProtocol, _ServerOptions):
    """A server's end of one connection."""

    is_server: ClassVar[Literal[True]] = True
    factory: WebSocketServerFactory
    # While it is decided about; later when somebody has asked for it.
    _request: ConnectionRequest | None = None

    def onConnect(self, request: ConnectionRequest) -> NowOrLater[ConnectAnswer]:
        """A client asks for a WebSocket connection; decide about it, now or later.

        Return None (take it, with the first of the offered subprotocols that the factory has), a subprotocol that was
        offered, a pair `(subprotocol or None, headers)`, or a `ConnectionAccept`. Raise `ConnectionDeny` to refuse
        with an HTTP status of your own; any other error refuses with 500. A later result has `onConnectTimeout`.
        """

    def _default_response(self) -> HttpResponse:
        connection = self._connection
        assert connection is not None, "a request has come"
        return self.factory._default_response(connection.options)

    @property
    def _asked(self) -> ConnectionRequest | None:
        """The request of the opening handshake, which an open connection only keeps as octets until it is read here."""
        connection = self._connection
        if self._request is None and connection is not None:
            assert isinstance(connection, ServerConnection), "a server's protocol has a server's connection"
            if connection.keeps_request:
                self._request = connection.request_again()
        return self._request

    @property
    def http_headers(self) -> Mapping[str, str]:
        """The request's headers."""
        request = self._asked
        return Headers() if request is None else request.headers

    @property
    def http_request_uri(self) -> str:
        """The request's target as it was sent."""
        head = getattr(self._connection, "head", None)
        return "" if head is None else head.target

    @property
    def http_request_path(self) -> str:
        """The path in the request, not decoded."""
        request = self._asked
        return "" if request is None else request.path

    @property
    def http_request_params(self) -> dict[str, list[str]]:
        """The parameters in the request's query."""
        request = self._asked
        return {} if request is None else request.params

    @property
    def http_request_host(self) -> str:
        """The host that was asked for."""
        request = self._asked
        return "" if request is None else request.host

    @property
    def websocket_version(self) -> int:
        """The protocol version that the client speaks; 0 before it is known."""
        request = self._asked
        return 0 if request is None else request.version

    @property
    def websocket_origin(self) -> str:
        """The Origin header, empty if there was none."""
        request = self._asked
        return "" if request is None else request.origin

    @property
    def websocket_protocols(self) -> list[str]:
        """The subprotocols that the client offers."""
        request = self._asked
        return [] if request is None else request.protocols

    @property
    def websocket_extensions(self) -> list[Any]:
        """The extensions that the client offers."""
        request = self._asked
        return [] if request is None else request.extensions


class WebSocketClientProtocol(WebSocketProtocol, _ClientOptions):
    """A client's end of one connection."""

    is_server: ClassVar[Literal[False]] = False
    factory: WebSocketClientFactory
    # While it is decided about.
    _response: ConnectionResponse | None = None
    _version = 0
    # What this attempt asks for; onConnecting may differ from the factory.
    _target: str | None = None

    def onConnecting(self, transport_details: TransportDetails) -> NowOrLater[ConnectingAnswer]:
        """The transport is connected and nothing is sent yet; return None or a `ConnectingRequest`, now or later.

        The request's fields replace the factory's for this attempt: headers and tokens that are only good for once.
        """

    def onConnect(self, response: ConnectionResponse) -> Any:
        """The server agreed. An error raised here drops the connection; a later result is waited for before onOpen."""

    @property
    def http_headers(self) -> Mapping[str, str]:
        """The response's headers."""
        head = getattr(self._connection, "head", None)
        return Headers() if head is None else head.headers

    @property
    def http_status_line(self) -> str:
        """The first line of the response."""
        head = getattr(self._connection, "head", None)
        return "" if head is None else head.line

    @property
    def http_request_uri(self) -> str:
        """The target that was asked for."""
        return self.factory.resource if self._target is None else self._target

    @property
    def http_request_path(self) -> str:
        """Its path."""
        return parse_target(self.http_request_uri)[0]

    @property
    def websocket_version(self) -> int:
        """The version that was asked for, as the option `version` counts."""
        return self._version


install_options(WebSocketServerProtocol, ServerOptions)
install_options(WebSocketClientProtocol, ClientOptions)
