"""Sending messages by frames and by pieces with permessage-deflate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.backends.compressed import JSON, MEDIUM, ROLES, SMALL, end_of, message_of, noter, other, pair, with_policy
from tests.backends.programs import Backend, note_taker
from wsframework._core.deflate import BLOCK
from wsframework.exceptions import Disconnected, SequenceError

POLICIES = pytest.mark.parametrize("policy", [SMALL, MEDIUM], ids=["small", "medium"])


@POLICIES
@pytest.mark.parametrize("role", ROLES)
def test_sending_by_frames_and_by_pieces(backend: Backend, policy: Any, role: str) -> None:
    """One compressed message at the other end, and pings in it wherever I like."""
    ends = with_policy(backend, policy)
    end = end_of(ends, role)
    for is_binary in (False, True):
        end.beginMessage(isBinary=is_binary)
        end.sendMessageFrame(b"one ")
        end.sendPing(b"between frames")
        end.beginMessageFrame(9)
        assert end.sendMessageFrameData(b"two ") == 5
        end.sendPing(b"inside of a frame, which does not go as it is")
        assert end.sendMessageFrameData(bytearray(b"three")) == 0
        end.beginMessageFrame(0)
        end.beginMessageFrame(2)
        assert end.sendMessageFrameData(memoryview(b" 4567")) == -3
        end.sendMessageFrame(b"")
        end.endMessage()
    end.sendMessage(JSON)
    frames = ends.frames(role)
    assert [frame.opcode for frame in frames].count(9) == 4
    data = [frame for frame in frames if frame.opcode < 8]
    ends_at = [number for number, frame in enumerate(data) if frame.fin]
    for start, stop in zip([0, *[index + 1 for index in ends_at[:-1]]], ends_at, strict=True):
        assert message_of(data[start : stop + 1]).compressed
    assert ends.messages(other(role)) == ["one two three 4", b"one two three 4", JSON]


@POLICIES
def test_each_frame_is_there_when_it_ends(backend: Backend, policy: Any) -> None:
    """A line of a log that I sent is at the other end, not in a compressor."""
    client = noter(note_taker(backend, "client"), "onMessageFrameData")
    ends = pair(backend, policy, policy.offers(), policy, client=client)
    ends.other.events.clear()
    ends.one.beginMessage()
    told = b""
    for number in range(20):
        line = f"line {number}\n".encode()
        ends.one.sendMessageFrame(line)
        told += line
        ends.exchange()
        assert b"".join(event[1] for event in ends.other.events) == told


def test_a_message_of_nothing(backend: Backend) -> None:
    """Begun and ended."""
    ends = with_policy(backend, MEDIUM)
    for protocol in (ends.one, ends.other):
        protocol.beginMessage()
        protocol.endMessage()
        protocol.sendMessage(JSON)
    assert ends.messages("server") == ends.messages("client") == ["", JSON]


@POLICIES
def test_a_long_stream_in_constant_memory(backend: Backend, policy: Any) -> None:
    """What was sent is nowhere any more, at either end."""
    total = 0

    class Client(note_taker(backend, "client")):  # type: ignore[misc]
        def onMessageFrameData(self, payload: bytes) -> None:
            nonlocal total
            total += len(payload)

    ends = pair(backend, policy, policy.offers(), policy, client=Client)
    ends.one.beginMessage(isBinary=True)
    ends.one.beginMessageFrame(1 << 40)
    block = (JSON.encode() * 70)[:BLOCK]
    for _ in range(300):
        ends.one.sendMessageFrameData(block)
        ends.sent("server")
        assert ends.other._connection._reader.buffered < BLOCK
    assert 298 * BLOCK < total <= 300 * BLOCK
    # A frame ends where it was said to end, and with the connection nothing waits for that.
    ends.server.cut()
    with pytest.raises(Disconnected):
        ends.one.sendMessageFrameData(block)


def test_the_context_of_a_message_by_parts_goes_with_it(backend: Backend) -> None:
    """Where nothing refers to it any more."""
    ends = with_policy(backend, SMALL)
    connection = ends.one._connection
    ends.one.beginMessage()
    ends.one.sendMessageFrame(JSON.encode())
    assert connection.has_contexts
    ends.one.endMessage()
    assert not connection.has_contexts


def test_calls_out_of_order_leave_the_compressor_alone(backend: Backend) -> None:
    """They raise, and the message goes on as if nothing had been."""
    ends = with_policy(backend, MEDIUM)
    end = ends.one
    wrong: list[Callable[[], object]] = [
        lambda: end.sendMessage(JSON),
        lambda: end.sendPreparedMessage(end.factory.prepareMessage(JSON)),
        end.beginMessage,
    ]
    end.beginMessage()
    for number in range(3):
        for call in wrong:
            with pytest.raises(SequenceError):
                call()
        end.beginMessageFrame(len(JSON))
        for call in (*wrong, lambda: end.sendMessageFrame(b"x"), end.endMessage, lambda: end.beginMessageFrame(1)):
            with pytest.raises(SequenceError):
                call()
        assert end.sendMessageFrameData(JSON.encode()) == 0
        assert ends.frames("server") != [], number
    end.endMessage()
    end.sendMessage(JSON)
    assert ends.messages("client") == [JSON * 3, JSON]


@pytest.mark.parametrize("closer", ROLES)
def test_a_close_does_not_wait_for_a_frame_that_is_compressed(backend: Backend, closer: str) -> None:
    """It goes at once, since what it comes in between is no frame on the wire."""
    ends = with_policy(backend, MEDIUM)
    ends.one.beginMessage()
    ends.one.beginMessageFrame(2000)
    ends.one.sendMessageFrameData(JSON.encode())
    end_of(ends, closer).sendClose(1000)
    ends.exchange()
    for end in (ends.one, ends.other):
        assert end.events[-1] == ("close", True, 1000)
    with pytest.raises(Disconnected):
        ends.one.sendMessageFrameData(b"x")


def test_others_wait_for_the_end_of_a_message_by_parts(backend: Backend) -> None:
    """Messages from threads, as without compression."""
    ends = with_policy(backend, MEDIUM)
    ends.one.beginMessage()
    ends.one.sendMessageFromThread(JSON)
    ends.exchange()
    ends.one.sendMessageFrame(b"part")
    ends.exchange()
    assert ends.messages("client") == []
    ends.one.endMessage()
    assert ends.messages("client") == ["part", JSON]
