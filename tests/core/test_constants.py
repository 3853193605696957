"""`_core.constants`: the numbers of the wire, held against the RFC and the IANA registries."""

from __future__ import annotations

from wsframework._core import constants
from wsframework._core.constants import CloseCode, Role, State, is_receivable_close_code, is_sendable_close_code


def test_opcodes() -> None:
    """RFC 6455 section 5.2."""
    names = ("CONTINUATION", "TEXT", "BINARY", "CLOSE", "PING", "PONG")
    assert [getattr(constants, f"OP_{name}") for name in names] == [0x0, 0x1, 0x2, 0x8, 0x9, 0xA]


def test_the_guid_of_the_accept_key() -> None:
    """RFC 6455 section 1.3."""
    assert constants.ACCEPT_GUID == "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def test_close_codes() -> None:
    """RFC 6455 section 7.4.1 and the registry of close codes; they are plain numbers to whoever wants numbers."""
    assert {code.name: int(code) for code in CloseCode} == {
        "NORMAL": 1000,
        "GOING_AWAY": 1001,
        "PROTOCOL_ERROR": 1002,
        "UNSUPPORTED_DATA": 1003,
        "NO_STATUS": 1005,
        "ABNORMAL": 1006,
        "INVALID_PAYLOAD": 1007,
        "POLICY_VIOLATION": 1008,
        "MESSAGE_TOO_BIG": 1009,
        "MANDATORY_EXTENSION": 1010,
        "INTERNAL_ERROR": 1011,
        "SERVICE_RESTART": 1012,
        "TRY_AGAIN_LATER": 1013,
        "BAD_GATEWAY": 1014,
        "TLS_HANDSHAKE": 1015,
    }


def test_codes_that_may_stand_in_a_close_frame() -> None:
    """1004, 1005, 1006 and 1015 are never on the wire, nor is what nobody has assigned (section 7.4.2)."""
    allowed = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
    for code in range(-1, 70_000):
        assert is_sendable_close_code(code) is (code in allowed)
    assert is_receivable_close_code is is_sendable_close_code
    never = {CloseCode.NO_STATUS, CloseCode.ABNORMAL, CloseCode.TLS_HANDSHAKE}
    assert {code for code in CloseCode if not is_sendable_close_code(code)} == never


def test_two_roles_and_five_states() -> None:
    """Their words are what a log line shows."""
    assert [role.value for role in Role] == ["server", "client"]
    assert [state.value for state in State] == ["connecting", "open", "closing", "draining", "closed"]


def test_every_public_name_is_there() -> None:
    """`__all__` and the module agree."""
    assert all(hasattr(constants, name) for name in constants.__all__)
    assert sorted(set(constants.__all__)) == sorted(constants.__all__)
