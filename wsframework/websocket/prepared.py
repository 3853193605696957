"""Messages that are framed once and sent to many connections."""

from __future__ import annotations

from typing import Final

from wsframework._core.codec import encode_frame
from wsframework._core.constants import OP_BINARY, OP_TEXT

__all__ = ["PreparedMessage"]


class PreparedMessage:
    """A message made by `factory.prepareMessage`, for `sendPreparedMessage`.

    A server's connections all write the same bytes object. A client's frames must each have a masking key of their own
    (RFC 6455 section 5.3), so there only the conversion of the payload is saved.
    """

    __slots__ = ("doNotCompress", "frame", "isBinary", "payload")

    def __init__(self, payload: bytes, isBinary: bool = False, doNotCompress: bool = False) -> None:
        self.payload: Final = payload
        self.isBinary: Final = isBinary
        self.doNotCompress: Final = doNotCompress
        # Not masked, in one frame.
        self.frame: Final = encode_frame(OP_BINARY if isBinary else OP_TEXT, payload, None)

    def __repr__(self) -> str:
        kind = "binary" if self.isBinary else "text"
        return f"PreparedMessage({kind}, {len(self.payload)} octets)"
