"""`_core.connection`: messages in and out of an open connection, what goes out as one write, and misuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.wire import BINARY, CLOSE, CONTINUATION, NOT_FIN, PING, PONG, TEXT, from_client, from_server
from wsframework._core.channel import Channel
from wsframework._core.closure import Cause
from wsframework._core.codec import MASK_EITHER
from wsframework._core.connection import Connection
from wsframework._core.constants import State
from wsframework._core.violation import ProtocolViolation
from wsframework.exceptions import Disconnected, PayloadExceededError
from wsframework.options import CommonOptions
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer

SMALL_CORK = 65536


def server(**options: Any) -> RecordingServer:
    port = RecordingServer(**options)
    port.open()
    return port


def client(**options: Any) -> RecordingClient:
    port = RecordingClient(**options)
    port.open()
    return port


def writes(port: RecordingPort) -> list[object]:
    return [call[1] for call in port.calls if call[0] == "write"]


# In.


@pytest.mark.parametrize("size", [0, 1])
def test_messages_arrive_in_order(size: int) -> None:
    """Text, binary, empty, in fragments and with control frames in between, in any pieces."""
    octets = [
        (TEXT, b"one"),
        (BINARY, b"\x00\xff"),
        (TEXT, b""),
        (TEXT & ~NOT_FIN, b"two "),
        (PONG, b"unasked"),
        (CONTINUATION, b"parts"),
    ]
    expected = [
        ("message", b"one", False),
        ("message", b"\x00\xff", True),
        ("message", b"", False),
        ("pong", b"unasked"),
        ("message", b"two parts", False),
    ]
    for port, frame in ((server(), from_client), (client(), from_server)):
        port.receive(b"".join(frame(first, payload) for first, payload in octets), size)
        assert port.calls == expected


def test_ping_is_told_and_answered_by_who_is_told() -> None:
    """`onPing` gets the payload; its default sends the Pong."""
    port: RecordingPort = server()
    port.receive(from_client(PING, b"abc"))
    assert port.calls == [("ping", b"abc"), ("write", from_server(PONG, b"abc"))]
    port = client()
    port.receive(from_server(PING, b"abc"))
    assert port.calls == [("ping", b"abc"), ("write", from_client(PONG, b"abc"))]


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 50))
def test_echo_does_not_depend_on_the_pieces(payloads: list[bytes], size: int) -> None:
    """However the network cuts the stream, every message comes back once and in order."""
    port = server()
    port.hooks["message"] = port.connection.send_message
    port.receive(b"".join(from_client(BINARY, payload) for payload in payloads), size)
    assert port.sent == b"".join(from_server(BINARY, payload) for payload in payloads)


def test_octets_handed_in_inside_of_an_upcall_wait_for_their_turn() -> None:
    """A transport that delivers while we are at it does not mix messages up."""
    port = server()
    port.hooks["message"] = lambda payload, _: (
        port.connection.receive(from_client(TEXT, b"nested")) if payload == b"1" else None
    )
    port.receive(from_client(TEXT, b"1") + from_client(TEXT, b"2"))
    assert [call[1] for call in port.calls] == [b"1", b"2", b"nested"]


# Out.


@pytest.mark.parametrize(
    ("payload", "is_binary", "frame"),
    [
        (b"hello", False, b"\x81\x05hello"),
        (b"\x00", True, b"\x82\x01\x00"),
        (b"", False, b"\x81\x00"),
        (b"x" * 126, True, b"\x82\x7e\x00\x7e" + b"x" * 126),
        (b"x" * 65535, True, b"\x82\x7e\xff\xff" + b"x" * 65535),
    ],
    ids=["text", "binary", "empty", "16 bit length", "longest 16 bit length"],
)
def test_message_is_one_frame_and_one_write(payload: bytes, is_binary: bool, frame: bytes) -> None:
    """`sendMessage` on the wire (section 5.2)."""
    port = server()
    port.connection.send_message(payload, is_binary)
    assert writes(port) == [frame]


LARGE = b"x" * 131072
LARGE_HEADER = b"\x82\x7f\x00\x00\x00\x00\x00\x02\x00\x00"


def test_large_payload_is_not_copied() -> None:
    """Its header goes before it; what the transport gets is the object that I gave."""
    port = server()
    before = port.connection.octets_sent
    port.connection.send_message(LARGE, True)
    header, payload = writes(port)
    assert header == LARGE_HEADER
    assert payload is LARGE
    assert port.connection.octets_sent - before == len(header) + len(payload)


def test_payload_that_is_not_large_goes_with_its_header() -> None:
    """One system call, and one packet to wake the peer up for."""
    port = server()
    port.connection.send_message(LARGE[:65536], True)
    assert writes(port) == [from_server(BINARY, LARGE[:65536])]


def test_large_message_comes_after_what_was_gathered() -> None:
    """Answers to one chunk stay in order."""
    port = server()

    def answer(*_: object) -> None:
        port.connection.send_message(b"before", True)
        port.connection.send_message(LARGE, True)
        port.connection.send_message(b"after", True)

    port.hooks["message"] = answer
    port.receive(from_client(BINARY, b""))
    before, after = from_server(BINARY, b"before"), from_server(BINARY, b"after")
    assert writes(port) == [before + LARGE_HEADER, LARGE, after]


def test_nothing_comes_between_a_header_and_its_payload() -> None:
    """The transport says stop at the header, and my onSendingPaused answers with much."""
    port = server(sendHighWaterMark=5)
    port.peer_reads = False

    def answer() -> None:
        port.connection.send_message(LARGE[:60000], True)
        port.connection.send_message(b"a" * 60000, True)
        port.connection.flush()
        port.connection.send_ping(b"")

    port.hooks["sending_paused"] = answer
    port.connection.send_message(LARGE, True)
    rest = from_server(BINARY, LARGE[:60000]) + from_server(BINARY, b"a" * 60000) + from_server(PING)
    assert port.waiting == LARGE_HEADER + LARGE + rest


def test_payload_is_not_written_when_its_header_was_the_end() -> None:
    """Dropped from inside of onSendingPaused."""
    port = server(sendHighWaterMark=5)
    port.peer_reads = False
    port.hooks["sending_paused"] = lambda: port.connection.drop(Cause.DROPPED, "enough")
    port.connection.send_message(LARGE, True)
    assert writes(port) == [LARGE_HEADER]


def test_large_message_is_kept_or_dropped_as_a_whole() -> None:
    """maxSendBuffer is looked at before its header."""
    port = server(sendHighWaterMark=5, maxSendBuffer=140_000)
    port.peer_reads = False
    port.connection.send_message(b"123456", True)
    port.connection.send_message(LARGE, True)
    assert port.connection.buffered_amount == 8 + 10 + 131072
    port.take()
    port.connection.send_message(LARGE, True)
    assert port.names("write", "abort") == ["abort"]


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize(
    ("size", "frames"),
    [
        (2, [(0x01, b"ab"), (0x00, b"cd"), (0x80, b"ef")]),
        (3, [(0x01, b"abc"), (0x80, b"def")]),
        (4, [(0x01, b"abcd"), (0x80, b"ef")]),
        (5, [(0x01, b"abcde"), (0x80, b"f")]),
        (6, [(0x81, b"abcdef")]),
        (7, [(0x81, b"abcdef")]),
        (0, [(0x81, b"abcdef")]),
    ],
)
def test_fragments_have_at_most_that_size_and_none_is_empty(
    size: int, frames: list[tuple[int, bytes]], auto: bool
) -> None:
    """`fragmentSize` and `autoFragmentSize`: exact multiples produce no empty last frame."""
    port = server(autoFragmentSize=size if auto else 0)
    port.connection.send_message(b"abcdef", False, 0 if auto else size)
    assert port.sent == b"".join(from_server(first, payload) for first, payload in frames)


def test_fragment_size_of_a_message_counts_before_the_option() -> None:
    """Who asks for a size gets it; an empty message is one frame whatever the size."""
    port = server(autoFragmentSize=1)
    port.connection.send_message(b"ab", True, 2)
    port.connection.send_message(b"", True)
    assert port.sent == b"\x82\x02ab\x82\x00"


def test_fragments_stay_together_whatever_is_done_inside_of_the_write() -> None:
    """An `onSendingPaused` that says "slow" or goodbye comes after the whole message, not into it (section 5.4)."""
    port = server(sendHighWaterMark=4)
    port.peer_reads = False

    def complain() -> None:
        port.connection.send_message(b"slow", False)
        port.connection.send_close(1008, None)

    port.hooks["sending_paused"] = complain
    port.connection.send_message(b"abcdef", False, 2)
    port.drain()
    assert port.sent == b"\x01\x02ab" + b"\x00\x02cd" + b"\x80\x02ef" + b"\x81\x04slow" + b"\x88\x02\x03\xf0"


def test_client_masks_its_frames() -> None:
    """Every frame of a client has a key of its own (section 5.3)."""
    port = client()
    port.connection.send_message(b"Hello", False)
    port.connection.send_message(b"abcd", True, 3)
    port.connection.send_ping(b"p")
    assert port.sent == (
        b"\x81\x85\x01\x02\x03\x04" + b"Igohn"
        b"\x02\x83\x01\x02\x03\x04" + b"```"
        b"\x80\x81\x01\x02\x03\x04" + b"e"
        b"\x89\x81\x01\x02\x03\x04" + b"q"
    )


def test_apply_mask_false_uses_the_zero_key() -> None:
    """For measurements: the mask bit is set, every peer understands the frame, and nothing is XORed."""
    port = client(applyMask=False)
    port.connection.send_message(b"Hello", False)
    assert port.sent == b"\x81\x85\x00\x00\x00\x00Hello"
    received = server(applyMask=False)
    received.receive(port.sent)
    assert received.calls == [("message", b"Hello", False)]


def test_masks_where_options_ask_for_them_or_leave_them_out() -> None:
    """`maskServerFrames`, `maskClientFrames`, `requireMaskedClientFrames`, `acceptMaskedServerFrames`."""
    port: RecordingPort = server(maskServerFrames=True, requireMaskedClientFrames=False)
    port.connection.send_message(b"abcd", True)
    assert port.take_sent() == from_client(BINARY, b"abcd")
    port.receive(from_server(TEXT, b"open") + from_client(TEXT, b"masked"))
    assert port.names("message") == ["message"] * 2
    port = client(maskClientFrames=False, acceptMaskedServerFrames=True)
    port.connection.send_message(b"abcd", True)
    assert port.take_sent() == from_server(BINARY, b"abcd")
    port.receive(from_server(TEXT, b"open") + from_client(TEXT, b"masked"))
    assert port.names("message") == ["message"] * 2


def test_ping_and_pong_on_the_wire() -> None:
    """Control frames carry up to 125 octets (section 5.5)."""
    port = server()
    port.connection.send_ping(b"")
    port.connection.send_ping(b"x" * 125)
    port.connection.send_pong(b"y")
    assert port.sent == b"\x89\x00" + b"\x89\x7d" + b"x" * 125 + b"\x8a\x01y"


# Cork.


def test_answers_to_one_chunk_go_out_in_one_write() -> None:
    """Pipelined requests cost one system call per chunk, not one each."""
    port = server()
    port.hooks["message"] = port.connection.send_message
    port.receive(b"".join(from_client(TEXT, b"%d" % number) for number in range(10)))
    assert writes(port) == [b"".join(from_server(TEXT, b"%d" % number) for number in range(10))]
    port.take()
    port.receive(from_client(TEXT, b"a"))
    port.receive(from_client(TEXT, b"b"))
    assert writes(port) == [from_server(TEXT, b"a"), from_server(TEXT, b"b")]


def test_what_is_sent_outside_of_a_chunk_goes_out_at_once() -> None:
    """Nothing waits for a peer to say something."""
    port = server()
    port.connection.send_message(b"a", False)
    port.connection.send_message(b"b", False)
    assert writes(port) == [b"\x81\x01a", b"\x81\x01b"]
    port.connection.flush()
    assert writes(port) == [b"\x81\x01a", b"\x81\x01b"]


def test_gathered_writes_go_out_when_they_are_large() -> None:
    """A chunk full of requests for large answers does not pile them up."""
    port = server()
    port.hooks["message"] = lambda *_: port.connection.send_message(b"x" * (SMALL_CORK // 2), True)
    port.receive(from_client(TEXT, b"?") * 5)
    frame = from_server(BINARY, b"x" * (SMALL_CORK // 2))
    assert writes(port) == [frame * 2, frame * 2, frame]


def test_flush_inside_of_an_upcall_sends_what_is_gathered() -> None:
    """`sendMessage(sync=True)` does not wait for the callback to return."""
    port = server()

    def answer(*_: object) -> None:
        port.connection.send_message(b"a", False)
        assert port.connection.buffered_amount == 3
        assert port.sent == b""
        port.connection.flush()
        assert port.connection.buffered_amount == 0
        port.connection.send_message(b"b", False)

    port.hooks["message"] = answer
    port.receive(from_client(TEXT, b"?"))
    assert writes(port) == [b"\x81\x01a", b"\x81\x01b"]


def test_whoever_answers_many_messages_later_may_gather_the_answers() -> None:
    """They came together, and I answer them together; only the first who asks has to say when it is enough."""
    port = server()
    assert port.connection.cork()
    assert not port.connection.cork()
    port.connection.send_message(b"a", False)
    port.connection.send_message(b"b", False)
    assert port.sent == b""
    port.connection.uncork()
    assert writes(port) == [b"\x81\x01a\x81\x01b"]
    port.connection.send_message(b"c", False)
    assert port.sent.endswith(b"\x81\x01c")


def test_what_was_gathered_goes_out_before_tcp_ends() -> None:
    """The answers to the last chunk are not lost with the connection."""
    port = server()
    port.hooks["message"] = port.connection.send_message
    port.receive(from_client(TEXT, b"last") + from_client(CLOSE, b"\x03\xe8"))
    assert [call for call in port.calls if call[0] in ("write", "close")] == [
        ("write", from_server(TEXT, b"last") + b"\x88\x02\x03\xe8"),
        ("close",),
    ]


# Misuse: nothing is written, nothing has changed.


def test_message_over_the_limit_is_not_sent() -> None:
    """`maxMessagePayloadSize` limits what I send too: the peer, with the same limit, would fail."""
    port = server(maxMessagePayloadSize=10)
    port.connection.send_message(b"x" * 10, True, 3)
    port.take()
    with pytest.raises(PayloadExceededError, match=r"message of 11 octets is over maxMessagePayloadSize \(10\)"):
        port.connection.send_message(b"x" * 11, True, 3)
    assert port.calls == []
    port = server(maxMessagePayloadSize=0)
    port.connection.send_message(b"x" * 130_000, True)
    assert port.names() == ["write", "write"]


def test_control_frames_over_125_octets_are_not_sent() -> None:
    """Section 5.5, found before anything is written and whatever the state."""
    for port in (server(), RecordingServer()):
        with pytest.raises(ValueError, match="at most 125 octets, not 126"):
            port.connection.send_ping(b"x" * 126)
        with pytest.raises(ValueError, match="at most 125 octets, not 126"):
            port.connection.send_pong(b"x" * 126)
        assert port.calls == []


@pytest.mark.parametrize("state", [State.CONNECTING, State.CLOSING, State.DRAINING, State.CLOSED])
def test_messages_are_only_sent_while_open(state: State) -> None:
    """`Disconnected` says in which state the connection is; pings and pongs are quietly not sent."""
    port = RecordingServer()
    if state is not State.CONNECTING:
        port.open()
        port.connection.send_close(1000, None)
    if state in (State.DRAINING, State.CLOSED):
        port.receive(from_client(CLOSE, b"\x03\xe8"))
    if state is State.CLOSED:
        port.lose()
    assert port.connection.state is state
    port.take()
    words = "not open yet" if state is State.CONNECTING else state.value
    with pytest.raises(Disconnected, match=f"cannot send a message: the connection is {words}"):
        port.connection.send_message(b"x", False)
    port.connection.send_ping(b"x")
    port.connection.send_pong(b"x")
    assert port.calls == []


# Logging and the base class.


def test_frames_are_traced_where_the_option_says_so() -> None:
    """`logFrames`: direction, first octet, mask, size, and how the payload begins."""
    port = client(logFrames=True)
    port.receive(from_server(TEXT, b"secret") + from_server(PING, b"1"))
    port.connection.send_message(b"abc", True, 2)
    assert [call for call in port.calls if call[0] == "trace_frame"] == [
        ("trace_frame", False, TEXT, False, 6, b"secret"),
        ("trace_frame", False, PING, False, 1, b"1"),
        ("trace_frame", True, PONG, True, 1, b"1"),
        ("trace_frame", True, 0x02, True, 2, b"ab"),
        ("trace_frame", True, CONTINUATION, True, 1, b"c"),
    ]
    port = client()
    port.receive(from_server(TEXT, b"secret"))
    assert port.names() == ["message"]


def test_connection_without_a_role_is_a_mistake() -> None:
    """What only a role can decide says so, instead of doing half of it."""
    port = RecordingPort(65536)
    connection = Connection(port, CommonOptions(), "unknown", MASK_EITHER, None, lambda size: b"\0" * size)
    with pytest.raises(AssertionError, match="a role decides this"):
        connection.receive(b"x")
    connection.state = State.OPEN
    with pytest.raises(AssertionError, match="a role decides this"):
        connection.close(1000, b"")
    with pytest.raises(AssertionError, match="a role decides this"):
        connection.drop(Cause.DROPPED, "enough", abort=False)
    with pytest.raises(AssertionError, match="the connection decides this"):
        Channel._violated(connection, ProtocolViolation(1002, "whatever"))
