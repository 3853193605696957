"""Timeouts that many connections wait for and hardly any reaches: those of handshakes.

Strategy: connections with the same time to go wait in one queue. Who came last ends last, so that one timer of the loop
or reactor, for the first in the queue, is enough for all of them; beginning and ending a wait is a step in a dict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

__all__ = ["Timeout", "Timeouts", "Waiting"]

# A timer may ring a little early: clocks are read twice, and what lies between is rounded.
_EARLY: Final = 1e-6
# How many queues are kept without anybody in them. There are as many lengths of time as options were set to, which is
# few, unless an application makes them up for every connection.
_KEPT: Final = 16


class Waiting(Protocol):
    """Who waits."""

    def expire(self) -> None:
        """The time is up."""


class Timeout:
    """The queue of those who wait for the same time, in `seconds`; made by `Timeouts`."""

    __slots__ = ("_all", "_is_busy", "_seconds", "_timer", "_waiting")

    def __init__(self, timeouts: Timeouts, seconds: float) -> None:
        self._all = timeouts
        self._seconds = seconds
        self._waiting: dict[Waiting, float] = {}
        self._timer: Any = None
        self._is_busy = False

    def add(self, waiting: Waiting) -> None:
        """Call `expire` once when the time is up, unless it is removed before; who is in the queue is not added."""
        self._waiting[waiting] = self._all.now() + self._seconds
        if self._timer is None and not self._is_busy:
            self._timer = self._all.later(self._seconds, self._expire)

    def remove(self, waiting: Waiting) -> None:
        """For one who waits: never mind."""
        del self._waiting[waiting]
        if not self._waiting:
            self._rest()

    def _expire(self) -> None:
        self._timer = None
        now = self._all.now() + _EARLY
        due = []
        for waiting, deadline in self._waiting.items():
            if deadline > now:
                break
            due.append((waiting, deadline))
        self._is_busy = True
        try:
            for waiting, deadline in due:
                # The one before may have ended this one's wait, or begun a new one.
                if self._waiting.get(waiting) == deadline:
                    del self._waiting[waiting]
                    waiting.expire()
        finally:
            self._is_busy = False
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting:
            first = next(iter(self._waiting.values()))
            self._timer = self._all.later(max(0.0, first - self._all.now()), self._expire)
        else:
            self._rest()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._all.rest(self._seconds)


class Timeouts:
    """The queues of one factory; `now` is its clock in seconds, `later(seconds, function)` sets a timer by it."""

    __slots__ = ("_queues", "later", "now")

    def __init__(self, now: Callable[[], float], later: Callable[[float, Callable[[], None]], Any]) -> None:
        self.now = now
        self.later = later
        self._queues: dict[float, Timeout] = {}

    def of(self, seconds: float) -> Timeout:
        """Those who wait for `seconds`; ask each time, and keep it only while one of yours is in there."""
        queue = self._queues.get(seconds)
        if queue is None:
            queue = self._queues[seconds] = Timeout(self, seconds)
        return queue

    def rest(self, seconds: float) -> None:
        """Nobody waits for `seconds`."""
        if len(self._queues) > _KEPT:
            del self._queues[seconds]
