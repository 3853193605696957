"""Messages by frames and by pieces: the callbacks and methods below `onMessage` and `sendMessage`.

A subclass that overrides one of the callbacks here is told of messages while they come: by pieces if it overrides
`onMessageFrameBegin`, `onMessageFrameData` or `onMessageFrameEnd`, else by whole frames. What it does not override
behaves as documented, down to a call of `onMessage` with the assembled message; so an override may also call `super()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wsframework.exceptions import Disconnected
from wsframework.websocket.payload import as_bytes

if TYPE_CHECKING:
    from wsframework._core.connection import Connection
    from wsframework.websocket.membership import Membership

__all__ = ["BY_FRAMES", "BY_MESSAGES", "BY_PIECES", "StreamingApi", "receive_mode"]

BY_MESSAGES: Final = 0
BY_FRAMES: Final = 1
BY_PIECES: Final = 2


class StreamingApi:
    """See `WebSocketProtocol`, which this is a part of."""

    _connection: Connection | None
    _memberships: tuple[Membership, ...]
    factory: Any
    # Told by the port: the kind of the message, and how many octets of the frame came so far.
    _is_binary = False
    _frame_size = 0
    # What the callbacks below put together: the current frame and the current message.
    _frame: bytearray | None = None
    _message: bytearray | None = None

    # Callbacks, for subclasses to override.

    def onMessageBegin(self, isBinary: bool) -> Any:
        """A message begins: its first frame's header is there.

        A later result of this callback and of those below is waited for before the next one is called; meanwhile
        nothing is read from the peer.
        """

    def onMessageFrameBegin(self, length: int) -> Any:
        """A frame of a message begins; its payload has `length` octets on the wire, where it may be compressed."""

    def onMessageFrameData(self, payload: bytes) -> Any:
        """A piece of the frame's payload, not empty. Text is valid UTF-8 so far and may end inside of a character."""
        if self._frame is None:
            self._frame = bytearray()
        self._frame += payload
        self._limit(self._frame)

    def onMessageFrameEnd(self) -> Any:
        """The frame is complete. Calls `onMessageFrame`, unless an override has kept the frame's data to itself."""
        frame, self._frame = self._frame or bytearray(), None
        return self.onMessageFrame([bytes(frame)]) if len(frame) == self._frame_size else None

    def onMessageFrame(self, payload: list[bytes]) -> Any:
        """A whole frame of a message came; its payload is the pieces of the list put together."""
        if self._message is None:
            self._message = bytearray()
        self._message += b"".join(payload)
        self._limit(self._message)

    def onMessageEnd(self) -> Any:
        """The message is complete; text was valid UTF-8 as a whole. Calls `onMessage`, unless an override has kept the
        frames to itself.
        """
        message, self._message = self._message, None
        return None if message is None else self.onMessage(bytes(message), self._is_binary)

    if TYPE_CHECKING:

        def onMessage(self, payload: bytes, isBinary: bool) -> Any: ...

    def _limit(self, assembled: bytearray) -> None:
        """What an override leaves to be assembled has the limit of assembled messages."""
        connection = self._open_connection("receive")
        limit = connection.options.maxMessagePayloadSize
        if limit and len(assembled) > limit:
            assembled.clear()
            connection.refuse_message(f"message is over maxMessagePayloadSize ({limit})")

    # Methods to call.

    def beginMessage(self, isBinary: bool = False, doNotCompress: bool = False) -> None:
        """Begin a message that is sent by frames. Pings and pongs may come between its frames, other messages not.

        With permessage-deflate it is compressed unless `doNotCompress`. The frames on the wire are then as the
        compressor gives them; at the end of each of yours, all of it is on its way.

        This and the methods below raise `Disconnected` unless the connection is open, and `SequenceError` out of
        order; nothing is sent then. maxMessagePayloadSize does not apply. Await `drain()` to go at the peer's speed.
        """
        self._open_connection("begin a message").begin_message(isBinary, not doNotCompress)

    def beginMessageFrame(self, length: int) -> None:
        """Begin the next frame, of `length` octets, which follow by `sendMessageFrameData`.

        While it is not complete nothing else can be sent: pings, pongs and a Close wait for its end.
        """
        if not isinstance(length, int) or isinstance(length, bool):
            raise TypeError(f"length must be an int, not {type(length).__name__}")
        if not 0 <= length < 1 << 63:
            raise ValueError(f"length must be from 0 to 2**63 - 1 octets, not {length}")
        self._open_connection("begin a frame").begin_frame(length)

    def sendMessageFrameData(self, payload: bytes | bytearray | memoryview, sync: bool = False) -> int:
        """Send the next octets of the frame.

        Returns how many octets the frame still misses; 0 when it is complete; minus n when n octets were too much,
        which are then not sent and belong into the next frame.
        """
        octets = as_bytes(payload)
        connection = self._open_connection("send a frame's data")
        rest = connection.send_frame_data(octets)
        if sync:
            connection.flush()
        return rest

    def sendMessageFrame(self, payload: bytes | bytearray | memoryview, sync: bool = False) -> None:
        """Send the next frame as a whole."""
        octets = as_bytes(payload)
        connection = self._open_connection("send a frame")
        connection.send_frame(octets)
        if sync:
            connection.flush()

    def endMessage(self) -> None:
        """End the message."""
        self._open_connection("end a message").end_message()
        self.factory._inbox.flush(self)
        for membership in self._memberships:
            membership.flush()

    def _open_connection(self, what: str) -> Connection:
        if self._connection is None:
            raise Disconnected(f"cannot {what}: the connection is not open yet")
        return self._connection


def receive_mode(cls: type[StreamingApi]) -> int:
    """How a protocol class wants its messages: BY_MESSAGES unless it overrides a callback below `onMessage`."""
    # For every connection, so written out: a loop over names takes six times as long.
    if (
        cls.onMessageFrameBegin is not StreamingApi.onMessageFrameBegin
        or cls.onMessageFrameData is not StreamingApi.onMessageFrameData
        or cls.onMessageFrameEnd is not StreamingApi.onMessageFrameEnd
    ):
        return BY_PIECES
    if (
        cls.onMessageBegin is not StreamingApi.onMessageBegin
        or cls.onMessageFrame is not StreamingApi.onMessageFrame
        or cls.onMessageEnd is not StreamingApi.onMessageEnd
    ):
        return BY_FRAMES
    return BY_MESSAGES
