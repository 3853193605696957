"""The two methods that every message goes through: the way in to `onMessage`, and the way out from `sendMessage`.

They are apart from the classes that they belong to because they are compiled; see `wsframework.build`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from wsframework._core.channel import send_on
from wsframework._core.constants import LARGEST
from wsframework.exceptions import Disconnected
from wsframework.websocket.payload import check_fragment_size, message_payload

if TYPE_CHECKING:
    from wsframework._core.connection import Connection
    from wsframework.websocket.port import ProtocolPort
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["MessageDelivery", "MessageSending"]


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
