"""What the backends, and Python's own loops, log while a scenario runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

__all__ = ["Logged", "watching"]

_LEVELS = {LogLevel.warn: logging.WARNING, LogLevel.error: logging.ERROR, LogLevel.critical: logging.CRITICAL}


@dataclass
class Logged:
    """`errors` are exceptions logged with their traceback, and the texts of errors without one; `texts` are all lines
    from warnings up."""

    errors: list[BaseException | str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def note(self, level: int, text: str, error: BaseException | None) -> None:
        """A line of at least a warning."""
        self.texts.append(text)
        if error is not None:
            self.errors.append(error)
        elif level >= logging.ERROR:
            self.errors.append(text)

    def take_errors(self) -> list[type]:
        """The types of the errors so far, which are asked for herewith."""
        taken, self.errors = self.errors, []
        return [type(error) for error in taken]


class _Lines(logging.Handler):
    def __init__(self, logged: Logged) -> None:
        super().__init__(logging.WARNING)
        self._logged = logged

    def emit(self, record: logging.LogRecord) -> None:
        self._logged.note(record.levelno, record.getMessage(), record.exc_info[1] if record.exc_info else None)


@contextmanager
def watching() -> Iterator[Logged]:
    """Both ways of logging, as long as the context lasts."""
    logged = Logged()
    lines = _Lines(logged)

    def observe(event: LogEvent) -> None:
        level = _LEVELS.get(event.get("log_level"))
        if level is not None:
            failure = event.get("log_failure")
            logged.note(level, formatEvent(event), None if failure is None else failure.value)

    logging.getLogger().addHandler(lines)
    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    try:
        yield logged
    finally:
        globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]
        logging.getLogger().removeHandler(lines)
