"""A message may be longer than memory: streamed through a server, it costs the server nothing.

WSFRAMEWORK_STREAM_GIB says how long, in GiB; with 2 or more, the length needs more than 31 bits.
"""

from __future__ import annotations

import os
import random
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from itertools import repeat

import pytest

from tests.interop.processes import running
from tests.interop.test_slow_reader import open_connection

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

MIB = 1 << 20
LENGTH = int(float(os.environ.get("WSFRAMEWORK_STREAM_GIB", "0.1")) * 1024) * MIB
# What the server's memory may grow by, whatever the length.
GROWTH = 16 * MIB
# More than the buffers of two systems' ends and of the server take.
STANDSTILL = 64 * MIB
PATIENCE = 60.0

BINARY, CONTINUATION = 2, 0
FIN = 0x80
KEY = b"\x5a\x01\xff\x80"
BLOCK = random.Random(2).randbytes(MIB)
MASKED = (int.from_bytes(BLOCK) ^ int.from_bytes(KEY * (MIB // 4))).to_bytes(MIB)
# What a frame has from any offset on.
TWICE = BLOCK * 2


def masked_length(length: int) -> bytes:
    """In the fewest octets, as RFC 6455 section 5.2 wants it."""
    if length < 126:
        return bytes([0x80 | length])
    if length < 1 << 16:
        return b"\xfe" + length.to_bytes(2)
    return b"\xff" + length.to_bytes(8)


def pieces_of_a_message(lengths: list[int]) -> Iterator[bytes]:
    """A client's message with frames of these lengths; the payload of each is BLOCK again and again."""
    for number, length in enumerate(lengths):
        first = (FIN if number == len(lengths) - 1 else 0) | (CONTINUATION if number else BINARY)
        yield bytes([first]) + masked_length(length) + KEY
        yield from repeat(MASKED, length // MIB)
        yield MASKED[: length % MIB]


class Echo:
    """What comes back: headers are kept as (first octet, length), payloads are compared."""

    def __init__(self) -> None:
        self.headers: list[tuple[int, int]] = []
        self._offset = self._missing = 0
        self._header = b""

    def take(self, octets: bytes) -> None:
        """The next ones that came."""
        while octets:
            octets = self._take_payload(octets) if self._missing else self._take_header(octets)

    @property
    def ended(self) -> bool:
        """The last frame is complete."""
        return bool(self.headers) and bool(self.headers[-1][0] & FIN) and not self._missing

    def _take_header(self, octets: bytes) -> bytes:
        self._header += octets
        size = {126: 4, 127: 10}.get(self._header[1], 2) if len(self._header) > 1 else 2
        if len(self._header) < size:
            return b""
        header, rest, self._header = self._header[:size], self._header[size:], b""
        self._offset = 0
        self._missing = int.from_bytes(header[2:]) if size > 2 else header[1]
        self.headers.append((header[0], self._missing))
        return rest

    def _take_payload(self, octets: bytes) -> bytes:
        piece, rest = octets[: self._missing], octets[self._missing :]
        begin = self._offset % MIB
        assert piece == TWICE[begin : begin + len(piece)]
        self._offset += len(piece)
        self._missing -= len(piece)
        return rest


class Talk:
    """Sends a message and takes its echo, with one socket that never blocks."""

    def __init__(self, connection: socket.socket, lengths: list[int]) -> None:
        connection.setblocking(False)
        self.echo = Echo()
        self.sent = 0
        self._connection = connection
        self._pieces = pieces_of_a_message(lengths)
        self._piece = memoryview(b"")

    def send_until_it_stands_still(self) -> None:
        """Send and read nothing, until the server takes no more."""
        while self._send_some() and select.select([], [self._connection], [], 1.0)[1]:
            pass

    def go_on_to_the_end(self) -> None:
        """Send what is left, and read."""
        sending = True
        while not self.echo.ended:
            readable, writable, _ = select.select(
                [self._connection], [self._connection] if sending else [], [], PATIENCE
            )
            assert readable or writable, f"nothing moved for {PATIENCE} seconds"
            if writable:
                sending = self._send_some()
            if readable:
                octets = self._connection.recv(MIB // 4)
                assert octets, "the server has hung up"
                self.echo.take(octets)

    def _send_some(self) -> bool:
        """False at the message's end."""
        while not self._piece:
            octets = next(self._pieces, None)
            if octets is None:
                return False
            self._piece = memoryview(octets)
        sent = self._connection.send(self._piece)
        self.sent += sent
        self._piece = self._piece[sent:]
        return True


def talk(port: int, lengths: list[int]) -> Talk:
    """One message there and back, after a while in which nothing was read."""
    with closing(open_connection(port, None)) as connection:
        talk = Talk(connection, lengths)
        talk.send_until_it_stands_still()
        sent = talk.sent
        talk.go_on_to_the_end()
    talk.sent = sent
    return talk


@pytest.mark.parametrize("backend", ["twisted", "asyncio", "uvloop"])
def test_a_message_of_any_length_goes_through(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    """My server sends everything back while it comes; the message is gigabytes, its memory stays what it was."""
    if backend == "uvloop" and find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    lengths = [1000, LENGTH - 1000]
    with running("stream_process", backend) as server:
        port = server.report()["port"]
        talk(port, [1000, MIB])
        before = server.peak_memory()
        began = time.monotonic()
        long = talk(port, lengths)
        seconds = time.monotonic() - began
        peak = server.peak_memory()
    with capsys.disabled():
        print(
            f"\n{backend}: {LENGTH / MIB / 1024:.2f} GiB in {seconds:.1f} s,"
            f" server's peak {peak / MIB:.1f} MiB, {(peak - before) / MIB:.1f} MiB more than before;"
            f" {long.sent / MIB:.1f} MiB taken while nothing was read"
        )
    # Frames as they were sent, and the end, which the server knew only when all was on its way.
    assert long.echo.headers == [(BINARY, 1000), (CONTINUATION, LENGTH - 1000), (FIN | CONTINUATION, 0)]
    assert long.sent < STANDSTILL
    assert peak - before < GROWTH
