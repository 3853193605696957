"""`_core.connection`: the closing handshake in every order, drops and losses."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.core.wire import CLOSE, PING, PONG, TEXT, close_payload, from_client, from_server
from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import HOLD_APPLICATION, check_close
from wsframework._core.constants import State
from wsframework.exceptions import Disconnected, HandshakeError
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer


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


def end(port: RecordingPort) -> Closure:
    """TCP ends; how it is reported, once and last."""
    port.lose("end of TCP")
    assert port.names("closed") == ["closed"]
    assert port.names()[-1] == "closed"
    assert port.closure is not None
    return port.closure


# The peer begins.


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    ("received", "sent", "code", "reason"),
    [
        (b"", close_payload(1000), 1005, None),
        (close_payload(1000), close_payload(1000), 1000, None),
        (close_payload(1001, "going"), close_payload(1000), 1001, "going"),
        (close_payload(4999, "\u00fc"), close_payload(1000), 4999, "\u00fc"),
        (close_payload(3000, "x" * 123), close_payload(1000), 3000, "x" * 123),
    ],
)
def test_close_of_the_peer_is_answered(received: bytes, sent: bytes, code: int, reason: str | None, size: int) -> None:
    """The peer says goodbye: it gets a Close with 1000, and onClose gets the peer's code and reason."""
    for port in both():
        port.receive(to(port, CLOSE, received), size)
        assert port.sent == by(port, CLOSE, sent)
        assert port.connection.state is State.DRAINING
        assert end(port) == Closure(Cause.CLOSE_HANDSHAKE, code, reason)
        connection = port.connection
        assert connection.remote_close_code == (None if code == 1005 else code)
        assert connection.remote_close_reason == reason
        assert (connection.local_close_code, connection.local_close_reason) == (1000, None)
        assert not connection.closed_by_us


@pytest.mark.parametrize("payload", [b"", close_payload(1001), close_payload(4000, "because")])
def test_echo_close_code_reason_answers_with_the_same(payload: bytes) -> None:
    """The option echoCloseCodeReason; no code is echoed as no code."""
    for port in both(echoCloseCodeReason=True):
        port.receive(to(port, CLOSE, payload))
        assert port.sent == by(port, CLOSE, payload)
        assert end(port).was_clean


def test_server_ends_tcp_after_its_answer_and_the_client_waits_for_it() -> None:
    """Section 7.1.1: the side with the many connections does not keep the TIME_WAIT of clients."""
    port: RecordingPort = server()
    port.receive(to(port, CLOSE))
    assert port.names("write", "close", "abort") == ["write", "close"]
    port = client()
    port.receive(to(port, CLOSE))
    assert port.names("write", "close", "abort") == ["write"]


def test_close_frame_is_told_before_it_is_acted_on() -> None:
    """`onCloseFrame` gets the raw reason, and comes before our answer."""
    for port in both():
        port.receive(to(port, CLOSE, close_payload(1000, "\u00fc")))
        assert port.calls[0] == ("close_frame", 1000, b"\xc3\xbc")
        assert port.names("write") == ["write"]


def test_close_sent_inside_of_on_close_frame_is_the_answer() -> None:
    """An application that answers by itself does not send two Close frames."""
    for port in both():
        connection = port.connection
        port.hooks["close_frame"] = lambda *_, c=connection: c.send_close(4001, "mine")
        port.receive(to(port, CLOSE, close_payload(4000)))
        assert port.sent == by(port, CLOSE, close_payload(4001, "mine"))
        assert connection.state is State.DRAINING
        assert not connection.closed_by_us
        assert end(port) == Closure(Cause.CLOSE_HANDSHAKE, 4000, None)


def test_dropping_inside_of_on_close_frame_is_obeyed() -> None:
    """Nothing is sent to a peer that the application has dropped."""
    for port in both():
        connection = port.connection
        port.hooks["close_frame"] = lambda *_, c=connection: c.drop(Cause.DROPPED, "enough")
        port.receive(to(port, CLOSE, close_payload(1000)))
        assert port.sent == b""
        assert end(port) == Closure(Cause.DROPPED, 1006, "enough")


# We begin.


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (None, None, b""),
        (1000, None, close_payload(1000)),
        (1001, "going", close_payload(1001, "going")),
        (3000, "\u00fc" * 61 + "z", close_payload(3000, "\u00fc" * 61 + "z")),
        (4999, "\u00fc" * 62, close_payload(4999, "\u00fc" * 61)),
        (1000, "", close_payload(1000)),
        (1000, "\ud800", close_payload(1000, "?")),
    ],
)
def test_close_of_ours_on_the_wire(code: int | None, reason: str | None, payload: bytes) -> None:
    """`sendClose`: the reason is cut between two characters to 123 octets, and nothing can make it invalid."""
    for port in both():
        port.connection.send_close(code, reason)
        assert port.sent == by(port, CLOSE, payload)
        connection = port.connection
        assert connection.local_close_code == code
        assert (connection.local_close_reason or "").encode() == payload[2:]
        assert connection.closed_by_us


@pytest.mark.parametrize("size", [0, 1])
def test_answer_to_our_close_completes_the_handshake(size: int) -> None:
    """onClose reports the peer's code; the server ends TCP, the client waits for it."""
    for port in both():
        port.connection.send_close(4000, "mine")
        port.take()
        port.receive(to(port, CLOSE, close_payload(4001, "yours")), size)
        expected = ["close"] if isinstance(port, RecordingServer) else []
        assert port.names("write", "close", "abort") == expected
        assert end(port) == Closure(Cause.CLOSE_HANDSHAKE, 4001, "yours")


def test_messages_are_delivered_until_the_peer_closes_too() -> None:
    """What the peer sent before it saw our Close is not lost; its pings go unanswered, as nothing may follow Close."""
    for port in both():
        port.connection.send_close(1000, None)
        port.take()
        port.receive(to(port, TEXT, b"late") + to(port, PING, b"?") + to(port, PONG, b"!") + to(port, CLOSE))
        assert port.upcalls == [("message", b"late", False), ("pong", b"!"), ("close_frame", None, b"")]
        assert "write" not in port.names()


def test_both_begin_at_once() -> None:
    """Two Close frames that cross on the line complete the handshake for both."""
    one, other = server(), client()
    one.connection.send_close(1001, "server")
    other.connection.send_close(1000, "client")
    one.receive(other.take_sent())
    other.receive(one.take_sent())
    assert (one.sent, other.sent) == (b"", b"")
    assert end(one) == Closure(Cause.CLOSE_HANDSHAKE, 1000, "client")
    assert end(other) == Closure(Cause.CLOSE_HANDSHAKE, 1001, "server")


def test_second_close_of_ours_is_ignored() -> None:
    """`sendClose` twice, also after the end, is no error."""
    for port in both():
        port.connection.send_close(1000, None)
        port.take()
        port.connection.send_close(1001, "again")
        port.receive(to(port, CLOSE))
        port.connection.send_close(1001, "again")
        end(port)
        port.connection.send_close(1001, "again")
        assert "write" not in port.names()
        assert port.connection.local_close_code == 1000


def test_nothing_is_parsed_after_the_close_of_the_peer() -> None:
    """Section 5.5.1: what follows a Close frame is thrown away, in the same chunk and in later ones."""
    for port in both():
        port.receive(to(port, CLOSE) + to(port, TEXT, b"more") + b"\xff\xff")
        port.receive(to(port, CLOSE) + to(port, TEXT, b"more"))
        assert port.names("message", "close_frame", "abort") == ["close_frame"]


def test_closing_before_opening_is_misuse() -> None:
    """There is no WebSocket connection yet that could be closed."""
    port = RecordingServer()
    port.connection.connected()
    port.take()
    with pytest.raises(Disconnected, match="the opening handshake is not complete"):
        port.connection.send_close(1000, None)
    assert port.calls == []


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, -1])
def test_codes_that_must_not_be_sent_are_misuse(code: int) -> None:
    """Sections 7.4.1 and 7.4.2, found before anything is written; the error names the ranges."""
    for port in both():
        with pytest.raises(ValueError, match=f"close code {code} cannot be sent: use 1000 to 1003, 1007 to 1014 or"):
            port.connection.send_close(code, None)
        assert port.calls == []
        assert port.connection.state is State.OPEN


@pytest.mark.parametrize(
    ("code", "reason", "error", "text"),
    [
        (None, "why", ValueError, "a close reason needs a close code"),
        ("1000", None, TypeError, "code must be an int, not str"),
        (True, None, TypeError, "code must be an int, not bool"),
        (1000, b"why", TypeError, "reason must be a str, not bytes"),
    ],
)
def test_close_arguments_of_the_wrong_kind_are_misuse(
    code: int | None, reason: str | None, error: type[Exception], text: str
) -> None:
    """Found before anything is written."""
    with pytest.raises(error, match=text):
        check_close(code, reason)
    port = server()
    with pytest.raises(error, match=text):
        port.connection.send_close(code, reason)
    assert port.calls == []


# The transport ends without a Close, or is dropped.


@pytest.mark.parametrize("closing", [False, True])
def test_loss_without_a_closing_handshake_is_1006(closing: bool) -> None:
    """Section 7.1.5: the reason says in words what happened."""
    for port in both():
        if closing:
            port.connection.send_close(1000, None)
        port.receive(to(port, TEXT, b"half")[:-1])
        assert end(port) == Closure(Cause.LOST, 1006, "end of TCP")


def test_after_the_loss_nothing_happens() -> None:
    """Whatever a late transport, timer or application still does: onClose was the last."""
    for port in both():
        port.receive(to(port, TEXT, b"x")[:3])
        port.connection.hold(HOLD_APPLICATION)
        port.connection.pause_writing()
        end(port)
        port.take()
        connection = port.connection
        connection.receive(to(port, TEXT, b"x"))
        connection.timer_expired()
        connection.lost("again")
        connection.pause_writing()
        connection.resume_writing()
        connection.release(HOLD_APPLICATION)
        connection.hold(HOLD_APPLICATION)
        connection.send_close(1000, None)
        connection.send_ping(b"")
        connection.fail(Cause.CALLBACK_ERROR, 1011, "late")
        connection.drop(Cause.DROPPED, "late")
        assert port.calls == []
        assert connection.closure == Closure(Cause.LOST, 1006, "end of TCP")


@pytest.mark.parametrize("how", ["the peer closed", "dropped", "violation"])
def test_holding_while_tcp_ends_does_not_stop_reading(how: str) -> None:
    """An application that pauses too late does not keep the end of TCP from being seen."""
    for port in both(failByDrop=False):
        if how == "the peer closed":
            port.receive(to(port, CLOSE))
        elif how == "dropped":
            port.connection.drop(Cause.DROPPED, "enough", abort=False)
        else:
            port.receive(b"\xff")
        port.take()
        assert not port.connection.hold(HOLD_APPLICATION)
        port.connection.release(HOLD_APPLICATION)
        assert port.calls == []


@pytest.mark.parametrize("abort", [True, False])
def test_dropping_ends_tcp_without_a_close_frame(abort: bool) -> None:
    """`dropConnection`: at once, or after what was written; onClose says who did it."""
    for port in both():
        port.connection.drop(Cause.DROPPED, "enough", abort)
        assert port.names("write", "close", "abort") == ["abort" if abort else "close"]
        port.receive(to(port, TEXT, b"more"))
        assert port.upcalls == []
        assert end(port) == Closure(Cause.DROPPED, 1006, "enough")


def test_dropping_inside_of_a_message_delivers_no_more_and_sends_nothing() -> None:
    """Messages in the same chunk are not delivered; with abort, what was gathered is not sent either."""

    def drop(port: RecordingPort, abort: bool, payload: bytes, _: bool) -> None:
        port.connection.send_message(payload, False)
        port.connection.drop(Cause.DROPPED, "enough", abort)

    for abort in (True, False):
        for port in both():
            port.hooks["message"] = partial(drop, port, abort)
            port.receive(to(port, TEXT, b"1") + to(port, TEXT, b"2"))
            assert port.names("message") == ["message"]
            assert port.sent == (b"" if abort else by(port, TEXT, b"1"))


def test_dropping_before_opening_rejects_is_open() -> None:
    """`is_open` says why it never came."""
    port = RecordingClient()
    port.connection.connected()
    port.connection.drop(Cause.DROPPED, "enough")
    closure = end(port)
    assert isinstance(closure.failure, HandshakeError)
    assert str(closure.failure) == "enough"


def test_end_of_the_peers_half_is_the_end_only_once() -> None:
    """After it nothing is expected; told again, or while draining, it changes nothing."""
    port = RecordingServer()
    port.connection.connected()
    port.connection.ended("gone")
    assert port.connection.closure is None
    port = RecordingServer()
    port.open()
    port.connection.ended("gone")
    closure = port.connection.closure
    assert closure is not None
    assert (closure.code, closure.reason) == (1006, "gone")
    port.connection.ended("again")
    assert port.connection.closure is closure
    port.advance(1)
    assert "abort" in port.names()
