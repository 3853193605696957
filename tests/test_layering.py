"""The layers of the house: who may import whom. Held on the source, so that no import hides in a function."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import wsframework

ROOT = Path(wsframework.__file__).parent
# Bottom up. A layer may import itself and what is named here; of other packages the named ones only.
NEUTRAL = {"_core", "build", "exceptions", "options"}
OURS: dict[str, set[str]] = {
    "": {"build", "exceptions"},
    "__main__": {""},
    "build": set(),
    "exceptions": set(),
    "exception": {"exceptions"},
    "options": set(),
    "_core": {"build", "exceptions", "options"},
    "websocket": NEUTRAL,
    "twisted": NEUTRAL | {"websocket"},
    "asyncio": NEUTRAL | {"websocket"},
    "testing": NEUTRAL | {"websocket"},
    "cli": NEUTRAL | {"", "websocket", "asyncio", "twisted"},
}
# A module named testing in a backend is that backend's part of the testing kit.
TESTING_MODULES = {"twisted.testing", "asyncio.testing"}
OTHERS: dict[str, set[str]] = {
    "": set(),
    "__main__": set(),
    "build": set(),
    "exceptions": set(),
    "exception": set(),
    "options": set(),
    "_core": set(),
    "websocket": {"zope"},
    "twisted": {"twisted", "txaio", "zope"},
    "asyncio": {"txaio", "zope"},
    "testing": set(),
    "cli": {"OpenSSL", "prompt_toolkit", "rich", "twisted", "zope"},
}
# What the layers without a framework do not touch: input and output, clocks, logs. The core is given its randomness.
NO_IO = {"asyncio", "logging", "select", "selectors", "signal", "socket", "ssl", "subprocess", "threading", "time"}
FORBIDDEN: dict[str, set[str]] = {
    "": NO_IO,
    "__main__": NO_IO,
    "build": NO_IO,
    "exceptions": NO_IO,
    "exception": NO_IO,
    "options": NO_IO,
    "_core": NO_IO | {"random", "secrets"},
    # A lock for what other threads hand in is no I/O.
    "websocket": NO_IO - {"threading"},
    "twisted": {"asyncio"},
    "asyncio": set(),
    "testing": NO_IO,
    "cli": set(),
}


@dataclass(frozen=True)
class Import:
    """One import statement's target, absolute and dotted."""

    module: str
    target: str
    line: int

    @property
    def layer(self) -> str:
        return layer_of(self.module)

    def __str__(self) -> str:
        return f"wsframework.{self.module}:{self.line} imports {self.target}".replace("wsframework.:", "wsframework:")


def layer_of(module: str) -> str:
    """The first part of a name inside of wsframework."""
    return module.partition(".")[0]


def module_of(path: Path) -> str:
    """The name inside of wsframework, "" for wsframework itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {module_of(path): ast.parse(path.read_text("utf8")) for path in sorted(ROOT.rglob("*.py"))}


def targets(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: a relative import"
        assert node.module is not None
        # `from wsframework import x` may import a module x.
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from names if node.module == "wsframework" else [node.module]


IMPORTS = [
    Import(module, target, node.lineno)
    for module, tree in SOURCES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.Import | ast.ImportFrom)
    for target in targets(node)
]


def test_every_module_has_a_layer() -> None:
    """A new package is entered here first."""
    assert {layer_of(module) for module in SOURCES} - {"__main__"} <= set(OURS)
    assert {"_core.connection", "websocket.protocol", "twisted.websocket", "asyncio.websocket"} <= set(SOURCES)


def test_imports_go_downwards_only() -> None:
    """Backends know the core, never the other way round, and never each other."""
    wrong = []
    for entry in IMPORTS:
        package, _, name = entry.target.partition(".")
        if package != "wsframework" or entry.layer == "__main__":
            continue
        allowed = OURS[entry.layer] | {entry.layer}
        if entry.module in TESTING_MODULES:
            allowed |= {"testing"}
        # What is no module is a name of the package itself.
        layer = layer_of(name) if layer_of(name) in OURS else ""
        if layer not in allowed:
            wrong.append(str(entry))
    assert wrong == []


def test_layers_use_only_the_packages_they_may() -> None:
    """zope.interface in the public layer, a framework in its own backend, nothing in the core."""
    wrong = []
    for entry in IMPORTS:
        package = entry.target.partition(".")[0]
        if package in sys.stdlib_module_names or package == "wsframework" or entry.layer == "__main__":
            continue
        if package not in OTHERS[entry.layer]:
            wrong.append(str(entry))
    assert wrong == []


def typing_only(module: str) -> set[int]:
    """The lines of imports that only a type checker sees."""
    return {
        node.lineno
        for block in ast.walk(SOURCES[module])
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }


def test_layers_without_a_framework_do_no_io() -> None:
    """No sockets, no clock, no logger below the backends, also not inside of a function."""
    wrong = [
        str(entry)
        for entry in IMPORTS
        if entry.layer != "__main__"
        and entry.target.partition(".")[0] in FORBIDDEN[entry.layer]
        and entry.line not in typing_only(entry.module)
    ]
    assert wrong == []


def test_nobody_chooses_a_framework_for_the_process() -> None:
    """txaio's global choice would break programs that use both backends."""
    wrong = [
        f"wsframework.{module}:{node.lineno}"
        for module, tree in SOURCES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("use_twisted", "use_asyncio"))
        or (isinstance(node, ast.alias) and node.name in ("use_twisted", "use_asyncio"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("wsframework", "asyncio twisted logging socket zope"),
        ("wsframework.exceptions wsframework.exception wsframework.options", "asyncio twisted logging socket"),
        (
            "wsframework.websocket wsframework.websocket.factory wsframework.testing",
            "asyncio twisted wsframework.twisted",
        ),
        ("wsframework.asyncio wsframework.asyncio.testing", "twisted wsframework.twisted"),
        ("wsframework.twisted wsframework.twisted.testing", "wsframework.asyncio twisted.internet.reactor"),
        ("wsframework.cli.main", "asyncio twisted rich prompt_toolkit wsframework.asyncio wsframework.twisted"),
        ("wsframework.cli.check", "twisted rich prompt_toolkit wsframework.twisted"),
    ],
)
def test_importing_one_thing_does_not_bring_another(modules: str, absent: str) -> None:
    """`import wsframework` needs no framework installed; importing the Twisted backend installs no reactor."""
    program = (
        "import importlib, sys\n"
        f"for name in {modules.split()!r}: importlib.import_module(name)\n"
        f"print(*(name for name in {absent.split()!r} if name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
