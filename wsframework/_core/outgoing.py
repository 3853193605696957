"""The sending half of a connection in the build that runs; see `_outgoing_py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework._core import _outgoing_py as _outgoing
else:
    _outgoing = pick("_outgoing")

__all__ = ["MaskKeys", "Outgoing"]

MaskKeys = _outgoing.MaskKeys
Outgoing = _outgoing.Outgoing
