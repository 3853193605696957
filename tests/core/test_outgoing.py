"""`_core.outgoing`: messages by parts, control frames around and inside of them, prepared frames, counters, cork."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, from_client, from_server
from wsframework._core.closure import Cause, Closure
from wsframework._core.codec import encode_frame
from wsframework._core.connection import Connection
from wsframework._core.constants import TRACED, State
from wsframework._core.outgoing import Outgoing
from wsframework._core.prepared import Prepared
from wsframework.exceptions import Disconnected, PayloadExceededError, SequenceError
from wsframework.options import CommonOptions
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer

Call: TypeAlias = Callable[[Connection], object]

# First octets of frames that are not the last of their message.
TEXT_PART, BINARY_PART, PART = 0x01, 0x02, 0x00

KEY = b"\x01\x02\x03\x04"


def server(**options: Any) -> RecordingServer:
    port = RecordingServer(**options)
    port.open()
    return port


def client(**options: Any) -> RecordingClient:
    port = RecordingClient(**options)
    port.open()
    return port


def both(**options: Any) -> list[RecordingServer | RecordingClient]:
    return [server(**options), client(**options)]


def by(port: RecordingPort, first: int, payload: bytes = b"") -> bytes:
    """A frame as this end sends it."""
    return from_server(first, payload) if isinstance(port, RecordingServer) else from_client(first, payload)


def to(port: RecordingPort, first: int, payload: bytes = b"") -> bytes:
    """A frame as this end's peer sends it."""
    return from_client(first, payload) if isinstance(port, RecordingServer) else from_server(first, payload)


def writes(port: RecordingPort) -> list[object]:
    return [call[1] for call in port.calls if call[0] == "write"]


def sent_messages(port: RecordingPort) -> list[tuple[object, ...]]:
    """What the peer of this end makes of all that was sent or waits."""
    peer: RecordingPort = client() if isinstance(port, RecordingServer) else server()
    peer.hooks["ping"] = lambda payload: None
    peer.receive(port.sent + port.waiting)
    assert peer.connection.closure is None or peer.connection.closure.cause is Cause.CLOSE_HANDSHAKE
    return [call for call in peer.upcalls if call[0] in ("message", "ping", "pong", "close_frame")]


# A message by parts: the octets.


@pytest.mark.parametrize(("is_binary", "first"), [(False, TEXT_PART), (True, BINARY_PART)])
def test_message_by_frames_on_the_wire(is_binary: bool, first: int) -> None:
    """The first frame has the opcode, the next are continuations, an empty one is the last; each is one write."""
    for port in both():
        connection = port.connection
        connection.begin_message(is_binary)
        assert port.calls == []
        connection.send_frame(b"one")
        connection.send_frame(b"")
        connection.send_frame(b"three")
        connection.end_message()
        frames = [(first, b"one"), (PART, b""), (PART, b"three"), (CONTINUATION, b"")]
        assert writes(port) == [by(port, *frame) for frame in frames]


def test_message_without_a_frame_is_an_empty_one() -> None:
    """Its last frame is its first."""
    for port in both():
        port.connection.begin_message(False)
        port.connection.end_message()
        port.connection.begin_message(True)
        port.connection.end_message()
        assert writes(port) == [by(port, TEXT), by(port, BINARY)]


@pytest.mark.parametrize("length", [1, 2, 125, 126, 65535, 65536])
@pytest.mark.parametrize("size", [1, 3, 100_000])
def test_frame_by_pieces_on_the_wire(length: int, size: int) -> None:
    """The header goes out at once, and each piece; the mask goes on over the pieces; the result counts down."""
    payload = bytes(number % 251 for number in range(length))
    size = max(size, length // 20)
    for port in both():
        connection = port.connection
        connection.begin_message(True)
        connection.begin_frame(length)
        frame = by(port, BINARY_PART, payload)
        assert port.sent == frame[:-length]
        for start in range(0, length, size):
            assert connection.send_frame_data(payload[start : start + size]) == max(0, length - start - size)
        assert port.sent == frame
        assert len(writes(port)) == 1 + -(-length // size)
        connection.end_message()
        assert port.sent == frame + by(port, CONTINUATION)


def test_frame_without_octets_is_complete_at_once() -> None:
    """`beginMessageFrame(0)`; who sends its data all the same, none, need not treat it apart."""
    for port in both():
        connection = port.connection
        connection.begin_message(False)
        connection.begin_frame(0)
        assert port.sent == by(port, TEXT_PART)
        assert connection.send_frame_data(b"") == 0
        connection.begin_frame(0)
        connection.send_ping(b"")
        connection.end_message()
        assert port.sent == by(port, TEXT_PART) + by(port, PART) + by(port, PING) + by(port, CONTINUATION)


def test_data_of_no_octets_completes_nothing() -> None:
    """An empty piece is a piece."""
    for port in both():
        port.connection.begin_message(False)
        port.connection.begin_frame(2)
        assert port.connection.send_frame_data(b"") == 2
        assert port.connection.send_frame_data(b"ab") == 0
        assert port.sent == by(port, TEXT_PART, b"ab")


@pytest.mark.parametrize("before", [b"", b"a", b"ab"])
def test_data_that_is_too_much_is_not_sent_and_counted(before: bytes) -> None:
    """The result is minus the octets that belong into the next frame; this one is complete."""
    for port in both():
        connection = port.connection
        connection.begin_message(True)
        connection.begin_frame(3)
        connection.send_frame_data(before)
        rest = connection.send_frame_data(b"abcdefgh"[len(before) :])
        assert rest == -5
        connection.send_frame(b"abcdefgh"[rest:])
        connection.end_message()
        expected = by(port, BINARY_PART, b"abc") + by(port, PART, b"defgh") + by(port, CONTINUATION)
        assert port.sent == expected


def test_frames_by_pieces_and_as_a_whole_may_be_mixed() -> None:
    """And every message begins anew."""
    for port in both():
        connection = port.connection
        for first in (TEXT_PART, BINARY_PART):
            connection.begin_message(first == BINARY_PART)
            connection.begin_frame(2)
            connection.send_frame_data(b"ab")
            connection.send_frame(b"cd")
            connection.begin_frame(1)
            connection.send_frame_data(b"e")
            connection.end_message()
            frames = [(first, b"ab"), (PART, b"cd"), (PART, b"e"), (CONTINUATION, b"")]
            assert port.take_sent() == b"".join(by(port, *frame) for frame in frames)


def test_message_by_parts_has_no_limit_and_is_not_split() -> None:
    """maxMessagePayloadSize and autoFragmentSize are for messages that somebody else cuts."""
    for port in both(maxMessagePayloadSize=10, autoFragmentSize=4):
        port.connection.begin_message(True)
        port.connection.send_frame(b"x" * 100)
        assert port.sent == by(port, BINARY_PART, b"x" * 100)


@pytest.mark.parametrize("mask", [True, False])
def test_masks_where_options_ask_for_them(mask: bool) -> None:
    """maskServerFrames and maskClientFrames count for frames by parts too."""
    frame = from_client if mask else from_server
    for port in (server(maskServerFrames=mask), client(maskClientFrames=mask)):
        port.connection.begin_message(True)
        port.connection.begin_frame(5)
        port.connection.send_frame_data(b"abc")
        port.connection.send_frame_data(b"de")
        port.connection.send_frame(b"f")
        assert port.sent == frame(BINARY_PART, b"abcde") + frame(PART, b"f")


def test_every_frame_has_a_key_of_its_own() -> None:
    """Section 5.3: a new key for each; the key of a frame by pieces is drawn with its header."""
    keys = iter([b"\x00\x00\x00\x01", b"\x00\x00\x00\x02", b"\x00\x00\x00\x03"])
    port = RecordingPort(0)
    out = Outgoing(port, CommonOptions(), lambda: next(keys), lambda: None, lambda: None)
    out.begin_message(True, False)
    out.begin_frame(2)
    out.frame_data(b"ab")
    out.frame(b"c")
    out.end_message()
    expected = from_client(BINARY_PART, b"ab", b"\x00\x00\x00\x01") + from_client(PART, b"c", b"\x00\x00\x00\x02")
    assert port.sent == expected + from_client(CONTINUATION, b"", b"\x00\x00\x00\x03")


# The order of calls.


def nothing(connection: Connection) -> None:
    """Between two messages."""


def begun(connection: Connection) -> None:
    connection.begin_message(False)


def first_frame_sent(connection: Connection) -> None:
    begun(connection)
    connection.send_frame(b"abc")


def empty_frame_begun(connection: Connection) -> None:
    begun(connection)
    connection.begin_frame(0)


def frame_begun(connection: Connection) -> None:
    begun(connection)
    connection.begin_frame(3)


def frame_half_sent(connection: Connection) -> None:
    frame_begun(connection)
    connection.send_frame_data(b"a")


def frame_complete(connection: Connection) -> None:
    frame_begun(connection)
    connection.send_frame_data(b"abc")


def message_complete(connection: Connection) -> None:
    frame_complete(connection)
    connection.end_message()


GROUND = "between two messages"
MESSAGE = "inside of an unfinished message"
FRAME = "inside of an unfinished frame"

PLACES: dict[str, list[Call]] = {
    GROUND: [nothing, message_complete],
    MESSAGE: [begun, first_frame_sent, empty_frame_begun, frame_complete],
    FRAME: [frame_begun, frame_half_sent],
}

# The call, what it is called in an error, and the only place where it is right.
CALLS: list[tuple[Call, str, str]] = [
    (lambda c: c.send_message(b"abc", False), "a message cannot be sent", GROUND),
    (lambda c: c.send_message(b"abc", False, 1), "a message cannot be sent", GROUND),
    (lambda c: c.send_prepared(Prepared(b"abc", False, True)), "a message cannot be sent", GROUND),
    (lambda c: c.begin_message(True), "beginMessage", GROUND),
    (lambda c: c.begin_frame(3), "beginMessageFrame", MESSAGE),
    (lambda c: c.begin_frame(0), "beginMessageFrame", MESSAGE),
    (lambda c: c.send_frame(b"abc"), "sendMessageFrame", MESSAGE),
    (lambda c: c.end_message(), "endMessage", MESSAGE),
    (lambda c: c.send_frame_data(b"abc"), "sendMessageFrameData", FRAME),
]


def counters(connection: Connection) -> tuple[int, int, int, int]:
    return connection.messages_sent, connection.frames_sent, connection.payload_sent, connection.octets_sent


@pytest.mark.parametrize(("place", "way"), [(place, way) for place, ways in PLACES.items() for way in ways])
@pytest.mark.parametrize(("call", "name", "right"), CALLS)
def test_calls_out_of_order_raise_and_change_nothing(place: str, way: Call, call: Call, name: str, right: str) -> None:
    """Every call at every place: right, or `SequenceError` that says where we are, before an octet is written."""
    for port in both():
        connection = port.connection
        way(connection)
        port.take()
        before = counters(connection)
        if place == right:
            call(connection)
            assert port.names("write") == ([] if name == "beginMessage" else ["write"])
            continue
        with pytest.raises(SequenceError) as caught:
            call(connection)
        text = str(caught.value)
        assert text in (f"{name} {place}", f"{name} belongs {right}, and this is {place}")
        assert port.calls == []
        assert counters(connection) == before
        # What was right before is right still.
        if place == FRAME:
            assert connection.send_frame_data(b"abc") <= 0
        if place != GROUND:
            connection.end_message()
        connection.send_message(b"whole", False)
        assert sent_messages(port)[-1] == ("message", b"whole", False)


PARTS: list[Call] = [
    lambda c: c.begin_message(True),
    lambda c: c.begin_frame(3),
    lambda c: c.send_frame(b""),
    lambda c: c.end_message(),
    lambda c: c.send_frame_data(b"x"),
    lambda c: c.send_frame_data(b""),
    lambda c: c.send_prepared(Prepared(b"", True, True)),
]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("way", [nothing, begun])
@pytest.mark.parametrize("state", [State.CONNECTING, State.CLOSING, State.DRAINING, State.CLOSED])
def test_parts_are_only_sent_while_open(state: State, part: Call, way: Call) -> None:
    """`Disconnected`, whatever was begun before, and nothing is written."""
    for port in (RecordingServer(), RecordingClient()):
        connection = port.connection
        if state is not State.CONNECTING:
            port.open()
            way(connection)
        if state is State.CLOSING:
            connection.send_close(1000, None)
        elif state is State.DRAINING:
            port.receive(to(port, CLOSE))
        elif state is State.CLOSED:
            port.lose()
        port.take()
        words = "not open yet" if state is State.CONNECTING else state.value
        with pytest.raises(Disconnected, match=f"the connection is {words}"):
            part(connection)
        assert port.calls == []


def test_message_that_is_too_big_is_not_counted() -> None:
    """maxMessagePayloadSize, for prepared messages too."""
    for port in both(maxMessagePayloadSize=3):
        with pytest.raises(PayloadExceededError, match=r"message of 4 octets is over maxMessagePayloadSize \(3\)"):
            port.connection.send_message(b"abcd", True)
        with pytest.raises(PayloadExceededError, match="message of 4 octets"):
            port.connection.send_prepared(Prepared(b"abcd", True, True))
        port.connection.send_prepared(Prepared(b"abc", True, True))
        assert port.sent == by(port, BINARY, b"abc")
        assert port.connection.messages_sent == 1


# Control frames.


def test_control_frames_between_frames_go_out_at_once() -> None:
    """Section 5.4: they may come inside of a message, between its frames."""
    for port in both():
        connection = port.connection
        connection.begin_message(False)
        connection.send_ping(b"1")
        connection.send_frame(b"a")
        connection.send_pong(b"2")
        connection.send_frame(b"b")
        connection.send_close(1000, None)
        frames = [(PING, b"1"), (TEXT_PART, b"a"), (PONG, b"2"), (PART, b"b"), (CLOSE, close_payload(1000))]
        assert port.sent == b"".join(by(port, *frame) for frame in frames)


def test_control_frames_inside_of_a_frame_wait_for_its_end() -> None:
    """Of each kind only the latest, so that a peer cannot make them pile up; section 5.5.3 allows that for Pongs."""
    for port in both():
        connection = port.connection
        frame_half_sent(connection)
        port.take_sent()
        for number in range(1000):
            connection.send_ping(b"%d" % number)
            port.receive(to(port, PING, b"to be answered %d" % number))
        assert connection.frames_sent == 1
        connection.send_frame_data(b"b")
        assert port.take_sent() == by(port, TEXT_PART, b"abc")[-2:-1]
        connection.send_frame_data(b"c")
        end = by(port, TEXT_PART, b"abc")[-1:]
        assert port.take_sent() == end + by(port, PONG, b"to be answered 999") + by(port, PING, b"999")
        # They waited once; the next frame has nothing to wait for it.
        connection.send_frame(b"d")
        connection.end_message()
        assert port.take_sent() == by(port, PART, b"d") + by(port, CONTINUATION)


def test_automatic_ping_waits_too_and_its_pong_is_known() -> None:
    """The ping is due while a frame is sent slowly; it goes out late, and keeps the connection."""
    for port in both(autoPingInterval=10, autoPingTimeout=4, autoPingRestartOnAnyTraffic=False):
        frame_half_sent(port.connection)
        port.take_sent()
        port.advance(10)
        assert port.sent == b""
        port.connection.send_frame_data(b"bc")
        assert port.sent.endswith(by(port, PING, b"\0\0\0\1"))
        port.receive(to(port, PONG, b"\0\0\0\1"))
        assert port.names("auto_pong") == ["auto_pong"]


def test_owed_pong_waits_for_the_frame_as_well() -> None:
    """The peer reads again while a frame is unfinished: a Pong cannot come inside of it."""
    for port in both(sendHighWaterMark=1):
        frame_begun(port.connection)
        port.connection.pause_writing()
        port.receive(to(port, PING, b"?"))
        port.connection.resume_writing()
        port.connection.send_frame_data(b"abc")
        assert port.sent == by(port, TEXT_PART, b"abc") + by(port, PONG, b"?")


@pytest.mark.parametrize("data", [[b"bc"], [b"b", b"c"], [b"bcd"]])
def test_close_of_ours_waits_for_the_end_of_the_frame(data: list[bytes]) -> None:
    """It is the last of what waits; nothing can follow it, and the peer's answer is waited for as ever."""
    for port in both():
        connection = port.connection
        frame_half_sent(connection)
        connection.send_ping(b"1")
        connection.send_close(4000, "later")
        connection.send_ping(b"never")
        connection.send_pong(b"never")
        assert connection.state is State.CLOSING
        assert port.sent == by(port, TEXT_PART, b"abc")[:-2]
        for piece in data:
            connection.send_frame_data(piece)
        frames = [(TEXT_PART, b"abc"), (PING, b"1"), (CLOSE, close_payload(4000, "later"))]
        assert port.sent == b"".join(by(port, *frame) for frame in frames)
        for late in PARTS:
            with pytest.raises(Disconnected):
                late(connection)
        assert port.names("close", "abort") == []
        port.receive(to(port, CLOSE, close_payload(4000)))
        assert port.names("close") == (["close"] if isinstance(port, RecordingServer) else [])
        port.lose()
        assert port.closure == Closure(Cause.CLOSE_HANDSHAKE, 4000, None)


@pytest.mark.parametrize("data", [[b"bc"], [b"b", b"c"], [b"bcd"]])
@pytest.mark.parametrize("first", ["we", "the peer"])
def test_answer_to_a_close_waits_for_the_end_of_the_frame(first: str, data: list[bytes]) -> None:
    """The server ends TCP after it, and not before; the client waits for the server's end."""
    for port in both(closeHandshakeTimeout=7):
        connection = port.connection
        frame_half_sent(connection)
        if first == "we":
            connection.send_close(1000, None)
        port.receive(to(port, CLOSE, close_payload(1001)))
        assert connection.state is State.DRAINING
        assert port.deadline == (7 if isinstance(port, RecordingServer) else 1)
        assert port.names("close", "abort") == []
        for piece in data:
            assert port.names("close") == []
            connection.send_frame_data(piece)
        assert port.sent == by(port, TEXT_PART, b"abc") + by(port, CLOSE, close_payload(1000))
        last = ["write", "close"] if isinstance(port, RecordingServer) else ["write"]
        assert port.names("write", "close", "abort")[-len(last) :] == last
        for late in PARTS:
            with pytest.raises(Disconnected):
                late(connection)
        port.lose()
        assert port.closure == Closure(Cause.CLOSE_HANDSHAKE, 1001, None)


def test_close_after_a_violation_waits_for_the_end_of_the_frame() -> None:
    """failByDrop=False: 1002 can only be said between two frames."""
    for port in both(failByDrop=False):
        frame_half_sent(port.connection)
        port.receive(b"\xff")
        assert port.names("close", "abort") == []
        port.connection.send_frame_data(b"bc")
        assert port.sent.startswith(by(port, TEXT_PART, b"abc") + by(port, CLOSE, b"\x03\xea")[:1])
        assert port.names()[-2:] == ["write", "close"]


def test_application_that_does_not_finish_its_frame_is_dropped_in_time() -> None:
    """The deadlines run, whoever is late; then the frame's rest has nowhere to go."""
    for ours in (True, False):
        for port in both(closeHandshakeTimeout=1):
            frame_half_sent(port.connection)
            if ours:
                port.connection.send_close(1000, None)
            else:
                port.receive(to(port, CLOSE))
            port.advance(1)
            assert port.names("timed_out", "close", "abort") == ["timed_out", "abort"]
            port.take()
            with pytest.raises(Disconnected, match="cannot send a frame's data"):
                port.connection.send_frame_data(b"bc")
            assert port.calls == []


def test_loss_inside_of_a_frame_ends_it() -> None:
    """Whatever waited for its end."""
    for port in both():
        frame_half_sent(port.connection)
        port.connection.send_close(1000, None)
        port.lose()
        port.take()
        with pytest.raises(Disconnected, match="the connection is closed"):
            port.connection.send_frame_data(b"bc")
        assert port.calls == []


@pytest.mark.parametrize("abort", [True, False])
def test_drop_inside_of_a_frame_does_not_wait_for_its_end(abort: bool) -> None:
    """Who drops does not want to finish."""
    for port in both():
        frame_half_sent(port.connection)
        port.connection.send_ping(b"waits")
        port.connection.drop(Cause.DROPPED, "enough", abort)
        assert port.names("close", "abort") == ["abort" if abort else "close"]
        with pytest.raises(Disconnected):
            port.connection.send_frame_data(b"bc")


@pytest.mark.parametrize(("limit", "written"), [(0, 2), (9, 2), (8, 1), (4, 0)])
def test_end_of_the_frame_may_be_too_much_for_the_peer(limit: int, written: int) -> None:
    """maxSendBuffer is met by the data or by the Close behind it: the connection is aborted, once, and not ended."""
    port = server(sendHighWaterMark=0, maxSendBuffer=limit)
    port.peer_reads = False
    frame_begun(port.connection)
    assert port.connection.sending_is_paused
    port.receive(from_client(CLOSE))
    assert port.connection.state is State.DRAINING
    port.take()
    port.connection.send_frame_data(b"abc")
    assert port.names("write", "close", "abort") == ["write"] * written + ["close" if written == 2 else "abort"]


# Prepared messages.


@pytest.mark.parametrize(("is_binary", "first"), [(False, TEXT), (True, BINARY)])
def test_prepared_frame_goes_out_as_it_is(is_binary: bool, first: int) -> None:
    """One encoding for many connections."""
    port = server()
    message = Prepared(b"abc", is_binary, True)
    port.connection.send_prepared(message)
    (written,) = writes(port)
    assert written is message.frame
    assert written == from_server(first, b"abc")
    assert counters(port.connection)[:3] == (1, 1, 3)


@pytest.mark.parametrize(("is_binary", "first"), [(False, TEXT), (True, BINARY)])
def test_prepared_frame_is_encoded_again_where_this_end_masks(is_binary: bool, first: int) -> None:
    """The frame is for nobody else's key."""
    for port in (client(), server(maskServerFrames=True)):
        port.connection.send_prepared(Prepared(b"abc", is_binary, True))
        assert port.sent == from_client(first, b"abc")
        assert counters(port.connection)[:3] == (1, 1, 3)


def test_prepared_frame_is_split_where_the_option_says_so() -> None:
    """autoFragmentSize counts for it as for any message."""
    for port in both(autoFragmentSize=2):
        port.connection.send_prepared(Prepared(b"abc", False, True))
        assert port.sent == by(port, TEXT_PART, b"ab") + by(port, CONTINUATION, b"c")
        assert counters(port.connection)[:3] == (1, 2, 3)


# Counters and traces.


def test_counters_of_what_was_sent() -> None:
    """Messages when they are complete, frames of any kind, octets of messages, octets on the wire."""
    for port in both():
        connection = port.connection
        handshake = connection.octets_sent
        assert handshake > 0
        assert counters(connection)[:3] == (0, 0, 0)
        connection.send_message(b"abc", False)
        assert counters(connection)[:3] == (1, 1, 3)
        connection.send_message(b"abcde", True, 2)
        assert counters(connection)[:3] == (2, 4, 8)
        connection.send_ping(b"ping")
        connection.send_pong(b"pong")
        assert counters(connection)[:3] == (2, 6, 8)
        connection.begin_message(True)
        connection.begin_frame(2)
        connection.send_frame_data(b"abcd")
        connection.send_frame(b"e")
        assert counters(connection)[:3] == (2, 8, 11)
        connection.end_message()
        assert counters(connection)[:3] == (3, 9, 11)
        connection.send_close(1000, None)
        assert counters(connection)[:3] == (3, 10, 11)
        assert connection.octets_sent == handshake + len(port.sent)


def test_counters_of_what_was_received() -> None:
    """The same four for the other direction."""
    for port in both():
        connection = port.connection
        handshake = connection.octets_received
        octets = to(port, TEXT, b"abc") + to(port, BINARY_PART, b"de") + to(port, PING) + to(port, CONTINUATION, b"f")
        port.receive(octets + to(port, TEXT, b"half")[:-1], 1)
        assert connection.octets_received == handshake + len(octets) + len(to(port, TEXT, b"half")) - 1
        assert (connection.messages_received, connection.frames_received) == (2, 5)
        assert connection.payload_received == 9


def test_what_is_gathered_is_counted_as_sent_and_as_buffered() -> None:
    """Inside of a callback, before the write."""
    port = server()
    seen: list[tuple[int, int]] = []

    def answer(payload: bytes, is_binary: bool) -> None:
        port.connection.send_message(payload, is_binary)
        seen.append((port.connection.octets_sent, port.connection.buffered_amount))

    before = port.connection.octets_sent
    port.hooks["message"] = answer
    port.receive(from_client(TEXT, b"abc") * 2)
    assert seen == [(before + 5, 5), (before + 10, 10)]
    assert port.connection.buffered_amount == 0


def test_frames_by_parts_are_traced_where_the_option_says_so() -> None:
    """logFrames: each frame once, with its length, when its header goes out; with its octets if they are there."""
    for port in both(logFrames=True):
        masked = isinstance(port, RecordingClient)
        frame_half_sent(port.connection)
        port.connection.send_ping(b"ping")
        port.connection.send_frame_data(b"bc")
        port.connection.end_message()
        port.connection.send_prepared(Prepared(b"abc", True, True))
        assert [call for call in port.calls if call[0] == "trace_frame"] == [
            ("trace_frame", True, TEXT_PART, masked, 3, b""),
            ("trace_frame", True, PING, masked, 4, b"ping"),
            ("trace_frame", True, CONTINUATION, masked, 0, b""),
            ("trace_frame", True, BINARY, masked, 3, b"abc"),
        ]


def test_trace_of_a_large_message_shows_how_it_begins() -> None:
    """logFrames: the log is no copy of what I send."""
    payload = bytes(range(256)) * 300
    for port in both(logFrames=True):
        masked = isinstance(port, RecordingClient)
        port.connection.send_message(payload, True)
        assert ("trace_frame", True, BINARY, masked, len(payload), payload[:TRACED]) in port.calls


# The transport calls back from inside of a write.


def test_sending_inside_of_sending_paused_comes_after_what_paused() -> None:
    """`onSendingPaused` that says so to the peer."""
    for port in both(sendHighWaterMark=10):
        connection = port.connection
        port.peer_reads = False
        port.hooks["sending_paused"] = lambda c=connection: c.send_message(b"wait", False)
        connection.send_message(b"x" * 20, True)
        connection.send_message(b"after", True)
        assert [call[1] for call in sent_messages(port)] == [b"x" * 20, b"wait", b"after"]


def test_sending_inside_of_the_last_write_of_a_chunk_is_not_lost() -> None:
    """What was gathered goes out, the transport pauses, and the application sends from inside of that."""
    port = server(sendHighWaterMark=10)
    port.peer_reads = False
    port.hooks["sending_paused"] = lambda: port.connection.send_message(b"wait", False)
    port.hooks["message"] = port.connection.send_message
    port.receive(from_client(BINARY, b"x" * 20) + from_client(BINARY, b"y" * 20))
    expected = [("message", payload, True) for payload in (b"x" * 20, b"y" * 20)]
    assert sent_messages(port) == [*expected, ("message", b"wait", False)]
    # The cork is off again.
    port.take()
    port.connection.send_message(b"z", True)
    assert port.names("write") == ["write"]


def test_sending_inside_of_an_early_write_of_a_chunk_keeps_the_order() -> None:
    """The cork is full in the middle of a chunk."""
    port = server()
    port.peer_reads = False
    port.hooks["sending_paused"] = lambda: port.connection.send_message(b"wait", False)

    def answer(payload: bytes, is_binary: bool) -> None:
        port.connection.send_message(payload * 70_000, True)
        port.connection.send_message(payload, is_binary)

    port.hooks["message"] = answer
    port.receive(from_client(TEXT, b"1") + from_client(TEXT, b"2"))
    assert [len(bytes(str(call[1]), "ascii")) - 3 for call in sent_messages(port)] == [70_000, 4, 1]
    port.drain()
    assert [call[1] for call in sent_messages(port)][2:] == [b"1", b"2" * 70_000, b"2"]


def test_who_gathered_may_be_done_in_the_middle_of_a_large_frame() -> None:
    """The transport calls the application between header and payload, and it has nothing more to gather."""
    port = server(sendHighWaterMark=0)
    port.peer_reads = False
    connection = port.connection

    def done() -> None:
        connection.send_message(b"wait", False)
        connection.uncork()

    port.hooks["sending_paused"] = done
    assert connection.cork()
    connection.send_message(b"x" * 130_000, True)
    assert [call[1] for call in sent_messages(port)] == [b"x" * 130_000, b"wait"]
    # The cork is off again.
    assert connection.cork()


def test_flush_inside_of_a_write_sends_the_rest() -> None:
    """`sync=True` from inside of the last write of a chunk."""
    port = server(sendHighWaterMark=0)
    port.peer_reads = False

    def more() -> None:
        port.connection.send_message(b"wait", False)
        port.connection.flush()
        port.connection.flush()

    port.hooks["sending_paused"] = more
    port.hooks["message"] = port.connection.send_message
    port.receive(from_client(TEXT, b"x"))
    assert writes(port) == [from_server(TEXT, b"x"), from_server(TEXT, b"wait")]


def test_next_frame_begun_inside_of_the_write_of_the_last_data() -> None:
    """The transport pauses with the last octets of a frame; what waits for that end cannot come into the next frame."""
    for port in both(sendHighWaterMark=9):
        connection = port.connection
        port.peer_reads = False
        frame_half_sent(connection)
        connection.send_ping(b"1")
        connection.send_pong(b"2")
        port.hooks["sending_paused"] = lambda c=connection: c.begin_frame(2)
        port.high_water_mark = len(port.waiting) + 1
        assert connection.send_frame_data(b"bc") == 0
        assert port.waiting == by(port, TEXT_PART, b"abc") + by(port, PART, b"de")[:-2]
        connection.send_frame_data(b"de")
        connection.end_message()
        frames = [(TEXT_PART, b"abc"), (PART, b"de"), (PONG, b"2"), (PING, b"1"), (CONTINUATION, b"")]
        assert port.waiting == b"".join(by(port, *frame) for frame in frames)


def test_next_frame_begun_inside_of_the_write_of_a_control_frame() -> None:
    """The first of two that waited makes the transport pause; the second waits on."""
    port = server()
    connection = port.connection
    port.peer_reads = False
    frame_half_sent(connection)
    connection.send_ping(b"1")
    connection.send_pong(b"2")
    port.hooks["sending_paused"] = lambda: connection.begin_frame(2)
    port.high_water_mark = len(port.waiting) + 3
    connection.send_frame_data(b"bc")
    connection.send_frame_data(b"de")
    frames = [(TEXT_PART, b"abc"), (PONG, b"2"), (PART, b"de"), (PING, b"1")]
    assert port.waiting == b"".join(by(port, *frame) for frame in frames)


def test_header_that_pauses_may_be_followed_from_inside() -> None:
    """The data is sent from inside of the header's write."""
    for port in both(sendHighWaterMark=0):
        connection = port.connection
        port.peer_reads = False
        connection.begin_message(True)
        port.hooks["sending_paused"] = lambda c=connection: c.send_frame_data(b"abc")
        connection.begin_frame(3)
        connection.end_message()
        assert port.waiting == by(port, BINARY_PART, b"abc") + by(port, CONTINUATION)


# Properties.

frames = st.lists(st.lists(st.binary(max_size=40), max_size=4), max_size=4)
scripts = st.lists(st.tuples(st.booleans(), frames), max_size=5)


def play(port: RecordingPort, script: list[tuple[bool, list[list[bytes]]]]) -> None:
    """Stream: each frame by its pieces, one with a single piece as a whole; pings inside of every frame."""
    connection = port.connection
    for is_binary, message in script:
        connection.begin_message(is_binary)
        for pieces in message:
            if len(pieces) == 1:
                connection.send_frame(pieces[0])
                continue
            missing = sum(map(len, pieces))
            connection.begin_frame(missing)
            for piece in pieces:
                connection.send_ping(b"%d" % missing)
                missing -= len(piece)
                assert connection.send_frame_data(piece) == missing
        connection.end_message()


def told(upcalls: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Upcalls without pings, and with neighbouring pieces put together."""
    found: list[tuple[object, ...]] = []
    for call in upcalls:
        if call[0] == "frame_data" and found and found[-1][0] == "frame_data":
            found[-1] = ("frame_data", found[-1][1] + call[1])  # type: ignore[operator]
        elif call[0] != "ping":
            found.append(call)
    return found


def pair(sender: str, **options: Any) -> tuple[RecordingPort, RecordingPort]:
    one: RecordingPort = RecordingServer(**options) if sender == "server" else RecordingClient(**options)
    other: RecordingPort = RecordingClient() if sender == "server" else RecordingServer()
    return one, other


def opened(port: RecordingPort) -> RecordingPort:
    assert isinstance(port, RecordingServer | RecordingClient)
    port.open()
    return port


@settings(deadline=None)
@given(sender=st.sampled_from(["server", "client"]), script=scripts, size=st.integers(0, 50))
def test_what_one_end_streams_the_other_receives_by_pieces(
    sender: str, script: list[tuple[bool, list[list[bytes]]]], size: int
) -> None:
    """Every frame with its length and its data, however the network cuts it."""
    one, other = pair(sender)
    other.connection.stream_to(other, True)
    play(opened(one), [(True, message) for _, message in script])
    opened(other).receive(one.sent, size)
    expected: list[tuple[object, ...]] = []
    for _, message in script:
        expected.append(("message_begin", True))
        for payload in [b"".join(pieces) for pieces in message] + [b""]:
            expected.append(("frame_begin", len(payload)))
            if payload:
                expected.append(("frame_data", payload))
            expected.append(("frame_end",))
        expected.append(("message_end",))
    assert told(other.upcalls) == expected


@settings(deadline=None)
@given(sender=st.sampled_from(["server", "client"]), script=scripts, size=st.integers(0, 50))
def test_what_one_end_streams_the_other_receives_by_frames(
    sender: str, script: list[tuple[bool, list[list[bytes]]]], size: int
) -> None:
    """Every frame as a whole, the last one empty."""
    one, other = pair(sender)
    other.connection.stream_to(other, False)
    play(opened(one), [(True, message) for _, message in script])
    opened(other).receive(one.sent, size)
    expected: list[tuple[object, ...]] = []
    for _, message in script:
        expected.append(("message_begin", True))
        expected += [("frame", b"".join(pieces)) for pieces in message]
        expected += [("frame", b""), ("message_end",)]
    assert told(other.upcalls) == expected


@settings(deadline=None)
@given(
    sender=st.sampled_from(["server", "client"]),
    script=scripts,
    size=st.integers(0, 50),
    mark=st.integers(0, 200),
    gathered=st.booleans(),
)
def test_what_one_end_streams_the_other_receives_as_messages(
    sender: str, script: list[tuple[bool, list[list[bytes]]]], size: int, mark: int, gathered: bool
) -> None:
    """Assembled; with a transport that calls back from inside of its writes, from which a ping is sent."""
    one, other = pair(sender, sendHighWaterMark=mark)
    opened(one).peer_reads = False
    script = [
        (is_binary, [[piece if is_binary else piece.hex().encode() for piece in pieces] for pieces in message])
        for is_binary, message in script
    ]
    one.hooks["sending_paused"] = lambda: one.connection.send_ping(b"paused")
    if gathered:
        one.hooks["message"] = lambda *_: play(one, script)
        one.receive(to(one, TEXT, b"go"))
    else:
        play(one, script)
    one.drain()
    opened(other).receive(one.sent, size)
    assert told(other.upcalls) == [
        ("message", b"".join(map(b"".join, message)), is_binary) for is_binary, message in script
    ]
    sent = counters(one.connection)
    received = other.connection.messages_received, other.connection.frames_received, other.connection.payload_received
    assert sent[:3] == received


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=30), st.booleans(), st.integers(0, 5)), max_size=10),
    st.integers(0, 60),
    st.lists(st.binary(max_size=30), max_size=5),
    st.integers(1, 40),
)
def test_messages_sent_from_inside_of_writes_are_neither_lost_nor_mixed(
    messages: list[tuple[bytes, bool, int]], mark: int, nested: list[bytes], taken: int
) -> None:
    """All that was sent arrives once, whole, in the order of the calls."""
    port = server(sendHighWaterMark=mark)
    port.peer_reads = False
    order: list[tuple[object, ...]] = []
    left = list(nested)

    def send(payload: bytes, is_binary: bool, fragment_size: int = 0) -> None:
        order.append(("message", payload, is_binary))
        port.connection.send_message(payload, is_binary, fragment_size)

    def send_more() -> None:
        if left:
            send(left.pop(), True)

    port.hooks["sending_paused"] = send_more
    port.hooks["sending_resumed"] = send_more
    port.hooks["message"] = lambda payload, _: send(payload, True)
    for number, (payload, is_binary, fragment_size) in enumerate(messages):
        if number % 2:
            port.receive(from_client(BINARY, payload) * 2)
        else:
            send(payload if is_binary else payload.hex().encode(), is_binary, fragment_size)
        port.drain(taken)
    port.drain()
    port.receive(b"")
    assert sent_messages(port) == order


def test_frames_as_the_codec_has_them() -> None:
    """The tables of this file and the encoder agree."""
    assert from_client(TEXT, b"abc") == encode_frame(1, b"abc", KEY)
