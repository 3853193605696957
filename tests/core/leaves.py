"""The leaves of the codec in both builds, for the tests that hold for each."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest

from wsframework._core import _leaf_py
from wsframework.build import loads

COMPILED: ModuleType | None = None
if loads("wsframework._core._leaf_c"):
    COMPILED = import_module("wsframework._core._leaf_c")

needs_compiled = pytest.mark.skipif(COMPILED is None, reason="the extension modules are not built")

# For properties, which go through them in a loop: pytest-twisted does not bear a parametrised test of Hypothesis.
BUILDS: list[ModuleType] = [_leaf_py] if COMPILED is None else [_leaf_py, COMPILED]

# The argument `leaf`: the module in each build.
each_build = pytest.mark.parametrize(
    "leaf", [pytest.param(_leaf_py, id="pure"), pytest.param(COMPILED, id="compiled", marks=needs_compiled)]
)
