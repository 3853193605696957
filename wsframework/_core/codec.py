"""The frame reader and writer in the build that runs; see `_codec_py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsframework._core._codec_py import MASK_EITHER, MASK_FORBIDDEN, MASK_REQUIRED, FrameSink, StreamSink
from wsframework._core.octets import encode_frame, encode_header
from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework._core import _codec_py as _codec
else:
    _codec = pick("_codec")

__all__ = [
    "MASK_EITHER",
    "MASK_FORBIDDEN",
    "MASK_REQUIRED",
    "FrameReader",
    "FrameSink",
    "StreamSink",
    "encode_frame",
    "encode_header",
    "parse_close",
]

FrameReader = _codec.FrameReader
parse_close = _codec.parse_close
