"""The frame and streaming API, receiving and sending, in both roles."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.programs import KEY, Backend, Link, close, frames, note_taker, opened, request, text
from wsframework._core.codec import encode_frame
from wsframework.exceptions import Disconnected, SequenceError
from wsframework.testing.memory import exchange


def streamer(backend: Backend, base: Any = None, *names: str) -> Any:
    """A protocol class that overrides the callbacks of these names (default: all for pieces) and notes them."""
    names = names or (
        "onMessageBegin",
        "onMessageFrameBegin",
        "onMessageFrameData",
        "onMessageFrameEnd",
        "onMessageEnd",
    )

    def noter(name: str) -> Any:
        def note(self: Any, *arguments: Any) -> None:
            self.events.append((name, *arguments))

        return note

    return type("Streamer", (base or note_taker(backend),), {name: noter(name) for name in names})


TWO_FRAMES = encode_frame(1, "grü".encode(), KEY, fin=False) + encode_frame(0, b"n", KEY)


def test_a_message_by_pieces(backend: Backend) -> None:
    """I override the streaming callbacks."""
    link = opened(backend, streamer(backend))
    for octet in TWO_FRAMES[:8]:
        link.receive(bytes((octet,)))
    assert link.protocol.events[2:] == [
        ("onMessageBegin", False),
        ("onMessageFrameBegin", 4),
        ("onMessageFrameData", b"g"),
        ("onMessageFrameData", b"r"),
    ]
    link.receive(TWO_FRAMES[8:])
    assert link.protocol.events[6:] == [
        ("onMessageFrameData", b"\xc3\xbc"),
        ("onMessageFrameEnd",),
        ("onMessageFrameBegin", 1),
        ("onMessageFrameData", b"n"),
        ("onMessageFrameEnd",),
        ("onMessageEnd",),
    ]


def test_a_message_by_frames(backend: Backend) -> None:
    """I override onMessageFrame, which gets a list as in Autobahn."""
    link = opened(backend, streamer(backend, None, "onMessageBegin", "onMessageFrame", "onMessageEnd"))
    for octet in TWO_FRAMES:
        link.receive(bytes((octet,)))
    assert link.protocol.events[2:] == [
        ("onMessageBegin", False),
        ("onMessageFrame", ["grü".encode()]),
        ("onMessageFrame", [b"n"]),
        ("onMessageEnd",),
    ]


@pytest.mark.parametrize(
    "name", ["onMessageBegin", "onMessageFrameBegin", "onMessageFrameData", "onMessageFrameEnd", "onMessageFrame"]
)
def test_an_override_that_calls_super_still_gets_messages(backend: Backend, name: str) -> None:
    """I only look on."""
    base = note_taker(backend)

    def look(self: Any, *arguments: Any) -> Any:
        self.seen = [*getattr(self, "seen", []), name]
        return getattr(super(protocol, self), name)(*arguments)

    protocol: Any = type("Looker", (base,), {name: look})
    link = opened(backend, protocol)
    link.receive(TWO_FRAMES + text("again"))
    assert link.protocol.seen
    assert link.protocol.events[2:] == ["grün", "again"]


@pytest.mark.parametrize("name", ["onMessageBegin", "onMessageFrameBegin", "onMessageEnd"])
def test_an_override_without_super_replaces_what_it_overrides(backend: Backend, name: str) -> None:
    """Only onMessageEnd is where messages are put together."""
    link = opened(backend, streamer(backend, None, name))
    link.receive(TWO_FRAMES)
    messages = [event for event in link.protocol.events[2:] if isinstance(event, str)]
    assert messages == ([] if name == "onMessageEnd" else ["grün"])


@pytest.mark.parametrize("name", ["onMessageFrameBegin", "onMessageBegin"])
def test_what_an_override_leaves_to_be_assembled_is_bounded(backend: Backend, name: str) -> None:
    """Looking on does not take the limit away."""
    link = opened(backend, streamer(backend, None, name), maxMessagePayloadSize=100, failByDrop=False)
    link.receive(encode_frame(2, b"x" * 60, KEY, fin=False))
    link.receive(encode_frame(0, b"x" * 60, KEY, fin=False))
    ((opcode, payload),) = frames(link.take())
    assert (opcode, payload[:2]) == (8, (1009).to_bytes(2, "big"))
    link.end()
    assert link.protocol.events[-1] == ("close", False, 1009)


def test_a_stream_is_not_bounded_and_not_kept(backend: Backend) -> None:
    """Gigabytes in constant memory: here a little, but over every limit on messages."""
    link = opened(backend, streamer(backend, None, "onMessageFrameData"), maxMessagePayloadSize=100)
    link.receive(encode_frame(2, b"", KEY, fin=False))
    for _ in range(5000):
        link.receive(encode_frame(0, b"x" * 60, KEY, fin=False))
    assert len(link.protocol.events) == 2 + 5000
    assert link.protocol._connection._reader.buffered == 0


def test_every_callback_may_be_awaited(backend: Backend) -> None:
    """Strictly one after the other, and nothing is read meanwhile."""
    waiting: list[Any] = []
    base = streamer(backend)

    def slow(name: str) -> Any:
        async def wait(self: Any, *arguments: Any) -> None:
            getattr(base, name)(self, *arguments)
            waiting.append(backend.later())
            await waiting[-1]
            self.events.append("done")

        return wait

    names = [name for name in vars(base) if name.startswith("onMessage")]
    link = opened(backend, type("Slow", (base,), {name: slow(name) for name in names}))
    link.receive(TWO_FRAMES + text("x"))
    told = []
    while True:
        backend.settle()
        if not waiting:
            break
        assert len(waiting) == 1
        assert not link.reading
        assert link.protocol.events[-1] != "done"
        told.append(link.protocol.events[-1][0])
        backend.resolve(waiting.pop())
    assert link.reading
    assert told[:4] == names_in_order()[:4]
    assert told[-5:] == names_in_order()


def names_in_order() -> list[str]:
    """What one message in one frame is told by."""
    return ["onMessageBegin", "onMessageFrameBegin", "onMessageFrameData", "onMessageFrameEnd", "onMessageEnd"]


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_an_error_in_a_streaming_callback_closes_with_1011(
    backend: Backend, kind: str, errors: list[BaseException]
) -> None:
    """As in any other."""

    def fail(self: Any, payload: bytes) -> Any:
        if kind == "plain":
            raise KeyError("x")
        return self._fail()

    async def _fail(self: Any) -> None:
        raise KeyError("x")

    link = opened(backend, type("Fails", (note_taker(backend),), {"onMessageFrameData": fail, "_fail": _fail}))
    link.receive(TWO_FRAMES)
    backend.settle()
    assert frames(link.take()) == [(8, (1011).to_bytes(2, "big"))]
    link.receive(close(1011))
    link.end()
    backend.settle()
    assert len(errors) == 1
    assert link.protocol.events[-1] == ("close", False, 1011)


def pair(backend: Backend, server: Any, client: Any) -> tuple[Link, Link]:
    """Two ends that are open."""
    one = backend.connect(backend.make_server(server))
    two = backend.connect(backend.make_client(client, url="ws://localhost/"))
    exchange(backend, one, two)
    return one, two


@pytest.mark.parametrize("sender", ["server", "client"])
def test_sending_by_frames_and_by_pieces(backend: Backend, sender: str) -> None:
    """The other end sees one message, and a pong in between."""
    server, client = pair(backend, note_taker(backend), note_taker(backend, "client"))
    link, other = (server, client) if sender == "server" else (client, server)
    protocol = link.protocol
    protocol.beginMessage()
    protocol.sendMessageFrame(b"one ")
    protocol.sendPing(b"between frames")
    protocol.beginMessageFrame(9)
    assert protocol.sendMessageFrameData(b"two ") == 5
    protocol.sendPing(b"waits for the end of the frame")
    assert protocol.sendMessageFrameData(bytearray(b"three")) == 0
    protocol.beginMessageFrame(2)
    assert protocol.sendMessageFrameData(memoryview(b" 4567")) == -3
    protocol.endMessage()
    protocol.sendMessage("next")
    exchange(backend, server, client, piece=3)
    assert other.protocol.events[2:] == ["one two three 4", "next"]


CALLS: dict[str, tuple[Any, ...]] = {
    "beginMessage": (),
    "beginMessageFrame": (5,),
    "sendMessageFrameData": (b"x",),
    "sendMessageFrame": (b"x",),
    "endMessage": (),
    "sendMessage": (b"x",),
}
PLACES: dict[str, list[tuple[str, Any]]] = {
    "ground": [],
    "message": [("beginMessage", ())],
    "frame": [("beginMessage", ()), ("beginMessageFrame", (5,))],
}
ALLOWED = {
    "ground": {"beginMessage", "sendMessage"},
    "message": {"beginMessageFrame", "sendMessageFrame", "endMessage"},
    "frame": {"sendMessageFrameData"},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("place", PLACES)
def test_calls_out_of_order_send_nothing(backend: Backend, place: str, call: str) -> None:
    """The error says where we are."""
    link = opened(backend, None)
    for name, arguments in PLACES[place]:
        getattr(link.protocol, name)(*arguments)
    link.take()
    if call in ALLOWED[place]:
        getattr(link.protocol, call)(*CALLS[call])
        return
    with pytest.raises(SequenceError):
        getattr(link.protocol, call)(*CALLS[call])
    assert link.take() == b""


@pytest.mark.parametrize(
    ("call", "arguments", "error"),
    [
        ("beginMessageFrame", ("5",), TypeError),
        ("beginMessageFrame", (True,), TypeError),
        ("beginMessageFrame", (-1,), ValueError),
        ("beginMessageFrame", (1 << 63,), ValueError),
        ("sendMessageFrame", ("text",), TypeError),
        ("sendMessageFrameData", (None,), TypeError),
    ],
)
def test_misuse_of_the_streaming_methods(backend: Backend, call: str, arguments: Any, error: type[Exception]) -> None:
    """Before anything is sent."""
    link = opened(backend, None)
    link.protocol.beginMessage()
    with pytest.raises(error):
        getattr(link.protocol, call)(*arguments)
    assert link.take() == b""


@pytest.mark.parametrize("call", CALLS)
def test_streaming_needs_an_open_connection(backend: Backend, call: str) -> None:
    """Before and after it is open."""
    factory = backend.make_server()
    protocol = factory.protocol()
    protocol.factory = factory
    with pytest.raises(Disconnected):
        getattr(protocol, call)(*CALLS[call])
    link = opened(backend, None)
    link.cut()
    with pytest.raises(Disconnected):
        getattr(link.protocol, call)(*CALLS[call])


def test_a_close_waits_for_the_end_of_the_frame(backend: Backend) -> None:
    """From the peer: I finish the frame, then the reply goes out, then TCP ends."""
    link = opened(backend, note_taker(backend))
    protocol = link.protocol
    protocol.beginMessage(isBinary=True)
    protocol.beginMessageFrame(4)
    protocol.sendMessageFrameData(b"ab")
    link.receive(close(1000))
    assert not link.finished
    assert protocol.sendMessageFrameData(b"cd") == 0
    assert link.finished
    sent = link.take()
    assert sent.endswith(b"abcd\x88\x02\x03\xe8")
    link.end()
    assert protocol.events[-1] == ("close", True, 1000)


def test_a_frame_that_is_never_finished_does_not_keep_the_connection(backend: Backend) -> None:
    """The drop timeout still holds."""
    link = opened(backend, note_taker(backend))
    link.protocol.beginMessage(isBinary=True)
    link.protocol.beginMessageFrame(4)
    link.receive(close(1000))
    backend.advance(1.1)
    assert link.aborted
    assert backend.pending_timers() == 0


def test_sync_sends_at_once(backend: Backend) -> None:
    """From inside of a callback, where writes are otherwise gathered."""
    sent: list[bytes] = []

    class Sync(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.beginMessage(isBinary=True)
            self.sendMessageFrame(b"a", sync=True)
            sent.append(link.take())
            self.beginMessageFrame(1)
            self.sendMessageFrameData(b"b", sync=True)
            sent.append(link.take())

    link = opened(backend, Sync)
    link.receive(text("go"))
    assert [octets[-1:] for octets in sent] == [b"a", b"b"]


def test_frames_of_requests_that_come_with_the_handshake_are_streamed_too(backend: Backend) -> None:
    """Nothing depends on when they come."""
    link = backend.connect(backend.make_server(streamer(backend, None, "onMessageFrameData")))
    link.receive(request() + TWO_FRAMES)
    backend.settle()
    assert link.protocol.events[2:] == [("onMessageFrameData", "grü".encode()), ("onMessageFrameData", b"n")]
