"""What mypy, in its strict mode, tells users about their programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec

import pytest

from tests.typing.checking import NAMES, SNIPPETS, Said, disagreements, said_of_type, user_path

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")]

REVEALED = 'Revealed type is "'


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Said]]:
    """All that it says, by program. Users have neither our settings nor our plugins."""
    folder = tmp_path_factory.mktemp("mypy")
    arguments = ["--strict", "--config-file=", f"--cache-dir={folder / 'cache'}", "--output=json", "."]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments],
        cwd=SNIPPETS,
        env={**os.environ, "PYTHONPATH": str(user_path(folder / "site"))},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    said = defaultdict(list)
    for entry in map(json.loads, done.stdout.splitlines()):
        message, line = entry["message"], entry["line"]
        if message.startswith(REVEALED):
            said[entry["file"]].append(said_of_type(line, message.removeprefix(REVEALED).removesuffix('"')))
        elif entry["severity"] == "error":
            said[entry["file"]].append(Said(line, "error", entry["code"]))
    return said


@pytest.mark.parametrize("name", NAMES)
def test_program_has_the_types_that_its_comments_say(report: dict[str, list[Said]], name: str) -> None:
    """My editor knows what I get, and what I do wrong is underlined; nothing else is."""
    wrong = disagreements(name, report[name])
    assert not wrong, "\n".join(["", *wrong])
