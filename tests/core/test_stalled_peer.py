"""`_core.connection`: peers that do not read while we send more: when a hold leads nowhere, and two such peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.wire import BINARY, PING, TEXT, from_client, from_server
from wsframework._core.closure import Cause
from wsframework._core.connection import HOLD_APPLICATION, HOLD_SENDING
from wsframework._core.constants import State
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer

ONE, TWO, THREE = (from_client(TEXT, payload) for payload in (b"1", b"2", b"3"))


def messages(port: RecordingPort) -> list[object]:
    return [call[1] for call in port.calls if call[0] == "message"]


def held(**options: Any) -> RecordingServer:
    """A server that does not read from its peer, because it sent more to it than it takes; 104 octets wait."""
    port = RecordingServer(sendHighWaterMark=100, **options)
    port.open()
    port.peer_reads = False
    port.connection.send_message(b"x" * 100, True)
    port.connection.send_message(b"", True)
    assert port.connection.held == HOLD_SENDING
    port.take()
    return port


# One that holds.


def test_hold_that_leads_nowhere_is_lifted_after_a_second() -> None:
    """The peer may wait for us to read before it reads itself. What was kept is delivered, then reading goes on."""
    port = held()
    port.connection.receive(ONE)
    port.advance(0.99)
    assert port.calls == []
    port.advance(0.01)
    assert port.names("message", "resume_reading") == ["message", "resume_reading"]
    assert port.connection.sending_is_paused
    assert port.deadline is None


def test_hold_that_was_lifted_in_vain_stays() -> None:
    """An echo to a peer that never reads is bounded: the high-water mark, the message that holds, one for the probe."""
    port = held()
    port.hooks["message"] = port.connection.send_message
    port.receive(from_client(BINARY, b"y" * 1000) * 50, 1008)
    assert messages(port) == []
    for _ in range(1000):
        port.advance(1)
        port.receive(b"", 1008)
        assert port.connection.held == HOLD_SENDING
        assert len(messages(port)) == 1
        assert port.connection.buffered_amount == 104 + 1004


@given(st.lists(st.binary(max_size=300), max_size=40), st.integers(1, 2000), st.integers(0, 500))
@settings(max_examples=50, deadline=None)
def test_never_reading_echo_peer_is_bounded_however_it_sends(payloads: list[bytes], size: int, mark: int) -> None:
    """At no time more than the mark, one answer beyond it, one that holds and one for the probe."""
    port = RecordingServer(sendHighWaterMark=mark)
    port.open()
    port.peer_reads = False
    port.hooks["message"] = port.connection.send_message
    for payload in payloads:
        port.receive(from_client(BINARY, payload), size)
        port.advance(0.7)
    port.advance(100)
    assert port.connection.buffered_amount <= mark + 3 * 304
    port.drain()
    port.receive(b"")
    assert messages(port) == payloads
    assert port.sent == b"".join(from_server(BINARY, payload) for payload in payloads)


def test_progress_gives_the_peer_another_second() -> None:
    """A peer that reads slowly is waited for, with no more than one look a second."""
    port = held()
    for _ in range(20):
        port.advance(0.5)
        port.drain(1)
        port.advance(0.5)
    assert [call[0] for call in port.calls] == ["set_timer"] * 20
    assert port.connection.held == HOLD_SENDING
    port.advance(1)
    assert port.connection.held == 0


def test_what_we_send_meanwhile_does_not_hide_the_progress() -> None:
    """More waits for the peer than a second ago, but it reads."""
    port = held()
    for _ in range(5):
        port.advance(0.5)
        port.drain(1)
        port.connection.send_message(b"z" * 50, True)
        port.advance(0.5)
        assert port.connection.held == HOLD_SENDING
    port.connection.send_message(b"no progress", True)
    port.advance(1)
    assert port.connection.held == 0


def test_what_is_gathered_is_no_progress_and_does_not_hide_any() -> None:
    """The message that holds was sent inside of a chunk and goes out after it."""
    for taken, lifted in ((0, True), (1, False)):
        port = RecordingServer(sendHighWaterMark=100)
        port.open()
        port.peer_reads = False
        port.connection.send_message(b"x" * 100, True)
        port.hooks["message"] = port.connection.send_message
        port.receive(from_client(BINARY, b"y" * 1000))
        assert port.connection.buffered_amount == 102 + 1004
        port.drain(taken)
        port.advance(1)
        assert (port.connection.held == 0) is lifted


@pytest.mark.parametrize("when", ["before it holds again", "after it holds again"])
def test_progress_allows_another_probe(when: str) -> None:
    """Two peers that wait for each other may get on in small steps."""
    port = held()
    port.advance(1)
    assert port.connection.held == 0
    if when == "before it holds again":
        port.drain(1)
    port.connection.send_message(b"more", True)
    assert port.connection.held == HOLD_SENDING
    if when == "after it holds again":
        port.advance(17.5)
        port.drain(1)
    port.take()
    # The next look finds the progress, the one after it none.
    port.advance(1)
    assert port.connection.held == HOLD_SENDING
    port.advance(1)
    assert port.connection.held == 0


def test_resumption_allows_another_probe() -> None:
    """The next pause has nothing to do with the last."""
    port = held()
    port.advance(1)
    port.drain(len(port.waiting))
    assert not port.connection.sending_is_paused
    for _ in range(2):
        port.connection.send_message(b"x" * 100, True)
    assert port.connection.held == HOLD_SENDING
    port.advance(1)
    assert port.connection.held == 0


def test_resumption_before_the_look_leaves_nothing_to_do() -> None:
    """The timer runs out once for nothing."""
    port = held()
    port.drain(len(port.waiting))
    port.take()
    port.advance(100)
    assert port.calls == [("set_timer", None)]


def test_look_is_taken_a_second_after_the_last_hold() -> None:
    """A hold that ended and began anew has its own second."""
    port = held()
    port.advance(0.75)
    port.drain(len(port.waiting))
    for _ in range(2):
        port.connection.send_message(b"x" * 100, True)
    port.advance(0.75)
    assert port.connection.held == HOLD_SENDING
    port.advance(0.25)
    assert port.connection.held == 0


def test_application_that_holds_too_is_not_overruled() -> None:
    """`pauseReceiving()` stays."""
    port = held()
    port.connection.hold(HOLD_APPLICATION)
    port.connection.receive(ONE)
    port.advance(10)
    assert port.connection.held == HOLD_APPLICATION
    assert messages(port) == []
    port.connection.release(HOLD_APPLICATION)
    assert messages(port) == [b"1"]


@pytest.mark.parametrize("end", ["close", "drop", "lose"])
def test_no_look_after_the_end(end: str) -> None:
    """The timer has other uses then."""
    port = held(closeHandshakeTimeout=5)
    if end == "close":
        port.connection.send_close(1000, None)
    elif end == "drop":
        port.connection.drop(Cause.DROPPED, "enough", abort=False)
    else:
        port.lose()
    port.take()
    port.advance(4.5)
    assert port.calls == []


# With automatic pings.


@pytest.mark.parametrize("interval", [0.5, 0.75, 1, 3])
def test_pings_and_the_look_share_the_timer(interval: float) -> None:
    """Neither is late, early or lost because of the other."""
    port = RecordingServer(sendHighWaterMark=100, autoPingInterval=interval)
    port.open()
    pings: list[float] = []
    lifted: list[float] = []
    port.hooks["write"] = lambda data: pings.append(port.time) if data[0] == PING else None
    port.hooks["resume_reading"] = lambda: lifted.append(port.time)
    port.peer_reads = False
    port.advance(0.25)
    for _ in range(2):
        port.connection.send_message(b"x" * 100, True)
    port.advance(11.75)
    assert lifted == [1.25]
    assert pings == pytest.approx([interval * number for number in range(1, 1 + int(12 / interval))])


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_ping_between_two_looks_does_not_swallow_progress(at: float) -> None:
    """The peer read before the ping was due, and not after it: within the second it read."""
    port = held(autoPingInterval=0.6, autoPingTimeout=10)
    port.advance(at)
    port.drain(1)
    port.advance(1 - at)
    assert port.connection.held == HOLD_SENDING


def test_stalled_peer_that_holds_is_dropped_by_its_ping_timeout() -> None:
    """The probe heard nothing, and nothing was taken: it is gone."""
    port = held(autoPingInterval=10, autoPingTimeout=4)
    port.advance(13.75)
    assert port.names("abort") == []
    port.advance(0.25)
    assert port.names("timed_out", "abort") == ["timed_out", "abort"]
    assert port.deadline is None


def test_probe_hears_the_pong_that_lay_unread() -> None:
    """Before a peer is given up, what it said is read."""
    port = held(autoPingInterval=0.5, autoPingTimeout=0.75)
    port.connection.send_message(b"more", True)
    port.advance(0.5)
    port.receive(ONE)
    assert messages(port) == []
    port.advance(0.5)
    assert port.reading
    port.receive(b"")
    port.advance(0.5)
    assert port.names("timed_out", "abort") == []


def test_lifting_after_a_ping_that_was_too_much() -> None:
    """The ping of the same moment drops the connection."""
    port = held(autoPingInterval=1, maxSendBuffer=105)
    port.connection.receive(ONE)
    port.advance(1)
    assert port.names("abort") == ["abort"]
    assert messages(port) == []
    assert port.connection.state is State.DRAINING
    assert port.deadline is None


# Two of them.


class Pair:
    """A server and a client whose octets wait until the other reads them."""

    def __init__(self, **options: Any) -> None:
        self.server = RecordingServer(sendHighWaterMark=2000, **options)
        self.client = RecordingClient(sendHighWaterMark=2000, **options)
        self.ports: tuple[RecordingPort, RecordingPort] = (self.server, self.client)
        for port in self.ports:
            port.peer_reads = True
            assert isinstance(port, RecordingServer | RecordingClient)
            port.open()
            port.peer_reads = False

    def exchange(self, size: int = 1000) -> None:
        """Let octets pass, so many at a time, until nobody reads or nothing is left."""
        moved = True
        while moved:
            moved = False
            for one, other in (self.ports, self.ports[::-1]):
                if other.reading and one.waiting:
                    one.drain(size)
                    other.receive(one.take_sent())
                    moved = True

    def spend(self, seconds: float) -> None:
        """Let time pass."""
        self.exchange()
        for _ in range(int(seconds * 4)):
            for port in self.ports:
                port.advance(0.25)
            self.exchange()


class Careful:
    """Sends so many messages of 1000 octets, and none while sending is paused."""

    def __init__(self, port: RecordingPort, messages: int) -> None:
        self.port = port
        self.left = messages
        port.hooks["sending_resumed"] = self.send

    def send(self) -> None:
        while self.left and not self.port.connection.sending_is_paused:
            self.left -= 1
            self.port.connection.send_message(b"%d" % self.left * 1000, True)


def test_two_that_send_in_bulk_with_care_never_stop_reading() -> None:
    """Full duplex at full speed: no time passes at all."""
    pair = Pair()
    for port in pair.ports:
        Careful(port, 100).send()
    pair.exchange()
    for port in pair.ports:
        assert len(messages(port)) == 100
        assert port.names("pause_reading") == []
        assert port.connection.buffered_amount == 0


def test_two_that_send_in_bulk_without_care_get_through() -> None:
    """They wait for each other; a second later both read on, and nothing is lost."""
    pair = Pair(autoPingInterval=5, autoPingTimeout=5)
    sent = [b"%03d" % number * 500 for number in range(100)]
    for port in pair.ports:
        for payload in sent:
            port.connection.send_message(payload, True)
    pair.spend(0.75)
    assert [messages(port) for port in pair.ports] == [[], []]
    assert [port.reading for port in pair.ports] == [False, False]
    pair.spend(0.25)
    assert [messages(port) for port in pair.ports] == [sent, sent]


def careless(port: RecordingPort) -> None:
    for _ in range(100):
        port.connection.send_message(b"x" * 1000, True)


def careful(port: RecordingPort) -> None:
    Careful(port, 100).send()


@pytest.mark.parametrize("one", [careful, careless])
@pytest.mark.parametrize("other", [careful, careless])
def test_two_that_also_answer_each_message_get_through(
    one: Callable[[RecordingPort], None], other: Callable[[RecordingPort], None]
) -> None:
    """Whoever answers while paused holds, and lets the other one on; in the end everything has arrived."""
    pair = Pair()
    for port in pair.ports:

        def answer(payload: bytes, _: bool, port: RecordingPort = port) -> None:
            if len(payload) > 3:
                port.connection.send_message(b"ack", False)

        port.hooks["message"] = answer
    one(pair.server)
    other(pair.client)
    pair.spend(300)
    for port in pair.ports:
        assert len([payload for payload in messages(port) if payload == b"ack"]) == 100
        assert len(messages(port)) == 200
