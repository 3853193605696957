"""The load generator: how it is built, and how it is run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.processes import Core, Program, pinned

__all__ = ["CACHE", "Generator", "build"]

SOURCE = Path(__file__).with_name("load.c")
CACHE = Path(__file__).parents[1] / ".cache" / "bench"


def build(cache: Path = CACHE) -> Path:
    """Compile it, unless that was done already; the program. `RuntimeError` where it cannot be."""
    if sys.platform != "linux":
        raise RuntimeError("the load generator needs Linux: it uses epoll")
    source = SOURCE.read_bytes()
    program = cache / f"load-{hashlib.sha256(source).hexdigest()[:16]}"
    if program.exists():
        return program
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise RuntimeError("the load generator needs a C compiler, and there is no cc")
    cache.mkdir(parents=True, exist_ok=True)
    # Under another name first: who comes at the same time never sees half of a program.
    unfinished = program.with_suffix(f".{os.getpid()}")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(unfinished), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{compiler} could not build the load generator:\n{done.stderr}")
    unfinished.rename(program)
    return program


class Generator:
    """Runs the load generator on a core of its own."""

    def __init__(self, program: Path, core: Core) -> None:
        self._program = program
        self._core = core

    def measure(self, mode: str, port: int, *arguments: object, seconds: float = 1, warmup: float = 0.2) -> Any:
        """What it reports of one run. `RuntimeError` with its sentence when something was wrong."""
        times = ["--seconds", str(seconds), "--warmup", str(warmup)]
        command = [str(self._program), mode, "--port", str(port), *times, *map(str, arguments)]
        with pinned(self._core):
            # Far beyond its own patience of 15 seconds without a reply.
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + warmup + 60)
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"the load generator ended with status {done.returncode}")
        return json.loads(done.stdout)

    def hold(self, port: int, connections: int, *arguments: str) -> Program:
        """Hold idle connections until the program is ended; they are open when this returns."""
        numbers = ["--port", str(port), "--connections", str(connections)]
        program = Program([str(self._program), "hold", *numbers, *arguments], self._core)
        try:
            program.line()
        except BaseException:
            program.end()
            raise
        return program

    def serve(self, *arguments: str) -> Program:
        """An echo server, for clients; its first line is its port."""
        return Program([str(self._program), "serve", *arguments], self._core)
