"""The timeouts of many connections, by one timer for each length of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from wsframework.websocket.timeouts import Timeout, Timeouts


@dataclass
class Clock:
    """Virtual time, and the timers that were set by it."""

    time: float = 0.0
    timers: dict[int, tuple[float, Callable[[], None]]] = field(default_factory=dict)
    made: int = 0

    def now(self) -> float:
        return self.time

    def later(self, seconds: float, function: Callable[[], None]) -> Handle:
        assert seconds >= 0
        self.made += 1
        self.timers[self.made] = (self.time + seconds, function)
        return Handle(self, self.made)

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        while due := sorted((when, number) for number, (when, _) in self.timers.items() if when <= end):
            when, number = due[0]
            self.time = max(self.time, when)
            self.timers.pop(number)[1]()
        self.time = end


@dataclass
class Handle:
    clock: Clock
    number: int

    def cancel(self) -> None:
        # As in Twisted, a timer that has rung cannot be cancelled any more.
        del self.clock.timers[self.number]


class Sleeper:
    """Somebody who waits, and notes when it was woken."""

    def __init__(self, clock: Clock, timeouts: Timeouts, action: Callable[[], None] | None = None) -> None:
        self.clock = clock
        self.timeouts = timeouts
        self.action = action
        self.woken: list[float] = []
        self.queue: Timeout | None = None

    def sleep(self, seconds: float) -> None:
        self.queue = self.timeouts.of(seconds)
        self.queue.add(self)

    def wake(self) -> None:
        assert self.queue is not None
        self.queue.remove(self)
        self.queue = None

    def expire(self) -> None:
        self.queue = None
        self.woken.append(round(self.clock.time, 3))
        if self.action is not None:
            self.action()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timeouts(clock: Clock) -> Timeouts:
    return Timeouts(clock.now, clock.later)


def test_everybody_is_woken_after_their_own_time(clock: Clock, timeouts: Timeouts) -> None:
    """However many wait, and whenever they began."""
    sleepers = [Sleeper(clock, timeouts) for _ in range(50)]
    for number, sleeper in enumerate(sleepers):
        clock.advance(0.1)
        sleeper.sleep(2.0 if number % 2 else 3.0)
    clock.advance(10)
    begun = [0.1 * (number + 1) for number in range(50)]
    assert [sleeper.woken for sleeper in sleepers] == [
        [round(start + (2.0 if number % 2 else 3.0), 3)] for number, start in enumerate(begun)
    ]
    assert not clock.timers


def test_one_timer_is_enough_for_many(clock: Clock, timeouts: Timeouts) -> None:
    """A thousand that begin and end a wait while others wait set one timer."""
    first = Sleeper(clock, timeouts)
    first.sleep(5.0)
    for _ in range(1000):
        other = Sleeper(clock, timeouts)
        other.sleep(5.0)
        other.wake()
    assert clock.made == 1


def test_nobody_waiting_means_no_timer(clock: Clock, timeouts: Timeouts) -> None:
    """A process that is about to end finds nothing to wait for."""
    one, other = Sleeper(clock, timeouts), Sleeper(clock, timeouts)
    one.sleep(5.0)
    other.sleep(5.0)
    one.wake()
    assert clock.timers
    other.wake()
    assert not clock.timers


def test_who_no_longer_waits_is_not_woken(clock: Clock, timeouts: Timeouts) -> None:
    """Not even when the timer was set for it."""
    first, second = Sleeper(clock, timeouts), Sleeper(clock, timeouts)
    first.sleep(5.0)
    clock.advance(1)
    second.sleep(5.0)
    first.wake()
    clock.advance(4.5)
    assert (first.woken, second.woken) == ([], [])
    clock.advance(0.5)
    assert (first.woken, second.woken) == ([], [6.0])


def test_one_that_is_woken_may_end_the_wait_of_the_next(clock: Clock, timeouts: Timeouts) -> None:
    """Dropping one connection may drop another whose time is up in the same moment."""
    second = Sleeper(clock, timeouts)
    first = Sleeper(clock, timeouts, second.wake)
    first.sleep(5.0)
    second.sleep(5.0)
    clock.advance(20)
    assert (first.woken, second.woken) == ([5.0], [])
    assert not clock.timers


def test_one_that_is_woken_may_wait_again(clock: Clock, timeouts: Timeouts) -> None:
    """For the same time, from then on."""
    sleeper = Sleeper(clock, timeouts)
    sleeper.action = lambda: sleeper.sleep(5.0) if len(sleeper.woken) < 3 else None
    sleeper.sleep(5.0)
    clock.advance(60)
    assert sleeper.woken == [5.0, 10.0, 15.0]
    assert not clock.timers


def test_one_whose_wait_begins_anew_is_woken_later(clock: Clock, timeouts: Timeouts) -> None:
    """Also when that happens in the moment in which it would have been woken."""
    second = Sleeper(clock, timeouts)

    def again() -> None:
        second.wake()
        second.sleep(5.0)

    first = Sleeper(clock, timeouts, again)
    first.sleep(5.0)
    second.sleep(5.0)
    clock.advance(20)
    assert second.woken == [10.0]


def test_an_error_of_one_does_not_keep_the_others_waiting(clock: Clock, timeouts: Timeouts) -> None:
    """They are woken all the same."""

    def fail() -> None:
        raise RuntimeError("one of them")

    first, second = Sleeper(clock, timeouts, fail), Sleeper(clock, timeouts)
    first.sleep(5.0)
    second.sleep(5.0)
    with pytest.raises(RuntimeError):
        clock.advance(5.0)
    clock.advance(1.0)
    assert second.woken == [5.0]


def test_times_that_are_used_once_are_not_remembered(clock: Clock, timeouts: Timeouts) -> None:
    """An application may make one up for every connection."""
    for number in range(1, 1000):
        sleeper = Sleeper(clock, timeouts)
        sleeper.sleep(number / 7)
        sleeper.wake()
    assert len(timeouts._queues) < 20
