"""Programs that a run starts end with it, and say where they listen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.conformance.processes import listening_port, started, succeeded, tail
from tests.conformance.suite import LISTENING, ConformanceError

SAY_AND_WAIT = f"import sys; print('warming up'); print('{LISTENING}4711', flush=True); sys.stdin.read()"


def command(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_a_program_is_gone_when_its_block_fails(tmp_path: Path) -> None:
    """Whatever goes wrong, nothing is left running on my machine."""

    seen: list[asyncio.subprocess.Process] = []

    async def run() -> None:
        async with started(command(SAY_AND_WAIT), tmp_path, os.environ, tmp_path / "log") as process:
            seen.append(process)
            await listening_port(process, tmp_path / "log")
            raise RuntimeError("something else went wrong")

    with pytest.raises(RuntimeError, match="something else"):
        asyncio.run(run())
    assert seen[0].returncode == -signal.SIGTERM


def test_a_program_is_gone_when_the_run_is_cancelled(tmp_path: Path) -> None:
    """Ctrl-C in the middle of the long form leaves nothing behind."""

    async def run() -> int | None:
        listens: asyncio.Future[asyncio.subprocess.Process] = asyncio.get_running_loop().create_future()

        async def wait_for_ever() -> None:
            async with started(command(SAY_AND_WAIT), tmp_path, os.environ, tmp_path / "log") as process:
                await listening_port(process, tmp_path / "log")
                listens.set_result(process)
                await process.wait()

        task = asyncio.create_task(wait_for_ever())
        process = await listens
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return process.returncode

    assert asyncio.run(run()) == -signal.SIGTERM


def test_the_port_is_what_the_server_says(tmp_path: Path) -> None:
    """No port is fixed or guessed: the server takes one that is free."""

    async def run() -> int:
        async with started(command(SAY_AND_WAIT), tmp_path, os.environ, tmp_path / "log") as process:
            return await listening_port(process, tmp_path / "log")

    assert asyncio.run(run()) == 4711


def test_a_server_that_ends_before_it_listens_is_told(tmp_path: Path) -> None:
    """A server that cannot even start fails the run at once."""

    async def run() -> None:
        async with started(command("raise SystemExit(3)"), tmp_path, os.environ, tmp_path / "log") as process:
            await listening_port(process, tmp_path / "log")

    with pytest.raises(ConformanceError, match="ended with 3 before it listened"):
        asyncio.run(run())


def test_a_program_that_fails_is_told(tmp_path: Path) -> None:
    """The exit status is looked at, and the log says why."""

    async def run() -> None:
        program = "print('first'); raise SystemExit('no such case')"
        async with started(command(program), tmp_path, os.environ, tmp_path / "its.log") as process:
            await succeeded(process)

    with pytest.raises(ConformanceError, match="ended with 1"):
        asyncio.run(run())
    assert tail(tmp_path / "its.log") == ["  its.log: first", "  its.log: no such case"]
    assert tail(tmp_path / "other.log") == []
