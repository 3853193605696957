"""`_core.violation`: errors that carry what is to be said to the peer."""

from __future__ import annotations

from wsframework._core.violation import HandshakeFailed, HandshakeRefused, ProtocolViolation


def test_a_violation_has_a_close_code_and_a_reason() -> None:
    """Both go into the Close frame."""
    violation = ProtocolViolation(1002, "reserved opcode 3")
    assert (violation.code, violation.reason, str(violation)) == (
        1002,
        "reserved opcode 3",
        "(1002, 'reserved opcode 3')",
    )


def test_a_refusal_has_a_status_a_text_and_headers() -> None:
    """Headers only where the status asks for them."""
    plain = HandshakeRefused(400, "no Host")
    assert (plain.status, plain.text, plain.headers) == (400, "no Host", ())
    upgrade = HandshakeRefused(426, "version", (("Sec-WebSocket-Version", "13"),))
    assert (upgrade.status, upgrade.headers) == (426, (("Sec-WebSocket-Version", "13"),))


def test_a_failed_handshake_has_a_reason() -> None:
    """The client says which rule the server's response broke."""
    failed = HandshakeFailed("no Sec-WebSocket-Accept")
    assert failed.reason == str(failed) == "no Sec-WebSocket-Accept"
