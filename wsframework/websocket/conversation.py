"""The conversation API: a protocol that is talked with by `await` instead of by callbacks, without a framework.

Strategy: it is an ordinary protocol class whose `onMessage` puts messages into a queue, and whose methods wait. There
is no second implementation of anything, and everything that the callback API has can be used beside it: a conversation
can be a receiver of a `Broadcast`, has `trafficStats`, and so on.

The queue is bounded. When it is full nothing is read from the transport until half of it was taken, so a peer that
sends more than the application handles waits in TCP. A message leaves the queue in the step in which `recv` returns
it: whoever is cancelled while he waits has taken nothing. Who waits is promised a message when one comes, so that
nobody who asks later gets it before him.

While messages wait, what is sent is gathered, until the application waits for the next one, or the loop has its turn:
answers to messages that came together go out together.

Everybody who waits has a later result of his own, because cancelling one that is shared would end the others' waiting.
The coroutines here are what asyncio's methods are, and what Twisted's make their Deferreds of.
"""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from wsframework._core.closure import Closure
from wsframework._core.connection import HOLD_APPLICATION, check_close
from wsframework._core.constants import CloseCode, State
from wsframework._core.headers import header_pairs
from wsframework.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, Disconnected
from wsframework.websocket.payload import control_payload
from wsframework.websocket.types import ConnectionDeny, ConnectionRequest, HttpResponse

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketProtocol, WebSocketServerProtocol
    from wsframework.websocket.serving import ConversationServer

    # What this is mixed into.
    _Protocol = WebSocketProtocol
    _ServerProtocol = WebSocketServerProtocol
else:
    _Protocol = _ServerProtocol = object

__all__ = ["MAX_QUEUE", "Conversation", "ServerConversation"]

MAX_QUEUE: Final = 16
"""How many messages may wait to be received, unless something else is said."""

# Octets in the queue above which nothing more is read, however few messages they are.
_MAX_OCTETS: Final = 1 << 20
_PING_SIZE: Final = 8
# A Close frame without a code, which is what `socket.close()` in a browser sends, is as good as 1000.
_IN_ORDER: Final = (CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.NO_STATUS)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"JSON has no {name}")


# NaN and the infinities are no JSON, and no browser takes them: neither sent nor received.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ASCII_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


class Conversation(_Protocol):
    """What both roles share. The public methods are the backends', which say what kind of result comes later."""

    _max_queue = MAX_QUEUE
    # Made when they are needed: most connections of a large server are idle.
    _messages: deque[tuple[bytes, bool]] | None = None
    _receivers: deque[Any] | None = None
    _queued = 0
    # Receivers that were told of a message in the queue and have not had their turn yet; each has one of them.
    _promised: tuple[Any, ...] = ()
    # Why nothing is read: the queue is full, or the application has said so. The connection knows them as one.
    _is_full = False
    _is_paused = False
    _is_gathering = False
    _is_leaving = False
    # Payload, times of our clock and of the port's, and who waits.
    _pings: tuple[tuple[bytes, float, float, Any], ...] = ()
    _waiting_for_end: tuple[Any, ...] = ()

    # Callbacks.

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Keeps the message for `recv`."""
        if self._is_leaving:
            # `close` was called: nobody asks for what the peer sent before it knew.
            return
        messages = self._messages
        if messages is None:
            messages = self._messages = deque()
        messages.append((payload, isBinary))
        self._queued += len(payload)
        if len(messages) >= self._max_queue or self._queued >= _MAX_OCTETS:
            self._is_full = True
            self._channel().hold(HOLD_APPLICATION)
        if self._receivers:
            self._promise()

    def onPong(self, payload: bytes) -> None:
        """Tells those whose ping this answers: it, and all before it (RFC 6455 section 5.5.3)."""
        for index, (octets, _, _, _) in enumerate(self._pings):
            if octets == payload:
                self._answered(index + 1)
                return

    def onAutoPong(
        self, ping_sent_ns: int, ping_seq: int, pong_received_ns: int, rtt_ms: float, payload: bytes
    ) -> None:
        """Answers what was asked before the automatic ping: of several pings a peer may answer the latest alone."""
        self._answered(sum(int(when * 1e9) < ping_sent_ns for _, _, when, _ in self._pings))

    def _answered(self, number: int) -> None:
        """So many pings are, the first ones."""
        answered, self._pings = self._pings[:number], self._pings[number:]
        for _, sent, _, future in answered:
            self._resolve(future, self._now() - sent)

    def pauseReceiving(self) -> None:
        """Keep no more messages for `recv`, and read no more from the peer, until `resumeReceiving`."""
        self._is_paused = True
        super().pauseReceiving()

    def resumeReceiving(self) -> None:
        """The end of `pauseReceiving`; a full queue still has to be emptied."""
        self._is_paused = False
        if not self._is_full:
            super().resumeReceiving()

    def _closed(self, closure: Closure) -> None:
        super()._closed(closure)
        receivers, self._receivers = self._receivers, None
        for receiver in receivers or ():
            self._resolve(receiver, False)
        pings, self._pings = self._pings, ()
        for _, _, _, future in pings:
            self._reject(future, self._closed_error())
        waiting, self._waiting_for_end = self._waiting_for_end, ()
        for future in waiting:
            self._resolve(future, None)

    # What the backends' methods do.

    def _send_now(self, message: object, doNotCompress: bool = False) -> bool:
        """Send it; True if the peer does not keep up."""
        if isinstance(message, str):
            is_binary = False
        elif isinstance(message, (bytes, bytearray, memoryview)):
            is_binary = True
        else:
            raise TypeError(f"message must be str or bytes-like, not {type(message).__name__}; send_json sends JSON")
        self.sendMessage(message, is_binary, doNotCompress=doNotCompress)
        return self._channel().sending_is_paused  # type: ignore[no-any-return]

    async def _wait_for_room(self) -> None:
        try:
            await self.drain()
        except Disconnected:
            raise await self._end() from None

    async def _send(self, message: object, doNotCompress: bool = False) -> None:
        try:
            is_full = self._send_now(message, doNotCompress)
        except Disconnected:
            raise await self._end() from None
        if is_full:
            await self._wait_for_room()

    async def _recv(self, decode: bool | None = None) -> Any:
        """See the backends' `recv`."""
        if not self._has_message():
            await self._wait_for_message()
        return self._take(decode)

    async def __anext__(self) -> str | bytes:
        try:
            return await self._recv()  # type: ignore[no-any-return]
        except ConnectionClosedOK:
            raise StopAsyncIteration from None

    async def _recv_json(self) -> Any:
        message = await self._recv(True)
        try:
            return _DECODER.decode(message)
        except RecursionError:
            # The standard library's answer to ten thousand opening brackets.
            raise ValueError("the JSON in this message is nested too deeply") from None

    async def _send_json(self, value: object) -> None:
        await self._send(_json_of(value))

    async def _ping(self, payload: bytes | None = None) -> float:
        octets = os.urandom(_PING_SIZE) if payload is None else control_payload(payload)
        if self._state is not State.OPEN:
            raise await self._end()
        assert self._port is not None, "it is open"
        future = self._new_future()
        self._pings = (*self._pings, (octets, self._now(), self._port.now(), future))
        try:
            self.sendPing(octets)
            return await future  # type: ignore[no-any-return]
        finally:
            self._pings = tuple(ping for ping in self._pings if ping[3] is not future)

    async def _close(self, code: int = 1000, reason: str = "") -> None:
        check_close(code, reason)
        if self._state is State.OPEN:
            self.sendClose(code, reason or None)
        self._is_leaving = True
        # The peer's Close may be behind messages that nobody will take.
        self._is_full = self._is_paused = False
        self._read_on()
        await self._wait_closed()

    async def _wait_closed(self) -> None:
        if self._state is not State.CLOSED:
            future = self._new_future()
            self._waiting_for_end = (*self._waiting_for_end, future)
            try:
                await future
            finally:
                # Who gives up again and again must not leave something behind each time.
                self._waiting_for_end = tuple(other for other in self._waiting_for_end if other is not future)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        """Close: with 1000; with 1011 when an exception leaves the block, or 1001 when that is a cancellation."""
        await self._close(self._closing_code(kind))

    def _closing_code(self, kind: type[BaseException] | None) -> int:
        """What to close with when a block is left by an exception of this kind, or by none."""
        if kind is None:
            return CloseCode.NORMAL
        return CloseCode.GOING_AWAY if self._is_cancellation(kind) else CloseCode.INTERNAL_ERROR

    def __aiter__(self) -> Self:
        """The messages until the connection is closed; `ConnectionClosedError` if it is not closed in order."""
        return self

    # Parts.

    def _has_message(self) -> bool:
        """Whether there is one that is promised to nobody."""
        messages = self._messages
        return messages is not None and len(messages) > len(self._promised)

    async def _wait_for_message(self) -> None:
        """Wait until a message is promised to us; raises at the end of the connection."""
        if self._state is State.CLOSED:
            raise self._closed_error()
        self._stop_gathering()
        receiver = self._new_future()
        if self._receivers is None:
            self._receivers = deque()
        self._receivers.append(receiver)
        try:
            is_promised = await receiver
        except BaseException:
            # Cancelled. What was promised to this one, and to no other, is the next one's.
            if receiver in self._promised:
                self._keep_promise(receiver)
                self._promise()
            elif self._receivers and receiver in self._receivers:
                self._receivers.remove(receiver)
            raise
        if not is_promised:
            raise self._closed_error()
        self._keep_promise(receiver)

    def _promise(self) -> None:
        """A message is for whoever has waited longest."""
        while self._receivers:
            receiver = self._receivers.popleft()
            if not self._is_done(receiver):
                self._promised = (*self._promised, receiver)
                self._resolve(receiver, True)
                return

    def _keep_promise(self, receiver: Any) -> None:
        promised = self._promised
        self._promised = () if len(promised) == 1 else tuple(other for other in promised if other is not receiver)

    def _take(self, decode: bool | None) -> str | bytes:
        messages = self._messages
        assert messages, "looked at just before"
        payload, is_binary = messages.popleft()
        self._queued -= len(payload)
        channel = self._channel()
        if self._is_full and 2 * len(messages) <= self._max_queue and 2 * self._queued <= _MAX_OCTETS:
            self._is_full = False
            self._read_on()
        # Not once the end has begun: the end of a frame that it waits for has to be written before it.
        if messages and not self._is_gathering and channel.state is State.OPEN and channel.cork():
            self._is_gathering = True
            self._soon(self._stop_gathering)
        return payload if (is_binary if decode is None else not decode) else payload.decode()

    def _read_on(self) -> None:
        if not self._is_paused:
            self._channel().release(HOLD_APPLICATION)

    def _stop_gathering(self) -> None:
        if self._is_gathering:
            self._is_gathering = False
            self._channel().uncork()

    async def _end(self) -> ConnectionClosed:
        """The error that says how it ended, when that is known."""
        await self._wait_closed()
        return self._closed_error()

    def _closed_error(self) -> ConnectionClosed:
        closure = self.closure
        assert closure is not None, "the connection is closed"
        in_order = closure.was_clean and closure.code in _IN_ORDER
        kind = ConnectionClosedOK if in_order else ConnectionClosedError
        return kind(closure.code, closure.reason, closure.was_clean)

    def _channel(self) -> Any:
        assert self._connection is not None, "a conversation begins when the connection is open"
        return self._connection

    def _now(self) -> float:
        assert self._port is not None, "a conversation begins when the connection is open"
        return self._port.now()

    # What a backend adds.

    @abstractmethod
    def _is_cancellation(self, kind: type[BaseException]) -> bool:
        """Whether this kind of exception says that somebody does not want to go on, rather than cannot."""

    @abstractmethod
    def _soon(self, function: Callable[[], None]) -> object:
        """Call `function` when the loop or reactor has its turn."""

    @abstractmethod
    def _start(self, coroutine: Coroutine[Any, Any, None]) -> Any:
        """Let a coroutine run; the result has a method `cancel`."""


class ServerConversation(Conversation, _ServerProtocol):
    """A server's end: the handler of `serve` runs as long as the conversation does."""

    is_server: ClassVar[Any] = True
    _server: ConversationServer
    _handler: Callable[[Any], Any]
    # The handler while it runs.
    _running: Any = None
    _was_cancelled = False

    def onConnect(self, request: ConnectionRequest) -> Any:
        """Asks `process_request`."""
        if self._server.wants_same_origin and not _is_same_origin(request):
            text = "pages of other origins cannot connect here\n"
            raise ConnectionDeny(ConnectionDeny.FORBIDDEN, "this origin is not allowed", body=text)
        process_request = self._server.process_request
        if process_request is None:
            return None
        answer = process_request(request)
        return self._decide_later(answer) if hasattr(answer, "__await__") else _decision(answer)

    async def _decide_later(self, answer: Any) -> Any:
        return _decision(await answer)

    def onOpen(self) -> None:
        """Starts the handler."""
        port = self._port
        assert port is not None, "there is a transport"
        self._server.began(self)
        running = self._start(self._converse())
        if not self._is_done(running):
            self._running = running
        port.watch(f"the handler {self._handler_name}", running)

    async def _converse(self) -> None:
        try:
            result = self._handler(self)
            if not hasattr(result, "__await__"):
                raise TypeError(f"a handler must be an async def; this one returned {type(result).__name__}")
            await result
            await self._close()
        except BaseException as error:
            # What it raises instead, when it was cancelled, is an error like any other.
            is_interrupt = isinstance(error, (KeyboardInterrupt, SystemExit))
            if is_interrupt or not self._was_cancelled or not self._is_cancellation(type(error)):
                raise
        finally:
            self._running = None
            self._server.ended(self)

    def _cancel(self) -> None:
        """Cancel the handler."""
        self._was_cancelled = True
        if self._running is not None:
            self._running.cancel()

    @property
    def _handler_name(self) -> str:
        return _name_of(self._handler)


def _json_of(value: object) -> str:
    """Compact JSON. Half a character, which Python has and UTF-8 has not, is escaped."""
    try:
        text = _ENCODER.encode(value)
    except RecursionError:
        raise ValueError("this value is nested too deeply for JSON, or contains itself") from None
    return text if _is_encodable(text) else _ASCII_ENCODER.encode(value)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _decision(answer: object) -> object:
    """What `process_request` returned, as onConnect may return it."""
    if not isinstance(answer, HttpResponse):
        return answer
    if answer.status < 300:
        raise ValueError(f"process_request refused a handshake with the status {answer.status}, which is no refusal")
    headers = header_pairs(answer.headers)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", answer.content_type))
    raise ConnectionDeny(answer.status, headers=headers, body=answer.body)


def _is_same_origin(request: ConnectionRequest) -> bool:
    """Whether a page that this server's own address gave out asks, or no page at all (RFC 6454 section 7)."""
    if not request.origin:
        return True
    _, _, authority = request.origin.partition("://")
    return authority.lower() == str(request.headers.get("host", "")).lower()


def _name_of(handler: object) -> str:
    return getattr(handler, "__qualname__", None) or type(handler).__name__
