"""Ending all connections together, with a fake clock and connections that only count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsframework._core.constants import State
from wsframework.websocket.shutdown import Shutdown, ShutdownResult


class FakeClock:
    """Timers that run when told to: all together that are due at a time, as loops and reactors do."""

    def __init__(self) -> None:
        self._timers: list[FakeTimer] = []

    def later(self, seconds: float, function: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(seconds, function)
        self._timers.append(timer)
        return timer

    def turn(self) -> None:
        """One turn of the loop, in which no time passes."""
        due = [timer for timer in self._timers if not timer.seconds]
        self._timers = [timer for timer in self._timers if timer.seconds]
        for timer in due:
            timer.function()


class FakeTimer:
    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self.seconds = seconds
        self.function = function

    def cancel(self) -> None:
        self.function = lambda: None


class FakeConnection:
    state = State.OPEN
    goodbyes = 0

    def send_close(self, code: int, reason: str | None) -> None:
        self.goodbyes += 1


class FakeProtocol:
    def __init__(self) -> None:
        self._connection = FakeConnection()


def test_answers_can_be_read_between_two_batches_of_goodbyes() -> None:
    """10,000 clients answer at once, but we are still talking: their closeHandshakeTimeout must not pass meanwhile."""
    clock = FakeClock()
    results: list[object] = []
    protocols: list[Any] = [FakeProtocol() for _ in range(600)]
    shutdown = Shutdown(clock.later, object, lambda _, result: results.append(result))
    shutdown.wait()
    shutdown.begin(protocols, 1001, None, 5.0, 0.0)
    said = []
    for _ in range(4):
        clock.turn()
        said.append(sum(protocol._connection.goodbyes for protocol in protocols))
    assert said == [250, 500, 600, 600]
    for protocol in protocols:
        shutdown.forget(protocol)
    assert results == [ShutdownResult(600, 0)]


def test_who_waits_has_a_result_of_his_own() -> None:
    """A timeout of mine cancelled what the others were waiting for."""
    clock = FakeClock()
    results: dict[object, object] = {}
    protocol: Any = FakeProtocol()
    shutdown = Shutdown(clock.later, object, results.__setitem__)
    first, second = shutdown.wait(), shutdown.wait()
    shutdown.begin([protocol], 1001, None, 5.0, 0.0)
    shutdown.forget(protocol)
    late = shutdown.wait()
    assert first is not second
    assert results == dict.fromkeys((first, second, late), ShutdownResult(1, 0))
