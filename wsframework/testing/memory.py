"""A transport in memory, seen from the far end: what both backends' testing modules share.

A test plays the peer: it hands octets in, reads what was sent, stops reading, ends its half, or cuts the line. Nothing
happens by itself and nothing waits: `settle` runs what is ready, `advance` moves a virtual clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["MemoryBackend", "MemoryLink", "Pumper", "carry", "exchange"]


class MemoryLink(ABC):
    """The far end of one protocol's transport.

    `sent` is what the protocol sent and the peer has taken; `finished` that it ended its half in order, `aborted` that
    it dropped the transport, `lost` that the protocol was told of the end.
    """

    def __init__(self, protocol: Any, high_water_mark: int = 65536) -> None:
        self.protocol = protocol
        self.sent = bytearray()
        self.finished = False
        self.aborted = False
        self.lost = False
        self.reading = True
        self.high_water_mark = high_water_mark
        self._stalled = False
        self._unsent = bytearray()
        self._paused_writer = False
        self._incoming: list[bytes] = []
        self._ending = False

    # What a test does as the peer.

    def receive(self, data: bytes) -> None:
        """Octets from the peer: delivered, or kept while the protocol does not read."""
        self._incoming.append(data)
        self._deliver()

    def take(self) -> bytes:
        """What was sent since the last call."""
        sent = bytes(self.sent)
        self.sent.clear()
        return sent

    def stall(self) -> None:
        """The peer stops reading: what is sent from now on stays in our buffers."""
        self._stalled = True

    def trickle(self, octets: int) -> None:
        """The peer reads so many octets of those that wait, and stops again."""
        self.sent += self._unsent[:octets]
        del self._unsent[:octets]
        self._tell_writer()

    def unstall(self) -> None:
        """The peer reads on."""
        self._stalled = False
        self.sent += self._unsent
        self._unsent.clear()
        self._tell_writer()

    def end(self) -> None:
        """The peer ends its half; what it sent before is delivered first."""
        self._ending = True
        self._deliver()

    def cut(self) -> None:
        """The line is cut: no octet gets through any more, the protocol is told of a loss."""
        self._incoming.clear()
        self._lose(ConnectionResetError("connection reset by peer"))

    @property
    def buffered(self) -> int:
        """Octets that wait in our buffers because the peer does not read."""
        return len(self._unsent)

    @property
    def unread(self) -> int:
        """Octets from the peer that the protocol has not read."""
        return sum(map(len, self._incoming))

    # What the transports call.

    def wrote(self, data: bytes) -> None:
        """The protocol wrote."""
        if self.finished or self.lost or self.aborted:
            return
        if self._stalled:
            self._unsent += data
            self._tell_writer()
        else:
            self.sent += data

    def ended(self) -> None:
        """The protocol ended its half in order."""
        self.finished = True

    def dropped(self) -> None:
        """The protocol dropped the transport."""
        self.aborted = True
        self._incoming.clear()
        self._unsent.clear()

    def read(self, reading: bool) -> None:
        """The protocol reads, or does not."""
        self.reading = reading
        self._deliver()

    # Inside.

    def _deliver(self) -> None:
        while self.reading and self._incoming and not self.lost:
            self._receive(self._incoming.pop(0))
        if self._ending and self.reading and not self._incoming and not self.lost:
            self._end()

    def _end(self) -> None:
        self._lose(None)

    def _tell_writer(self) -> None:
        over = len(self._unsent) > self.high_water_mark
        if over and not self._paused_writer:
            self._paused_writer = True
            self._pause_writer()
        elif self._paused_writer and not self._unsent:
            self._paused_writer = False
            self._resume_writer()

    def _lose(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self._tell_lost(error)

    @abstractmethod
    def _receive(self, data: bytes) -> None:
        """Hand octets to the protocol."""

    @abstractmethod
    def _tell_lost(self, error: Exception | None) -> None:
        """Tell the protocol that the transport is gone."""

    @abstractmethod
    def _pause_writer(self) -> None:
        """Tell the protocol that the buffer is over the high-water mark."""

    @abstractmethod
    def _resume_writer(self) -> None:
        """Tell the protocol that the buffer is empty."""


class MemoryBackend(ABC):
    """One backend on a virtual clock: its four classes, and the means to play with them in memory."""

    name: str
    server_protocol: type[Any]
    client_protocol: type[Any]
    server_factory: type[Any]
    client_factory: type[Any]

    @abstractmethod
    def connect(self, factory: Any) -> MemoryLink:
        """Make a connection of this factory; the test is the other end."""

    @abstractmethod
    def make_server(self, protocol: type[Any] | None = None, **session: Any) -> Any:
        """A server factory on this backend's clock."""

    @abstractmethod
    def make_client(self, protocol: type[Any] | None = None, **session: Any) -> Any:
        """A client factory on this backend's clock."""

    @abstractmethod
    def settle(self) -> None:
        """Run everything that is ready."""

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due meanwhile."""

    @abstractmethod
    def later(self) -> Any:
        """A later result of this backend's kind, without a result."""

    @abstractmethod
    def resolve(self, later: Any, result: object = None) -> None:
        """Give it its result."""

    @abstractmethod
    def fail(self, later: Any, error: Exception) -> None:
        """Give it an error."""

    @abstractmethod
    def outcome(self, later: Any) -> tuple[str, Any]:
        """`("waiting", None)`, `("result", value)` or `("error", exception)`."""

    @abstractmethod
    def pending_timers(self) -> int:
        """How many timers are set."""

    @abstractmethod
    def close(self) -> None:
        """Give everything back."""


def exchange(backend: MemoryBackend, one: MemoryLink, other: MemoryLink, piece: int = 0) -> None:
    """Carry octets between two links until both are quiet, in pieces of `piece` octets if that is not 0."""
    backend.settle()
    while carry(one, other, piece):
        backend.settle()


def carry(one: MemoryLink, other: MemoryLink, piece: int = 0) -> bool:
    """Carry once in both directions what was sent, and the end of it; False when there was nothing to carry."""
    moved = False
    for source, target in ((one, other), (other, one)):
        data = source.take()
        step = piece or len(data) or 1
        for start in range(0, len(data), step):
            target.receive(data[start : start + step])
            moved = True
        if target.lost or source.sent:
            continue
        if source.aborted:
            target.cut()
            moved = True
        elif source.finished or source.lost:
            target.end()
            moved = moved or target.lost
    return moved


class Pumper:
    """Carries octets between the two ends of connections in memory, each time `flush` is called."""

    def __init__(self) -> None:
        self._pairs: list[tuple[MemoryLink, MemoryLink]] = []

    def add(self, one: MemoryLink, other: MemoryLink) -> None:
        """From now on carry between these two, until both have lost their transport."""
        self._pairs.append((one, other))

    def flush(self) -> bool:
        """Carry once; False when there was nothing to carry."""
        moved = [carry(one, other) for one, other in list(self._pairs)]
        self._pairs = [(one, other) for one, other in self._pairs if not (one.lost and other.lost)]
        return any(moved)
