"""Messages that are framed and compressed once and sent to many connections."""

from __future__ import annotations

from wsframework._core.prepared import Prepared

__all__ = ["PreparedMessage"]


class PreparedMessage:
    """A message made by `factory.prepareMessage`, for `sendPreparedMessage`.

    A server's connections all write the same bytes object. A client's frames must each have a masking key of their own
    (RFC 6455 section 5.3), so there only the conversion and the compression of the payload are saved.

    With permessage-deflate it is compressed once for all connections with the same settings, for itself: also where
    messages may refer to those before, the receivers get the same octets, and the next message of such a connection
    begins a new context.
    """

    __slots__ = ("_prepared",)

    def __init__(self, payload: bytes, isBinary: bool = False, doNotCompress: bool = False) -> None:
        self._prepared = Prepared(payload, isBinary, not doNotCompress)

    @property
    def payload(self) -> bytes:
        """The message."""
        return self._prepared.payload

    @property
    def isBinary(self) -> bool:
        """Whether it is a binary message."""
        return self._prepared.is_binary

    @property
    def doNotCompress(self) -> bool:
        """Whether it goes uncompressed in any case."""
        return not self._prepared.may_compress

    @property
    def frame(self) -> bytes:
        """The message in one frame, neither masked nor compressed."""
        return self._prepared.frame

    @property
    def compressions(self) -> int:
        """How often it was compressed so far: once for each of the settings that its receivers agreed on."""
        return self._prepared.compressions

    def __repr__(self) -> str:
        kind = "binary" if self.isBinary else "text"
        return f"PreparedMessage({kind}, {len(self.payload)} octets)"
