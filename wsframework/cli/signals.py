"""Ctrl-C and SIGTERM while a loop or a reactor runs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

__all__ = ["Signals"]

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """`with Signals(stop)`: the first signal calls `stop`, once; another one ends the process as without all this.

    `stop` is called between any two steps of the main thread, so it may do nothing but tell the loop.
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
        self._restore()

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()
        self._stop()

    def _restore(self) -> None:
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, handler)
