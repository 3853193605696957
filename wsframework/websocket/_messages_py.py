"""The methods that every message goes through: from the transport, to `onMessage`, and from `sendMessage`.

They are apart from the classes that they belong to because they are compiled; see `wsframework.build`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from wsframework._core.channel import placed_on, receive_on, room_on, send_on, send_prepared_on
from wsframework._core.constants import LARGEST
from wsframework._core.octets import Assembly, first_octets
from wsframework.exceptions import Disconnected
from wsframework.websocket.payload import check_fragment_size, message_payload
from wsframework.websocket.placing import READ_SIZE

if TYPE_CHECKING:
    from wsframework._core.connection import Connection
    from wsframework.websocket.port import ProtocolPort
    from wsframework.websocket.prepared import PreparedMessage
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["BufferReceiving", "MessageDelivery", "MessageSending"]

# What is compiled as plain numbers; see the .pxd.
_FULL: Final = READ_SIZE
# From how many octets on a copy costs more than memory that is allocated for them.
_MUCH: Final = 16384


class MessageSending:
    """A part of `WebSocketProtocol`."""

    _connection: Connection | None
    _observed: bool

    def sendMessage(
        self,
        payload: bytes | bytearray | memoryview | str,
        isBinary: bool = False,
        fragmentSize: int | None = None,
        sync: bool = False,
        doNotCompress: bool = False,
    ) -> None:
        """Send a message; a `str` goes as text. Text given as bytes must be valid UTF-8, which is not checked.

        `fragmentSize` splits it into frames of at most so many octets (default: the option autoFragmentSize). `sync`
        sends at once what is otherwise sent when the callback in progress returns. `doNotCompress` sends it as it is
        where permessage-deflate is in use: for what is compressed already, or must not be compressed together with
        what others can choose (RFC 7692 section 8).

        Raises `Disconnected` unless the connection is open, `PayloadExceededError` above maxMessagePayloadSize, and
        `TypeError` or `ValueError` for unfit arguments; nothing is sent then.
        """
        if type(payload) is not bytes:
            payload = message_payload(payload, isBinary)
        connection = self._connection
        if connection is None:
            raise Disconnected("cannot send a message: the connection is not open yet")
        if fragmentSize is None:
            send_on(connection, payload, isBinary, 0, not doNotCompress)
        else:
            check_fragment_size(fragmentSize)
            send_on(connection, payload, isBinary, min(fragmentSize, LARGEST), not doNotCompress)
        if sync:
            connection.flush()
        if self._observed:
            cast("WebSocketProtocol", self)._track("sendMessage")

    def sendPreparedMessage(self, prepared: PreparedMessage) -> None:
        """Send what `factory.prepareMessage` made; raises as `sendMessage`."""
        connection = self._connection
        if connection is None:
            raise Disconnected("cannot send a message: the connection is not open yet")
        send_prepared_on(connection, prepared._prepared)


class BufferReceiving(MessageSending):
    """What asyncio's transports call for every chunk: a part of `ReceivingProtocol`, which sets the attributes.

    It is here because a compiled class must be in one module with its base.
    """

    # The loop's buffer, or for a transport that is not known this connection's, while it has one.
    _buffer: memoryview | None
    # What is received goes to the connection with nothing in between; and into rooms that it gives.
    _is_direct: bool
    _may_place: bool
    # The last of these rooms, until it is told what came.
    _room: memoryview | None
    # What it is a part of, where it is no room in a message; and how many octets came last.
    _fresh: Assembly | None
    _last: int
    # Of large frames more may be received than the transport does.
    _may_go_on: bool
    _logs_octets: bool

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport is to put what comes next."""
        connection = self._connection
        if self._may_place and connection is not None:
            # Also when there is none: a transport need not fill what it has asked for.
            self._fresh = None
            room = self._room = room_on(connection)
            if room is not None:
                return room
            if self._may_go_on and self._last >= _MUCH:
                # As much will come as before: into memory of its own, from which nothing need be copied out. Not with
                # TLS, which may ask and have nothing whole yet: each connection would keep that memory meanwhile.
                fresh = Assembly()
                room = self._room = fresh.space(_FULL)
                if room is not None:
                    self._fresh = fresh
                    return room
        buffer = self._buffer
        if buffer is None:
            buffer = self._buffer = memoryview(bytearray(sizehint if 0 < sizehint < _FULL else _FULL))
        return buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many octets were put there."""
        connection = self._connection
        assert connection is not None, "the transport is connected"
        room = self._room
        if room is not None:
            self._room = None
            is_full = nbytes == len(room)
            if self._may_go_on:
                # The transport's own name for it lasts longer than its use, and the room cannot grow meanwhile.
                room.release()
            fresh = self._fresh
            if fresh is None:
                placed_on(connection, nbytes)
            else:
                self._fresh = None
                self._last = nbytes
                fresh.added(nbytes, b"", 0, None)
                receive_on(connection, fresh.take())
        else:
            buffer = self._buffer
            assert buffer is not None, "the transport has asked for it"
            data = first_octets(buffer, nbytes)
            if not self._is_direct:
                cast(Any, self)._give(data)
                return
            is_full = nbytes == _FULL
            self._last = nbytes
            receive_on(connection, data)
        if is_full and self._may_go_on:
            cast(Any, self)._receive_rest(connection)

    def data_received(self, data: bytes) -> None:
        """Octets arrived."""
        connection = self._connection
        assert connection is not None, "the transport is connected"
        if self._logs_octets:
            cast(Any, self)._port.log_octets(False, data)
        # Some transports give what they go on writing into.
        receive_on(connection, data if type(data) is bytes else bytes(data))


class MessageDelivery:
    """A part of `ProtocolPort`."""

    __slots__ = ("protocol",)

    protocol: WebSocketProtocol

    def message(self, payload: bytes, is_binary: bool) -> None:
        """See `Port.message`. The hot path: a plain onMessage costs nothing beside its own call."""
        protocol = self.protocol
        try:
            result = protocol.onMessage(payload, is_binary)
        except Exception as error:
            cast("ProtocolPort", self).callback_failed("onMessage", error)
            return
        if result is not None:
            cast("ProtocolPort", self)._message_pending(result)
        if protocol._observed:
            cast("ProtocolPort", self)._message_observed(payload, is_binary)
