"""What an application may hand over as a payload, and as what it is sent."""

from __future__ import annotations

__all__ = ["as_bytes", "check_fragment_size", "control_payload", "message_payload"]


def message_payload(payload: object, is_binary: bool) -> bytes:
    """A message's payload: bytes-like, or a str for text."""
    if isinstance(payload, str):
        if is_binary:
            raise TypeError("payload is a str, which can only be sent as text (isBinary=False)")
        return payload.encode()
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"payload must be bytes, bytearray, memoryview or str, not {type(payload).__name__}")


def as_bytes(payload: object) -> bytes:
    """A payload that is bytes-like."""
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"payload must be bytes, bytearray or memoryview, not {type(payload).__name__}")


def control_payload(payload: object) -> bytes:
    """A Ping's or Pong's payload; None for an empty one."""
    if payload is None:
        return b""
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"payload must be bytes, not {type(payload).__name__}")


def check_fragment_size(size: object) -> None:
    """`TypeError` or `ValueError` for a size that no frame can have."""
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"fragmentSize must be an int, not {type(size).__name__}")
    if size < 1:
        raise ValueError(f"fragmentSize must be 1 or more octets, not {size}")
