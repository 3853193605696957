"""Counting: octets, frames and messages of one connection, marks in time, and a factory's totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wsframework._core.closure import Cause, Closure
from wsframework._core.constants import State

if TYPE_CHECKING:
    from wsframework._core.connection import Connection
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["FactoryStatistics", "Timings", "Totals", "TrafficStats"]

# Autobahn's names, and where the numbers are: an attribute of the connection.
_COUNTERS: Final[dict[str, str]] = {
    "outgoingOctetsWireLevel": "octets_sent",
    "outgoingOctetsWebSocketLevel": "frame_payload_sent",
    "outgoingOctetsAppLevel": "payload_sent",
    "outgoingWebSocketFrames": "frames_sent",
    "outgoingWebSocketMessages": "messages_sent",
    "incomingOctetsWireLevel": "octets_received",
    "incomingOctetsWebSocketLevel": "frame_payload_received",
    "incomingOctetsAppLevel": "payload_received",
    "incomingWebSocketFrames": "frames_received",
    "incomingWebSocketMessages": "messages_received",
}


class TrafficStats:
    """What went over one connection since it was made, or since `reset`.

    Octets at wire level are all that the transport carried, the opening handshake too; at WebSocket level they are the
    payloads of data frames as they went; at application level those of messages, before compression. Control frames
    count as frames.
    """

    outgoingOctetsWireLevel: int
    outgoingOctetsWebSocketLevel: int
    outgoingOctetsAppLevel: int
    outgoingWebSocketFrames: int
    outgoingWebSocketMessages: int
    incomingOctetsWireLevel: int
    incomingOctetsWebSocketLevel: int
    incomingOctetsAppLevel: int
    incomingWebSocketFrames: int
    incomingWebSocketMessages: int

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._base: dict[str, int] = dict.fromkeys(_COUNTERS, 0)

    def __getattr__(self, name: str) -> int:
        if name not in _COUNTERS:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        value: int = getattr(self._connection, _COUNTERS[name])
        return value - self._base[name]

    def reset(self) -> None:
        """Count from nothing again."""
        for name in _COUNTERS:
            self._base[name] += getattr(self, name)

    def __json__(self) -> dict[str, int | float | None]:
        """All counters and for each direction two ratios: what compression left of the messages, and how much longer
        than the frames' payloads the wire's octets are (None without payloads).
        """
        found: dict[str, int | float | None] = {name: getattr(self, name) for name in _COUNTERS}
        for direction in ("outgoing", "incoming"):
            wire = getattr(self, f"{direction}OctetsWireLevel")
            frames = getattr(self, f"{direction}OctetsWebSocketLevel")
            messages = getattr(self, f"{direction}OctetsAppLevel")
            found[f"{direction}CompressionRatio"] = frames / messages if messages else None
            found[f"{direction}WebSocketOverhead"] = wire / frames - 1 if frames else None
        return found

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={getattr(self, name)}" for name in _COUNTERS)
        return f"TrafficStats({numbers})"


class Timings:
    """Marks in time by key, for the option trackTimings; seconds of the backend's clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._marks: dict[str, float] = {}

    def track(self, key: str) -> None:
        """Set the mark `key` to now."""
        self._marks[key] = self._now()

    def diff(self, startKey: str, endKey: str, formatted: bool = True) -> str | float | None:
        """The time from one mark to another: seconds, or `formatted` for reading; None (or "n.a.") without both."""
        start, end = self._marks.get(startKey), self._marks.get(endKey)
        if start is None or end is None:
            return "n.a." if formatted else None
        seconds = end - start
        if not formatted:
            return seconds
        for unit, size in (("s", 1.0), ("ms", 1e-3)):
            if seconds >= size:
                return f"{seconds / size:.3f} {unit}"
        return f"{seconds / 1e-6:.1f} us"

    def __getitem__(self, key: str) -> float | None:
        return self._marks.get(key)

    def __iter__(self) -> Iterable[tuple[str, float]]:
        return iter(self._marks.items())


@dataclass(frozen=True, slots=True)
class FactoryStatistics:
    """A factory's numbers at one moment, over all connections that it ever made.

    `connections` counts those that are there now by state; `refusals` the opening handshakes that were answered with
    an HTTP error by status; `ends` the connections that are gone by cause (the names of `Cause`).
    """

    connections: Mapping[str, int]
    total_connections: int
    messages_received: int
    messages_sent: int
    octets_received: int
    octets_sent: int
    refusals: Mapping[int, int]
    ends: Mapping[str, int]


@dataclass(slots=True)
class Totals:
    """What a factory adds up when a connection ends."""

    connections: int = 0
    messages_received: int = 0
    messages_sent: int = 0
    octets_received: int = 0
    octets_sent: int = 0
    refusals: Counter[int] = field(default_factory=Counter)
    ends: Counter[Cause] = field(default_factory=Counter)

    def add(self, connection: Connection, closure: Closure) -> None:
        """A connection has ended."""
        self.messages_received += connection.messages_received
        self.messages_sent += connection.messages_sent
        self.octets_received += connection.octets_received
        self.octets_sent += connection.octets_sent
        self.ends[closure.cause] += 1
        failure = closure.failure
        if failure is not None and failure.status is not None and failure.status >= 300:
            self.refusals[int(failure.status)] += 1

    def snapshot(self, protocols: Iterable[WebSocketProtocol]) -> FactoryStatistics:
        """The totals with the connections that are there now."""
        counters = Counter({name: getattr(self, name) for name in _SUMMED})
        states: Counter[str] = Counter({state.value: 0 for state in State if state is not State.CLOSED})
        for protocol in protocols:
            connection: Any = protocol._connection
            states[connection.state.value] += 1
            for name in _SUMMED:
                counters[name] += getattr(connection, name)
        ends = {cause.name: number for cause, number in self.ends.items()}
        return FactoryStatistics(dict(states), self.connections, refusals=dict(self.refusals), ends=ends, **counters)


_SUMMED: Final = ("messages_received", "messages_sent", "octets_received", "octets_sent")
