"""Processes of a run: started, waited for, and gone when the run is over, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from tests.conformance.suite import LISTENING, ConformanceError

__all__ = ["listening_port", "started", "succeeded", "tail"]

_START_SECONDS = 30.0
"""How long a process may take until it listens."""
_END_SECONDS = 10.0
"""How long it may take to end when it is asked to."""
_POLL_SECONDS = 0.05

_PORT = re.compile(rf"^{LISTENING}(\d+)$", re.MULTILINE)


@contextlib.asynccontextmanager
async def started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> AsyncIterator[Process]:
    """A process whose output goes to `log`, and which does not outlive the block.

    Nor does it outlive us, if it ends when its stdin does.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdin=PIPE, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        await _ended(process)


async def _ended(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def listening_port(process: Process, log: Path) -> int:
    """The port that a server says it listens on, as soon as it says so."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not (said := _PORT.search(log.read_text(errors="replace"))):
                if process.returncode is not None:
                    raise ConformanceError(f"the process ended with {process.returncode} before it listened")
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise ConformanceError(f"the process does not listen after {_START_SECONDS:g} seconds") from None
    return int(said[1])


async def succeeded(process: Process) -> None:
    """Return when the process has ended well."""
    status = await process.wait()
    if status != 0:
        raise ConformanceError(f"the process ended with {status}")


def tail(log: Path, lines: int = 30) -> list[str]:
    """The end of what a process has printed, each line with the name of its log."""
    if not log.exists():
        return []
    return [f"  {log.name}: {line[:200]}" for line in log.read_text(errors="replace").splitlines()[-lines:]]
