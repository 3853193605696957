"""Which build of the hot path runs: the compiled modules, or the Python that they stand for.

It is decided once, when this module is imported, and for all of them together, so that a process never runs a mixture.
What has both builds, a module `_x_c` and a module `_x_py`, is taken like this, and type checkers see the Python:

    if TYPE_CHECKING:
        from wsframework._core import _x_py as _x
    else:
        _x = pick("_x")
    name = _x.name
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Final

__all__ = ["COMPILED", "MODULES", "loads", "pick"]

MODULES: Final = (
    "wsframework._core._leaf",
    "wsframework._core._octets",
    "wsframework._core._codec",
    "wsframework._core._outgoing",
    "wsframework._core._channel",
    "wsframework.websocket._messages",
    "wsframework.websocket._offering",
)
"""What is there in both builds; all the compiled ones must be there for any to be used."""


def loads(name: str) -> bool:
    """True when there is an extension module `name` for this interpreter, and it can be loaded.

    Its body is not run: it may import modules that ask here what to import.
    """
    package = name.rpartition(".")[0]
    # Not through the package, which may be in the middle of its own import: beside its files.
    folder = os.path.join(os.path.dirname(__file__), os.pardir, *package.split("."))
    spec = PathFinder.find_spec(name, [folder])
    if spec is None:
        return False
    try:
        module_from_spec(spec)
    except ImportError:
        return False
    return True


COMPILED: Final = not os.environ.get("WSFRAMEWORK_PURE") and all(loads(f"{name}_c") for name in MODULES)
"""True when the compiled modules are used; never with WSFRAMEWORK_PURE in the environment, unless that is empty."""


def pick(name: str, package: str = "wsframework._core") -> ModuleType:
    """The module `name` of the package in the build that runs."""
    return import_module(f"{package}.{name}_c" if COMPILED else f"{package}.{name}_py")
