"""Automatic pings: when the next is due, when the peer counts as lost, and the round trip that a pong shows.

Strategy: no timer is touched while data flows. `Connection` sets a flag when octets arrive; only when a deadline is
reached does anybody look at it. A ping stays due whether or not a timeout is set and whether or not the last was
answered, because pings also keep middleboxes from forgetting the connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["AnsweredPing", "KeepAlive", "PeerLost"]

# A pong may answer any earlier ping (RFC 6455 section 5.5.3), but one that answers none of the last few says nothing.
_REMEMBERED_PINGS = 8


class PeerLost(Exception):
    """The pong is overdue and nothing else came either."""


@dataclass(frozen=True, slots=True)
class AnsweredPing:
    """A ping of ours and its answer; times in seconds of the backend's clock, `sequence` from 1."""

    sequence: int
    sent: float
    received: float


class KeepAlive:
    """The bookkeeping of one connection. `interval` and `timeout` in seconds, `timeout` 0: the peer is never lost."""

    __slots__ = ("_interval", "_next_ping", "_outstanding", "_overdue", "_random", "_sequence", "_size", "_timeout")

    def __init__(self, interval: float, timeout: float, size: int, random: Callable[[int], bytes], now: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self._size = size
        self._random = random
        self._sequence = 0
        self._next_ping = now + interval
        self._overdue: float | None = None
        self._outstanding: deque[tuple[bytes, int, float]] = deque(maxlen=_REMEMBERED_PINGS)

    def delay(self, now: float) -> float:
        """Seconds until `expire` wants to be called."""
        deadline = self._next_ping if self._overdue is None else min(self._next_ping, self._overdue)
        return max(0.0, deadline - now)

    def expire(self, now: float, alive: bool) -> bytes | None:
        """A deadline may have come; returns the payload of a ping to send now.

        `alive` says that the peer was heard since the last call, or that we did not listen and cannot judge. Raises
        `PeerLost`.
        """
        if self._overdue is not None:
            if alive:
                self._overdue = now + self._timeout
            elif now >= self._overdue:
                raise PeerLost
        if now < self._next_ping:
            return None
        self._next_ping = now + self._interval
        self._sequence += 1
        payload = self._random(self._size)
        self._outstanding.append((payload, self._sequence, now))
        if self._timeout and self._overdue is None:
            self._overdue = now + self._timeout
        return payload

    @property
    def waiting(self) -> bool:
        """True while a pong is waited for with a deadline."""
        return self._overdue is not None

    def pong(self, payload: bytes, now: float) -> AnsweredPing | None:
        """Which of our pings this answers, if any; it answers the earlier ones too."""
        for index, (sent_payload, sequence, sent) in enumerate(self._outstanding):
            if sent_payload == payload:
                for _ in range(index + 1):
                    self._outstanding.popleft()
                if not self._outstanding:
                    self._overdue = None
                elif self._overdue is not None:
                    # Not nearer than it is: the peer may have been excused while we did not listen.
                    self._overdue = max(self._overdue, self._outstanding[0][2] + self._timeout)
                return AnsweredPing(sequence, sent, now)
        return None
