"""One combination against the suite, from empty folder to verdicts."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.matrix import Combination
from tests.conformance.processes import listening_port, started, succeeded, tail
from tests.conformance.suite import HOST, LISTENING, ConformanceError, Suite
from tests.conformance.verdicts import Verdict, differences, read_report

__all__ = ["Outcome", "Trial"]

_ROOT = Path(__file__).parents[2]
_PROGRESS_SECONDS = 60.0
_CASE_BEGINS = "Running test case ID "


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out: verdicts, what is not as expected, and what the programs had to say besides."""

    found: Mapping[str, Verdict]
    differences: Mapping[str, str]
    complaints: Sequence[str]
    seconds: float

    @property
    def passed(self) -> bool:
        """Everything is as expected, and nobody complained."""
        return not (self.differences or self.complaints)


@dataclass(frozen=True, slots=True)
class Trial:
    """What to run, where it leaves everything, and after how many seconds it is given up."""

    suite: Suite
    package: str
    combination: Combination
    cases: Sequence[str]
    folder: Path
    timeout: float

    @property
    def reports(self) -> Path:
        """Where the suite writes its own reports."""
        return self.folder / "reports"

    async def outcome(self, expected: Mapping[str, Verdict]) -> Outcome:
        """Run it; what does not work is a complaint in the outcome."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        begin = time.monotonic()
        progress = asyncio.create_task(self._tell_progress())
        complaints = []
        try:
            async with asyncio.timeout(self.timeout):
                await (self._serve() if self.combination.role == "server" else self._connect())
        except TimeoutError:
            complaints = [f"not done after {self.timeout:g} seconds", *tail(self._suite_log, 5)]
        except ConformanceError as error:
            complaints = [str(error), *tail(self._suite_log)]
        finally:
            progress.cancel()
        complaints += self._errors()
        found = read_report(self.reports, self._agent)
        return Outcome(found, differences(self.cases, expected, found), complaints, time.monotonic() - begin)

    async def _serve(self) -> None:
        """Our server against the suite's fuzzing client."""
        async with self._testee("server") as testee:
            port = await listening_port(testee, self._log)
            spec = {"servers": [{"agent": self._agent, "url": f"ws://{HOST}:{port}"}]}
            async with self._fuzzer("fuzzingclient", spec) as fuzzer:
                await succeeded(fuzzer)
            if testee.returncode is not None:
                raise ConformanceError(f"our server ended with {testee.returncode}")

    async def _connect(self) -> None:
        """Our client against the suite's fuzzing server."""
        async with self._fuzzer("fuzzingserver", {"url": f"ws://{HOST}:0"}) as fuzzer:
            port = await listening_port(fuzzer, self._suite_log)
            async with self._testee("client", "--url", f"ws://{HOST}:{port}", "--agent", self._agent) as testee:
                await succeeded(testee)

    def _testee(self, role: str, *options: str) -> AbstractAsyncContextManager[Process]:
        command = [sys.executable, "-m", f"tests.conformance.testee_{role}", "--package", self.package]
        command += ["--backend", self.combination.backend, "--api", self.combination.api, *options]
        return started(command, _ROOT, self.combination.environment(), self._log)

    def _fuzzer(self, mode: str, spec: Mapping[str, object]) -> AbstractAsyncContextManager[Process]:
        path = self.folder / "spec.json"
        path.write_text(json.dumps({"outdir": str(self.reports), "cases": self.cases, **spec}))
        return started(self.suite.command(mode, path), self.folder, self.suite.environment, self._suite_log)

    async def _tell_progress(self) -> None:
        for minute in range(1, sys.maxsize):
            await asyncio.sleep(_PROGRESS_SECONDS)
            begun = self._suite_log.read_text(errors="replace").count(_CASE_BEGINS) if self._suite_log.exists() else 0
            elapsed = minute * _PROGRESS_SECONDS
            print(f"{self.combination}: case {begun} of {len(self.cases)} after {elapsed:.0f} s", flush=True)

    def _errors(self) -> list[str]:
        """What our program printed. Those on another package print what that package likes."""
        if self.package != "wsframework":
            return []
        return [line for line in tail(self._log) if LISTENING not in line]

    @property
    def _agent(self) -> str:
        return f"{self.package}-{self.combination}"

    @property
    def _log(self) -> Path:
        return self.folder / "testee.log"

    @property
    def _suite_log(self) -> Path:
        return self.folder / "wstest.log"
