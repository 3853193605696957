"""`_core.keepalive`: automatic pings under a clock that the test moves (RFC 6455 sections 5.5.2 and 5.5.3)."""

from __future__ import annotations

import pytest

from wsframework._core.keepalive import AnsweredPing, KeepAlive, PeerLost


class Timeline:
    """A connection whose timer fires when it is due and no sooner; notes what is sent, and when."""

    def __init__(self, interval: float, timeout: float, size: int = 4) -> None:
        self.now = 1000.0
        self.start = self.now
        self.pings: list[bytes] = []
        self.times: list[float] = []
        self.keepalive = KeepAlive(interval, timeout, size, self.random, self.now)

    def random(self, size: int) -> bytes:
        return (len(self.pings) + 1).to_bytes(size, "big")

    def expire(self, alive: bool = False) -> None:
        """What the timer does."""
        payload = self.keepalive.expire(self.now, alive)
        if payload is not None:
            self.pings.append(payload)
            self.times.append(self.now - self.start)

    def run(self, until: float, alive: bool = False) -> None:
        """Let time pass to `until` seconds after the start, timer included."""
        while self.now + self.keepalive.delay(self.now) <= self.start + until:
            self.now += self.keepalive.delay(self.now)
            self.expire(alive)
        self.now = self.start + until

    def run_until_lost(self) -> float:
        """How long after the start the peer counts as lost."""
        with pytest.raises(PeerLost):
            self.run(10_000)
        return self.now - self.start

    def pong(self, payload: bytes) -> AnsweredPing | None:
        return self.keepalive.pong(payload, self.now)


@pytest.mark.parametrize("interval", [0.0625, 1, 20.0])
def test_pings_go_on_without_a_timeout(interval: float) -> None:
    """autoPingTimeout=0: a ping every interval, answered or not, and nobody is ever lost."""
    line = Timeline(interval, 0)
    line.run(interval * 100)
    assert line.times == [interval * count for count in range(1, 101)]
    assert not line.keepalive.waiting


def test_no_ping_before_it_is_due() -> None:
    """A timer that fires early changes nothing."""
    line = Timeline(10, 5)
    for moment in (0.0, 5.0, 9.999):
        line.now = line.start + moment
        assert line.keepalive.delay(line.now) == pytest.approx(10 - moment)
        line.expire()
    assert line.pings == []


def test_a_late_timer_sends_one_ping_and_not_a_burst() -> None:
    """After the machine slept the next ping is a whole interval away."""
    line = Timeline(10, 0)
    line.now += 35
    assert line.keepalive.delay(line.now) == 0
    line.expire()
    assert len(line.pings) == 1
    assert line.keepalive.delay(line.now) == 10


@pytest.mark.parametrize("size", [4, 12, 125])
def test_the_payload_has_the_size_of_the_option(size: int) -> None:
    """autoPingSize octets, from the source of randomness."""
    line = Timeline(1, 1, size)
    line.run(1)
    assert line.pings == [(1).to_bytes(size, "big")]


@pytest.mark.parametrize(("interval", "timeout", "lost"), [(10, 4, 14), (10, 0.25, 10.25), (10, 10, 20), (3, 10, 13)])
def test_a_silent_peer_is_lost_after_the_timeout(interval: int, timeout: float, lost: float) -> None:
    """Not earlier than timeout seconds after the first ping that was not answered, and not later."""
    line = Timeline(interval, timeout)
    assert line.run_until_lost() == lost
    assert line.times == [moment for moment in range(interval, 30, interval) if moment < lost]
    early = Timeline(interval, timeout)
    early.run(lost - 0.125)
    early.expire()
    assert early.keepalive.waiting


def test_pings_stay_due_while_a_pong_is_waited_for() -> None:
    """A long timeout does not silence the pings: they keep middleboxes awake."""
    line = Timeline(3, 10)
    line.run(12.5)
    assert line.times == [3, 6, 9, 12]


def test_an_answer_ends_the_wait() -> None:
    """A peer that answers is never lost, and I learn which ping it was and how long it took."""
    line = Timeline(10, 4)
    for count in range(1, 50):
        line.run(10 * count + 3.5)
        assert line.keepalive.waiting
        assert line.pong(line.pings[-1]) == AnsweredPing(count, 1000.0 + 10 * count, line.now)
        assert not line.keepalive.waiting
        assert line.keepalive.delay(line.now) == 6.5


def test_any_traffic_counts_as_life() -> None:
    """A peer that sends data but no pong stays connected, as long as it goes on sending."""
    line = Timeline(10, 4)
    line.run(100, alive=True)
    assert line.times == [10 * count for count in range(1, 11)]
    assert line.keepalive.waiting
    assert 100 < line.run_until_lost() <= 104


def test_traffic_before_the_ping_is_no_excuse() -> None:
    """Only what comes after the ping can stand for its pong."""
    line = Timeline(10, 4)
    line.now += 10
    line.expire(alive=True)
    assert line.run_until_lost() == 14


def test_traffic_seen_late_gives_the_whole_timeout_again() -> None:
    """The flag does not say when the peer was heard, so it counts as just now."""
    line = Timeline(100, 4)
    line.run(100)
    line.run(104, alive=True)
    assert line.keepalive.delay(line.now) == 4
    assert line.run_until_lost() == 108


@pytest.mark.parametrize("payload", [b"", b"\0\0\0\2", b"\0\0\0\1\0", b"\0\0\0"])
def test_a_pong_answers_only_with_the_payload_of_the_ping(payload: bytes) -> None:
    """Some other pong does not stop the clock."""
    line = Timeline(10, 4)
    line.run(10)
    assert line.pings == [b"\0\0\0\1"]
    assert line.pong(payload) is None
    assert line.keepalive.waiting
    assert line.run_until_lost() == 14


def test_a_pong_that_nobody_asked_for_means_nothing() -> None:
    """Unsolicited pongs are legal (section 5.5.3), before any ping and after its answer."""
    line = Timeline(10, 4)
    assert line.pong(b"") is None
    assert line.pong(b"\0\0\0\1") is None
    line.run(10)
    assert line.pong(b"\0\0\0\1") is not None
    assert line.pong(b"\0\0\0\1") is None
    assert line.keepalive.delay(line.now) == 10


def test_the_latest_pong_answers_all_earlier_pings() -> None:
    """A peer may answer only the most recent ping (section 5.5.3)."""
    line = Timeline(2, 9)
    line.run(7)
    assert line.times == [2, 4, 6]
    assert line.pong(line.pings[2]) == AnsweredPing(3, 1006.0, 1007.0)
    assert not line.keepalive.waiting
    assert [line.pong(payload) for payload in line.pings] == [None, None, None]


def test_a_later_ping_has_its_own_deadline() -> None:
    """An answer to the first ping does not excuse the second."""
    line = Timeline(2, 9)
    line.run(7)
    assert line.pong(line.pings[0]) == AnsweredPing(1, 1002.0, 1007.0)
    assert line.keepalive.waiting
    line.run(12.5)
    assert line.run_until_lost() == 4 + 9


def test_an_answer_never_brings_the_deadline_nearer() -> None:
    """While we did not listen every ping was excused; the first answers that are read then are no reason to hang up."""
    line = Timeline(2, 9)
    line.run(40, alive=True)
    before = line.keepalive.delay(line.now)
    line.now += 1
    assert line.pong(line.pings[-5]) is not None
    assert line.keepalive.delay(line.now) == before - 1
    line.run(48.5)
    assert line.run_until_lost() == 40 + 9


def test_answers_are_told_without_a_timeout_too() -> None:
    """autoPingTimeout=0 measures the round trip and never starts to wait."""
    line = Timeline(2, 0)
    line.run(7)
    assert line.pong(line.pings[0]) == AnsweredPing(1, 1002.0, 1007.0)
    assert not line.keepalive.waiting
    assert line.pong(line.pings[1]) == AnsweredPing(2, 1004.0, 1007.0)


def test_only_the_last_few_pings_are_remembered() -> None:
    """A peer that never answers costs no memory."""
    line = Timeline(1, 0)
    line.run(1000)
    assert [line.pong(payload) for payload in line.pings[:900]] == [None] * 900
    assert line.pong(line.pings[-2]) == AnsweredPing(999, 1999.0, 2000.0)
