"""Ending all connections of a server together, by a deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wsframework._core.closure import Cause
from wsframework._core.constants import State

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketServerProtocol

__all__ = ["Shutdown", "ShutdownResult"]

# How many goodbyes are said before other work has its turn.
_BATCH: Final = 250


@dataclass(frozen=True, slots=True)
class ShutdownResult:
    """How many connections ended before the deadline (`closed`, clean or not) and how many were `aborted` at it."""

    closed: int
    aborted: int


class Shutdown:
    """One shutdown in progress.

    `later(seconds, function)` is the backend's timer, `new_future` and `resolve` make its later results.
    """

    def __init__(
        self,
        later: Callable[[float, Callable[[], None]], Any],
        new_future: Callable[[], Any],
        resolve: Callable[[Any, object], None],
    ) -> None:
        self._later = later
        self._new_future = new_future
        self._resolve = resolve
        self._result: ShutdownResult | None = None
        self._waiting: list[Any] = []
        self._left: set[WebSocketServerProtocol] = set()
        self._timers: list[Any] = []
        self._closed = 0
        self._aborted = 0
        self._aborting = False

    def begin(
        self,
        connections: Iterable[WebSocketServerProtocol],
        code: int,
        reason: str | None,
        deadline: float,
        spread: float,
    ) -> None:
        """Say goodbye in batches, evenly over `spread` seconds."""
        waiting = list(connections)
        self._left = set(waiting)
        if not waiting:
            self._finish()
            return
        self._timers.append(self._later(deadline, self._abort))
        if not spread:
            self._timers.append(self._later(0, partial(self._next_batch, waiting, code, reason)))
            return
        for index, protocol in enumerate(waiting):
            delay = spread * index / len(waiting)
            self._timers.append(self._later(delay, partial(_say_goodbye, [protocol], code, reason)))

    def wait(self) -> Any:
        """A later result of its own for each who waits: whoever gives up does not end the others' waiting."""
        future = self._new_future()
        if self._result is None:
            self._waiting.append(future)
        else:
            self._resolve(future, self._result)
        return future

    def _next_batch(self, waiting: list[WebSocketServerProtocol], code: int, reason: str | None) -> None:
        """Some goodbyes. The next timer is made now and not before: timers that are due together all run together, and
        the answers to the first goodbyes would only be read after the last, when their time is up."""
        _say_goodbye(waiting[:_BATCH], code, reason)
        rest = waiting[_BATCH:]
        if rest and self._left:
            self._timers.append(self._later(0, partial(self._next_batch, rest, code, reason)))

    def forget(self, protocol: WebSocketServerProtocol) -> None:
        """A connection has ended."""
        if protocol not in self._left:
            return
        self._left.discard(protocol)
        if self._aborting:
            self._aborted += 1
        else:
            self._closed += 1
        if not self._left:
            self._finish()

    def _abort(self) -> None:
        self._aborting = True
        for protocol in list(self._left):
            connection = protocol._connection
            assert connection is not None, "only connected protocols are remembered"
            connection.drop(Cause.DROPPED, "the server was shut down")

    def _finish(self) -> None:
        for timer in self._timers:
            if not hasattr(timer, "active") or timer.active():
                timer.cancel()
        self._timers.clear()
        self._result = ShutdownResult(self._closed, self._aborted)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            self._resolve(future, self._result)


def _say_goodbye(batch: Iterable[WebSocketServerProtocol], code: int, reason: str | None) -> None:
    for protocol in batch:
        connection = protocol._connection
        assert connection is not None, "only connected protocols are remembered"
        if connection.state is State.OPEN:
            connection.send_close(code, reason)
        elif connection.state is State.CONNECTING:
            connection.drop(Cause.DROPPED, "the server was shut down")
