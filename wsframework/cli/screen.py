"""What `connect` shows. Messages go to stdout, all else to stderr, so that a pipe gets messages alone.

What a server chose is never written as it came: characters that steer a terminal, or turn the direction of writing, are
escaped. On a terminal a message stands behind `<`, its further lines indented, so that none can pass for another; in a
pipe a message is one line.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final, TextIO

from wsframework._core.constants import CloseCode
from wsframework.cli.failures import OutputGone
from wsframework.cli.findings import printable

__all__ = ["DISPLAYS", "Screen", "close_name", "octets"]

DISPLAYS: Final = ("hex", "base64", "utf8")
"""How binary messages can be shown."""

# Characters of a message that are shown on a terminal. Longer ones are for pipes.
_LONGEST: Final = 4000
_DIM, _GREEN, _RED, _BOLD = "2", "32", "31", "1"


class Screen:
    """Writes; `is_terminal` says that somebody looks at stdout."""

    def __init__(self, *, binary: str = "hex", pretty: bool = False) -> None:
        self._binary = binary
        self._pretty = pretty
        self._begun = perf_counter()
        self.is_terminal = sys.stdout.isatty()
        plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
        self._is_colored = not plain and sys.stderr.isatty()

    def message(self, message: str | bytes) -> None:
        """A message that came."""
        lines = self._lines(message)
        if not self.is_terminal:
            _write(sys.stdout, "\n".join(lines))
            return
        mark = self._paint(_GREEN, "<")
        size = self._paint(_DIM, f"[{octets(len(message))}] ") if isinstance(message, bytes) else ""
        _write(sys.stdout, f"{mark} {size}" + "\n  ".join(lines))

    def note(self, text: str) -> None:
        """Something about the connection; of one or more lines, safe already."""
        _write(sys.stderr, self._paint(_DIM, text))

    def title(self, text: str) -> None:
        """The beginning or the end."""
        _write(sys.stderr, self._paint(_BOLD, text))

    def end_line(self) -> None:
        """What the terminal has echoed stands on a line of its own."""
        _write(sys.stderr, "")

    def problem(self, text: str) -> None:
        """What did not work."""
        _write(sys.stderr, self._paint(_RED, f"! {printable(text)}"))

    def frame(self, direction: str, name: str, detail: str = "") -> None:
        """A control frame, with the seconds since the connection was open."""
        passed = perf_counter() - self._begun
        self.note(f"{passed:9.3f} {direction} {name} {printable(detail)}".rstrip())

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and what belongs to them, whoever chose it."""
        width = min(max(len(name) for name, _ in rows), 24) if rows else 0
        self.note("\n".join(f"  {printable(name):<{width}}  {printable(value)}" for name, value in rows))

    def start_clock(self) -> None:
        """The connection is open: the times of frames count from now."""
        self._begun = perf_counter()

    def _lines(self, message: str | bytes) -> list[str]:
        if self._pretty and (found := _pretty(message)) is not None:
            return [printable(line) for line in self._cut(found).split("\n")]
        if isinstance(message, bytes):
            return [self._octets(message)]
        if not self.is_terminal:
            return [printable(message)]
        return [printable(line) for line in self._cut(message).split("\n")]

    def _octets(self, message: bytes) -> str:
        if self._binary == "utf8":
            text = message.decode("utf-8", "backslashreplace")
            return printable(self._cut(text))
        if self._binary == "base64":
            return self._cut(base64.b64encode(message).decode("ascii"))
        return self._cut(message.hex(" "))

    def _cut(self, text: str) -> str:
        if not self.is_terminal or len(text) <= _LONGEST:
            return text
        return f"{text[:_LONGEST]} ... {len(text) - _LONGEST:,} more characters"

    def _paint(self, style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._is_colored else text


def octets(size: int) -> str:
    """A size in words."""
    return "1 octet" if size == 1 else f"{size:,} octets"


def close_name(code: int) -> str:
    """What a close code is called."""
    try:
        return CloseCode(code).name.lower().replace("_", " ")
    except ValueError:
        return "of the application" if code >= 4000 else "registered by somebody"


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        raise OutputGone from None


def _pretty(message: str | bytes) -> str | None:
    """JSON with indents, None for what is no JSON."""
    try:
        value: Any = json.loads(message)
        return json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return None
