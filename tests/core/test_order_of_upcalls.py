"""The promise of the callbacks' order, kept whatever happens when: every octet, every decision, every input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.wire import CLOSE, CONTINUATION, PING, TEXT, close_payload, from_client, from_server
from wsframework._core.closure import Cause
from wsframework._core.connection import HOLD_APPLICATION, HOLD_HANDLER
from wsframework._core.constants import State
from wsframework.testing import RecordingClient, RecordingServer

Port: TypeAlias = RecordingServer | RecordingClient

QUESTIONS = {"connecting", "handshake_received", "http_request", "response_received"}
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
FRAMES = [
    (TEXT, b"one"),
    (PING, b"?"),
    (0x01, b"tw"),
    (CONTINUATION, b"o"),
    (CLOSE, close_payload(1000, "bye")),
]
# What the peer of each role says in a whole session.
SESSIONS = {
    RecordingServer: REQUEST + b"".join(from_client(*frame) for frame in FRAMES),
    RecordingClient: RESPONSE + b"".join(from_server(*frame) for frame in FRAMES),
}
ROLES = pytest.mark.parametrize("role", [RecordingServer, RecordingClient])


def check_order(port: Port) -> None:
    """What holds at every moment of every connection."""
    names = [str(call[0]) for call in port.upcalls]
    # Each at most once, and in this order.
    once = [name for name in names if name in QUESTIONS or name in ("opened", "closed")]
    first = ["connecting", "response_received"] if isinstance(port, RecordingClient) else ["handshake_received"]
    expected = [name for name in [*first, "opened", "closed"] if name in once]
    assert once == expected
    # Nothing of an open connection before onOpen, nothing at all after onClose.
    for name in ("message", "ping", "pong", "close_frame"):
        if name in names:
            assert "opened" in names
            assert names.index("opened") < names.index(name)
    assert "closed" not in names[:-1]
    # Pauses and resumptions take turns.
    paused = [name for name in names if name in ("sending_paused", "sending_resumed")]
    assert paused[::2] == ["sending_paused"] * len(paused[::2])
    assert paused[1::2] == ["sending_resumed"] * len(paused[1::2])
    # The transport is not written to after its end, and nothing follows a Close frame.
    verbs = port.names("write", "close", "abort")
    assert "write" not in verbs[min([len(verbs), *(verbs.index(end) for end in ("close", "abort") if end in verbs)]) :]
    check_waits(port)


def check_waits(port: Port) -> None:
    """Every wait has a deadline, unless the transport was aborted: then the end is certain."""
    state = port.connection.state
    if state in (State.CONNECTING, State.CLOSING, State.DRAINING) and "abort" not in port.names():
        assert port.deadline is not None
    if state is State.CLOSED:
        assert port.deadline is None


def finish(port: Port, rest: bytes) -> None:
    """The transport is lost; then comes everything that might still come late."""
    port.lose()
    before = list(port.calls)
    assert before[-1][0] == "closed"
    connection = port.connection
    connection.receive(rest)
    connection.timer_expired()
    connection.pause_writing()
    connection.resume_writing()
    connection.release(HOLD_HANDLER)
    if isinstance(port, RecordingServer):
        port.connection.accept(None)
        port.connection.refuse(403, "no")
    else:
        port.connection.start(port.hello)
        port.connection.accept()
        port.connection.refuse("no")
    connection.drop(Cause.DROPPED, "late")
    connection.lost("twice")
    assert port.calls == before
    check_order(port)


def play(port: Port, session: bytes, cut: int, chunk: int) -> None:
    """The first `cut` octets of a session in chunks; what is asked on the way is answered at once or left open."""
    port.connection.connected()
    if isinstance(port, RecordingClient) and not port.immediate:
        port.decide()
    port.receive(session[:cut], chunk)
    check_order(port)


@ROLES
@pytest.mark.parametrize("chunk", [0, 1])
@pytest.mark.parametrize("immediate", [True, False])
def test_order_holds_when_the_transport_is_lost_at_any_octet(
    role: type[RecordingServer | RecordingClient], immediate: bool, chunk: int
) -> None:
    """The connection dies after every single octet of a session: onClose once, last, and onOpen only before it."""
    session = SESSIONS[role]
    for cut in range(len(session) + 1):
        port = role(immediate=immediate)
        play(port, session, cut, chunk)
        finish(port, session[cut:])
        assert ("opened" in port.names()) == (immediate and cut >= session.index(b"\r\n\r\n") + 4)


@ROLES
def test_order_holds_when_the_decision_comes_at_any_octet(role: type[RecordingServer | RecordingClient]) -> None:
    """However long onConnect takes, every message comes after onOpen, once and in order."""
    session = SESSIONS[role]
    for cut in range(session.index(b"\r\n\r\n") + 4, len(session) + 1):
        port = role(immediate=False)
        play(port, session, cut, 0)
        port.decide()
        port.receive(session[cut:])
        assert [call[1] for call in port.upcalls if call[0] == "message"] == [b"one", b"two"]
        assert port.names("opened", "message", "close_frame") == ["opened", "message", "message", "close_frame"]
        assert port.connection.state is State.DRAINING
        finish(port, b"")
        assert port.closure is not None
        assert (port.closure.was_clean, port.closure.code, port.closure.reason) == (True, 1000, "bye")


@ROLES
@pytest.mark.parametrize("what", ["timer", "drop", "refuse"])
def test_order_holds_when_something_else_ends_it_at_any_octet(
    role: type[RecordingServer | RecordingClient], what: str
) -> None:
    """Timeouts, drops and refusals at every octet: the same promise."""
    session = SESSIONS[role]
    for cut in range(len(session) + 1):
        port = role(immediate=False)
        play(port, session, cut, 0)
        if what == "timer":
            port.advance(1000)
            assert port.connection.state is State.DRAINING
        elif what == "drop":
            port.connection.drop(Cause.DROPPED, "enough")
        elif isinstance(port, RecordingServer):
            port.connection.refuse(403, "no")
        else:
            port.connection.refuse("no")
        port.receive(session[cut:])
        finish(port, b"")
        assert port.names("opened", "message") == []


STEPS = [
    "receive",
    "receive much",
    "decide",
    "stall",
    "drain",
    "drain some",
    "hold",
    "release",
    "hold handler",
    "release handler",
    "send",
    "send fragments",
    "ping",
    "pong",
    "close",
    "fail",
    "drop",
    "drop in order",
    "wait",
    "wait long",
    "noise",
]
# The first ones are what makes a connection go on: an even choice would end most of them before they are open.
_steps = st.lists(st.one_of(st.sampled_from(STEPS[:7]), st.sampled_from(STEPS)), max_size=30)


def do(port: Port, step: str, session: bytearray) -> None:
    """One step of a random life. `session` is what the peer has still to say."""
    connection = port.connection
    size = {"receive": 40, "receive much": 400}.get(step, 0)
    if size:
        port.receive(bytes(session[:size]))
        del session[:size]
    elif step == "decide" and port.asked:
        port.decide()
    elif step == "stall":
        port.peer_reads = False
    elif step.startswith("drain"):
        port.drain(None if step == "drain" else 50)
    elif step.startswith("hold"):
        connection.hold(HOLD_HANDLER if "handler" in step else HOLD_APPLICATION)
    elif step.startswith("release"):
        connection.release(HOLD_HANDLER if "handler" in step else HOLD_APPLICATION)
        port.receive(b"")
    elif step.startswith("send") and connection.state is State.OPEN:
        connection.send_message(b"x" * 200, True, 7 if "fragments" in step else 0)
    elif step == "ping":
        connection.send_ping(b"p")
    elif step == "pong":
        connection.send_pong(b"p")
    elif step == "close" and connection.state is not State.CONNECTING:
        connection.send_close(1000, "done")
    elif step == "fail":
        connection.fail(Cause.CALLBACK_ERROR, 1011, "onMessage raised KeyError")
    elif step.startswith("drop"):
        connection.drop(Cause.DROPPED, "enough", abort=step == "drop")
    elif step.startswith("wait"):
        port.advance(100 if step == "wait long" else 0.5)
    elif step == "noise":
        port.receive(b"\xff\n\x00")


@given(
    role=st.sampled_from([RecordingServer, RecordingClient]),
    immediate=st.booleans(),
    fail_by_drop=st.booleans(),
    steps=_steps,
    inside=st.dictionaries(
        st.sampled_from(["opened", "message", "ping", "close_frame", "sending_paused", "sending_resumed", "timed_out"]),
        st.sampled_from(STEPS[6:]),
        max_size=3,
    ),
)
def test_order_holds_in_any_life(
    role: type[RecordingServer | RecordingClient],
    immediate: bool,
    fail_by_drop: bool,
    steps: list[str],
    inside: dict[str, str],
) -> None:
    """Anything at any time, also from inside of the callbacks: the promise holds, and every wait has a deadline."""
    port = role(
        immediate=immediate,
        failByDrop=fail_by_drop,
        sendHighWaterMark=300,
        maxSendBuffer=2000,
        autoPingInterval=3,
        autoPingTimeout=4,
    )
    session = bytearray(SESSIONS[role])
    for name, step in inside.items():
        port.hooks[name] = once(port, step)
    port.connection.connected()
    for step in steps:
        do(port, step, session)
        check_order(port)
    finish(port, bytes(session))


def once(port: Port, step: str) -> Callable[..., object]:
    """A hook that takes a step the first time it is called: every time could be a loop without an end."""
    left = [step]

    def hook(*_: object) -> None:
        if left:
            do(port, left.pop(), bytearray())

    return hook
