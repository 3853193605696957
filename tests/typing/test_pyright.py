"""What pyright tells users about their programs, in its basic and in its strict mode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.typing.checking import NAMES, RULES, SNIPPETS, Said, disagreements, said_of_type, user_path

PYRIGHT = Path(__file__).parents[1] / "interop" / "node" / "node_modules" / "pyright" / "index.js"
MODES = ("basic", "strict")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node"),
    pytest.mark.skipif(not PYRIGHT.is_file(), reason="pyright is not installed: npm install in tests/interop/node"),
]

# Only told in the strict mode.
STRICT = frozenset({"override"})


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[Said]]:
    """All that it says, by mode and program."""
    folder = tmp_path_factory.mktemp("pyright")
    project = folder / "project"
    for mode in MODES:
        shutil.copytree(SNIPPETS, project / mode)
    settings = {"typeCheckingMode": "basic", "strict": ["strict"]}
    (project / "pyrightconfig.json").write_text(json.dumps(settings), "utf8")
    done = subprocess.run(
        ["node", str(PYRIGHT), "--outputjson", "--pythonpath", sys.executable],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(user_path(folder / "site"))},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said = defaultdict(list)
    for entry in json.loads(done.stdout)["generalDiagnostics"]:
        path = Path(entry["file"])
        line = entry["range"]["start"]["line"] + 1
        said[path.parent.name, path.name].append(_said(line, entry))
    return said


def _said(line: int, entry: dict[str, str]) -> Said:
    """A note tells a type, anything else is wrong."""
    if entry["severity"] == "information":
        return said_of_type(line, entry["message"].rpartition('" is "')[2].removesuffix('"'))
    return Said(line, "error", entry.get("rule", entry["message"]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_program_has_the_types_that_its_comments_say(
    report: dict[tuple[str, str], list[Said]], name: str, mode: str
) -> None:
    """As with mypy; and in the strict mode nothing that I get is partly unknown."""
    wrong = disagreements(name, report[mode, name], RULES, () if mode == "strict" else STRICT)
    assert not wrong, "\n".join(["", *wrong])
