"""Masking of frames (RFC 6455 section 5.3), and the keys for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework._core import _leaf_py as _leaf
else:
    _leaf = pick("_leaf")

__all__ = ["MaskKeys", "apply_mask", "mask_source", "unmasked"]

# Keys drawn from the random source in one go: one system call serves this many frames.
_KEYS_PER_REFILL = 256

apply_mask = _leaf.apply_mask
unmasked = _leaf.unmasked


class MaskKeys:
    """Masking keys from a source of strong randomness, drawn in batches (RFC 6455 section 10.3).

    `random(n)` returns n unpredictable octets. After a fork the child must call `reset`, or both processes would go on
    with the same keys.
    """

    __slots__ = ("__weakref__", "_at", "_keys", "_random")

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self.reset()

    def reset(self) -> None:
        """Forget the keys that were drawn and not used."""
        self._keys = b""
        self._at = 0

    def __call__(self) -> bytes:
        at = self._at
        if at == len(self._keys):
            self._keys = self._random(4 * _KEYS_PER_REFILL)
            at = 0
        self._at = at + 4
        return self._keys[at : at + 4]


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
