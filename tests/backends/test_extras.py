"""Prepared messages, events, producers, threads, statistics."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.backends.programs import KEY, Backend, close, frames, note_taker, opened, request, text
from wsframework._core.codec import encode_frame
from wsframework.exceptions import Disconnected, PayloadExceededError, SendBufferFull, SequenceError
from wsframework.testing.memory import exchange


def test_a_prepared_message_is_one_bytes_object_for_all(backend: Backend) -> None:
    """Framed once, written to everybody."""
    written: list[bytes] = []
    factory = backend.make_server(note_taker(backend))
    links = [backend.connect(factory) for _ in range(3)]
    for link in links:
        link.receive(request())
        link.take()
        link.wrote = written.append  # type: ignore[method-assign, assignment]
    prepared = factory.prepareMessage("grün")
    for link in links:
        link.protocol.sendPreparedMessage(prepared)
    assert len({id(octets) for octets in written}) == 1
    assert frames(written[0]) == [(1, "grün".encode())]
    assert repr(prepared) == "PreparedMessage(text, 5 octets)"


def test_a_prepared_message_obeys_the_state_and_the_options(backend: Backend) -> None:
    """As sendMessage does."""
    factory = backend.make_server(note_taker(backend))
    prepared = factory.prepareMessage(b"x" * 10, isBinary=True)
    protocol = factory.protocol()
    with pytest.raises(Disconnected):
        protocol.sendPreparedMessage(prepared)
    link = opened(backend, None, maxMessagePayloadSize=9)
    with pytest.raises(PayloadExceededError):
        link.protocol.sendPreparedMessage(prepared)
    link = opened(backend, None, autoFragmentSize=6)
    link.protocol.sendPreparedMessage(prepared)
    assert frames(link.take()) == [(2, b"x" * 6), (0, b"x" * 4)]
    link.protocol.beginMessage()
    with pytest.raises(SequenceError):
        link.protocol.sendPreparedMessage(prepared)
    link.cut()
    with pytest.raises(Disconnected):
        link.protocol.sendPreparedMessage(prepared)
    with pytest.raises(TypeError):
        factory.prepareMessage("text", isBinary=True)


def test_a_client_masks_prepared_messages_afresh(backend: Backend) -> None:
    """Two frames of the same message differ on the wire."""
    client = backend.connect(backend.make_client(note_taker(backend, "client")))
    server = backend.connect(backend.make_server(note_taker(backend)))
    exchange(backend, client, server)
    prepared = client.protocol.factory.prepareMessage(b"x" * 100, isBinary=True)
    client.protocol.sendPreparedMessage(prepared)
    one = client.take()
    client.protocol.sendPreparedMessage(prepared)
    two = client.take()
    assert one != two
    server.receive(one + two)
    backend.settle()
    assert server.protocol.events[2:] == [b"x" * 100] * 2


def test_handlers_are_called_after_the_callbacks(backend: Backend) -> None:
    """Without a subclass."""
    factory = backend.make_server(note_taker(backend))
    link = backend.connect(factory)
    protocol = link.protocol
    seen = protocol.events
    for event in ("connect", "open", "ping", "pong", "close"):
        protocol.on(event, lambda *arguments, event=event: seen.append((f"on {event}", *arguments)))
    protocol.on("message", lambda payload, is_binary: seen.append(("on message", payload, is_binary)))
    link.receive(request() + text("hi") + encode_frame(9, b"p", KEY) + encode_frame(10, b"q", KEY))
    link.receive(close(1000))
    link.end()
    backend.settle()
    assert seen[0] == "connect"
    assert seen[1][0] == "on connect"
    assert seen[2:] == [
        "open",
        ("on open",),
        "hi",
        ("on message", b"hi", False),
        ("on ping", b"p"),
        ("on pong", b"q"),
        ("close", True, 1000),
        ("on close", True, 1000, None),
    ]


def test_off_takes_handlers_away(backend: Backend) -> None:
    """One of them, one everywhere, all of an event, all."""
    link = opened(backend, note_taker(backend))
    protocol = link.protocol
    calls: list[str] = []

    def one(*_: Any, **__: Any) -> None:
        calls.append("one")

    def two(*_: Any, **__: Any) -> None:
        calls.append("two")

    for event in ("message", "ping"):
        assert protocol.on(event, one) is one
        protocol.on(event, two)
    protocol.off("message", one)
    link.receive(text("x"))
    assert calls == ["two"]
    protocol.off(handler=two)
    link.receive(text("x") + encode_frame(9, b"", KEY))
    assert calls == ["two", "one"]
    protocol.off("ping")
    protocol.on("message", two)
    protocol.off()
    link.receive(text("x") + encode_frame(9, b"", KEY))
    assert calls == ["two", "one"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("mesage", print), ValueError, "did you mean 'message'"),
        (("xyz", print), ValueError, "one of connect, open"),
        ((7, print), TypeError, "event must be a str"),
        (("message", 7), TypeError, "handler must be callable"),
    ],
)
def test_misuse_of_on(backend: Backend, arguments: Any, error: type[Exception], words: str) -> None:
    """Says what there is."""
    protocol = backend.make_server().protocol()
    with pytest.raises(error, match=words):
        protocol.on(*arguments)


@pytest.mark.parametrize("event", ["open", "message"])
@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_an_error_in_a_handler_closes_with_1011(
    backend: Backend, event: str, kind: str, errors: list[BaseException]
) -> None:
    """One error rule for all code of the application."""

    def plain(*_: Any, **__: Any) -> None:
        raise KeyError("x")

    async def coroutine(*_: Any, **__: Any) -> None:
        raise KeyError("x")

    link = backend.connect(backend.make_server(note_taker(backend)))
    link.protocol.on(event, plain if kind == "plain" else coroutine)
    link.receive(request())
    backend.settle()
    link.receive(text("x"))
    backend.settle()
    sent = link.take().partition(b"\r\n\r\n")[2]
    assert frames(sent) == [(8, (1011).to_bytes(2, "big"))]
    assert len(errors) == 1


def test_asynchronous_message_handlers_are_waited_for(backend: Backend) -> None:
    """As onMessage itself."""
    waiting: list[Any] = []

    def handler(payload: bytes, is_binary: bool) -> Any:
        waiting.append(backend.later())
        return waiting[-1]

    link = opened(backend, note_taker(backend))
    link.protocol.on("message", handler)
    link.receive(text("one") + text("two"))
    backend.settle()
    assert link.protocol.events[2:] == ["one"]
    backend.resolve(waiting[0])
    backend.settle()
    assert link.protocol.events[2:] == ["one", "two"]


class Producer:
    """Sends numbered messages; `count` of them."""

    def __init__(self, protocol: Any, count: int) -> None:
        self.protocol = protocol
        self.left = count
        self.told: list[str] = []

    def send(self) -> None:
        self.left -= 1
        self.protocol.sendMessage(b"x" * 10_000, True)
        if self.left <= 0:
            self.protocol.unregisterProducer()

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def stopProducing(self) -> None:
        self.told.append("stop")


class PullProducer(Producer):
    """Sends one message each time it is asked."""

    def resumeProducing(self) -> None:
        self.send()


def test_a_push_producer_is_paused_and_resumed(backend: Backend) -> None:
    """At the peer's speed."""
    link = opened(backend, note_taker(backend))
    producer = Producer(link.protocol, 100)
    link.protocol.registerProducer(producer, True)
    with pytest.raises(RuntimeError, match="registered already"):
        link.protocol.registerProducer(producer, True)
    link.stall()
    while producer.told == []:
        producer.send()
    assert producer.told == ["pause"]
    assert link.buffered < 80_000
    link.unstall()
    assert producer.told == ["pause", "resume"]
    link.cut()
    assert producer.told == ["pause", "resume", "stop"]
    link.protocol.unregisterProducer()


def test_a_pull_producer_is_asked_while_there_is_room(backend: Backend) -> None:
    """Once each turn of the loop."""
    link = opened(backend, note_taker(backend))
    producer = PullProducer(link.protocol, 50)
    link.stall()
    link.protocol.registerProducer(producer, False)
    backend.advance(1)
    assert 40 < producer.left < 45
    link.unstall()
    backend.advance(1)
    assert producer.left == 0
    assert len(link.take()) == 50 * 10_004
    assert backend.pending_timers() == 0


def test_a_pull_producer_that_raises_closes_with_1011(backend: Backend, errors: list[BaseException]) -> None:
    """It is code of the application as any other."""

    class Raises(Producer):
        def resumeProducing(self) -> None:
            raise KeyError("x")

    link = opened(backend, note_taker(backend))
    link.protocol.registerProducer(Raises(link.protocol, 1), False)
    backend.advance(0.1)
    assert frames(link.take()) == [(8, (1011).to_bytes(2, "big"))]
    assert len(errors) >= 1
    link.cut()
    assert link.protocol.events[-1] == ("close", False, 1011)


def test_a_producer_for_a_connection_that_is_not_open_is_stopped(backend: Backend) -> None:
    """So it can give up."""
    link = opened(backend, note_taker(backend))
    link.cut()
    producer = Producer(link.protocol, 1)
    link.protocol.registerProducer(producer, True)
    assert producer.told == ["stop"]


def test_a_producer_registered_while_sending_is_paused_waits(backend: Backend) -> None:
    """It is told at once."""
    link = opened(backend, note_taker(backend))
    link.stall()
    link.protocol.sendMessage(b"x" * 100_000, True)
    producer = Producer(link.protocol, 1)
    link.protocol.registerProducer(producer, True)
    assert producer.told == ["pause"]


def test_messages_from_threads_arrive_in_order_with_one_wake_up(backend: Backend) -> None:
    """From as many threads as I like."""
    link = opened(backend, note_taker(backend))
    woken: list[Any] = []
    factory = link.protocol.factory
    factory._inbox._wake = woken.append

    def work() -> None:
        for number in range(100):
            link.protocol.sendMessageFromThread(str(number))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert link.take() == b""
    assert len(woken) == 1
    woken[0]()
    assert [int(payload) for _, payload in frames(link.take())] == list(range(100))
    link.protocol.sendMessageFromThread(b"\0", isBinary=True)
    assert len(woken) == 2


def test_the_loop_is_woken_from_a_thread(backend: Backend) -> None:
    """Nobody has to do anything else."""
    link = opened(backend, note_taker(backend))
    thread = threading.Thread(target=link.protocol.sendMessageFromThread, args=("hi",))
    thread.start()
    thread.join()
    backend.settle()
    assert frames(link.take()) == [(1, b"hi")]


def test_errors_of_sending_from_threads_are_raised_there(backend: Backend) -> None:
    """As far as they are known."""
    link = opened(backend, None, maxMessagePayloadSize=500, maxSendBuffer=1000)
    send = link.protocol.sendMessageFromThread
    with pytest.raises(PayloadExceededError):
        send(b"x" * 501)
    with pytest.raises(TypeError):
        send(7)
    send(b"x" * 500)
    send(b"x" * 500)
    with pytest.raises(SendBufferFull, match="maxSendBuffer"):
        send(b"x")
    backend.settle()
    send(b"x")
    link.cut()
    backend.settle()
    with pytest.raises(Disconnected):
        send(b"x")


def test_messages_from_threads_wait_for_the_end_of_a_message_by_parts(backend: Backend) -> None:
    """A thread cannot know what the loop is in the middle of."""
    link = opened(backend, None, maxSendBuffer=10)
    protocol = link.protocol
    protocol.beginMessage()
    protocol.sendMessageFromThread("one")
    backend.settle()
    protocol.sendMessageFromThread("two")
    backend.settle()
    with pytest.raises(SendBufferFull):
        protocol.sendMessageFromThread("x" * 5)
    protocol.sendMessageFrame(b"part")
    assert frames(link.take()) == [(1, b"part")]
    protocol.endMessage()
    assert frames(link.take()) == [(0, b""), (1, b"one"), (1, b"two")]
    protocol.sendMessageFromThread("x" * 5)
    protocol.beginMessage()
    protocol.sendMessageFromThread("y")
    backend.settle()
    link.cut()
    backend.settle()
    assert protocol.factory._inbox._held == {}
    # Nothing keeps a connection that is gone.
    assert protocol not in protocol.factory._inbox._octets


def test_an_error_that_shows_only_later_closes_with_1011(backend: Backend, errors: list[BaseException]) -> None:
    """What a subclass makes of sendMessage is code of the application too."""

    class Fails(note_taker(backend)):  # type: ignore[misc]
        def sendMessage(self, *arguments: Any, **options: Any) -> None:
            raise KeyError("x")

    link = opened(backend, Fails)
    link.protocol.sendMessageFromThread(b"x")
    backend.settle()
    assert isinstance(errors[0], KeyError)
    assert link.protocol.state == link.protocol.STATE_CLOSING


def test_handlers_of_messages_do_not_widen_what_is_handled_at_a_time(backend: Backend) -> None:
    """A fast onMessage beside a slow handler: still one message at a time."""
    waiting: list[Any] = []

    class Fast(note_taker(backend)):  # type: ignore[misc]
        async def onMessage(self, payload: bytes, isBinary: bool) -> None:
            super().onMessage(payload, isBinary)

    def slow(payload: bytes, is_binary: bool) -> Any:
        waiting.append(backend.later())
        return waiting[-1]

    link = opened(backend, Fast)
    link.protocol.on("message", slow)
    link.receive(text("one") + text("two") + text("three"))
    backend.settle()
    assert link.protocol.events[2:] == ["one"]
    assert len(waiting) == 1
    backend.resolve(waiting[0])
    backend.settle()
    assert link.protocol.events[2:] == ["one", "two"]


@pytest.mark.parametrize("how", ["callback", "handler"])
def test_asynchronous_ping_callbacks_are_waited_for(backend: Backend, how: str) -> None:
    """A flood of pings does not become a flood of tasks."""
    waiting: list[Any] = []

    def wait(*_: Any) -> Any:
        waiting.append(backend.later())
        return waiting[-1]

    protocol = type("Slow", (note_taker(backend),), {"onPing": wait} if how == "callback" else {})
    link = opened(backend, protocol)
    if how == "handler":
        link.protocol.on("ping", wait)
    link.receive(encode_frame(9, b"", KEY) * 1000)
    backend.settle()
    assert len(waiting) == 1
    assert not link.reading
    backend.resolve(waiting[0])
    backend.settle()
    assert len(waiting) == 2


def test_traffic_stats_count_both_directions(backend: Backend) -> None:
    """Octets, frames, messages; and from nothing after reset."""
    link = opened(backend, note_taker(backend))
    stats = link.protocol.trafficStats
    stats.reset()
    link.receive(text("hello") + encode_frame(9, b"", KEY))
    link.protocol.sendMessage(b"x" * 20, fragmentSize=8)
    assert stats.incomingOctetsWireLevel == 11 + 6
    assert stats.incomingOctetsAppLevel == 5
    assert stats.incomingWebSocketFrames == 2
    assert stats.incomingWebSocketMessages == 1
    assert stats.outgoingOctetsWireLevel == 2 + 3 * 2 + 20
    assert stats.outgoingOctetsAppLevel == 20
    assert stats.outgoingWebSocketFrames == 4
    assert stats.outgoingWebSocketMessages == 1
    assert stats.__json__()["incomingWebSocketOverhead"] == pytest.approx(17 / 5 - 1)
    assert "outgoingWebSocketMessages=1" in repr(stats)
    stats.reset()
    assert stats.__json__()["outgoingWebSocketOverhead"] is None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = stats.nonsense
    protocol = backend.make_server().protocol()
    with pytest.raises(Disconnected):
        _ = protocol.trafficStats


def test_tracked_timings(backend: Backend) -> None:
    """Marks by key, and the time between two of them."""
    link = opened(backend, note_taker(backend))
    assert link.protocol.trackedTimings is None
    link = opened(backend, note_taker(backend), trackTimings=True)
    timings = link.protocol.trackedTimings
    assert timings["onOpen"] is not None
    assert timings["onMessage"] is None
    assert timings.diff("onOpen", "onMessage") == "n.a."
    assert timings.diff("onOpen", "onMessage", formatted=False) is None
    backend.advance(1.5)
    link.receive(text("x"))
    assert timings.diff("onOpen", "onMessage", formatted=False) == pytest.approx(1.5)
    assert timings.diff("onOpen", "onMessage") == "1.500 s"
    backend.advance(0.002)
    link.protocol.sendMessage(b"x")
    assert timings.diff("onMessage", "sendMessage") == "2.000 ms"
    timings.track("mine")
    assert timings.diff("sendMessage", "mine") == "0.0 us"
    assert dict(timings)["mine"] == timings["mine"]


def test_the_statistics_of_a_factory(backend: Backend) -> None:
    """Who is there, who was, why they went."""
    factory = backend.make_server(note_taker(backend))
    links = [backend.connect(factory) for _ in range(4)]
    for link in links[:3]:
        link.receive(request() + text("hi"))
        link.protocol.sendMessage("ho")
    links[0].receive(close(1000))
    links[0].end()
    links[1].cut()
    refused = backend.connect(factory)
    refused.receive(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
    refused.end()
    numbers = factory.statistics()
    assert numbers.connections == {"connecting": 1, "open": 1, "closing": 0, "draining": 0}
    assert numbers.total_connections == 5
    assert (numbers.messages_received, numbers.messages_sent) == (3, 3)
    assert numbers.octets_received > 3 * 150
    assert numbers.refusals == {405: 1}
    assert numbers.ends == {"CLOSE_HANDSHAKE": 1, "LOST": 1, "OPENING": 1}


def test_transport_details_tell_of_the_handshake_when_it_is_done(backend: Backend) -> None:
    """What the peer asked with, and what was agreed on; before, there is nothing to tell."""
    before: list[Any] = []

    class Server(backend.server_protocol):  # type: ignore[name-defined, misc]
        def onConnect(self, asked: Any) -> str:
            before.append(self.transport_details)
            return "chat"

    link = backend.connect(backend.make_server(Server))
    link.receive(request("Sec-WebSocket-Protocol: news, chat", "User-Agent: test"))
    assert (before[0].http_headers_received, before[0].websocket_protocol) == (None, None)
    after = link.protocol.transport_details
    assert after.http_headers_received["user-agent"] == "test"
    assert after.websocket_protocol == "chat"
    assert (after.is_server, after.own, after.peer) == (before[0].is_server, before[0].own, before[0].peer)
