"""Producers: objects that send as fast as the peer reads, on both backends.

The contract is Twisted's (`IPushProducer`, `IPullProducer`), without its interfaces: a push producer sends by itself
and is told `pauseProducing` and `resumeProducing`; a pull producer sends once for every `resumeProducing`. Both are
told `stopProducing` when the connection ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Production"]


class Production:
    """One producer at work on a connection.

    `later(seconds, function)` is the backend's timer; `guard(name, function)` calls what belongs to the application.
    """

    __slots__ = ("_guard", "_later", "_paused", "_timer", "producer", "streaming")

    def __init__(
        self,
        producer: Any,
        streaming: bool,
        later: Callable[[float, Callable[[], None]], Any],
        guard: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._guard = guard
        self.producer = producer
        self.streaming = streaming
        self._later = later
        self._paused = False
        self._timer: Any = None

    def begin(self, paused: bool) -> None:
        """Registered just now."""
        self._paused = paused
        if not self.streaming:
            self._pull()
        elif paused:
            self.producer.pauseProducing()

    def pause(self) -> None:
        """The peer does not keep up."""
        self._paused = True
        if self.streaming:
            self.producer.pauseProducing()

    def resume(self) -> None:
        """The peer has caught up."""
        self._paused = False
        if self.streaming:
            self.producer.resumeProducing()
        else:
            self._pull()

    def end(self) -> None:
        """Unregistered, or about to be told of the connection's end."""
        # It may be the producer itself that unregisters, while it is asked: that was the last time.
        self._paused = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pull(self) -> None:
        """Ask for more in the loop's next turn, so that others have theirs."""
        if not self._paused and self._timer is None:
            self._timer = self._later(0, self._ask)

    def _ask(self) -> None:
        self._timer = None
        if self._paused:
            return
        self._guard("a producer", self.producer.resumeProducing)
        self._pull()
