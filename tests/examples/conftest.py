"""Starting programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.programs import Program, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program, in an empty folder."""
    programs: list[Program] = []

    def start_program(path: Path, *arguments: str, strict: bool = True) -> Program:
        programs.append(Program(path, arguments, tmp_path, strict))
        return programs[-1]

    yield start_program
    for program in programs:
        program.kill()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    # The clients here would ask a proxy for 127.0.0.1 where the environment names one.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
