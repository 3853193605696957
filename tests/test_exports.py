"""What can be imported: `__all__` of every public module, and the second name of the errors."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import wsframework
import wsframework.exception
import wsframework.exceptions

PUBLIC = [
    "wsframework",
    *(
        found.name
        for found in pkgutil.walk_packages(wsframework.__path__, "wsframework.")
        if not any(part.startswith("_") for part in found.name.split("."))
    ),
]
# Used to write the table of options down, and by nobody else.
NOT_EXPORTED = {
    "wsframework.options": {
        "Acceptor",
        "Check",
        "Flag",
        "FlagOrNeither",
        "Offers",
        "Patterns",
        "PolicyText",
        "ProtocolVersions",
        "Seconds",
        "WholeNumber",
        "option",
    }
}


def load(name: str) -> tuple[ModuleType, list[str]]:
    module = importlib.import_module(name)
    return module, module.__all__


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest, each in the order of the alphabet."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_sorted_and_importable(name: str) -> None:
    """`from ... import *` gives what the module is for, and each name once."""
    module, exported = load(name)
    assert exported == sorted(set(exported), key=order)
    for entry in exported:
        assert hasattr(module, entry), entry


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_complete(name: str) -> None:
    """A public class or function of a module is in its `__all__`, or is called `_private`."""
    module, exported = load(name)
    defined = {
        node.name
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    }
    assert defined - set(exported) == NOT_EXPORTED.get(name, set())


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name: str) -> None:
    """`help()` says something about every module, class and function."""
    module, exported = load(name)
    assert module.__doc__
    for entry in exported:
        thing = getattr(module, entry)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__, entry


def test_errors_have_the_name_that_autobahn_gives_their_module() -> None:
    """`wsframework.exception.Disconnected` is the same class, so one `except` catches both."""
    assert wsframework.exception.__all__ == wsframework.exceptions.__all__
    for name in wsframework.exceptions.__all__:
        assert getattr(wsframework.exception, name) is getattr(wsframework.exceptions, name)
        assert getattr(wsframework, name) is getattr(wsframework.exceptions, name)


@pytest.mark.parametrize("backend", ["asyncio", "twisted"])
def test_backends_export_the_same(backend: str) -> None:
    """Changing the backend is changing one word in the import."""
    package, names = load(f"wsframework.{backend}")
    module, _ = load(f"wsframework.{backend}.websocket")
    four = {f"WebSocket{role}{kind}" for role in ("Server", "Client") for kind in ("Factory", "Protocol")}
    assert four <= set(names)
    for name in four:
        assert getattr(package, name) is getattr(module, name)
    assert load("wsframework.asyncio.websocket")[1] == load("wsframework.twisted.websocket")[1]
