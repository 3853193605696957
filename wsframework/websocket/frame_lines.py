"""Frames as lines that people can read, for the option logFrames.

    < TEXT 12 octets 'hello, world'
    > BINARY 70,000 octets 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f ... 69,984 more [part]
    > CLOSE 1000 'bye'

`<` was received, `>` was sent. In brackets stands what is unusual: `part` (FIN is not set: more of the message
follows), `compressed` (permessage-deflate), `masked` from a server, `unmasked` from a client. A payload that was not
there yet when its header passed is left out.
"""

from __future__ import annotations

from codecs import utf_8_decode
from typing import Final

from wsframework._core.constants import OP_BINARY, OP_CLOSE, OP_CONTINUATION, OP_PING, OP_PONG, OP_TEXT

__all__ = ["FrameLines", "count_octets"]

_NAMES: Final = {
    OP_CONTINUATION: "CONTINUATION",
    OP_TEXT: "TEXT",
    OP_BINARY: "BINARY",
    OP_CLOSE: "CLOSE",
    OP_PING: "PING",
    OP_PONG: "PONG",
}

# Octets of a payload in a line: of text, and in hexadecimal, which takes three characters each.
_TEXT_SHOWN: Final = 80
_HEX_SHOWN: Final = 16

_FIN: Final = 0x80
_RSV1: Final = 0x40


class FrameLines:
    """Writes down the frames of one connection, in their order."""

    __slots__ = ("_is_server", "_messages")

    def __init__(self, is_server: bool) -> None:
        self._is_server = is_server
        # The first octet of the message in progress, received and sent: what its continuation frames are to be read as.
        self._messages = [0, 0]

    def line(self, outgoing: bool, first: int, masked: bool, size: int, beginning: bytes) -> str:
        """The line for one frame; the arguments are those of `Port.trace_frame`."""
        opcode = first & 0x0F
        if opcode in (OP_TEXT, OP_BINARY):
            self._messages[outgoing] = first
        message = first if opcode & 0x08 else self._messages[outgoing]
        flags = [] if first & _FIN else ["part"]
        if message & _RSV1:
            flags.append("compressed")
        if masked == (self._is_server == outgoing):
            flags.append("masked" if masked else "unmasked")
        words = [">" if outgoing else "<", _NAMES[opcode]]
        if opcode == OP_CLOSE and size != 1:
            words.append(_close_text(beginning))
        else:
            is_text = message & 0x0F == OP_TEXT and not message & _RSV1
            words += [count_octets(size), *_excerpt(size, beginning, is_text)]
        if flags:
            words.append(f"[{', '.join(flags)}]")
        return " ".join(words)


def count_octets(size: int) -> str:
    """A size in words."""
    return "1 octet" if size == 1 else f"{size:,} octets"


def _excerpt(size: int, beginning: bytes, is_text: bool) -> list[str]:
    """What is shown of a payload, and how much is not."""
    if is_text:
        shown = beginning[:_TEXT_SHOWN]
        # What is no UTF-8 is told of elsewhere. The end may be in the middle of a character.
        text, taken = utf_8_decode(shown, "replace", len(shown) == size)
        words = [repr(text)]
    else:
        taken = min(len(beginning), _HEX_SHOWN)
        words = [beginning[:taken].hex(" ")]
    if not taken:
        return []
    if taken < size:
        words.append(f"... {size - taken:,} more")
    return words


def _close_text(payload: bytes) -> str:
    if not payload:
        return "without a code"
    code = int.from_bytes(payload[:2], "big")
    return f"{code} {payload[2:].decode('utf-8', 'replace')!r}" if len(payload) > 2 else str(code)
