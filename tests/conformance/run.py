"""Runs Autobahn|Testsuite against our echo server and our echo client, on both backends.

The suite is a program for Python 2.7 and runs under one, as a process of its own; everything else here is Python 3. A
machine without a Python 2.7 is told so, and nothing fails. The suite is installed once, into the cache folder.

A run passes when every case that was asked for has a result and every result is OK, or INFORMATIONAL where the suite
has no opinion; NON-STRICT is a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
SUITE = "autobahntestsuite==25.10.1"
CASES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")
PASSING = frozenset({"OK", "INFORMATIONAL"})
START_SECONDS = 20.0
"""How long a process may take until it listens."""

# The suite's server listens on all interfaces and has no option for it; nobody else needs to reach it. (Python 2.)
_RUN_LOCALLY = f"""
import runpy, sys
from twisted.internet.posixbase import PosixReactorBase
listen = PosixReactorBase.listenTCP
PosixReactorBase.listenTCP = lambda self, port, factory, backlog=50, interface="": listen(
    self, port, factory, backlog, "{HOST}")
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

_LIST_CASES = """
import json, sys
from autobahntestsuite.caseset import CaseSet
from autobahntestsuite.case import CaseBasename, CaseCategories, Cases, CaseSetname, CaseSubCategories
cases = CaseSet(CaseSetname, CaseBasename, Cases, CaseCategories, CaseSubCategories)
print(json.dumps(cases.parseSpecCases({"cases": sys.argv[1:]})))
"""


class ConformanceError(Exception):
    """The run itself did not work: a process died, did not listen, or took too long."""


@dataclass(frozen=True, slots=True)
class Suite:
    """An installed Autobahn|Testsuite and the Python 2.7 that runs it."""

    python: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the suite's processes alone: Python 3 must not see this folder."""
        return {**os.environ, "PYTHONPATH": str(self.folder)}

    def command(self, mode: str, spec: Path) -> list[str]:
        """The command line of `wstest` in one of its modes; without its own web server on a fixed port."""
        wstest = self.folder / "bin" / "wstest"
        return [self.python, "-c", _RUN_LOCALLY, str(wstest), "--mode", mode, "--spec", str(spec), "--webport", "0"]

    def case_ids(self, patterns: Sequence[str]) -> list[str]:
        """The cases that the patterns stand for, asked from the suite itself."""
        command = [self.python, "-c", _LIST_CASES, *patterns]
        found = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=True)
        ids: list[str] = json.loads(found.stdout)
        return ids


@dataclass(frozen=True, slots=True)
class Run:
    """One of our programs against the suite: a role on a backend, with a folder for everything it leaves."""

    package: str
    backend: str
    role: str
    folder: Path
    timeout: float

    @property
    def agent(self) -> str:
        return f"{self.package}-{self.backend}-{self.role}"

    def testee(self, *options: str) -> list[str]:
        """The command line of our program."""
        program = HERE / f"testee_{self.role}.py"
        return [sys.executable, str(program), "--package", self.package, "--backend", self.backend, *options]

    def write_spec(self, **spec: object) -> Path:
        path = self.folder / "spec.json"
        path.write_text(json.dumps({"outdir": str(self.folder / "reports"), **spec}))
        return path


def find_python27() -> str | None:
    """A Python 2.7 that runs: `PYTHON27`, else `python2.7` on PATH, else one of pyenv's versions."""
    named = os.environ.get("PYTHON27")
    if named:
        if not _is_python27(named):
            raise ConformanceError(f"PYTHON27={named} is no Python 2.7")
        return named
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    # A name on PATH proves nothing: pyenv puts one there for versions that are not switched on.
    candidates = [shutil.which("python2.7"), *sorted(glob.glob(f"{root}/versions/2.7*/bin/python2.7"))]
    return next((path for path in candidates if path and _is_python27(path)), None)


def _is_python27(path: str) -> bool:
    question = [path, "-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(question, capture_output=True, timeout=30, check=False).returncode == 0
    return False


def install_suite(python: str, folder: Path) -> Suite:
    """Install the suite, unless this version is there from an earlier run."""
    stamp = folder / ".installed"
    if not (stamp.exists() and stamp.read_text() == SUITE):
        print(f"Installing {SUITE} into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [python, "-m", "pip", "install", "--quiet", "--target", str(folder), SUITE]
        # Run in the folder: pip would take a package in the current one for installed.
        subprocess.run(command, check=True, timeout=600, stdout=sys.stderr, cwd=folder)
        # zope is a namespace package by way of a .pth file, which a folder on PYTHONPATH does not get.
        (folder / "zope" / "__init__.py").touch()
        stamp.write_text(SUITE)
    return Suite(python, folder)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def started(
    command: list[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output goes to `log`, and which does not outlive the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when somebody answers on the port."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ConformanceError(f"the process ended with {process.returncode} before it listened")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)
    raise ConformanceError(f"nobody listens on port {port} after {START_SECONDS:g} seconds")


def wait_until_done(process: subprocess.Popen[bytes], timeout: float) -> None:
    """Return when the process has ended well."""
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise ConformanceError(f"not done after {timeout:g} seconds") from None
    if status != 0:
        raise ConformanceError(f"the process ended with {status}")


def run_server(suite: Suite, run: Run, cases: list[str]) -> None:
    """Our server against the suite's fuzzing client."""
    port = free_port()
    target = {"agent": run.agent, "url": f"ws://{HOST}:{port}"}
    spec = run.write_spec(servers=[target], cases=cases)
    with started(run.testee("--port", str(port)), run.folder / "testee.log") as testee:
        wait_until_listening(testee, port)
        command = suite.command("fuzzingclient", spec)
        with started(command, run.folder / "wstest.log", suite.environment) as fuzzer:
            wait_until_done(fuzzer, run.timeout)
        if testee.poll() is not None:
            raise ConformanceError(f"our server ended with {testee.returncode}")


def run_client(suite: Suite, run: Run, cases: list[str]) -> None:
    """Our client against the suite's fuzzing server."""
    port = free_port()
    url = f"ws://{HOST}:{port}"
    spec = run.write_spec(url=url, cases=cases)
    command = suite.command("fuzzingserver", spec)
    with started(command, run.folder / "wstest.log", suite.environment) as fuzzer:
        wait_until_listening(fuzzer, port)
        with started(run.testee("--url", url, "--agent", run.agent), run.folder / "testee.log") as testee:
            wait_until_done(testee, run.timeout)


def failures(run: Run, cases: list[str]) -> list[str]:
    """A line for each case that has no passing result; prints the run's row of the table."""
    index = run.folder / "reports" / "index.json"
    if not index.exists():
        return [f"{run.agent}: the suite wrote no report"]
    results: dict[str, dict[str, str]] = json.loads(index.read_text()).get(run.agent, {})
    for name in ("behavior", "behaviorClose"):
        counts = Counter(result[name] for result in results.values())
        row = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items(), reverse=True))
        print(f"{run.agent:<32} {name:<14} {row}", flush=True)
    bad = [
        f"{run.agent} case {case}: {result['behavior']}, close {result['behaviorClose']}: "
        f"{index.parent / result['reportfile']}"
        for case, result in results.items()
        if not {result["behavior"], result["behaviorClose"]} <= PASSING
    ]
    return bad + [f"{run.agent} case {case}: no result" for case in cases if case not in results]


def execute(suite: Suite, run: Run, cases: list[str]) -> list[str]:
    """Do one run and return its failures."""
    shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True)
    begin = time.monotonic()
    try:
        (run_server if run.role == "server" else run_client)(suite, run, cases)
    except ConformanceError as error:
        return [f"{run.agent}: {error}", *failures(run, cases), *_tail(run.folder / "wstest.log")]
    finally:
        # Our programs print nothing but errors.
        for line in _tail(run.folder / "testee.log"):
            print(line, file=sys.stderr, flush=True)
    found = failures(run, cases)
    print(f"{run.agent:<32} {len(cases)} cases in {time.monotonic() - begin:.0f} s", flush=True)
    return found


def _tail(log: Path, lines: int = 30) -> list[str]:
    if not log.exists():
        return []
    return [f"  {log.name}: {line[:200]}" for line in log.read_text(errors="replace").splitlines()[-lines:]]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=["twisted", "asyncio"], help="one backend only")
    parser.add_argument("--role", choices=["server", "client"], help="one role only")
    parser.add_argument("--cases", nargs="+", default=list(CASES), metavar="PATTERN", help="for example 7.* 10.1.1")
    parser.add_argument("--package", default="wsframework", help="the package under test")
    parser.add_argument("--cache", type=Path, default=HERE.parent.parent / ".cache", help="folder for everything made")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds for one role on one backend")
    return parser.parse_args()


def main() -> int:
    args = parse_arguments()
    python = find_python27()
    if python is None:
        print("conformance: skipped. Autobahn|Testsuite needs a Python 2.7 and none was found:")
        print("put python2.7 on PATH, or name it in the variable PYTHON27.")
        return 0
    cache: Path = args.cache.resolve()
    suite = install_suite(python, cache / "wstest")
    cases = suite.case_ids(args.cases)
    if not cases:
        raise ConformanceError(f"no case matches {' '.join(args.cases)}")
    problems: list[str] = []
    for backend in [args.backend] if args.backend else ["twisted", "asyncio"]:
        for role in [args.role] if args.role else ["server", "client"]:
            folder = cache / "conformance" / f"{args.package}-{backend}-{role}"
            problems += execute(suite, Run(args.package, backend, role, folder, args.timeout), cases)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"conformance: {'FAILED' if problems else 'passed'}, {len(cases)} cases of each")
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ConformanceError, subprocess.SubprocessError) as error:
        sys.exit(f"conformance: {error}")
