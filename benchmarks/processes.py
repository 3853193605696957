"""Programs that are measured or measure: starting them on their core, hearing from them, ending them."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Core", "Cores", "Program", "pinned"]

Core = int | None
"""The number of a core, or None for any."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Where what is measured runs, and where the other end does: two cores, where the machine has two."""

    measured: Core
    other: Core

    @classmethod
    def available(cls) -> Cores:
        """Of those that this process may use."""
        cores = sorted(os.sched_getaffinity(0))
        return cls(cores[0], cores[1]) if len(cores) > 1 else cls(None, None)

    def __str__(self) -> str:
        if self.measured is None:
            return "only one core: what is measured shares it with the load"
        return f"measured on core {self.measured}, load on core {self.other}"


@contextmanager
def pinned(core: Core) -> Iterator[None]:
    """What is started meanwhile runs on that core, with all its threads."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Program:
    """A process that ends with its standard input, and tells lines."""

    def __init__(
        self, command: Sequence[str], core: Core, environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        # A file and not a pipe: nobody reads it before the end, and a full pipe would stop the process.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # `end` closes it
        self._complaint = ""
        with pinned(core):
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )

    def line(self, patience: float = 30) -> str:
        """Its next line. `RuntimeError` when it ends instead. It is killed after `patience` seconds of silence."""
        assert self._process.stdout is not None, "it has a pipe"
        timer = threading.Timer(patience, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self.end()
            raise RuntimeError(self.complaint() or "the program ended without a word")
        return line.strip()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def memory(self) -> int:
        """Octets of it in RAM."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(self.complaint() or "the program has ended")

    def complaint(self) -> str:
        """The last line of its standard error."""
        if self._errors.closed:
            return self._complaint
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or [""])[-1]

    def has_ended(self) -> bool:
        """By itself."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End it and wait until it has. May be called again."""
        try:
            self._process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        except ValueError:
            # The pipes were closed before.
            return
        self._complaint = self.complaint()
        self._errors.close()
