"""Incremental validation of UTF-8 (RFC 3629), failing at the first octet that proves an error.

A WebSocket needs this inside of long messages, which may be refused long before their end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework._core import _leaf_py as _leaf
else:
    _leaf = pick("_leaf")

__all__ = ["Utf8Validator", "is_utf8"]

Utf8Validator = _leaf.Utf8Validator
is_utf8 = _leaf.is_utf8
