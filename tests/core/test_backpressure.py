"""`_core.connection`: an application that cannot take more, and a peer that does not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.core.wire import BINARY, CLOSE, PING, PONG, TEXT, close_payload, from_client, from_server
from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import HOLD_APPLICATION, HOLD_HANDLER, HOLD_SENDING, Connection
from wsframework._core.constants import State
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer

ONE, TWO, THREE = (from_client(TEXT, payload) for payload in (b"1", b"2", b"3"))


def server(**options: Any) -> RecordingServer:
    port = RecordingServer(**options)
    port.open()
    return port


def client(**options: Any) -> RecordingClient:
    port = RecordingClient(**options)
    port.open()
    return port


def messages(port: RecordingPort) -> list[object]:
    return [call[1] for call in port.calls if call[0] == "message"]


def stalled(**options: Any) -> RecordingServer:
    """A server whose peer does not read, and which knows it; 102 octets wait."""
    port = server(sendHighWaterMark=100, **options)
    port.peer_reads = False
    port.connection.send_message(b"x" * 100, True)
    assert port.names() == ["write", "sending_paused"]
    port.take()
    return port


def held(**options: Any) -> RecordingServer:
    """The same when more was sent to the peer: it is not read from; 104 octets wait."""
    port = stalled(**options)
    port.connection.send_message(b"", True)
    assert port.names("write", "pause_reading") == ["write", "pause_reading"]
    port.take()
    return port


# The application holds.


def test_pause_inside_of_a_message_takes_effect_before_the_next() -> None:
    """`pauseReceiving()` in `onMessage`: the second message of the same chunk waits."""
    port = server()
    port.hooks["message"] = lambda *_: port.connection.hold(HOLD_APPLICATION)
    port.receive(ONE + TWO + THREE[:3])
    port.receive(THREE[3:])
    assert port.names() == ["message", "pause_reading"]
    assert port.unread == THREE[3:]
    port.connection.release(HOLD_APPLICATION)
    assert port.names() == ["message", "pause_reading", "message", "pause_reading"]
    del port.hooks["message"]
    port.connection.release(HOLD_APPLICATION)
    assert port.names()[-1] == "resume_reading"
    port.receive(b"")
    assert messages(port) == [b"1", b"2", b"3"]


def test_octets_that_come_in_spite_of_a_pause_are_kept() -> None:
    """A transport may have a chunk on its way when it is told to stop."""
    port = server()
    port.connection.hold(HOLD_APPLICATION)
    port.connection.receive(ONE)
    port.connection.receive(TWO)
    assert port.names() == ["pause_reading"]
    port.connection.release(HOLD_APPLICATION)
    assert port.names() == ["pause_reading", "message", "message", "resume_reading"]


def test_answers_to_what_was_kept_go_out_in_one_write() -> None:
    """The cork works for a chunk that is gone through later too."""
    port = server()
    port.connection.hold(HOLD_APPLICATION)
    port.connection.receive(ONE + TWO)
    port.hooks["message"] = port.connection.send_message
    port.connection.release(HOLD_APPLICATION)
    assert [call for call in port.calls if call[0] == "write"] == [
        ("write", from_server(TEXT, b"1") + from_server(TEXT, b"2"))
    ]


def test_everybody_must_release() -> None:
    """The application, a handler in progress and a slow peer hold independently of each other."""
    port = server()
    connection = port.connection
    assert connection.hold(HOLD_APPLICATION)
    assert connection.hold(HOLD_HANDLER)
    assert not connection.hold(HOLD_HANDLER)
    connection.pause_writing()
    assert connection.held == HOLD_APPLICATION | HOLD_HANDLER
    connection.send_message(b"more", False)
    connection.receive(ONE)
    assert connection.held == HOLD_APPLICATION | HOLD_HANDLER | HOLD_SENDING
    connection.release(HOLD_HANDLER)
    connection.resume_writing()
    assert port.names("message", "resume_reading") == []
    connection.release(HOLD_APPLICATION)
    assert port.names("message", "resume_reading") == ["message", "resume_reading"]
    assert connection.held == 0


def test_releasing_what_nobody_holds_does_nothing() -> None:
    """`resumeReceiving()` without a pause."""
    port = server()
    port.connection.release(HOLD_APPLICATION)
    port.connection.resume_writing()
    assert port.calls == []


def test_hold_and_release_inside_of_one_upcall() -> None:
    """A coroutine that is finished before it has waited changes nothing."""
    port = server()

    def touch(*_: object) -> None:
        port.connection.hold(HOLD_HANDLER)
        port.connection.release(HOLD_HANDLER)

    port.hooks["message"] = touch
    port.receive(ONE + TWO)
    assert messages(port) == [b"1", b"2"]
    assert port.reading


def test_hold_before_opening_delivers_after_its_release() -> None:
    """`pauseReceiving()` in `onOpen`: what came with the handshake waits too."""
    port = RecordingServer()
    port.hooks["opened"] = lambda: port.connection.hold(HOLD_HANDLER)
    port.connection.connected()
    request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    request += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    port.receive(request + ONE)
    assert messages(port) == []
    port.connection.release(HOLD_HANDLER)
    assert messages(port) == [b"1"]


def test_pong_and_close_wait_for_their_turn() -> None:
    """A hold keeps the order of everything that the peer sent."""
    port = client()
    port.connection.hold(HOLD_APPLICATION)
    port.connection.receive(from_server(TEXT, b"1") + from_server(PONG, b"2") + from_server(CLOSE))
    assert port.names() == ["pause_reading"]
    port.connection.release(HOLD_APPLICATION)
    assert port.names("message", "pong", "close_frame") == ["message", "pong", "close_frame"]


# The peer does not read.


def test_peer_that_does_not_read_is_read_until_more_is_sent_to_it() -> None:
    """What made the buffer full was sent in good faith, and pings, pongs and Close cost little: reading goes on."""
    port = stalled()
    assert port.connection.sending_is_paused
    port.connection.send_ping(b"")
    port.connection.send_pong(b"")
    port.receive(ONE)
    assert messages(port) == [b"1"]
    assert port.reading
    port.connection.send_message(b"", False)
    assert not port.reading
    assert port.connection.held == HOLD_SENDING
    port.receive(TWO)
    assert messages(port) == [b"1"]
    port.drain()
    assert port.reading
    port.receive(b"")
    assert messages(port) == [b"1", b"2"]


def test_everything_of_a_stream_counts_as_more() -> None:
    """A message that is sent by parts is no way around."""

    def frame_by_parts(connection: Connection) -> None:
        connection.begin_frame(1)

    def data(connection: Connection) -> None:
        assert connection.send_frame_data(b"x") == 0

    parts: list[Callable[[Connection], object]] = [
        frame_by_parts,
        data,
        lambda c: c.send_frame(b""),
        Connection.end_message,
    ]
    for number in range(len(parts)):
        port = server(sendHighWaterMark=1000)
        port.connection.begin_message(True)
        for part in parts[:number]:
            part(port.connection)
        port.connection.pause_writing()
        assert port.reading
        parts[number](port.connection)
        assert not port.reading


def test_streams_that_wait_by_themselves_are_read_on() -> None:
    """Where both ends may send without end, what is sent does not answer what was received."""
    port = stalled()
    port.connection.reads_on = True
    port.connection.send_message(b"more", True)
    port.receive(ONE)
    assert messages(port) == [b"1"]
    assert port.reading


def test_pause_that_is_over_within_the_write_holds_nothing() -> None:
    """A transport may find room while it takes more; nobody would say again that it has."""
    port = stalled()
    port.hooks["write"] = lambda _: port.connection.resume_writing()
    port.connection.send_message(b"more", True)
    assert port.reading


def test_peer_that_does_not_read_its_echoes_is_not_read() -> None:
    """An echo to somebody who never takes it is bounded without a line of the application's code."""
    port = server(sendHighWaterMark=1000)
    port.peer_reads = False
    port.hooks["message"] = port.connection.send_message
    port.receive(from_client(BINARY, b"x" * 90) * 100, 96)
    assert port.names("pause_reading", "sending_paused") == ["sending_paused", "pause_reading"]
    assert len(port.waiting) == 12 * 92
    assert len(port.unread) == 88 * 96
    port.drain()
    assert port.names("resume_reading", "sending_resumed") == ["sending_resumed", "resume_reading"]
    port.receive(b"")
    assert port.sent == from_server(BINARY, b"x" * 90) * 100


def test_backpressure_works_inside_of_one_chunk() -> None:
    """One chunk full of small requests for large answers stops after a few of them: two fill, the third holds."""
    port = server()
    port.peer_reads = False
    port.hooks["message"] = lambda *_: port.connection.send_message(b"x" * 40_000, True)
    port.receive(ONE * 100)
    assert len(messages(port)) == 3
    port.drain()
    assert len(messages(port)) == 100


def test_application_may_send_on_to_a_peer_that_does_not_read() -> None:
    """Above the high-water mark messages still go to the transport, which keeps them; `bufferedAmount` says so."""
    port = stalled()
    port.connection.send_message(b"more", False)
    assert port.names("write") == ["write"]
    assert port.connection.buffered_amount == 102 + 6
    port.drain()
    assert port.sent.endswith(from_server(TEXT, b"more"))
    assert port.connection.buffered_amount == 0


def test_only_one_pong_is_owed_to_a_peer_that_does_not_read() -> None:
    """A ping flood by somebody who ignores the pongs fills nothing; the last one is answered (section 5.5.3)."""
    port = stalled()
    for number in range(1000):
        port.connection.send_pong(b"%d" % number)
    assert port.calls == []
    port.drain()
    assert port.names() == ["sending_resumed", "write"]
    assert port.sent == from_server(BINARY, b"x" * 100) + from_server(PONG, b"999")
    port.receive(from_client(PING, b"again"))
    assert port.sent.endswith(from_server(PONG, b"again"))


def test_ping_flood_inside_of_one_chunk_is_bounded() -> None:
    """Pings that were already there when the peer was found not to read."""
    port = server(sendHighWaterMark=100)
    port.peer_reads = False
    ping = from_client(PING, b"x" * 100)
    port.receive(from_client(TEXT, b"") + ping * 10_000, len(ping) * 100)
    assert len(port.waiting) <= 65536 + 102


def test_owed_pong_that_stops_sending_again_is_not_reported_as_resumed() -> None:
    """After `onSendingPaused` there is no `onSendingResumed` until sending can really go on."""
    port = held()
    port.connection.send_pong(b"x" * 125)
    port.drain(104)
    assert port.names("sending_paused", "sending_resumed") == ["sending_resumed", "sending_paused"]
    assert port.reading
    port.drain()
    assert port.names("sending_paused", "sending_resumed") == ["sending_resumed", "sending_paused", "sending_resumed"]


@pytest.mark.parametrize("careless", [False, True])
def test_sending_on_in_on_sending_resumed_does_not_keep_from_reading(careless: bool) -> None:
    """A producer that fills the buffer whenever it can: only what is sent while paused holds, and until the resumption.

    Otherwise one message too many would stop reading for as long as there is something to send.
    """
    port = held()
    left = [b"y" * 200, b"z" * 200]

    def send_on() -> None:
        if left:
            port.connection.send_message(left.pop(), True)
            if careless:
                port.connection.send_message(b"", True)

    port.hooks["sending_resumed"] = send_on
    port.connection.receive(ONE)
    for _ in range(2):
        port.drain(len(port.waiting))
        assert port.names("sending_resumed", "sending_paused")[-2:] == ["sending_resumed", "sending_paused"]
        assert port.reading is not careless
        assert messages(port) == ([] if careless else [b"1"])
    port.drain()
    assert port.reading
    assert messages(port) == [b"1"]


def test_peer_that_does_not_read_is_dropped_above_max_send_buffer() -> None:
    """The hard limit, exactly: what still fits is kept, one octet more drops the connection."""
    port = stalled(maxSendBuffer=1000)
    port.connection.send_message(b"y" * (1000 - 102 - 4), True)
    assert port.connection.buffered_amount == 1000
    assert port.names("abort") == []
    port.connection.send_ping(b"")
    assert port.names("write", "abort") == ["write", "abort"]
    assert port.deadline is None
    assert port.connection.state is State.DRAINING
    port.lose()
    reason = "the peer does not read: more than maxSendBuffer (1000) octets wait for it"
    assert port.closure == Closure(Cause.SEND_BUFFER, 1006, reason)


def test_message_in_fragments_is_kept_or_dropped_as_a_whole() -> None:
    """No half a message is left behind by a drop."""
    port = stalled(maxSendBuffer=1000)
    port.connection.send_message(b"y" * 890, True, 10)
    assert port.names("write", "abort") == ["abort"]


def test_max_send_buffer_counts_what_is_gathered() -> None:
    """Answers that are not written yet wait for the peer too."""
    port = server(maxSendBuffer=131_000)
    port.peer_reads = False

    def answer(*_: object) -> None:
        port.connection.send_message(b"x" * 130_000, True)
        assert port.names("write", "sending_paused") == ["write", "write", "sending_paused"]
        port.connection.send_message(b"y" * 500, True)
        assert port.names("write", "abort") == ["write", "write"]
        assert port.connection.buffered_amount == 130_010 + 504
        port.connection.send_message(b"z" * 500, True)

    port.hooks["message"] = answer
    port.receive(ONE)
    assert port.names("write", "abort") == ["write", "write", "abort"]


def test_max_send_buffer_0_is_never() -> None:
    """Who wants to keep everything may."""
    port = stalled(maxSendBuffer=0)
    for _ in range(100):
        port.connection.send_message(b"y" * 100_000, True)
    assert port.names("abort") == []
    assert port.connection.buffered_amount > 10_000_000


def test_drop_that_the_close_frame_causes() -> None:
    """The goodbye to a peer that does not read may be the octet too many."""
    port = stalled(maxSendBuffer=103)
    port.connection.send_close(1000, None)
    assert port.names("write", "abort") == ["abort"]
    port.lose()
    assert port.names("closed") == ["closed"]


def test_drop_that_an_automatic_ping_causes() -> None:
    """The ping too many ends the connection, and no timer is left behind."""
    port = stalled(maxSendBuffer=104, autoPingInterval=10)
    port.advance(10)
    assert port.names("write", "abort") == ["abort"]
    assert port.deadline is None


# The end, while somebody holds.


def test_close_of_ours_reads_on_from_a_peer_that_does_not_read() -> None:
    """Nothing more can be asked of us, and the answer must be found; what was kept is delivered."""
    port = held()
    port.connection.receive(ONE)
    port.connection.send_close(1000, None)
    assert messages(port) == [b"1"]
    assert port.reading
    assert port.names("resume_reading") == ["resume_reading"]
    port.receive(TWO + from_client(CLOSE))
    assert messages(port) == [b"1", b"2"]
    assert port.connection.state is State.DRAINING


def test_rest_of_a_frame_while_closing_does_not_hold() -> None:
    """Our Close waits for the frame's end, and the peer's may come before that."""
    port = server(sendHighWaterMark=0)
    port.peer_reads = False
    port.connection.begin_message(True)
    port.connection.begin_frame(10)
    assert port.connection.sending_is_paused
    port.connection.send_close(1000, None)
    port.connection.send_frame_data(b"12345")
    assert port.reading


def test_peer_that_reads_again_while_tcp_ends_is_not_reported() -> None:
    """Nothing can be sent any more, so nobody is told that sending resumed."""
    port = stalled()
    port.receive(from_client(CLOSE))
    assert port.connection.state is State.DRAINING
    port.drain()
    assert port.names("sending_resumed") == []
    assert not port.connection.sending_is_paused


def test_close_of_the_peer_ends_all_holds() -> None:
    """We read on to the end of TCP, or it would not be seen; what comes is thrown away."""
    port: RecordingPort = server()
    port.hooks["close_frame"] = lambda *_: port.connection.hold(HOLD_APPLICATION)
    port.receive(from_client(CLOSE))
    assert port.names("pause_reading", "resume_reading", "close") == ["pause_reading", "resume_reading", "close"]
    port = client()
    port.hooks["close_frame"] = lambda *_: port.connection.hold(HOLD_APPLICATION)
    port.receive(from_server(CLOSE))
    assert port.names("pause_reading", "resume_reading") == ["pause_reading", "resume_reading"]


def test_peer_that_stops_reading_while_tcp_ends_is_read_on() -> None:
    """The end of TCP comes from the peer; it is waited for until the drop timeout, whoever reads or not."""
    port = server(sendHighWaterMark=0, failByDrop=False)
    port.peer_reads = False
    port.receive(b"\xff")
    assert port.names("pause_reading", "sending_paused") == []
    port.drain()
    assert port.names("sending_resumed") == []
    assert port.sent.startswith(from_server(CLOSE, close_payload(1002))[:1])


def test_loss_while_somebody_holds_delivers_nothing_more() -> None:
    """What was kept is thrown away with the connection: after onClose nothing comes."""
    port = server()
    port.hooks["message"] = lambda *_: port.connection.hold(HOLD_HANDLER)
    port.receive(ONE + TWO)
    port.lose()
    port.take()
    port.connection.release(HOLD_HANDLER)
    assert port.calls == []
