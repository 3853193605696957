"""`_core.connection`: connections that we fail: callbacks that raise, and peers that break the protocol."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.wire import BINARY, CLOSE, TEXT, close_payload, from_client, from_server
from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import HOLD_APPLICATION
from wsframework._core.constants import State
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


# We fail.


def test_failing_says_1011_and_delivers_nothing_more() -> None:
    """A callback raised: Close 1011 without words on the wire, the words in onClose, and no message after it."""
    for port in both():
        connection = port.connection
        port.hooks["message"] = lambda *_, c=connection: c.fail(Cause.CALLBACK_ERROR, 1011, "onMessage raised KeyError")
        port.receive(to(port, TEXT, b"1") + to(port, TEXT, b"2"))
        port.receive(to(port, TEXT, b"3") + to(port, CLOSE, close_payload(1011)))
        assert port.names("message") == ["message"]
        assert port.sent == by(port, CLOSE, close_payload(1011))
        assert end(port) == Closure(Cause.CALLBACK_ERROR, 1011, "onMessage raised KeyError")
        assert connection.closed_by_us


def test_failing_reads_on_to_the_close_of_the_peer_whoever_holds() -> None:
    """A paused application does not keep the goodbye from coming through."""
    for port in both():
        port.connection.hold(HOLD_APPLICATION)
        port.connection.receive(to(port, TEXT, b"1") + to(port, CLOSE))
        port.connection.fail(Cause.CALLBACK_ERROR, 1011, "onOpen raised KeyError")
        assert port.names("message", "close_frame") == ["close_frame"]
        assert port.connection.state is State.DRAINING


@pytest.mark.parametrize("moment", ["closing", "closed"])
def test_failing_later_changes_nothing(moment: str) -> None:
    """What ended the connection first is what counts."""
    for port in both():
        port.connection.send_close(1000, None)
        if moment == "closed":
            port.receive(to(port, CLOSE))
        port.take()
        port.connection.fail(Cause.CALLBACK_ERROR, 1011, "late")
        assert port.calls == []


def test_failing_before_opening_drops() -> None:
    """There is no Close frame yet to say it with."""
    port = RecordingServer()
    port.connection.connected()
    port.connection.fail(Cause.CALLBACK_ERROR, 1011, "onSendingPaused raised KeyError")
    assert port.names("write", "abort") == ["abort"]
    assert end(port).failure is not None


# The peer breaks the protocol.

VIOLATIONS = [
    ("reserved bit", b"\xc1", 1002, "reserved bits are set and no extension was negotiated"),
    ("opcode", b"\x83", 1002, "reserved opcode 3"),
    ("long ping", b"\x89\xfe", 1002, "control frame with more than 125 octets"),
    ("continuation", b"\x80", 1002, "continuation frame without a message to continue"),
    ("too big", b"\x82\xfe\xff\xff", 1009, "message of at least 65535 octets is over maxMessagePayloadSize (1000)"),
    ("close code", from_client(CLOSE, close_payload(1005)), 1002, "close code 1005 must not be sent"),
    ("close reason", from_client(CLOSE, b"\x03\xe8\xff"), 1007, "close reason is not valid UTF-8"),
    ("text", from_client(TEXT, b"\xff"), 1007, "text message is not valid UTF-8"),
    ("mask", from_server(TEXT, b"x"), 1002, "frame from a client is not masked"),
]


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(("octets", "code", "reason"), [v[1:] for v in VIOLATIONS], ids=[v[0] for v in VIOLATIONS])
def test_violation_drops_the_connection(octets: bytes, code: int, reason: str, size: int) -> None:
    """failByDrop, the default: no words wasted on a peer that does not keep to the rules."""
    port = server(maxMessagePayloadSize=1000)
    port.receive(from_client(TEXT, b"ok") + octets + from_client(TEXT, b"more"), size)
    assert port.names("message", "write", "close", "abort") == ["message", "abort"]
    assert end(port) == Closure(Cause.VIOLATION, 1006, reason)


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(("octets", "code", "reason"), [v[1:] for v in VIOLATIONS], ids=[v[0] for v in VIOLATIONS])
def test_violation_is_answered_with_close_where_fail_by_drop_is_off(
    octets: bytes, code: int, reason: str, size: int
) -> None:
    """Close with the code and the rule, then the end of our half of TCP; what comes is thrown away."""
    port = server(maxMessagePayloadSize=1000, failByDrop=False)
    port.receive(from_client(TEXT, b"ok") + octets, size)
    assert port.sent == from_server(CLOSE, close_payload(code, reason))
    assert port.names("message", "write", "close", "abort") == ["message", "write", "close"]
    port.receive(from_client(TEXT, b"more") + from_client(CLOSE, close_payload(code)))
    assert port.names("message", "close_frame") == ["message"]
    assert end(port) == Closure(Cause.VIOLATION, code, reason)
    assert (port.connection.local_close_code, port.connection.local_close_reason) == (code, reason)
    assert port.connection.closed_by_us


def test_client_refuses_masked_frames() -> None:
    """Section 5.1, the other way round."""
    port = client(failByDrop=False)
    port.receive(from_client(TEXT, b"x"))
    assert port.sent == from_client(CLOSE, close_payload(1002, "frame from a server is masked"))
    assert port.names("write", "close") == ["write", "close"]
    port = client()
    port.receive(from_client(TEXT, b"x"))
    assert port.names("write", "abort") == ["abort"]


def test_answers_to_messages_before_a_violation() -> None:
    """With Close they still go out, before it; with the drop nothing does."""
    port = server(failByDrop=False)
    port.hooks["message"] = port.connection.send_message
    port.receive(from_client(TEXT, b"ok") + b"\xff")
    assert port.sent.startswith(from_server(TEXT, b"ok") + b"\x88")
    port = server()
    port.hooks["message"] = port.connection.send_message
    port.receive(from_client(TEXT, b"ok") + b"\xff")
    assert port.sent == b""


@pytest.mark.parametrize("fail_by_drop", [True, False])
def test_violation_while_closing_drops(fail_by_drop: bool) -> None:
    """Our Close is out already: there is nothing left to say."""
    for port in both(failByDrop=fail_by_drop):
        port.connection.send_close(1000, None)
        port.take()
        port.receive(b"\xff")
        assert port.names("write", "close", "abort") == ["abort"]
        assert end(port).cause is Cause.VIOLATION


def test_violation_behind_a_drop_is_not_noticed() -> None:
    """A connection that the application has ended in a callback ended because of that."""
    port = server()
    port.hooks["message"] = lambda *_: port.connection.drop(Cause.DROPPED, "enough")
    port.receive(from_client(BINARY, b"x") + b"\xff\xff")
    assert end(port) == Closure(Cause.DROPPED, 1006, "enough")


def test_violation_that_is_found_after_a_drop_does_not_count() -> None:
    """A frame is logged, whoever is told drops the connection, and only then the frame turns out to be wrong."""
    port = server(logFrames=True, failByDrop=False)
    port.hooks["trace_frame"] = lambda *_: port.connection.drop(Cause.DROPPED, "enough")
    port.receive(from_client(CLOSE, b"\x03"))
    assert port.names("write", "close", "abort") == ["abort"]
    assert end(port) == Closure(Cause.DROPPED, 1006, "enough")
