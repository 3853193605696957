"""Programs as processes: started, read line by line, ended as a user ends them."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeAlias

__all__ = ["BACKENDS", "EXAMPLES", "SECONDS", "Program", "Start"]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
BACKENDS = ["asyncio", "twisted"]
SECONDS = 30
"""How long a program may take for the next thing it does; none of them needs one."""

# Twisted leaves a file open for the end of the process, which Python then complains about.
_STRICT = ["-W", "error", "-W", "ignore:unclosed file:ResourceWarning"]


class Program:
    """A Python program in a process, in a folder that is not its own."""

    def __init__(self, path: Path, arguments: tuple[str, ...], folder: Path, strict: bool = True) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *(_STRICT if strict else ()), str(path), *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._output = _lines_of(self._process.stdout)
        self._errors = _lines_of(self._process.stderr)

    def line(self) -> str:
        """The next line that it prints, "" when it has ended."""
        return self._output.get(timeout=SECONDS)

    def line_with(self, text: str) -> str:
        """The next line that has `text` in it; others are passed over."""
        while text not in (line := self.line()):
            assert line, f"it ended without printing {text!r}: {self.errors()}"
        return line

    def url(self, text: str = "://") -> str:
        """What the next line with `text` ends with: the address where it serves."""
        return self.line_with(text).split()[-1]

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def exit_code(self) -> int:
        """Wait until it has ended."""
        return self._process.wait(SECONDS)

    def errors(self) -> str:
        """What it wrote to stderr until it ended."""
        lines = []
        while line := self._errors.get(timeout=SECONDS):
            lines.append(line)
        return "".join(lines)

    def stop(self) -> None:
        """Ctrl-C, which must end it in order and without a word on stderr."""
        self.interrupt()
        code, errors = self.exit_code(), self.errors()
        assert (code, errors) == (0, ""), errors

    def kill(self) -> None:
        """Make sure that it is gone."""
        self._process.kill()
        self._process.wait()


Start: TypeAlias = Callable[..., Program]
"""Starts the program at a path, with arguments, and ends it with the test. `strict=False`: warnings are no errors."""


def _lines_of(stream: IO[str] | None) -> queue.Queue[str]:
    """The lines of a pipe as they come, and "" at its end. A thread, so that a full pipe never stops the program."""
    assert stream is not None, "the process was made with pipes"
    lines: queue.Queue[str] = queue.Queue()

    def read(stream: IO[str]) -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put("")

    threading.Thread(target=read, args=(stream,), daemon=True).start()
    return lines
