"""What becomes of the messages that one end sends when permessage-deflate is in use (RFC 7692 section 7.2.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from wsframework._core.deflate import Deflater
from wsframework._core.negotiation import PerMessageDeflate
from wsframework._core.prepared import Prepared

__all__ = ["Deflation"]


class Deflation:
    """Compresses the messages of one connection as `settings` say.

    Where nothing is taken over, whole messages are compressed by `shared`, which all connections with such settings
    may have in common. The context of its own a connection only has for the rest, and while it needs it.
    """

    __slots__ = ("_own", "_shared", "settings")

    def __init__(self, settings: PerMessageDeflate, shared: Deflater) -> None:
        self.settings = settings
        self._own: Deflater | None = None
        self._shared = shared

    @property
    def has_context(self) -> bool:
        """True while this connection has a context of its own."""
        return self._own is not None and self._own.has_context

    def release(self) -> None:
        """Give the context back; what comes next is compressed as if nothing had been before."""
        self._own = None

    def wants(self, size: int) -> bool:
        """Whether a message of `size` octets is to be compressed."""
        return size >= self.settings.threshold and self.settings.can_compress

    def message(self, payload: bytes) -> bytes | None:
        """A whole message, compressed; None where it is better sent as it is."""
        takes_over = not self.settings.no_context_takeover
        deflater = self._deflater() if takes_over else self._shared
        return self._if_shorter(payload, deflater.message(payload))

    def offloads(self, size: int) -> bool:
        """Whether a message of `size` octets is to be compressed in another thread."""
        return 0 < self.settings.offload_above <= size

    def work(self, payload: bytes) -> Callable[[], bytes]:
        """`message` for another thread. Until it is done, nothing else may be compressed here."""
        if self.settings.no_context_takeover:
            return partial(Deflater(self.settings.compression, takes_over=False).message, payload)
        return partial(self._deflater().message, payload)

    def worked(self, payload: bytes, compressed: bytes | None) -> bytes | None:
        """What became of that: the result of `message`. None: it failed, and so the context is of no use."""
        if compressed is None:
            self.release()
            return None
        return self._if_shorter(payload, compressed)

    def _if_shorter(self, payload: bytes, compressed: bytes) -> bytes | None:
        if len(compressed) < len(payload):
            return compressed
        if self.settings.no_context_takeover:
            return None
        # The peer can only be referred to what it had in compressed form. What fills the window would have replaced
        # what was there before; less than that is not worth a new beginning.
        if len(payload) < 1 << self.settings.compression.window_bits:
            return compressed
        self.release()
        return None

    def prepared(self, message: Prepared) -> bytes | None:
        """A message that is compressed once for all; None where it is better sent as it is.

        It refers to nothing before it, and after it our context would not be what the peer has seen: begin a new one.
        """
        compressed = message.compressed(self.settings.compression)
        if compressed is not None:
            self.release()
        return compressed

    # A message by parts.

    def add(self, payload: bytes) -> bytes:
        """Octets of a message; those of the compressed one that are there by now."""
        return self._deflater().add(payload)

    def flush(self) -> bytes:
        """The rest of what was added so far."""
        return self._deflater().flush()

    def end(self) -> bytes:
        """The rest of the message."""
        rest = self._deflater().end()
        if self.settings.no_context_takeover:
            self.release()
        return rest

    def _deflater(self) -> Deflater:
        if self._own is None:
            settings = self.settings
            self._own = Deflater(settings.compression, not settings.no_context_takeover)
        return self._own
