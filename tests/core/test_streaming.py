"""Messages by frames and by pieces: the reader's `stream_to`, and the sending half's calls and their order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.wire import from_client, from_server
from wsframework._core.closure import Cause, Closure
from wsframework._core.codec import FrameReader, encode_frame
from wsframework._core.violation import ProtocolViolation
from wsframework.testing import RecordingServer

KEY = b"\x11\x22\x33\x44"


class Listener:
    """Writes every upcall down; `on` may react to one."""

    def __init__(self, pieces: bool = True, **limits: int) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.pause_at: set[str] = set()
        self.reader = FrameReader(
            self,
            1,
            True,
            limits.get("frame", 0),
            limits.get("message", 1000),
            limits.get("fragments", 3),
            True,
        )
        self.reader.stream_to(self, pieces)

    def note(self, name: str, *arguments: Any) -> None:
        self.events.append((name, *arguments))
        if name in self.pause_at:
            self.reader.paused = True

    def message_begin(self, is_binary: bool) -> None:
        self.note("begin", is_binary)

    def frame_begin(self, length: int) -> None:
        self.note("frame begin", length)

    def frame_data(self, payload: bytes) -> None:
        self.note("data", payload)

    def frame_end(self) -> None:
        self.note("frame end")

    def frame(self, payload: bytes) -> None:
        self.note("frame", payload)

    def message_end(self) -> None:
        self.note("end")

    def message(self, payload: bytes, is_binary: bool) -> None:
        raise AssertionError("messages are not assembled")

    def ping(self, payload: bytes) -> None:
        self.note("ping", payload)

    def pong(self, payload: bytes) -> None:
        self.note("pong", payload)

    def close(self, code: int | None, reason: bytes) -> None:
        self.note("close", code)


def joined(events: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The same events with neighbouring pieces of data put together."""
    found: list[tuple[Any, ...]] = []
    for event in events:
        if event[0] == "data" and found and found[-1][0] == "data":
            found[-1] = ("data", found[-1][1] + event[1])
        else:
            found.append(event)
    return found


SESSION = (
    encode_frame(1, "grü".encode(), KEY, fin=False)
    + encode_frame(9, b"ping", KEY)
    + encode_frame(0, b"", KEY, fin=False)
    + encode_frame(0, b"n", KEY)
    + encode_frame(2, b"x" * 300, KEY)
    + encode_frame(8, b"", KEY)
)

PIECES = [
    ("begin", False),
    ("frame begin", 4),
    ("data", "grü".encode()),
    ("frame end",),
    ("ping", b"ping"),
    ("frame begin", 0),
    ("frame end",),
    ("frame begin", 1),
    ("data", b"n"),
    ("frame end",),
    ("end",),
    ("begin", True),
    ("frame begin", 300),
    ("data", b"x" * 300),
    ("frame end",),
    ("end",),
    ("close", None),
]

FRAMES = [
    ("begin", False),
    ("frame", "grü".encode()),
    ("ping", b"ping"),
    ("frame", b""),
    ("frame", b"n"),
    ("end",),
    ("begin", True),
    ("frame", b"x" * 300),
    ("end",),
    ("close", None),
]


@pytest.mark.parametrize(("pieces", "told"), [(True, PIECES), (False, FRAMES)])
@pytest.mark.parametrize("size", [1, 2, 5, 64, 1000])
def test_a_session_is_told_while_it_comes(pieces: bool, told: list[tuple[Any, ...]], size: int) -> None:
    """However it is cut."""
    listener = Listener(pieces)
    for start in range(0, len(SESSION), size):
        listener.reader.feed(SESSION[start : start + size])
    assert joined(listener.events) == told


@pytest.mark.parametrize("name", ["begin", "frame begin", "data", "frame end", "end", "ping", "frame"])
@pytest.mark.parametrize("pieces", [True, False])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_pause_takes_effect_after_any_upcall(name: str, pieces: bool, size: int) -> None:
    """And nothing is lost or told twice by it."""
    listener = Listener(pieces)
    listener.pause_at.add(name)
    for start in range(0, len(SESSION), size):
        listener.reader.feed(SESSION[start : start + size])
        while listener.reader.paused:
            assert listener.events[-1][0] == name
            before = len(listener.events)
            listener.reader.feed(b"")
            assert len(listener.events) == before
            listener.reader.paused = False
            listener.reader.feed(b"")
    assert joined(listener.events) == (PIECES if pieces else FRAMES)


def test_data_is_told_before_the_frame_is_complete() -> None:
    """A stream does not wait."""
    listener = Listener()
    listener.reader.feed(encode_frame(2, b"abcdef", KEY)[:-3])
    assert listener.events == [("begin", True), ("frame begin", 6), ("data", b"abc")]
    assert listener.reader.buffered == 0


def test_a_stream_has_no_limits_but_that_of_a_frame() -> None:
    """The limits on assembled messages do not apply where nothing is assembled."""
    listener = Listener(message=10, fragments=2)
    listener.reader.feed(encode_frame(2, b"x" * 100, KEY, fin=False))
    for _ in range(10):
        listener.reader.feed(encode_frame(0, b"x" * 100, KEY, fin=False))
    assert len(listener.events) == 1 + 11 * 3
    listener = Listener(frame=10)
    with pytest.raises(ProtocolViolation, match=r"maxFramePayloadSize \(10\)"):
        listener.reader.feed(encode_frame(2, b"x" * 11, KEY))


def test_a_frame_that_is_assembled_has_the_limit_of_a_message() -> None:
    """One frame at a time is held, so one frame is bounded."""
    listener = Listener(pieces=False, message=10, fragments=2)
    for opcode in (2, 0, 0, 0):
        listener.reader.feed(encode_frame(opcode, b"x" * 10, KEY, fin=False))
    assert len(listener.events) == 5
    with pytest.raises(ProtocolViolation, match=r"maxMessagePayloadSize \(10\)"):
        listener.reader.feed(encode_frame(0, b"x" * 11, KEY))


def test_invalid_text_is_found_in_the_piece_that_holds_it() -> None:
    """What came before was told already."""
    listener = Listener()
    with pytest.raises(ProtocolViolation) as caught:
        listener.reader.feed(encode_frame(1, b"fine", KEY, fin=False) + encode_frame(0, b"a\xff", KEY))
    assert caught.value.code == 1007
    assert listener.events[-2:] == [("frame end",), ("frame begin", 2)]
    listener = Listener()
    with pytest.raises(ProtocolViolation):
        listener.reader.feed(encode_frame(1, b"\xc3", KEY))
    assert listener.events[-1] == ("frame end",) or listener.events[-1] == ("data", b"\xc3")


def test_nothing_is_told_after_stop_or_while_deaf() -> None:
    """The connection is closing."""
    listener = Listener()
    listener.reader.deaf = True
    listener.reader.feed(encode_frame(2, b"abc", KEY) + encode_frame(9, b"", KEY))
    assert listener.events == [("ping", b"")]
    listener = Listener()
    stop = listener.reader.stop
    listener.frame_begin = lambda length: stop()  # type: ignore[method-assign]
    listener.reader.feed(encode_frame(2, b"abc", KEY))
    assert listener.events == [("begin", True)]
    assert listener.reader.buffered == 0


@pytest.mark.parametrize("fail_by_drop", [True, False])
def test_message_may_be_refused_by_who_assembles_it(fail_by_drop: bool) -> None:
    """As if the reader had found that it is too big: 1009, and nothing of the message comes any more."""
    port = RecordingServer(failByDrop=fail_by_drop)
    port.connection.stream_to(port, False)
    port.hooks["frame"] = lambda _: port.connection.refuse_message("too much")
    port.open()
    port.receive(from_client(0x02, b"one") + from_client(0x80, b"two") + from_client(0x89))
    assert port.upcalls == [("message_begin", True), ("frame", b"one")]
    assert port.names("close", "abort") == ["abort" if fail_by_drop else "close"]
    assert port.sent == (b"" if fail_by_drop else from_server(0x88, b"\x03\xf1too much"))
    port.lose()
    assert port.closure == Closure(Cause.VIOLATION, 1006 if fail_by_drop else 1009, "too much")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=40), st.booleans()), min_size=1, max_size=6),
    st.integers(1, 30),
    st.booleans(),
)
def test_streams_do_not_depend_on_how_they_are_cut(frames: list[tuple[bytes, bool]], size: int, pieces: bool) -> None:
    """The same events, whatever the network does."""
    octets = b""
    opcode = 2
    for payload, fin in frames:
        octets += encode_frame(opcode, payload, KEY, fin)
        opcode = 2 if fin else 0
    whole = Listener(pieces, fragments=0)
    whole.reader.feed(octets)
    cut = Listener(pieces, fragments=0)
    for start in range(0, len(octets), size):
        cut.reader.feed(octets[start : start + size])
    assert joined(cut.events) == joined(whole.events)
    told = b"".join(event[1] for event in whole.events if event[0] in ("data", "frame"))
    assert told == b"".join(payload for payload, _ in frames)
