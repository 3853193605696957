"""Autobahn|Testsuite: the program that judges us. It is for Python 2.7 and runs under one, as a process of its own."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HOST", "LISTENING", "ConformanceError", "Suite", "find_python27", "install_suite"]

HOST = "127.0.0.1"
LISTENING = "listening on port "
"""What a server of either side prints, with its number behind, when it can be connected to."""

_VERSION = "25.10.1"
_REQUIREMENT = f"autobahntestsuite=={_VERSION}"

# What the suite's program lacks: to listen where nobody else can reach it, to say on which port, and to end with the
# process that started it. (Python 2.)
_RUN = f"""
import os, runpy, sys, threading
from twisted.internet.posixbase import PosixReactorBase

def end_with_stdin():
    sys.stdin.read()
    os._exit(1)

def listen_here(self, port, factory, backlog=50, interface=""):
    listening = listen(self, port, factory, backlog, "{HOST}")
    print("{LISTENING}%d" % listening.getHost().port)
    return listening

listen = PosixReactorBase.listenTCP
PosixReactorBase.listenTCP = listen_here
watch = threading.Thread(target=end_with_stdin)
watch.daemon = True
watch.start()
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

_LIST_CASES = """
import json, sys
from autobahntestsuite.caseset import CaseSet
from autobahntestsuite.case import CaseBasename, CaseCategories, Cases, CaseSetname, CaseSubCategories
cases = CaseSet(CaseSetname, CaseBasename, Cases, CaseCategories, CaseSubCategories)
print(json.dumps([case for case in cases.parseSpecCases({"cases": sys.argv[1:]}) if case in cases.CasesById]))
"""

_VERSION_OF_PYTHON = "import platform; print(platform.python_version())"


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
        return [self.python, "-u", "-c", _RUN, str(wstest), "--mode", mode, "--spec", str(spec), "--webport", "0"]

    def case_ids(self, patterns: Sequence[str]) -> list[str]:
        """The cases that the patterns stand for, asked from the suite itself."""
        ids: list[str] = json.loads(self._ask(_LIST_CASES, *patterns))
        return ids

    def version(self) -> str:
        """Its version, and that of its Python."""
        return f"{_VERSION} on Python {self._ask(_VERSION_OF_PYTHON).strip()}"

    def _ask(self, program: str, *arguments: str) -> str:
        command = [self.python, "-c", program, *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout


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
    if not (stamp.exists() and stamp.read_text() == _REQUIREMENT):
        print(f"Installing {_REQUIREMENT} into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [python, "-m", "pip", "install", "--quiet", "--target", str(folder), _REQUIREMENT]
        # Run in the folder: pip would take a package in the current one for installed.
        subprocess.run(command, check=True, timeout=600, stdout=sys.stderr, cwd=folder)
        # zope is a namespace package by way of a .pth file, which a folder on PYTHONPATH does not get.
        (folder / "zope" / "__init__.py").touch()
        stamp.write_text(_REQUIREMENT)
    return Suite(python, folder)
