"""`testing.recording`: the recording ports themselves, so that other tests may believe them."""

from __future__ import annotations

import pytest

from wsframework._core.constants import State
from wsframework._core.port import ClientPort, ServerPort
from wsframework.testing import RecordingClient, RecordingServer


def test_example_of_the_documentation_works() -> None:
    """What the module shows is how it is used."""
    server = RecordingServer(closeHandshakeTimeout=2)
    server.open()
    server.connection.send_close(1000, None)
    server.advance(2)
    assert server.names("timed_out", "abort") == ["timed_out", "abort"]


def test_ports_fit_the_core() -> None:
    """A type checker says so, and so do the attributes."""
    server: ServerPort = RecordingServer()
    client: ClientPort = RecordingClient()
    for port, kind in ((server, ServerPort), (client, ClientPort)):
        assert all(hasattr(port, name) for base in kind.__mro__ for name in vars(base) if not name.startswith("_"))


@pytest.mark.parametrize("immediate", [True, False])
def test_two_recording_ports_talk_to_each_other(immediate: bool) -> None:
    """A server and a client, the test carries the octets."""
    server, client = RecordingServer(immediate=immediate), RecordingClient(immediate=immediate)
    server.open()
    client.open()
    assert (server.connection.state, client.connection.state) == (State.OPEN, State.OPEN)
    assert (server.calls, client.calls, server.sent, client.sent) == ([], [], b"", b"")
    client.connection.send_message(b"hello", False)
    server.receive(client.take_sent())
    assert server.take() == [("message", b"hello", False)]
    assert server.upcalls == []
    assert server.closure is None
    server.lose()
    assert server.closure is server.connection.closure


def test_record_is_in_the_order_in_which_things_begin() -> None:
    """A hook runs inside of its upcall: what it causes comes after it, and before what comes next."""
    server = RecordingServer()
    server.open()
    server.hooks["ping"] = lambda payload: server.connection.send_pong(payload[::-1])
    server.receive(b"\x89\x82\0\0\0\0ab" * 2)
    assert server.names() == ["ping", "ping", "write"]
    assert server.upcalls == [("ping", b"ab"), ("ping", b"ab")]
    assert server.sent == b"\x8a\x02ba" * 2


def test_hook_answers_a_question_instead_of_the_port() -> None:
    """Then nothing is left to `decide`."""
    server = RecordingServer()
    server.hooks["handshake_received"] = lambda request: server.connection.refuse(403, "no")
    with pytest.raises(AssertionError, match="nothing was asked"):
        server.decide()
    server.open()
    assert server.connection.state is State.DRAINING
    assert not server.asked


def test_virtual_time_fires_every_timer_at_its_moment() -> None:
    """Time only passes in `advance`."""
    server = RecordingServer(autoPingInterval=3)
    server.open()
    moments: list[float] = []
    server.hooks["write"] = lambda _: moments.append(server.time)
    server.advance(10)
    assert (moments, server.now(), server.deadline) == ([3, 6, 9], 10, 12)


def test_peer_that_does_not_read() -> None:
    """Above the high-water mark the connection is told, and again below a quarter of it."""
    server = RecordingServer(sendHighWaterMark=100)
    server.open()
    server.peer_reads = False
    server.connection.send_message(b"x" * 98, True)
    assert (server.buffered_amount(), server.names()) == (100, ["write"])
    server.connection.send_message(b"", True)
    assert server.names("sending_paused", "sending_resumed") == ["sending_paused"]
    server.drain(76)
    assert server.names("sending_paused", "sending_resumed") == ["sending_paused"]
    server.drain(1)
    assert server.names("sending_paused", "sending_resumed") == ["sending_paused", "sending_resumed"]
    assert (len(server.sent), len(server.waiting), server.peer_reads) == (77, 25, False)
    server.drain()
    assert (len(server.sent), len(server.waiting), server.peer_reads) == (102, 0, True)


def test_what_arrives_while_nobody_reads_waits() -> None:
    """As in an operating system; an abort throws away what waits in the other direction."""
    server = RecordingServer()
    server.open()
    server.connection.hold(1)
    server.receive(b"\x81\x81\0\0\0\0x")
    assert (server.unread, server.upcalls) == (b"\x81\x81\0\0\0\0x", [])
    server.connection.release(1)
    server.receive(b"", 1)
    assert server.upcalls == [("message", b"x", False)]
    server.peer_reads = False
    server.connection.send_ping(b"")
    server.abort()
    assert server.waiting == server.sent == b""
