"""`wsframework.build`: compiled or pure, decided once and for all modules together."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import wsframework
from wsframework import build

PACKAGE = Path(wsframework.__file__).parent
SETUP = PACKAGE.parent / "setup.py"
REPORT = "from wsframework import build; print(build.COMPILED, build.pick('_leaf').__name__)"

needs_compiled = pytest.mark.skipif(
    not all(build.loads(f"{name}_c") for name in build.MODULES), reason="the extension modules are not built"
)


def report(folder: Path, **environment: str) -> str:
    """What a new process says that imports the package from `folder`; it must say nothing else."""
    clean = {name: value for name, value in os.environ.items() if name != "WSFRAMEWORK_PURE"}
    clean |= {"PYTHONPATH": str(folder), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", REPORT],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of the package as it is installed."""
    shutil.copytree(PACKAGE, tmp_path / "wsframework", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@needs_compiled
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "True wsframework._core._leaf_c"),
        ({"WSFRAMEWORK_PURE": ""}, "True wsframework._core._leaf_c"),
        ({"WSFRAMEWORK_PURE": "1"}, "False wsframework._core._leaf_py"),
        ({"WSFRAMEWORK_PURE": "0"}, "False wsframework._core._leaf_py"),
    ],
)
def test_what_is_built_is_used_unless_it_is_not_wanted(environment: dict[str, str], expected: str) -> None:
    """I set WSFRAMEWORK_PURE to anything, and no compiled code runs."""
    assert report(PACKAGE.parent, **environment) == expected


@pytest.mark.parametrize("damage", ["missing", "broken"])
@pytest.mark.parametrize("name", build.MODULES)
def test_one_module_that_does_not_load_makes_all_pure(copied: Path, name: str, damage: str) -> None:
    """A half-built package works, and never with a mixture of both builds."""
    place = copied.joinpath(*name.split("."))
    for file in place.parent.glob(f"{place.name}_c.*"):
        if file.suffix in {".so", ".pyd"}:
            file.unlink()
    if damage == "broken":
        place.with_name(f"{place.name}_c{EXTENSION_SUFFIXES[0]}").write_bytes(b"This is no library.")
    assert report(copied) == "False wsframework._core._leaf_py"


def test_each_module_has_its_python() -> None:
    """There is nothing that only the compiled build can do."""
    for name in build.MODULES:
        assert PACKAGE.parent.joinpath(*f"{name}_py".split(".")).with_suffix(".py").is_file(), name


@pytest.mark.skipif(not SETUP.is_file(), reason="the package is installed without its setup.py")
def test_what_setup_compiles_is_what_is_used() -> None:
    """A module that is entered in one place only would be built for nothing, or keep everything pure for ever."""
    found = [
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(SETUP.read_text("utf8")))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "SOURCES"
    ]
    assert [sorted(sources) for sources in found] == [sorted(f"{name}_c" for name in build.MODULES)]


@pytest.mark.slow
@pytest.mark.skipif(not SETUP.is_file(), reason="the package is installed without its setup.py")
def test_without_a_compiler_it_is_built_pure(tmp_path: Path) -> None:
    """I installed it on a machine that has none."""
    pytest.importorskip("Cython")
    root = PACKAGE.parent
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, tmp_path)
    shutil.copytree(root / "twisted", tmp_path / "twisted")
    shutil.copytree(PACKAGE, tmp_path / "wsframework", ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyd"))
    environment = {name: value for name, value in os.environ.items() if name != "WSFRAMEWORK_PURE"}
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=tmp_path,
        env={**environment, "CC": str(tmp_path / "no-compiler-here")},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stderr.count("building extension") == len(build.MODULES), done.stderr
    assert not list(tmp_path.rglob("*.so"))
