"""Masking of frames (RFC 6455 section 5.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework._core import _leaf_py as _leaf
else:
    _leaf = pick("_leaf")

__all__ = ["apply_mask", "mask_source", "unmasked"]

apply_mask = _leaf.apply_mask
unmasked = _leaf.unmasked


def mask_source(mask: bool, really: bool, keys: Callable[[], bytes]) -> Callable[[], bytes] | None:
    """Where an end takes its keys from: nowhere if it does not `mask`.

    Not `really` (the option applyMask): the key is zero, with which masking changes nothing and costs nothing to undo,
    and every peer still understands the frames.
    """
    if not mask:
        return None
    return keys if really else _zero_key


def _zero_key() -> bytes:
    return b"\0\0\0\0"
