"""`websocket.frame_lines`: one line for a frame, and what it leaves out."""

from __future__ import annotations

import pytest

from wsframework._core.constants import OP_BINARY, OP_CLOSE, OP_CONTINUATION, OP_PING, OP_PONG, OP_TEXT, TRACED
from wsframework.websocket.frame_lines import FrameLines

FIN = 0x80
RSV1 = 0x40


def received(first: int, payload: bytes, size: int | None = None, masked: bool = True) -> str:
    """The server's line for a frame; only the beginning of a long payload is handed over."""
    return FrameLines(True).line(False, first, masked, len(payload) if size is None else size, payload[:TRACED])


@pytest.mark.parametrize(
    ("first", "payload", "line"),
    [
        (FIN | OP_TEXT, b"hello, world", "< TEXT 12 octets 'hello, world'"),
        (FIN | OP_TEXT, b"", "< TEXT 0 octets"),
        (FIN | OP_TEXT, b"x", "< TEXT 1 octet 'x'"),
        (FIN | OP_TEXT, "it's caf\xe9 \u65e5".encode(), '< TEXT 14 octets "it\'s caf\xe9 \u65e5"'),
        (FIN | OP_TEXT, b"a\nb\x1b[31m\0", r"< TEXT 9 octets 'a\nb\x1b[31m\x00'"),
        (FIN | OP_TEXT, "\u202e\u2028".encode(), r"< TEXT 6 octets '\u202e\u2028'"),
        (FIN | OP_TEXT, b"\xff\xc3", "< TEXT 2 octets '\ufffd\ufffd'"),
        (FIN | OP_BINARY, bytes(range(10, 14)), "< BINARY 4 octets 0a 0b 0c 0d"),
        (OP_BINARY, bytes(16), f"< BINARY 16 octets {'00 ' * 16}[part]"),
        (FIN | OP_PING, b"\x0a\x0b", "< PING 2 octets 0a 0b"),
        (FIN | OP_PONG, b"", "< PONG 0 octets"),
        (FIN | OP_CLOSE, b"", "< CLOSE without a code"),
        (FIN | OP_CLOSE, b"\x03\xe8", "< CLOSE 1000"),
        (FIN | OP_CLOSE, b"\x03\xe8bye\r\n", r"< CLOSE 1000 'bye\r\n'"),
        (FIN | OP_CLOSE, b"\x03\xea\xff", "< CLOSE 1002 '\ufffd'"),
        (FIN | OP_CLOSE, b"\x03", "< CLOSE 1 octet 03"),
        (FIN | RSV1 | OP_TEXT, b"\xcaH\x00", "< TEXT 3 octets ca 48 00 [compressed]"),
    ],
)
def test_a_frame_is_one_line(first: int, payload: bytes, line: str) -> None:
    """I see what kind it is, how large, and what is in it; and never more than one line."""
    assert received(first, payload) == line


def test_long_payloads_are_cut() -> None:
    """With how much is not shown; the end may be inside of a character."""
    assert received(FIN | OP_TEXT, b"a" * 81) == f"< TEXT 81 octets '{'a' * 80}' ... 1 more"
    payload = b"a" + "\xe9".encode() * 50
    assert received(FIN | OP_TEXT, payload) == "< TEXT 101 octets 'a" + "\xe9" * 39 + "' ... 22 more"
    assert received(OP_BINARY, bytes(70_000)) == f"< BINARY 70,000 octets {'00 ' * 16}... 69,984 more [part]"


def test_what_is_not_there_yet_is_not_shown() -> None:
    """A large frame comes in pieces, and the application sends some piece by piece."""
    assert received(FIN | OP_TEXT, b"", 70_000) == "< TEXT 70,000 octets"
    assert received(FIN | OP_TEXT, "\u65e5".encode()[:2], 9) == "< TEXT 9 octets"


def test_masks_are_shown_where_they_are_wrong() -> None:
    """RFC 6455 section 5.1: clients mask, servers do not."""
    for is_server in (True, False):
        lines = FrameLines(is_server)
        for outgoing in (True, False):
            from_client = is_server is not outgoing
            shown = {masked: lines.line(outgoing, FIN | OP_PING, masked, 0, b"") for masked in (True, False)}
            plain = f"{'>' if outgoing else '<'} PING 0 octets"
            assert shown[from_client] == plain
            assert shown[not from_client] == plain + (" [unmasked]" if from_client else " [masked]")


def test_continuations_are_read_as_their_message() -> None:
    """Of text as text, of what is compressed as octets; both directions at the same time, and with a Ping between."""
    lines = FrameLines(False)
    frames = [
        (False, OP_TEXT, b"a"),
        (True, RSV1 | OP_TEXT, b"b"),
        (False, FIN | OP_PING, b"c"),
        (False, OP_CONTINUATION, b"d"),
        (True, FIN | OP_CONTINUATION, b"e"),
        (False, FIN | OP_CONTINUATION, b"f"),
        (True, OP_BINARY, b"g"),
        (True, FIN | OP_CONTINUATION, b"h"),
    ]
    assert [lines.line(outgoing, first, outgoing, 1, payload) for outgoing, first, payload in frames] == [
        "< TEXT 1 octet 'a' [part]",
        "> TEXT 1 octet 62 [part, compressed]",
        "< PING 1 octet 63",
        "< CONTINUATION 1 octet 'd' [part]",
        "> CONTINUATION 1 octet 65 [compressed]",
        "< CONTINUATION 1 octet 'f'",
        "> BINARY 1 octet 67 [part]",
        "> CONTINUATION 1 octet 68",
    ]
