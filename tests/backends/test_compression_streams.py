"""Receiving messages by frames and by pieces with permessage-deflate."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from tests.backends.compressed import (
    JSON,
    LARGE,
    MEDIUM,
    NOISE,
    ROLES,
    SMALL,
    Pair,
    end_of,
    frames_of,
    noter,
    other,
    pair,
)
from tests.backends.programs import KEY, Backend, note_taker, text
from wsframework._core.codec import encode_frame
from wsframework._core.deflate import BLOCK

CALLBACKS = (
    "onMessageBegin",
    "onMessageFrameBegin",
    "onMessageFrameData",
    "onMessageFrameEnd",
    "onMessageFrame",
    "onMessageEnd",
)
POLICIES = pytest.mark.parametrize("policy", [SMALL, MEDIUM], ids=["small", "medium"])
LONG = "".join(f"line {number}, {JSON}\n" for number in range(300))
"""A message that is several blocks long."""


def deflated(data: bytes, takes_over: Any = None) -> bytes:
    """A message as a peer compresses it, with a compressor that goes on or a new one."""
    compressor = takes_over or zlib.compressobj(wbits=-15)
    return bytes((compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4])


def fragments(payload: bytes, size: int, opcode: int = 1) -> bytes:
    """A compressed message in frames of a client."""
    found = b""
    for start in range(0, len(payload), size):
        first, last = start == 0, start + size >= len(payload)
        found += encode_frame(opcode if first else 0, payload[start : start + size], KEY, last, 4 if first else 0)
    return found


def serving(backend: Backend, protocol: Any, **options: Any) -> Pair:
    """A server that accepts any window, and whose client only did the handshake."""
    ends = pair(backend, LARGE, server=protocol, server_options=options)
    ends.one.events.clear()
    return ends


@POLICIES
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("piece", [0, 1000])
def test_a_compressed_message_by_pieces(backend: Backend, policy: Any, role: str, piece: int) -> None:
    """I see the frames as they were sent, and their data inflated."""
    receiver = noter(note_taker(backend, other(role)), *CALLBACKS)
    one, two = (receiver if name == other(role) else note_taker(backend, name) for name in ROLES)
    ends = pair(backend, policy, policy.offers(), policy, server=one, client=two)
    end_of(ends, other(role)).events.clear()
    end_of(ends, role).sendMessage(LONG, fragmentSize=3000)
    ends.exchange(piece)
    sizes = [len(frame.payload) for frame in ends.frames(role)]
    begin, *events, end = end_of(ends, other(role)).events
    assert (begin, end) == (("onMessageBegin", False), ("onMessageEnd",))
    assert [event[1] for event in events if event[0] == "onMessageFrameBegin"] == sizes
    assert len([event for event in events if event[0] == "onMessageFrameEnd"]) == len(sizes)
    pieces = [event[1] for event in events if event[0] == "onMessageFrameData"]
    assert b"".join(pieces).decode() == LONG
    assert all(0 < len(data) <= BLOCK for data in pieces)
    assert not any(event[0] == "onMessageFrame" for event in events)


@pytest.mark.parametrize("size", [7, 3000])
def test_a_compressed_message_by_frames(backend: Backend, size: int) -> None:
    """Each frame with what it inflates to; the last also with what was held back before."""
    ends = serving(backend, noter(note_taker(backend), "onMessageBegin", "onMessageFrame", "onMessageEnd"))
    octets = fragments(deflated(LONG.encode()), size)
    for start in range(0, len(octets), 1000):
        ends.server.receive(octets[start : start + 1000])
    begin, *events, end = ends.one.events
    assert (begin, end) == (("onMessageBegin", False), ("onMessageEnd",))
    assert len(events) == len(frames_of(octets))
    assert b"".join(b"".join(payload) for _, payload in events).decode() == LONG


@pytest.mark.parametrize("name", CALLBACKS)
@POLICIES
def test_an_override_that_calls_super_gets_compressed_messages(backend: Backend, policy: Any, name: str) -> None:
    """I only look on: down to onMessage everything is as without me."""
    ends = pair(backend, policy, policy.offers(), server=noter(note_taker(backend), name, chains=True))
    for message in (JSON, LONG, JSON):
        ends.other.sendMessage(message, fragmentSize=2000)
        ends.other.sendMessage(NOISE, isBinary=True)
        ends.other.sendMessage("short")
        ends.exchange(piece=999)
    assert ends.one.events[2][0] == name
    assert ends.messages("server") == [JSON, NOISE, "short", LONG, NOISE, "short", JSON, NOISE, "short"]


def test_overriding_all_of_them_with_super(backend: Backend) -> None:
    """In their order, with one message at the end."""
    ends = serving(backend, noter(note_taker(backend), *CALLBACKS, chains=True))
    ends.server.receive(fragments(deflated(JSON.encode()), 100))
    names = [event if isinstance(event, str) else event[0] for event in ends.one.events]
    assert names[0] == "onMessageBegin"
    assert names[-2:] == ["onMessageEnd", JSON]
    frame = ["onMessageFrameBegin", "onMessageFrameData", "onMessageFrameEnd", "onMessageFrame"]
    assert [name for name in names[1:-2] if name != "onMessageFrameData"] == [
        name for name in frame if name != "onMessageFrameData"
    ] * names.count("onMessageFrame")
    assert names.count("onMessageFrame") == -(-len(deflated(JSON.encode())) // 100)


@pytest.mark.parametrize(
    ("name", "delivered"),
    [
        ("onMessageBegin", True),
        ("onMessageFrameBegin", True),
        ("onMessageFrameData", False),
        ("onMessageFrameEnd", False),
        ("onMessageFrame", False),
        ("onMessageEnd", False),
    ],
)
def test_an_override_without_super_keeps_what_it_was_given(backend: Backend, name: str, delivered: bool) -> None:
    """No message comes with a part of it missing."""
    ends = pair(backend, server=noter(note_taker(backend), name))
    for _ in range(2):
        ends.other.sendMessage(LONG, fragmentSize=2000)
    assert ends.messages("server") == ([LONG, LONG] if delivered else [])


ZEROS = 40 * BLOCK


def test_pausing_in_the_middle_of_what_one_frame_inflates_to(backend: Backend) -> None:
    """I take a block at a time, and there is never more than that in memory."""

    class Pauser(noter(note_taker(backend), *CALLBACKS)):  # type: ignore[misc]
        def onMessageFrameData(self, payload: bytes) -> None:
            super().onMessageFrameData(payload)
            self.pauseReceiving()

    ends = serving(backend, Pauser)
    compressed = deflated(bytes(ZEROS))
    assert len(compressed) < ZEROS / 500
    ends.server.receive(fragments(compressed, len(compressed), opcode=2) + text("next"))
    events = ends.one.events
    for number in range(1, 41):
        assert not ends.server.reading
        assert len(events) == 2 + number
        name, payload = events[-1]
        assert (name, len(payload)) == ("onMessageFrameData", BLOCK)
        assert ends.one._connection._reader.buffered < 100
        # What is sent meanwhile is not held up.
        ends.one.sendPing()
        ends.one.resumeReceiving()
    assert [event[0] for event in events[42:]] == [
        "onMessageFrameEnd",
        "onMessageEnd",
        "onMessageBegin",
        "onMessageFrameBegin",
        "onMessageFrameData",
    ]
    ends.one.resumeReceiving()
    assert [event[0] for event in events[47:]] == ["onMessageFrameEnd", "onMessageEnd"]
    assert ends.server.reading


def test_pausing_while_the_rest_of_the_frame_comes_in_pieces(backend: Backend) -> None:
    """What arrives during the pause waits for its turn."""

    class Pauser(noter(note_taker(backend), "onMessageFrameData", "onMessageEnd")):  # type: ignore[misc]
        def onMessageFrameData(self, payload: bytes) -> None:
            super().onMessageFrameData(payload)
            self.pauseReceiving()

    ends = serving(backend, Pauser)
    compressor = zlib.compressobj(wbits=-15)
    octets = b"".join(fragments(deflated(bytes(4 * BLOCK), compressor), 100, opcode=2) for _ in range(2))
    for start in range(0, len(octets), 50):
        ends.server.receive(octets[start : start + 50])
    pauses = 0
    while not ends.server.reading:
        pauses += 1
        ends.one.resumeReceiving()
    events = ends.one.events
    sizes = [len(event[1]) for event in events if event[0] == "onMessageFrameData"]
    assert pauses == len(sizes) > 8
    assert sum(sizes) == 8 * BLOCK
    assert [event[0] for event in events].count("onMessageEnd") == 2


def test_a_callback_that_takes_its_time(backend: Backend) -> None:
    """The next block comes when the one before is done with, and the next message after that."""
    waiting: list[Any] = []

    class Slow(noter(note_taker(backend), *CALLBACKS)):  # type: ignore[misc]
        async def onMessageFrameData(self, payload: bytes) -> None:
            self.events.append(len(payload))
            waiting.append(backend.later())
            await waiting[-1]
            self.events.append("done")

    ends = serving(backend, Slow)
    compressed = deflated(bytes(3 * BLOCK) + b"x")
    ends.server.receive(fragments(compressed, len(compressed), opcode=2) + text("next"))
    backend.settle()
    for number in range(5):
        assert len(waiting) == number + 1
        assert not ends.server.reading
        backend.resolve(waiting[number])
        backend.settle()
    assert ends.server.reading
    assert ends.one.events == [
        ("onMessageBegin", True),
        ("onMessageFrameBegin", len(compressed)),
        *[BLOCK, "done"] * 3,
        *[1, "done"],
        ("onMessageFrameEnd",),
        ("onMessageEnd",),
        ("onMessageBegin", False),
        ("onMessageFrameBegin", 4),
        *[4, "done"],
        ("onMessageFrameEnd",),
        ("onMessageEnd",),
    ]


@pytest.mark.parametrize("end", ["error", "drop", "cut", "close"])
def test_the_end_in_the_middle_of_what_one_frame_inflates_to(
    backend: Backend, end: str, errors: list[BaseException]
) -> None:
    """Nothing comes after onClose, and nothing that I did not ask for before."""
    ends: Any = None

    class Ending(noter(note_taker(backend), "onMessageFrameData", "onMessageEnd")):  # type: ignore[misc]
        def onMessageFrameData(self, payload: bytes) -> None:
            super().onMessageFrameData(payload)
            if end == "error":
                raise KeyError("x")
            if end == "drop":
                self.dropConnection(abort=True)
            if end == "cut":
                ends.server.cut()
            if end == "close":
                self.sendClose(1000)

    ends = serving(backend, Ending)
    compressed = deflated(bytes(3 * BLOCK))
    ends.server.receive(fragments(compressed, len(compressed), opcode=2) + text("next"))
    ends.exchange()
    *events, (_, clean, code) = ends.one.events
    names = [event[0] for event in events]
    # After a Close of ours, messages come on until that of the peer.
    assert names == (
        [*["onMessageFrameData"] * 3, "onMessageEnd", "onMessageFrameData", "onMessageEnd"]
        if end == "close"
        else ["onMessageFrameData"]
    )
    assert (clean, code) == {"error": (False, 1011), "close": (True, 1000)}.get(end, (False, 1006))
    assert len(errors) == (1 if end == "error" else 0)
    assert backend.pending_timers() == 0


@pytest.mark.parametrize(
    ("names", "chains"),
    [(("onMessageFrame",), False), (("onMessageFrameBegin",), False), (("onMessageFrameData",), True), ((), False)],
    ids=str,
)
def test_what_is_assembled_is_bounded(backend: Backend, names: tuple[str, ...], chains: bool) -> None:
    """A frame or a message of a few kilobytes that inflates to more than the limit."""
    protocol = noter(note_taker(backend), *names, chains=chains)
    ends = serving(backend, protocol, maxMessagePayloadSize=2 * BLOCK, failByDrop=False)
    compressed = deflated(bytes(200 * BLOCK))
    ends.server.receive(fragments(compressed, len(compressed), opcode=2))
    ends.exchange()
    assert ends.one.events[-1] == ("close", False, 1009)
    assert "maxMessagePayloadSize (131072)" in ends.one.closure.reason
    assert len([event for event in ends.one.events if event[0] == "onMessageFrameData"]) <= 3


def test_a_stream_is_not_bounded(backend: Backend) -> None:
    """By pieces I can have more than any limit on messages."""
    total = 0

    class Counter(note_taker(backend)):  # type: ignore[misc]
        def onMessageFrameData(self, payload: bytes) -> None:
            nonlocal total
            total += len(payload)

    ends = serving(backend, Counter, maxMessagePayloadSize=1000)
    compressor = zlib.compressobj(wbits=-15)
    for number in range(100):
        octets = compressor.compress(bytes(5 * BLOCK)) + compressor.flush(zlib.Z_SYNC_FLUSH)
        ends.server.receive(encode_frame(0 if number else 2, octets, KEY, False, 0 if number else 4))
    assert total == 500 * BLOCK
    assert ends.one.state == ends.one.STATE_OPEN


@pytest.mark.parametrize("names", [(), ("onMessageFrame",), ("onMessageFrameData",)], ids=str)
@pytest.mark.parametrize(
    "payload",
    [
        deflated(b"a" * 70_000 + b"\xff" + b"a" * 70_000),
        deflated(b"a" * 70_000 + b"\xc3"),
        # A block of the type that there is not.
        deflated(b"a" * 70_000) + b"\x00\x00\xff\xff\x07",
    ],
    ids=["wrong octet", "half a character", "corrupt"],
)
def test_what_is_wrong_inside_is_found(backend: Backend, names: tuple[str, ...], payload: bytes) -> None:
    """Invalid text and what does not inflate, also behind valid pieces that I have had."""
    ends = serving(backend, noter(note_taker(backend), *names), failByDrop=False)
    ends.server.receive(fragments(payload, 50) + text("after"))
    ends.exchange()
    assert ends.one.events[-1] == ("close", False, 1007)
    assert all(event[0] in (*names, "close") for event in ends.one.events)


@pytest.mark.parametrize("names", [(), ("onMessageFrame",), ("onMessageFrameData",)], ids=str)
@pytest.mark.parametrize("size", [1, 9999])
def test_a_final_block_does_not_end_the_stream(backend: Backend, names: tuple[str, ...], size: int) -> None:
    """There are peers that send one (RFC 7692 section 7.2.3.4), and the next message is not empty then."""
    ends = serving(backend, noter(note_taker(backend), *names, chains=True))
    compressor = zlib.compressobj(wbits=-15)
    final = compressor.compress(JSON.encode()) + compressor.flush(zlib.Z_FINISH)
    stored = zlib.compressobj(0, zlib.DEFLATED, -15)
    for payload in (final + b"\0", final, deflated(JSON.encode(), stored), final + b"\0", deflated(b"next")):
        ends.server.receive(fragments(payload, size))
    assert ends.messages("server") == [JSON] * 4 + ["next"]
