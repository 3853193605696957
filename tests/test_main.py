"""`python -m wsframework`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import wsframework
from wsframework.cli.main import HINT
from wsframework.cli.versions import describe


def test_it_says_what_runs() -> None:
    """What I paste into a report."""
    found = subprocess.run(
        [sys.executable, "-m", "wsframework"], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout == f"{describe()}\n\n{HINT}\n"
    assert f"wsframework {wsframework.__version__} (" in found.stdout
    assert "\nzlib " in found.stdout


def test_pure_python_can_be_asked_for() -> None:
    """WSFRAMEWORK_PURE=1."""
    environment = {**os.environ, "WSFRAMEWORK_PURE": "1"}
    command = [sys.executable, "-m", "wsframework"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "(pure Python)" in found.stdout


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional library that I do not have is no error."""
    monkeypatch.setattr("wsframework.cli.versions._OTHERS", ("no-such-thing",))
    assert describe().endswith("no-such-thing is not installed")
