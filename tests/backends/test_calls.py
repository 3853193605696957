"""How many calls of Python functions an echoed message costs: what keeps the pure build quick, and a ratchet for it.

Times depend on the machine; this does not. A change that makes it more should be worth it; one that makes it less
lowers the number here.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from tests.backends.programs import KEY, Backend, opened
from wsframework._core.codec import encode_frame
from wsframework.build import COMPILED

MESSAGES = 100

# For each message of a chunk with many, and for a chunk with one: calls of Python functions, and calls of C from them.
# Compiled code calls on unseen: what is left of a message there is the user's own onMessage. One more than is counted
# today leaves room for other versions of Python.
PURE = {"in a chunk of many": (16, 13), "alone": (31, 22)}
MOST = {"in a chunk of many": (2, 1), "alone": (9, 5)} if COMPILED else PURE


class Counter:
    """Counts while it is switched on."""

    def __init__(self) -> None:
        self.python = 0
        self.c = 0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        self.python += event == "call"
        self.c += event == "c_call"


def calls(backend: Backend, chunk: bytes, is_binary: bool) -> Counter:
    class Echo(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

    link = opened(backend, Echo)
    link.receive(chunk)
    counter = Counter()
    receive = link.receive
    sys.setprofile(counter)
    try:
        receive(chunk)
    finally:
        sys.setprofile(None)
    return counter


@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "text"])
def test_echo_takes_few_calls(backend: Backend, is_binary: bool) -> None:
    """A message of 128 octets, in and out again."""
    frame = encode_frame(2 if is_binary else 1, b"x" * 128, KEY)
    one = calls(backend, frame, is_binary)
    many = calls(backend, frame * MESSAGES, is_binary)
    each = ((many.python - one.python) / (MESSAGES - 1), (many.c - one.c) / (MESSAGES - 1))
    found = {"in a chunk of many": each, "alone": (one.python, one.c)}
    assert all(count <= most for name, pair in MOST.items() for count, most in zip(found[name], pair, strict=True)), (
        found
    )
