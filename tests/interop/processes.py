"""Programs that tests start: how to talk to them, and how much memory they take."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Program", "file_limit", "raise_file_limit", "running"]

ROOT = Path(__file__).parents[2]


class Program:
    """A module of this package that runs as a program and reports in lines of JSON."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.interop.{module}", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, line: str) -> None:
        """Give it a line."""
        assert self._process.stdin is not None, "it has a pipe"
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def report(self, patience: float = 60) -> dict[str, Any]:
        """Its next line. One that says nothing for so many seconds is killed, and the test fails."""
        assert self._process.stdout is not None, "it has a pipe"
        timer = threading.Timer(patience, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        assert line, f"the program has ended, or said nothing for {patience} seconds"
        report: dict[str, Any] = json.loads(line)
        return report

    def memory(self) -> int:
        """Octets in RAM, as Linux counts them."""
        return self._status("VmRSS")

    def peak_memory(self) -> int:
        """The most that it ever had."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the program has ended")

    def end(self) -> int:
        """Close its input, which asks it to end; its exit status."""
        try:
            # Waits and closes the pipes.
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        return self._process.returncode


@contextmanager
def running(module: str, *arguments: str) -> Iterator[Program]:
    """A program that ends in order, unless the test fails first."""
    program = Program(module, *arguments)
    try:
        yield program
    except BaseException:
        program.end()
        raise
    assert program.end() == 0


def file_limit() -> int:
    """How many files a process may have open, if it asks."""
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def raise_file_limit() -> None:
    """Ask for that many."""
    import resource

    hard = file_limit()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
