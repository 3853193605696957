"""`_core.closure`: how a connection ended, as one record (RFC 6455 section 7.1.4)."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from wsframework._core.closure import Cause, Closure
from wsframework.exceptions import HandshakeError


@pytest.mark.parametrize("cause", Cause)
def test_only_a_closing_handshake_is_clean(cause: Cause) -> None:
    """wasClean is True when both Close frames were exchanged, and never otherwise, whatever the code."""
    assert Closure(cause, 1000, None).was_clean is (cause.name == "CLOSE_HANDSHAKE")


def test_a_record_cannot_be_changed() -> None:
    """What onClose was told stays true."""
    closure = Closure(Cause.LOST, 1006, "gone")
    assert (closure.cause, closure.code, closure.reason, closure.failure) == (Cause.LOST, 1006, "gone", None)
    for name in ("cause", "code", "reason", "failure"):
        with pytest.raises(FrozenInstanceError):
            setattr(closure, name, None)


def test_a_failed_opening_keeps_its_error() -> None:
    """is_open is rejected with the very error that the record holds."""
    failure = HandshakeError("no")
    assert Closure(Cause.OPENING, 1006, "no", failure).failure is failure


def test_every_cause_is_told_in_words_of_its_own() -> None:
    """No two causes read alike in a log."""
    words = [cause.value for cause in Cause]
    assert len(set(words)) == len(words)
    assert all(words)
