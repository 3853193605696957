"""Payloads put together from pieces, and frames from payloads; see `_octets_py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework._core import _octets_py as _octets
else:
    _octets = pick("_octets")

__all__ = ["Assembly", "encode_frame", "encode_header", "first_octets", "take_payload"]

Assembly = _octets.Assembly
encode_frame = _octets.encode_frame
encode_header = _octets.encode_header
first_octets = _octets.first_octets
take_payload = _octets.take_payload
