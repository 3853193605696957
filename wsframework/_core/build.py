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
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Final

__all__ = ["COMPILED", "MODULES", "loads", "pick"]

MODULES: Final = ("_leaf",)
"""What is there in both builds; all the compiled ones must be there for any to be used."""


def loads(name: str) -> bool:
    """True when this package has the extension module `name` for this interpreter, and it can be loaded.

    Its body is not run: it may import modules that ask here what to import.
    """
    spec = find_spec(f"{__package__}.{name}")
    if spec is None:
        return False
    try:
        module_from_spec(spec)
    except ImportError:
        return False
    return True


COMPILED: Final = not os.environ.get("WSFRAMEWORK_PURE") and all(loads(f"{name}_c") for name in MODULES)
"""True when the compiled modules are used; never with WSFRAMEWORK_PURE in the environment, unless that is empty."""


def pick(name: str) -> ModuleType:
    """The module `name` in the build that runs."""
    return import_module(f"{__package__}.{name}_c" if COMPILED else f"{__package__}.{name}_py")
