"""Sending, receiving and closing once a connection is open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.programs import KEY, Backend, close, frames, note_taker, opened, request, text
from wsframework._core.codec import encode_frame
from wsframework.exceptions import Disconnected, PayloadExceededError


@pytest.mark.parametrize(
    ("payload", "is_binary", "opcode", "sent"),
    [
        (b"abc", False, 1, b"abc"),
        ("grün", False, 1, "grün".encode()),
        (b"\xff\0", True, 2, b"\xff\0"),
        (bytearray(b"abc"), True, 2, b"abc"),
        (memoryview(b"abc"), True, 2, b"abc"),
        ("", False, 1, b""),
    ],
)
def test_messages_of_many_types(backend: Backend, payload: Any, is_binary: bool, opcode: int, sent: bytes) -> None:
    """Bytes-like or text, as it comes."""
    link = opened(backend, None)
    link.protocol.sendMessage(payload, is_binary)
    assert frames(link.take()) == [(opcode, sent)]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("text", True), TypeError, "isBinary"),
        ((None,), TypeError, "payload must be bytes"),
        ((7,), TypeError, "payload must be bytes"),
        ((b"x", False, 0), ValueError, "fragmentSize must be 1 or more"),
        ((b"x", False, "1"), TypeError, "fragmentSize must be an int"),
        ((b"x", False, True), TypeError, "fragmentSize must be an int"),
        ((b"x" * 101,), PayloadExceededError, r"maxMessagePayloadSize \(100\)"),
    ],
)
def test_misuse_of_send_message_sends_nothing(
    backend: Backend, arguments: Any, error: type[Exception], words: str
) -> None:
    """The error names what is wrong; the connection goes on."""
    link = opened(backend, None, maxMessagePayloadSize=100)
    with pytest.raises(error, match=words):
        link.protocol.sendMessage(*arguments)
    assert link.take() == b""
    link.protocol.sendMessage(b"fine")
    assert frames(link.take()) == [(1, b"fine")]


@pytest.mark.parametrize("method", ["sendPing", "sendPong"])
def test_control_frames_hold_125_octets(backend: Backend, method: str) -> None:
    """More is an error of mine."""
    link = opened(backend, None)
    getattr(link.protocol, method)(b"x" * 125)
    assert len(link.take()) == 127
    with pytest.raises(ValueError, match="125"):
        getattr(link.protocol, method)(b"x" * 126)
    with pytest.raises(TypeError, match="payload must be bytes"):
        getattr(link.protocol, method)("text")
    assert link.take() == b""


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((999,), ValueError, "3000 to 4999"),
        ((1004,), ValueError, "1000 to 1003"),
        ((1005,), ValueError, "close code 1005"),
        ((1006,), ValueError, "close code 1006"),
        ((1015,), ValueError, "close code 1015"),
        ((2999,), ValueError, "close code 2999"),
        ((5000,), ValueError, "close code 5000"),
        (("1000",), TypeError, "code must be an int"),
        ((True,), TypeError, "code must be an int"),
        ((1000, b"bye"), TypeError, "reason must be a str"),
        ((None, "bye"), ValueError, "needs a close code"),
    ],
)
def test_misuse_of_send_close_sends_nothing(
    backend: Backend, arguments: Any, error: type[Exception], words: str
) -> None:
    """The error names the range."""
    link = opened(backend, None)
    with pytest.raises(error, match=words):
        link.protocol.sendClose(*arguments)
    assert link.take() == b""
    assert link.protocol.state == link.protocol.STATE_OPEN


def test_before_and_after_the_connection_is_open(backend: Backend) -> None:
    """Messages raise; pings and a second close do nothing."""
    factory = backend.make_server()
    protocol = factory.protocol()
    protocol.factory = factory
    for method in ("sendMessage", "sendClose"):
        with pytest.raises(Disconnected):
            getattr(protocol, method)(*([b"x"] if method == "sendMessage" else []))
    link = opened(backend, None)
    link.protocol.sendClose(4000, "done")
    link.take()
    link.protocol.sendClose()
    link.protocol.sendPing()
    link.protocol.sendPong(b"x")
    with pytest.raises(Disconnected, match="closing"):
        link.protocol.sendMessage(b"x")
    assert link.take() == b""
    link.cut()
    with pytest.raises(Disconnected, match="closed"):
        link.protocol.sendMessage(b"x")


def test_a_ping_is_answered_and_an_override_answers_itself(backend: Backend) -> None:
    """onPing without an upcall sends no pong."""
    link = opened(backend, None)
    link.receive(encode_frame(9, b"are you there?", KEY))
    assert frames(link.take()) == [(10, b"are you there?")]

    class Silent(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onPing(self, payload: bytes) -> None:
            pass

    link = opened(backend, Silent)
    link.receive(encode_frame(9, b"x", KEY))
    assert link.take() == b""


def test_closing_from_here(backend: Backend) -> None:
    """I close, the client answers, I end TCP, the client follows."""
    link = opened(backend, note_taker(backend))
    link.protocol.sendClose(3001, "x" * 200)
    sent = frames(link.take())
    assert sent == [(8, (3001).to_bytes(2, "big") + b"x" * 123)]
    assert link.protocol.state == link.protocol.STATE_CLOSING
    link.receive(text("still on its way"))
    link.receive(close(3001, "ok"))
    assert link.finished
    link.end()
    protocol = link.protocol
    assert protocol.events == ["connect", "open", "still on its way", ("close", True, 3001)]
    assert (protocol.wasClean, protocol.closedByMe, protocol.failedByMe, protocol.droppedByMe) == (
        True,
        True,
        False,
        False,
    )
    assert (protocol.localCloseCode, protocol.localCloseReason) == (3001, "x" * 123)
    assert (protocol.remoteCloseCode, protocol.remoteCloseReason) == (3001, "ok")
    assert protocol.wasNotCleanReason is None
    assert backend.pending_timers() == 0


def test_closing_from_there_without_a_code(backend: Backend) -> None:
    """The browser's ws.close(): reported as 1005, as section 7.1.5 says."""
    link = opened(backend, note_taker(backend))
    link.receive(encode_frame(8, b"", KEY))
    assert frames(link.take()) == [(8, b"\x03\xe8")]
    link.end()
    assert link.protocol.events[-1] == ("close", True, 1005)
    assert link.protocol.remoteCloseCode is None
    assert link.protocol.closedByMe is False


def test_echo_close_code_reason(backend: Backend) -> None:
    """The option makes our answer repeat the peer's words."""
    link = opened(backend, None, echoCloseCodeReason=True)
    link.receive(close(4001, "why"))
    assert frames(link.take()) == [(8, (4001).to_bytes(2, "big") + b"why")]


def test_a_peer_that_never_answers_our_close_is_dropped(backend: Backend) -> None:
    """closeHandshakeTimeout is a second by default."""
    link = opened(backend, note_taker(backend))
    link.protocol.sendClose()
    backend.advance(0.99)
    assert not link.aborted
    backend.advance(0.02)
    assert link.aborted
    assert link.protocol.events[-1] == ("close", False, 1006)
    assert link.protocol.wasCloseHandshakeTimeout
    assert link.protocol.droppedByMe


def leave(link: Any, how: str) -> None:
    """End the connection from here, with a lot on its way."""
    link.stall()
    link.protocol.sendMessage(b"x" * 100_000, True)
    if how == "close":
        link.protocol.sendClose()
    else:
        link.protocol.dropConnection()


@pytest.mark.parametrize("how", ["close", "drop"])
def test_a_slow_peer_gets_all_that_was_sent_before_the_end(backend: Backend, how: str) -> None:
    """The timeouts are for peers that take nothing, not for slow lines."""
    link = opened(backend, note_taker(backend))
    leave(link, how)
    for _ in range(9):
        backend.advance(0.9)
        link.trickle(10_000)
        assert not link.aborted
    backend.advance(0.9)
    link.unstall()
    if how == "close":
        link.receive(close(1000))
    link.end()
    assert not link.aborted
    assert len(link.take()) == 100_000 + 10 + (2 if how == "close" else 0)
    assert link.protocol.events[-1] == ("close", how == "close", 1000 if how == "close" else 1006)
    assert backend.pending_timers() == 0


@pytest.mark.parametrize("how", ["close", "drop"])
@pytest.mark.parametrize("octets", [0, 500])
def test_a_peer_that_takes_next_to_nothing_is_dropped_at_the_end(backend: Backend, how: str, octets: int) -> None:
    """An octet now and then does not keep the connection."""
    link = opened(backend, note_taker(backend))
    leave(link, how)
    backend.advance(0.9)
    link.trickle(octets)
    backend.advance(0.2)
    assert link.aborted


def test_a_close_that_waits_behind_a_frame_has_its_time(backend: Backend) -> None:
    """As long as I go on with the frame; not if I stop."""
    link = opened(backend, note_taker(backend))
    protocol = link.protocol
    protocol.beginMessage(isBinary=True)
    protocol.beginMessageFrame(100)
    protocol.sendClose(1000)
    for _ in range(5):
        backend.advance(0.9)
        protocol.sendMessageFrameData(b"x")
        assert not link.aborted
    backend.advance(2.2)
    assert link.aborted
    assert backend.pending_timers() == 0


def test_automatic_pings_wait_for_the_end_of_a_frame(backend: Backend) -> None:
    """The peer cannot answer what was not sent."""
    link = opened(backend, note_taker(backend), autoPingInterval=10, autoPingTimeout=5)
    protocol = link.protocol
    protocol.beginMessage(isBinary=True)
    protocol.beginMessageFrame(100)
    for _ in range(60):
        backend.advance(1)
        protocol.sendMessageFrameData(b"x")
    assert protocol.state == protocol.STATE_OPEN


def test_a_peer_that_ends_its_half_and_does_not_read_is_let_go(backend: Backend) -> None:
    """It must not keep a place for ever."""
    link = opened(backend, note_taker(backend))
    link.stall()
    link.protocol.sendMessage(b"x" * 100_000, True)
    link.end()
    backend.settle()
    backend.advance(1.1)
    backend.settle()
    assert link.protocol.events[-1] == ("close", False, 1006)
    assert backend.pending_timers() == 0


def test_a_client_waits_for_the_server_to_end_tcp(backend: Backend) -> None:
    """But not longer than serverConnectionDropTimeout; the closing handshake was complete all the same."""
    client = backend.connect(backend.make_client(note_taker(backend, "client")))
    server = backend.connect(backend.make_server())
    backend.settle()
    server.receive(client.take())
    client.receive(server.take())
    backend.settle()
    client.receive(encode_frame(8, b"\x03\xe9bye", None))
    backend.settle()
    assert not client.finished
    backend.advance(1.01)
    assert client.aborted
    assert client.protocol.events[-1] == ("close", True, 1001)
    assert client.protocol.wasServerConnectionDropTimeout


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (encode_frame(1, b"not masked", None), 1002),
        (encode_frame(1, b"\xff", KEY), 1007),
        (encode_frame(2, b"x" * 101, KEY), 1009),
        (encode_frame(3, b"", KEY), 1002),
    ],
)
@pytest.mark.parametrize("by_drop", [True, False])
def test_a_violation_drops_or_says_why(backend: Backend, octets: bytes, code: int, by_drop: bool) -> None:
    """failByDrop decides; nothing after the violation is delivered."""
    link = opened(backend, note_taker(backend), failByDrop=by_drop, maxMessagePayloadSize=100)
    link.receive(text("fine") + octets + text("not delivered"))
    backend.settle()
    sent = frames(link.take())
    if by_drop:
        assert (sent, link.aborted) == ([], True)
        assert link.protocol.events[2:] == ["fine", ("close", False, 1006)]
    else:
        assert [(opcode, payload[:2]) for opcode, payload in sent] == [(8, code.to_bytes(2, "big"))]
        assert link.finished
        link.receive(text("not delivered"))
        link.end()
        assert link.protocol.events[2:] == ["fine", ("close", False, code)]
    assert link.protocol.failedByMe
    assert backend.pending_timers() == 0


@pytest.mark.parametrize("hook", ["onOpen", "onMessage", "onPing", "onPong"])
@pytest.mark.parametrize("kind", ["plain", "coroutine", "later"])
def test_an_error_in_a_callback_closes_with_1011(
    backend: Backend, hook: str, kind: str, errors: list[BaseException]
) -> None:
    """One traceback in the log, 1011 on the wire, nothing of it shown; other connections go on."""

    def plain(self: Any, *_: Any) -> Any:
        if kind == "later":
            future = backend.later()
            backend.fail(future, KeyError("secret"))
            return future
        raise KeyError("secret")

    async def coroutine(self: Any, *_: Any) -> None:
        raise KeyError("secret")

    callback = coroutine if kind == "coroutine" else plain
    protocol = type("Failing", (note_taker(backend),), {hook: callback})
    other = opened(backend, None)
    link = backend.connect(backend.make_server(protocol))
    link.receive(request() + text("x") + encode_frame(9, b"", KEY) + encode_frame(10, b"", KEY) + text("y"))
    backend.settle()
    sent = link.take().partition(b"\r\n\r\n")[2]
    closes = [payload for opcode, payload in frames(sent) if opcode == 8]
    assert closes == [(1011).to_bytes(2, "big")]
    assert [str(error) for error in errors] == ["'secret'"]
    link.receive(close(1011))
    backend.settle()
    assert link.finished
    link.end()
    assert link.protocol.events[-1] == ("close", False, 1011)
    assert "KeyError" in link.protocol.wasNotCleanReason
    other.protocol.sendMessage(b"unharmed")
    assert frames(other.take()) == [(1, b"unharmed")]


def test_an_error_while_closing_is_logged_once_too(backend: Backend, errors: list[BaseException]) -> None:
    """The messages still on their way do not each get a traceback."""

    class Failing(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            raise KeyError("x")

    link = opened(backend, Failing)
    link.protocol.sendClose(1000)
    link.receive(text("x") * 100 + close(1000))
    link.end()
    backend.settle()
    assert len(errors) == 1
    assert link.protocol.events[-1] == ("close", True, 1000)


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_an_error_in_on_close_is_only_logged(backend: Backend, kind: str, errors: list[BaseException]) -> None:
    """There is nothing left to close."""

    class Failing(note_taker(backend)):  # type: ignore[misc]
        def onClose(self, *_: Any) -> Any:
            if kind == "coroutine":
                return self._fail()
            raise KeyError("x")

        async def _fail(self) -> None:
            raise KeyError("x")

    link = opened(backend, Failing)
    is_closed = link.protocol.is_closed
    link.cut()
    backend.settle()
    assert len(errors) == 1
    assert backend.outcome(is_closed) == ("result", link.protocol)


def test_pause_takes_effect_between_two_messages_of_one_chunk(backend: Backend) -> None:
    """I pause in the middle of a burst."""

    class Pauses(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            super().onMessage(payload, isBinary)
            self.pauseReceiving()

    link = opened(backend, Pauses)
    link.receive(text("one") + text("two"))
    assert link.protocol.events == ["connect", "open", "one"]
    assert not link.reading
    link.protocol.resumeReceiving()
    assert link.protocol.events == ["connect", "open", "one", "two"]
    assert not link.reading
    link.protocol.resumeReceiving()
    assert link.reading


def test_a_peer_that_does_not_read_is_not_read_from(backend: Backend) -> None:
    """Echoes to a peer that never reads take no more memory than the marks say, without code of mine."""

    class Echoes(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

        def onSendingPaused(self) -> None:
            self.hooks = [*getattr(self, "hooks", []), "paused"]

        def onSendingResumed(self) -> None:
            self.hooks = [*self.hooks, "resumed"]

    link = opened(backend, Echoes)
    link.stall()
    for _ in range(1000):
        link.receive(encode_frame(2, b"x" * 10_000, KEY))
    assert link.buffered < 65536 + 20_000
    assert link.unread > 9_000_000
    assert link.protocol.bufferedAmount == link.buffered
    drained = link.protocol.drain()
    assert backend.outcome(drained) == ("waiting", None)
    link.unstall()
    assert link.unread == 0
    assert link.protocol.hooks[:2] == ["paused", "resumed"]
    backend.settle()
    assert backend.outcome(link.protocol.drain()) == ("result", None)
    assert len(link.take()) == 1000 * 10_004


def test_drain_ends_with_the_connection(backend: Backend) -> None:
    """Who waits for a peer that dies is told so."""
    link = opened(backend, None)
    link.stall()
    link.protocol.sendMessage(b"x" * 100_000)
    drained = link.protocol.drain()
    link.cut()
    backend.settle()
    for future in (drained, link.protocol.drain()):
        kind, error = backend.outcome(future)
        assert kind == "error"
        assert isinstance(error, Disconnected)


def test_an_application_that_never_stops_sending_loses_the_peer_that_never_reads(backend: Backend) -> None:
    """maxSendBuffer bounds what waits for one peer."""
    link = opened(backend, note_taker(backend), maxSendBuffer=500_000)
    link.stall()
    for _ in range(1000):
        if link.protocol.state != link.protocol.STATE_OPEN:
            break
        link.protocol.sendMessage(b"x" * 10_000)
        assert link.buffered <= 510_000
    backend.settle()
    assert link.aborted
    assert link.protocol.events[-1] == ("close", False, 1006)
    assert "maxSendBuffer" in link.protocol.wasNotCleanReason


def test_automatic_pings_measure_the_round_trip(backend: Backend) -> None:
    """onAutoPong gets sequence and times."""
    seen: list[tuple[Any, ...]] = []

    class Measures(note_taker(backend)):  # type: ignore[misc]
        def onAutoPong(self, *args: Any) -> None:
            seen.append(args)

    link = opened(backend, Measures, autoPingInterval=10, autoPingTimeout=5, autoPingSize=20)
    backend.advance(10.01)
    ((opcode, payload),) = frames(link.take())
    assert (opcode, len(payload)) == (9, 20)
    backend.advance(0.25)
    link.receive(encode_frame(10, payload, KEY))
    ((sent, sequence, received, rtt, answered),) = seen
    assert (sequence, answered) == (1, payload)
    assert received - sent == pytest.approx(0.25e9, rel=0.1)
    assert rtt == pytest.approx(250, rel=0.1)


def test_a_silent_peer_is_dropped(backend: Backend) -> None:
    """onAutoPingTimeout, then onClose."""

    class Watches(note_taker(backend)):  # type: ignore[misc]
        def onAutoPingTimeout(self) -> None:
            self.events.append("timeout")

    link = opened(backend, Watches, autoPingInterval=10, autoPingTimeout=5)
    backend.advance(14.9)
    assert not link.aborted
    backend.advance(0.2)
    assert link.aborted
    assert link.protocol.events[2:] == ["timeout", ("close", False, 1006)]
    assert "autoPingTimeout" in link.protocol.wasNotCleanReason


def test_drop_connection(backend: Backend) -> None:
    """At once, or after what was written."""
    link = opened(backend, note_taker(backend))
    link.protocol.sendMessage(b"last words")
    link.protocol.dropConnection()
    assert frames(link.take()) == [(1, b"last words")]
    assert link.finished
    link.end()
    assert link.protocol.events[-1] == ("close", False, 1006)
    assert link.protocol.droppedByMe
    link = opened(backend, note_taker(backend))
    link.protocol.dropConnection(abort=True)
    assert link.aborted
