"""Ctrl-C and SIGTERM while a loop or a reactor runs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from wsframework.cli.failures import Stopped

__all__ = ["Signals"]

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """`with Signals(stop)`: the first signal calls `stop`, another one ends the process on the spot.

    `stop` is called between any two steps of the main thread, so it may do nothing but tell the loop. For the same
    reason the second signal is left to the system: an exception could come up in the middle of anything.
    """

    def __init__(self, stop: Callable[[], object]) -> None:
        self._stop = stop
        self._before: dict[int, Any] = {}
        self.number = 0
        """The signal that came, 0 for none."""

    def __enter__(self) -> Signals:
        self._before = {number: signal.signal(number, self._caught) for number in _NUMBERS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """`Stopped` if a signal came: whatever a command that was cancelled ended with is its doing."""
        if self.number:
            raise Stopped(self.number)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        for each in _NUMBERS:
            signal.signal(each, signal.SIG_DFL)
        self._stop()
