"""`_core.connection`: the one timer, after the opening handshake: closing, the end of TCP, automatic pings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.wire import BINARY, CLOSE, PING, PONG, TEXT, close_payload, from_client, from_server
from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import HOLD_APPLICATION, HOLD_HANDLER
from wsframework._core.constants import State
from wsframework._core.keepalive import AnsweredPing
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer

CLOSING_TIMED_OUT = "no Close frame from the peer within closeHandshakeTimeout"


def server(**options: Any) -> RecordingServer:
    port = RecordingServer(**options)
    port.open()
    return port


def client(**options: Any) -> RecordingClient:
    port = RecordingClient(**options)
    port.open()
    return port


def both(**options: Any) -> list[RecordingPort]:
    return [server(**options), client(**options)]


def to(port: RecordingPort, first: int, payload: bytes = b"") -> bytes:
    """A frame as this end's peer sends it."""
    return from_client(first, payload) if isinstance(port, RecordingServer) else from_server(first, payload)


def by(port: RecordingPort, first: int, payload: bytes = b"") -> bytes:
    """A frame as this end sends it."""
    return from_server(first, payload) if isinstance(port, RecordingServer) else from_client(first, payload)


def aborted_at(port: RecordingPort, seconds: float, cause: Cause) -> None:
    """The connection is aborted after so many seconds from now, once, and not earlier."""
    port.advance(seconds - 0.25)
    assert port.names("timed_out", "abort") == []
    port.advance(0.25)
    assert [call for call in port.calls if call[0] in ("timed_out", "abort")] == [("timed_out", cause), ("abort",)]
    port.advance(1e6)
    assert port.names("abort") == ["abort"]


# The answer to our Close.


def test_peer_has_close_handshake_timeout_for_its_close() -> None:
    """A peer that ignores our goodbye is dropped, to the fraction of a second; messages do not prolong it."""
    for port in both(closeHandshakeTimeout=2.5):
        port.connection.send_close(1000, None)
        port.advance(1)
        port.receive(to(port, TEXT, b"still talking"))
        aborted_at(port, 1.5, Cause.CLOSING_TIMEOUT)
        port.lose()
        assert port.closure == Closure(Cause.CLOSING_TIMEOUT, 1006, CLOSING_TIMED_OUT)


def test_answer_in_the_last_moment_is_in_time() -> None:
    """The timer has a new meaning then: the end of TCP."""
    for port in (server(closeHandshakeTimeout=2.5), client(closeHandshakeTimeout=2.5)):
        port.connection.send_close(1000, None)
        port.advance(2.25)
        port.receive(to(port, CLOSE))
        port.advance(0.5)
        assert port.names("timed_out", "abort") == []


def test_close_handshake_timeout_0_is_never() -> None:
    """No timer at all, and none that was set before."""
    for port in both(closeHandshakeTimeout=0, autoPingInterval=10):
        port.connection.send_close(1000, None)
        assert port.deadline is None
        port.advance(1e6)
        assert port.names("write", "abort") == ["write"]


@pytest.mark.parametrize("who", [HOLD_APPLICATION, HOLD_HANDLER])
def test_close_that_lies_unread_because_of_us_gets_a_second_chance(who: int) -> None:
    """A paused application closes: at the timeout what is kept is gone through, without delivering messages."""
    for port in both(closeHandshakeTimeout=2):
        port.connection.hold(who)
        port.connection.receive(to(port, TEXT, b"unread") + to(port, CLOSE, close_payload(4000)))
        port.connection.send_close(1000, None)
        port.advance(2)
        assert port.names("message", "close_frame", "timed_out", "abort") == ["close_frame"]
        assert port.connection.state is State.DRAINING
        port.lose()
        assert port.closure == Closure(Cause.CLOSE_HANDSHAKE, 4000, None)


def test_second_chance_is_for_octets_in_the_operating_system_too() -> None:
    """After the first timeout we read on; the Close may be what comes."""
    for port in both(closeHandshakeTimeout=2):
        port.connection.hold(HOLD_APPLICATION)
        port.receive(to(port, TEXT, b"unread"))
        port.connection.send_close(1000, None)
        port.advance(2)
        assert port.reading
        port.advance(1.75)
        port.receive(to(port, CLOSE))
        assert port.names("message", "close_frame", "timed_out") == ["close_frame"]


@pytest.mark.parametrize("hold_again", [False, True])
def test_second_chance_is_the_last(hold_again: bool) -> None:
    """It takes as long as the first, and there is no third, whoever holds again."""
    for port in both(closeHandshakeTimeout=2):
        port.connection.hold(HOLD_APPLICATION)
        port.connection.send_close(1000, None)
        port.advance(2)
        assert port.names("timed_out", "abort") == []
        if hold_again:
            port.connection.hold(HOLD_APPLICATION)
        aborted_at(port, 2, Cause.CLOSING_TIMEOUT)


def test_peer_that_does_not_read_has_no_second_chance() -> None:
    """It cannot even have read our Close."""
    for before in ([], [b"fills"], [b"fills", b"holds"]):
        port = server(closeHandshakeTimeout=2, sendHighWaterMark=0)
        port.peer_reads = False
        for payload in before:
            port.connection.send_message(payload, True)
        port.connection.send_close(1000, None)
        assert port.reading
        aborted_at(port, 2, Cause.CLOSING_TIMEOUT)


def test_failing_has_the_same_timeout_and_no_second_chance() -> None:
    """After Close 1011 nothing is held any more."""
    for port in both(closeHandshakeTimeout=2):
        port.connection.hold(HOLD_APPLICATION)
        port.connection.fail(Cause.CALLBACK_ERROR, 1011, "onMessage raised KeyError")
        port.connection.hold(HOLD_APPLICATION)
        aborted_at(port, 2, Cause.CLOSING_TIMEOUT)
        port.lose()
        assert port.closure == Closure(Cause.CALLBACK_ERROR, 1011, "onMessage raised KeyError")


# The end of TCP.


@pytest.mark.parametrize("first", ["we", "the peer"])
def test_client_of_a_server_has_close_handshake_timeout_to_end_tcp(first: str) -> None:
    """The server has ended its half; a client that does not end the other is dropped. The handshake was clean."""
    port = server(closeHandshakeTimeout=3)
    if first == "we":
        port.connection.send_close(1000, None)
        port.advance(2)
    port.receive(from_client(CLOSE))
    aborted_at(port, 3, Cause.DROP_TIMEOUT)
    port.lose()
    assert port.closure == Closure(Cause.CLOSE_HANDSHAKE, 1005, None)


@pytest.mark.parametrize("first", ["we", "the peer"])
def test_server_of_a_client_has_server_connection_drop_timeout_to_end_tcp(first: str) -> None:
    """A client waits for the server to end TCP, but not for ever."""
    port = client(closeHandshakeTimeout=20, serverConnectionDropTimeout=3)
    if first == "we":
        port.connection.send_close(1000, None)
        port.advance(2)
    port.receive(from_server(CLOSE))
    assert port.names("close") == []
    aborted_at(port, 3, Cause.DROP_TIMEOUT)
    port.lose()
    assert port.closure == Closure(Cause.CLOSE_HANDSHAKE, 1005, None)


@pytest.mark.parametrize("abort", [False, True])
def test_drop_timeouts_of_0_are_never(abort: bool) -> None:
    """No timer is left, whichever way TCP is waited for."""
    for port in both(closeHandshakeTimeout=0, failByDrop=False, autoPingInterval=10):
        if isinstance(port, RecordingClient):
            port = client(serverConnectionDropTimeout=0, failByDrop=False, autoPingInterval=10)
        port.receive(b"\xff" if abort else to(port, CLOSE))
        assert port.deadline is None
        port.advance(1e6)
        assert port.names("abort") == []


@pytest.mark.parametrize("how", ["violation", "drop"])
def test_other_orderly_ends_of_tcp_have_the_same_deadline(how: str) -> None:
    """Close after a violation, and `dropConnection()` without abort."""
    for port in (
        server(closeHandshakeTimeout=3, failByDrop=False),
        client(serverConnectionDropTimeout=3, failByDrop=False),
    ):
        if how == "violation":
            port.receive(b"\xff")
        else:
            port.connection.drop(Cause.DROPPED, "enough", abort=False)
        assert port.names("close") == ["close"]
        aborted_at(port, 3, Cause.DROP_TIMEOUT)


def test_end_of_tcp_disarms_the_timer() -> None:
    """After onClose nothing is left of a connection."""
    for port in both(autoPingInterval=10):
        port.connection.send_close(1000, None)
        port.lose()
        assert port.deadline is None


# A peer that reads slowly what was sent before the end.


def slow(port: RecordingPort) -> RecordingPort:
    """8000 octets of a message wait for it."""
    port.peer_reads = False
    port.connection.send_message(bytes(8000), True)
    return port


def goes_on(port: RecordingPort, seconds: float, octets: int) -> None:
    """It takes so many octets in each of some timeouts, and is not dropped."""
    for _ in range(4):
        port.advance(seconds - 0.25)
        port.drain(octets)
        port.advance(0.25)
        assert port.names("timed_out", "abort") == []


def test_slow_peer_gets_what_was_sent_before_our_close() -> None:
    """It cannot answer what it has not read; a kibioctet in each closeHandshakeTimeout is enough."""
    for port in both(closeHandshakeTimeout=3):
        slow(port).connection.send_close(1000, None)
        goes_on(port, 3, 1024)
        assert port.connection.state is State.CLOSING
        aborted_at(port, 3, Cause.CLOSING_TIMEOUT)
    for port in both(closeHandshakeTimeout=3):
        slow(port).connection.send_close(1000, None)
        port.drain(1023)
        aborted_at(port, 3, Cause.CLOSING_TIMEOUT)


def test_slow_peer_gets_what_was_sent_before_the_end_of_tcp() -> None:
    """Its own Close came first; the drop timeouts wait as long as it reads."""
    for port in (server(closeHandshakeTimeout=3), client(serverConnectionDropTimeout=3)):
        slow(port).receive(to(port, CLOSE))
        goes_on(port, 3, 1024)
        aborted_at(port, 3, Cause.DROP_TIMEOUT)


def test_frame_that_is_still_being_sent_keeps_the_close_waiting() -> None:
    """As long as the application goes on with it."""
    for port in both(closeHandshakeTimeout=3):
        connection = port.connection
        connection.begin_message(True)
        connection.begin_frame(8)
        connection.send_close(1000, None)
        for _ in range(4):
            port.advance(2)
            connection.send_frame_data(b"x")
            port.advance(1)
            assert port.names("timed_out", "abort") == []
        aborted_at(port, 3, Cause.CLOSING_TIMEOUT)


# Automatic pings.


def test_pings_go_out_every_interval() -> None:
    """`autoPingInterval`, with and without answers: pings also keep middleboxes from forgetting the connection."""
    for port in both(autoPingInterval=10):
        port.advance(9.75)
        assert port.sent == b""
        port.advance(0.25)
        assert port.take_sent() == by(port, PING, b"\0\0\0\1")
        port.advance(20)
        assert port.take_sent() == by(port, PING, b"\0\0\0\2") + by(port, PING, b"\0\0\0\3")
        assert port.names("abort") == []


def test_ping_has_auto_ping_size_octets() -> None:
    """4 to 125."""
    port = server(autoPingInterval=1, autoPingSize=125)
    port.advance(1)
    assert port.sent == from_server(PING, b"\0" * 124 + b"\1")


def test_no_pings_without_an_interval() -> None:
    """A timeout alone does nothing."""
    port = server(autoPingTimeout=1)
    assert port.deadline is None


def test_pong_is_reported_with_its_ping() -> None:
    """`onAutoPong` comes before `onPong` and knows the round trip; other pongs are only pongs."""
    for port in both(autoPingInterval=10):
        port.advance(10)
        port.advance(0.5)
        port.receive(to(port, PONG, b"\0\0\0\1") + to(port, PONG, b"else"))
        assert port.upcalls == [
            ("auto_pong", AnsweredPing(1, 10.0, 10.5), b"\0\0\0\1"),
            ("pong", b"\0\0\0\1"),
            ("pong", b"else"),
        ]


def test_peer_that_gives_no_sign_of_life_is_dropped() -> None:
    """No pong and no other octet within `autoPingTimeout`: 1006, and onClose says why."""
    for port in both(autoPingInterval=10, autoPingTimeout=4):
        port.advance(10)
        aborted_at(port, 4, Cause.PING_TIMEOUT)
        assert port.connection.state is State.DRAINING
        port.lose()
        reason = "no answer to a ping within autoPingTimeout"
        assert port.closure == Closure(Cause.PING_TIMEOUT, 1006, reason)
        assert port.deadline is None


def test_pong_keeps_the_connection() -> None:
    """A peer that answers lives; the next ping has its own deadline."""
    for port in both(autoPingInterval=10, autoPingTimeout=4):
        for number in range(1, 5):
            port.advance(10)
            port.receive(to(port, PONG, number.to_bytes(4, "big")))
        port.advance(10)
        aborted_at(port, 4, Cause.PING_TIMEOUT)


def test_any_octet_is_a_sign_of_life() -> None:
    """A peer in the middle of a large message cannot answer pings (autoPingRestartOnAnyTraffic)."""
    for port in both(autoPingInterval=10, autoPingTimeout=4):
        port.receive(to(port, BINARY, b"x" * 1000)[:500])
        for _ in range(30):
            port.advance(3)
            port.receive(b"x")
        assert port.names("abort") == []
        port.advance(8)
        assert port.names("abort") == ["abort"]


def test_only_a_pong_is_a_sign_of_life_where_the_option_says_so() -> None:
    """autoPingRestartOnAnyTraffic=False."""
    for port in both(autoPingInterval=10, autoPingTimeout=4, autoPingRestartOnAnyTraffic=False):
        port.advance(10)
        port.receive(to(port, TEXT, b"I live"))
        aborted_at(port, 4, Cause.PING_TIMEOUT)


@pytest.mark.parametrize("any_traffic", [True, False])
@pytest.mark.parametrize("who", [HOLD_APPLICATION, HOLD_HANDLER])
def test_peer_that_we_do_not_listen_to_is_not_judged(who: int, any_traffic: bool) -> None:
    """While the application pauses, the pong lies unread; pings go on, and after the pause the peer has its time."""
    for port in both(autoPingInterval=10, autoPingTimeout=4, autoPingRestartOnAnyTraffic=any_traffic):
        port.connection.hold(who)
        port.advance(100)
        assert port.names("timed_out", "abort") == []
        assert port.names("write") == ["write"] * 10
        port.connection.release(who)
        port.advance(3.5)
        assert port.names("timed_out", "abort") == []
        port.advance(10)
        assert port.names("timed_out", "abort") == ["timed_out", "abort"]


@pytest.mark.parametrize("any_traffic", [True, False])
@pytest.mark.parametrize("more", [0, 1, 200])
def test_peer_that_reads_slowly_is_alive(any_traffic: bool, more: int) -> None:
    """Its pong is behind what it has not read; that it reads at all is seen, even if we send faster than it reads."""
    for port in both(
        autoPingInterval=10, autoPingTimeout=4, sendHighWaterMark=100, autoPingRestartOnAnyTraffic=any_traffic
    ):
        port.peer_reads = False
        port.connection.send_message(b"x" * 10_000, True)
        for _ in range(20):
            port.advance(4)
            port.drain(100)
            if more:
                port.connection.send_message(b"y" * more, True)
        assert port.names("timed_out", "abort") == []
        assert len(port.names("write")) > 8


@pytest.mark.parametrize("more", [False, True])
def test_peer_that_does_not_read_at_all_is_dropped(more: bool) -> None:
    """A stalled peer does not live for ever because we wait for it: it takes nothing of what we send."""
    for port in both(autoPingInterval=10, autoPingTimeout=4, sendHighWaterMark=100):
        port.peer_reads = False
        port.connection.send_message(b"x" * 10_000, True)
        if more:
            port.connection.send_message(b"more", True)
        port.advance(10)
        if more:
            port.connection.send_message(b"more", True)
        aborted_at(port, 4, Cause.PING_TIMEOUT)


def test_peer_that_stops_reading_again_is_dropped() -> None:
    """What it has read once is no sign of life for later."""
    for port in both(autoPingInterval=10, autoPingTimeout=4, sendHighWaterMark=100):
        port.peer_reads = False
        port.connection.send_message(b"x" * 10_000, True)
        port.advance(12)
        port.drain(100)
        port.advance(2)
        aborted_at(port, 4, Cause.PING_TIMEOUT)


def test_closing_ends_the_pings() -> None:
    """Nothing may follow a Close frame (section 5.5.1)."""
    for port in both(autoPingInterval=1, autoPingTimeout=1, closeHandshakeTimeout=5):
        port.connection.send_close(1000, None)
        port.take()
        port.advance(4.75)
        assert port.names("write", "abort") == []
