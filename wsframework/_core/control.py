"""What may stand in the control frames that an application sends (RFC 6455 section 5.5)."""

from __future__ import annotations

from typing import Final

from wsframework._core.constants import is_sendable_close_code

__all__ = ["check_close", "check_control", "close_payload"]

_MAX_CLOSE_REASON: Final = 123


def check_control(payload: bytes) -> None:
    """`ValueError` for more than a Ping or a Pong can hold (section 5.5)."""
    if len(payload) > 125:
        raise ValueError(f"the payload of a control frame has at most 125 octets, not {len(payload)}")


def check_close(code: int | None, reason: str | None) -> None:
    """`TypeError` or `ValueError` for what may not stand in a Close frame that an application sends."""
    if code is None:
        if reason is not None:
            raise ValueError("a close reason needs a close code")
        return
    if not isinstance(code, int) or isinstance(code, bool):
        raise TypeError(f"code must be an int, not {type(code).__name__}")
    if not is_sendable_close_code(code):
        raise ValueError(f"close code {code} cannot be sent: use 1000 to 1003, 1007 to 1014 or 3000 to 4999")
    if reason is not None and not isinstance(reason, str):
        raise TypeError(f"reason must be a str, not {type(reason).__name__}")


def close_payload(code: int | None, reason: str | None) -> tuple[bytes, str | None]:
    """What a Close frame holds (section 5.5.1), and the reason in it, cut between two code points to 123 octets."""
    if code is None:
        return b"", None
    cut = (reason or "").encode("utf8", "replace")[:_MAX_CLOSE_REASON].decode("utf8", "ignore")
    return int(code).to_bytes(2, "big") + cut.encode(), cut or None
