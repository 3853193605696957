"""The frame reader and writer in use: one place to choose between the pure and, later, the compiled build."""

from __future__ import annotations

from wsframework._core._codec_py import (
    MASK_EITHER,
    MASK_FORBIDDEN,
    MASK_REQUIRED,
    FrameReader,
    FrameSink,
    StreamSink,
    encode_frame,
    encode_header,
    parse_close,
)

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
