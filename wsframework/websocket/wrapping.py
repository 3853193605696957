"""A protocol for streams of octets, carried inside of WebSocket messages: what both backends share.

Strategy: the subprotocol says how octets become messages. The wrapped protocol sees an ordinary stream: it is told of
the connection when the WebSocket connection is open, gets data in the order in which it was sent but not in the same
pieces, and is told once of the end. A stream has no messages, so long writes are cut into messages that a receiver
with ordinary limits takes.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator
from typing import Any, Final

from wsframework._core.constants import CloseCode
from wsframework._core.headers import check_subprotocol
from wsframework.websocket.protocol import WebSocketProtocol
from wsframework.websocket.types import ConnectionDeny, ConnectionRequest

__all__ = ["BASE64", "BINARY", "StreamCodec", "StreamProtocol", "UnfitMessage", "set_stream_options", "subprotocols"]

BINARY: Final = "binary"
BASE64: Final = "base64"

# Octets of the stream in one message: short enough for any receiver, and a multiple of three, so that base64 needs no
# padding in the middle.
_PIECE: Final = 3 * 2**16
# What the Close frame says may be waiting behind as much data as the operating systems on both sides keep.
_CLOSE_TIMEOUT: Final = 30.0


class UnfitMessage(Exception):
    """A message that carries no octets of a stream; `code` and `reason` are for the Close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def subprotocols(extra: str | None) -> list[str]:
    """The subprotocols to offer or to take, best first: the extra one, which carries binary messages, is wanted most.

    `TypeError` or `ValueError` if it cannot be the name of a subprotocol.
    """
    if extra is None:
        return [BINARY, BASE64]
    check_subprotocol(extra)
    return list(dict.fromkeys((extra, BINARY, BASE64)))


class StreamCodec:
    """How octets become messages under one subprotocol. None, the peer's silence, means `binary`."""

    __slots__ = ("_piece", "is_binary")

    def __init__(self, subprotocol: str | None, limit: int = 0) -> None:
        """`limit` is the size of the longest message that may be sent, 0 for no limit."""
        self.is_binary = subprotocol != BASE64
        # Four characters of base64 carry three octets.
        fitting = limit if self.is_binary else limit // 4 * 3
        self._piece = max(1, min(_PIECE, fitting)) if limit else _PIECE

    def encode(self, data: bytes) -> Iterator[bytes]:
        """The payloads that carry `data`; none for no data."""
        for start in range(0, len(data), self._piece):
            piece = data if len(data) <= self._piece else data[start : start + self._piece]
            yield piece if self.is_binary else b2a_base64(piece, newline=False)

    def decode(self, payload: bytes, is_binary: bool) -> bytes:
        """The octets that a message carries; `UnfitMessage` if it cannot."""
        if is_binary is not self.is_binary:
            kind = "a binary message" if is_binary else "a text message"
            name = BINARY if self.is_binary else BASE64
            raise UnfitMessage(CloseCode.UNSUPPORTED_DATA, f"{kind} cannot carry a stream under {name}")
        if self.is_binary:
            return payload
        try:
            return a2b_base64(payload, strict_mode=True)
        except Base64Error:
            raise UnfitMessage(CloseCode.INVALID_PAYLOAD, "a message is not valid base64") from None


def set_stream_options(factory: Any, enableCompression: bool, autoFragmentSize: int) -> None:
    """The options that factories of wrapping protocols begin with; the user can change them afterwards.

    closeHandshakeTimeout is longer than usual, because data may have to be sent before the peer sees our Close.
    """
    factory.setProtocolOptions(
        autoFragmentSize=autoFragmentSize,
        failByDrop=False,
        closeHandshakeTimeout=_CLOSE_TIMEOUT,
        perMessageCompressionAccept=enableCompression,
    )
    if enableCompression and not factory.isServer:
        factory.setProtocolOptions(perMessageCompressionOffers=True)


class StreamProtocol(WebSocketProtocol):
    """A WebSocket protocol that is the transport of another protocol; mixed into a backend's protocol classes."""

    wrappedProtocol: Any = None
    """The protocol that the stream is for."""

    _codec: StreamCodec
    _is_stream = False
    _is_losing = False
    _is_aborted = False
    _is_sending_paused = False
    _unfit: str | None = None

    # Callbacks.

    def onConnect(self, request_or_response: Any) -> Any:
        """Refuse a client whose subprotocols are all unknown (406); take one that has none as `binary`.

        The factory selects among the others. A server's choice was checked against our offer already.
        """
        if isinstance(request_or_response, ConnectionRequest):
            _check_offer(request_or_response.protocols, self.factory.protocols)

    def onOpen(self) -> Any:
        """Now the stream is connected."""
        connection = self._connection
        assert connection is not None, "it has just been opened"
        # Both ends of a stream may send without end at the same time.
        connection.reads_on = True
        self._codec = StreamCodec(self.websocket_protocol_in_use, connection.options.maxMessagePayloadSize)
        self._is_stream = True
        self._stream_made()
        if self._is_sending_paused:
            # The opening handshake was too much for the transport already.
            self._stream_paused()

    def onMessage(self, payload: bytes, isBinary: bool) -> Any:
        """Octets of the stream."""
        if self._is_losing:
            return
        try:
            data = self._codec.decode(payload, isBinary)
        except UnfitMessage as unfit:
            self._unfit = unfit.reason
            self._is_losing = True
            self.sendClose(unfit.code, unfit.reason)
            return
        if data:
            self._stream_data(data)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> Any:
        """The stream is lost, if it was there."""
        if not self._is_stream:
            return
        self._is_stream = False
        if self._unfit is not None:
            self._stream_lost(self._unfit)
        elif wasClean and code in _ORDERLY:
            self._stream_lost(None)
        else:
            self._stream_lost(f"{reason or 'the WebSocket connection was closed'} ({code})")

    def onSendingPaused(self) -> Any:
        """The peer does not keep up with the stream."""
        self._is_sending_paused = True
        if self._is_stream:
            self._stream_paused()

    def onSendingResumed(self) -> Any:
        """The peer has caught up."""
        self._is_sending_paused = False
        if self._is_stream:
            self._stream_resumed()
        self._lose_when_sent()

    # What the wrapped protocol's transport does.

    def _stream_write(self, data: bytes) -> None:
        """Send octets; nothing when the stream is not there any more."""
        for payload in self._codec.encode(data):
            # One message may be what ends the connection (maxSendBuffer), with more to come.
            if self.state != self.STATE_OPEN:
                return
            self.sendMessage(payload, self._codec.is_binary)

    def _stream_lose(self) -> None:
        """Close when everything is sent; deliver nothing more."""
        if not self._is_losing and self._is_stream:
            self._is_losing = True
            self.resumeReceiving()
            self._lose_when_sent()

    def _stream_abort(self) -> None:
        """Drop everything; deliver nothing more."""
        if self._is_stream:
            self._is_losing = self._is_aborted = True
            self.dropConnection(abort=True)

    def _lose_when_sent(self) -> None:
        if self._is_losing and not self._is_sending_paused and not self._has_more_to_send():
            self.sendClose(CloseCode.NORMAL)

    def _has_more_to_send(self) -> bool:
        """Whether something else than what was written keeps the stream from closing."""
        return False

    # What a backend adds.

    def _stream_made(self) -> None:
        """Tell the wrapped protocol that it is connected."""
        raise AssertionError("a backend decides this")

    def _stream_data(self, data: bytes) -> None:
        """Hand octets to the wrapped protocol."""
        raise AssertionError("a backend decides this")

    def _stream_lost(self, error: str | None) -> None:
        """Tell the wrapped protocol of the end, None for one in order."""
        raise AssertionError("a backend decides this")

    def _stream_paused(self) -> None:
        """Tell the sender of the stream to wait."""
        raise AssertionError("a backend decides this")

    def _stream_resumed(self) -> None:
        """Tell the sender of the stream to go on."""
        raise AssertionError("a backend decides this")


# Closing codes that say nothing but that the other end has finished.
_ORDERLY: Final = frozenset({CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.NO_STATUS})


def _check_offer(offered: Iterable[str], known: Iterable[str]) -> None:
    names = list(offered)
    if names and not set(names) & set(known):
        text = f"none of the subprotocols is known here: {', '.join(known)} are"
        raise ConnectionDeny(ConnectionDeny.NOT_ACCEPTABLE, body=text)
