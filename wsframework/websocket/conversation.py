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
from wsframework._core.connection import HOLD_HANDLER, check_close
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

__all__ = ["MAX_QUEUE", "Conversation", "ServerConversation", "closing_code"]

MAX_QUEUE: Final = 16
"""How many messages may wait to be received, unless something else is said."""

# Octets in the queue above which nothing more is read, however few messages they are.
_MAX_OCTETS: Final = 1 << 20
_PING_SIZE: Final = 8
# A Close frame without a code, which is what `socket.close()` in a browser sends, is as good as 1000.
_IN_ORDER: Final = (CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.NO_STATUS)
_NO_NAN: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Conversation(_Protocol):
    """What both roles share. The public methods are the backends', which say what kind of result comes later."""

    _max_queue = MAX_QUEUE
    # Made when they are needed: most connections of a large server are idle.
    _messages: deque[tuple[bytes, bool]] | None = None
    _receivers: deque[Any] | None = None
    _queued = 0
    # Of the messages in the queue so many are for receivers that were told of them and have not had their turn yet.
    _promised = 0
    _is_gathering = False
    _is_leaving = False
    _pings: tuple[tuple[bytes, float, Any], ...] = ()
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
            self._channel().hold(HOLD_HANDLER)
        if self._receivers:
            self._promise()

    def onPong(self, payload: bytes) -> None:
        """Tells those whose ping this answers: it, and all before it (RFC 6455 section 5.5.3)."""
        for index, (octets, _, _) in enumerate(self._pings):
            if octets == payload:
                answered, self._pings = self._pings[: index + 1], self._pings[index + 1 :]
                now = self._now()
                for _, sent, future in answered:
                    self._resolve(future, now - sent)
                return

    def _closed(self, closure: Closure) -> None:
        super()._closed(closure)
        receivers, self._receivers = self._receivers, None
        for receiver in receivers or ():
            self._resolve(receiver, False)
        pings, self._pings = self._pings, ()
        for _, _, future in pings:
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
        if not self._has_message():
            await self._wait_for_message()
        return self._take(decode)

    async def __anext__(self) -> str | bytes:
        try:
            return await self._recv()  # type: ignore[no-any-return]
        except ConnectionClosedOK:
            raise StopAsyncIteration from None

    async def _recv_json(self) -> Any:
        message = await self._recv()
        try:
            return json.loads(message)
        except RecursionError:
            # The standard library's answer to ten thousand opening brackets.
            raise ValueError("the JSON in this message is nested too deeply") from None

    async def _send_json(self, value: object) -> None:
        await self._send(_NO_NAN.encode(value))

    async def _ping(self, payload: bytes | None = None) -> float:
        octets = os.urandom(_PING_SIZE) if payload is None else control_payload(payload)
        if self._state is not State.OPEN:
            raise await self._end()
        waiting = (octets, self._now(), self._new_future())
        self._pings = (*self._pings, waiting)
        try:
            self.sendPing(octets)
            return await waiting[2]  # type: ignore[no-any-return]
        finally:
            self._pings = tuple(other for other in self._pings if other is not waiting)

    async def _close(self, code: int = 1000, reason: str = "") -> None:
        check_close(code, reason)
        if self._state is State.OPEN:
            self.sendClose(code, reason or None)
        self._is_leaving = True
        # The peer's Close may be behind messages that nobody will take.
        self._channel().release(HOLD_HANDLER)
        await self._wait_closed()

    async def _wait_closed(self) -> None:
        if self._state is not State.CLOSED:
            future = self._new_future()
            self._waiting_for_end = (*self._waiting_for_end, future)
            await future

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        """Close: with 1000; with 1011 when an exception leaves the block, or 1001 when that is a cancellation."""
        await self._close(closing_code(kind))

    def __aiter__(self) -> Self:
        """The messages until the connection is closed; `ConnectionClosedError` if it is not closed in order."""
        return self

    # Parts.

    def _has_message(self) -> bool:
        """Whether there is one that is promised to nobody."""
        messages = self._messages
        return messages is not None and len(messages) > self._promised

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
            # Cancelled. What was promised to this one is the next one's.
            if self._receivers and receiver in self._receivers:
                self._receivers.remove(receiver)
            elif self._promised:
                self._promised -= 1
                self._promise()
            raise
        if not is_promised:
            raise self._closed_error()
        self._promised -= 1

    def _promise(self) -> None:
        """A message is for whoever has waited longest."""
        while self._receivers:
            receiver = self._receivers.popleft()
            if not self._is_done(receiver):
                self._promised += 1
                self._resolve(receiver, True)
                return

    def _take(self, decode: bool | None) -> str | bytes:
        messages = self._messages
        assert messages, "looked at just before"
        payload, is_binary = messages.popleft()
        self._queued -= len(payload)
        channel = self._channel()
        if channel.held & HOLD_HANDLER and 2 * len(messages) <= self._max_queue and 2 * self._queued <= _MAX_OCTETS:
            channel.release(HOLD_HANDLER)
        if messages and not self._is_gathering and channel.cork():
            self._is_gathering = True
            self._soon(self._stop_gathering)
        return payload if (is_binary if decode is None else not decode) else payload.decode()

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
    def _is_done(self, future: Any) -> bool:
        """Whether somebody has cancelled this later result, or it has come."""

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
        port.watch(f"the handler {_name_of(self._handler)}", running)

    async def _converse(self) -> None:
        try:
            result = self._handler(self)
            if not hasattr(result, "__await__"):
                raise TypeError(f"a handler must be an async def; this one returned {type(result).__name__}")
            await result
            await self._close()
        except BaseException:
            if not self._was_cancelled:
                raise
        finally:
            self._running = None
            self._server.ended(self)

    def _cancel(self) -> str:
        """Cancel the handler; its name."""
        self._was_cancelled = True
        if self._running is not None:
            self._running.cancel()
        return _name_of(self._handler)


def closing_code(kind: type[BaseException] | None) -> int:
    """What to close with when a block is left by an exception of this kind, or by none."""
    if kind is None:
        return CloseCode.NORMAL
    return CloseCode.INTERNAL_ERROR if issubclass(kind, Exception) else CloseCode.GOING_AWAY


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


def _name_of(handler: object) -> str:
    return getattr(handler, "__qualname__", None) or type(handler).__name__
