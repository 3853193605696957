"""The order of callbacks, whatever happens when: onConnect, onOpen, messages, onClose once and last."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.programs import Backend, Link, close, frames, note_taker, opened, request, text
from wsframework.testing.memory import exchange

SESSION = request() + text("one") + text("two") + text("three") + close(1000, "bye")
WHOLE = ["connect", "open", "one", "two", "three", ("close", True, 1000)]


def check_order(events: list[Any], whole: list[Any]) -> None:
    """What happened is a beginning of what should, and then one close; nothing after it."""
    assert isinstance(events[-1], tuple), events
    before = events[:-1]
    assert before == whole[: len(before)], events


@pytest.mark.parametrize("piece", [1, 7, len(SESSION)])
def test_a_session_is_told_in_order(backend: Backend, piece: int) -> None:
    """However the octets are cut, I see the same."""
    link = backend.connect(backend.make_server(note_taker(backend)))
    for start in range(0, len(SESSION), piece):
        link.receive(SESSION[start : start + piece])
    backend.settle()
    assert link.finished
    link.end()
    assert link.protocol.events == WHOLE
    assert backend.pending_timers() == 0


def slow(backend: Backend, base: Any) -> tuple[Any, list[Any]]:
    """The same protocol with asynchronous callbacks that only go on when a test says so."""
    waiting: list[Any] = []

    def wait() -> Any:
        waiting.append(backend.later())
        return waiting[-1]

    class Slow(base):  # type: ignore[misc]
        async def onConnect(self, request: Any) -> Any:
            base.onConnect(self, request)
            await wait()

        async def onOpen(self) -> Any:
            base.onOpen(self)
            await wait()

        async def onMessage(self, payload: bytes, isBinary: bool) -> Any:
            base.onMessage(self, payload, isBinary)
            await wait()
            self.events.append("done")

        async def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> Any:
            base.onClose(self, wasClean, code, reason)

    return Slow, waiting


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("cut_at", range(len(SESSION) + 1))
def test_the_order_holds_when_the_transport_is_lost_at_any_octet(
    backend: Backend, cut_at: int, asynchronous: bool
) -> None:
    """My connections die at the worst moments."""
    waiting: list[Any] = []
    protocol = note_taker(backend)
    if asynchronous:
        protocol, waiting = slow(backend, protocol)
    link = backend.connect(backend.make_server(protocol))
    for octet in SESSION[:cut_at]:
        link.receive(bytes((octet,)))
        backend.settle()
    link.cut()
    backend.settle()
    events = list(link.protocol.events)
    if cut_at < len(SESSION):
        check_order([event for event in events if event != "done"], WHOLE)
    # What was pending ends later; nothing is called because of it.
    for later in waiting:
        backend.resolve(later)
    backend.settle()
    assert [event for event in link.protocol.events if event != "done"] == [e for e in events if e != "done"]
    assert backend.pending_timers() == 0


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_order_holds_when_the_client_dies_at_any_octet(backend: Backend, asynchronous: bool) -> None:
    """The client's side of the same."""
    for cut_at in range(250):
        waiting: list[Any] = []
        protocol = note_taker(backend, "client")
        if asynchronous:
            protocol, waiting = slow(backend, protocol)
        client = backend.connect(backend.make_client(protocol, url="ws://example.com/"))
        server = backend.connect(backend.make_server(Greeter(backend)))
        backend.settle()
        server.receive(client.take())
        backend.settle()
        for octet in server.take()[:cut_at]:
            client.receive(bytes((octet,)))
            backend.settle()
        client.cut()
        backend.settle()
        events = [event for event in client.protocol.events if event != "done"]
        check_order(events, ["connect", "open", "one", "two", ("close", True, 1000)])
        for later in waiting:
            backend.resolve(later)
        backend.settle()
        assert [event for event in client.protocol.events if event != "done"] == events
        server.cut()
        backend.settle()
        assert backend.pending_timers() == 0


def Greeter(backend: Backend) -> Any:
    """A server that says two things and goodbye."""

    class Greets(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onOpen(self) -> None:
            self.sendMessage("one")
            self.sendMessage("two")
            self.sendClose(1000)

    return Greets


def test_messages_wait_while_on_connect_decides(backend: Backend) -> None:
    """A client that sends at once, before it has our answer, loses nothing."""
    decision = backend.later()

    class Decider(note_taker(backend)):  # type: ignore[misc]
        def onConnect(self, request: Any) -> Any:
            super().onConnect(request)
            return decision

    link = backend.connect(backend.make_server(Decider))
    link.receive(request() + text("early"))
    link.receive(text("bird"))
    backend.settle()
    assert link.protocol.events == ["connect"]
    assert link.take() == b""
    backend.resolve(decision)
    backend.settle()
    assert link.protocol.events == ["connect", "open", "early", "bird"]


def test_what_may_arrive_while_on_connect_decides_is_bounded(backend: Backend) -> None:
    """A client cannot fill my memory while I look its token up."""
    decision = backend.later()

    class Decider(note_taker(backend)):  # type: ignore[misc]
        def onConnect(self, request: Any) -> Any:
            return decision

    link = backend.connect(backend.make_server(Decider))
    link.receive(request())
    for _ in range(100):
        link.receive(text("x" * 10_000))
    assert link.unread > 900_000
    backend.resolve(decision)
    backend.settle()
    assert link.protocol.events == ["open"] + ["x" * 10_000] * 100


def test_an_asynchronous_on_open_has_begun_before_the_first_message(backend: Backend) -> None:
    """My coroutine sets things up before its first await."""
    goes_on = backend.later()

    class Opener(note_taker(backend)):  # type: ignore[misc]
        async def onOpen(self) -> None:
            self.events.append("begun")
            await goes_on
            self.events.append("ended")

    link = backend.connect(backend.make_server(Opener))
    link.receive(request() + text("one"))
    backend.settle()
    assert link.protocol.events == ["connect", "begun", "one"]
    backend.resolve(goes_on)
    backend.settle()
    assert link.protocol.events[-1] == "ended"


def test_messages_are_handled_one_after_the_other(backend: Backend) -> None:
    """An asynchronous handler never runs twice at a time, and nothing is read meanwhile."""
    protocol, waiting = slow(backend, note_taker(backend))
    link = backend.connect(backend.make_server(protocol))
    link.receive(request() + text("one") + text("two") + text("three"))
    backend.settle()
    backend.resolve(waiting[0])
    backend.settle()
    assert link.protocol.events == ["connect", "open", "one"]
    assert not link.reading
    link.receive(text("four"))
    assert link.unread
    for expected in ("two", "three", "four"):
        backend.resolve(waiting[-1])
        backend.settle()
        assert link.protocol.events[-2:] == ["done", expected]
    assert not link.reading
    backend.resolve(waiting[-1])
    backend.settle()
    assert link.reading


@pytest.mark.parametrize(("limit", "started"), [(2, 2), (0, 3)])
def test_max_concurrent_messages_widens_that(backend: Backend, limit: int, started: int) -> None:
    """My handlers are independent of each other: run more of them."""
    waiting: list[Any] = []

    class Handler(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> Any:
            super().onMessage(payload, isBinary)
            waiting.append(backend.later())
            return waiting[-1]

    link = opened(backend, Handler, maxConcurrentMessages=limit)
    link.receive(text("one") + text("two") + text("three"))
    backend.settle()
    assert len(waiting) == started
    assert link.reading is (limit == 0)
    for later in waiting:
        backend.resolve(later)
    backend.settle()
    assert link.protocol.events == ["connect", "open", "one", "two", "three"]


def test_messages_that_came_before_the_end_are_handled_before_it(backend: Backend) -> None:
    """The peer sent, and went away while my handler was busy: I still get what it sent."""
    protocol, waiting = slow(backend, note_taker(backend))
    link = backend.connect(backend.make_server(protocol))
    link.receive(request())
    backend.settle()
    backend.resolve(waiting[-1])
    backend.settle()
    link.receive(text("one") + text("two"))
    link.end()
    backend.settle()
    while waiting and not link.lost:
        later = waiting.pop()
        if backend.outcome(later)[0] == "waiting":
            backend.resolve(later)
        backend.settle()
    assert link.protocol.events[-5:] == ["one", "done", "two", "done", ("close", False, 1006)]


def test_a_late_yes_after_the_loss_is_ignored(backend: Backend) -> None:
    """My database answered after the client was gone."""
    decision = backend.later()

    class Decider(note_taker(backend)):  # type: ignore[misc]
        def onConnect(self, request: Any) -> Any:
            return decision

    link = backend.connect(backend.make_server(Decider))
    link.receive(request())
    link.cut()
    backend.settle()
    backend.resolve(decision)
    backend.settle()
    assert link.protocol.events == [("close", False, 1006)]
    assert link.take() == b""


def test_close_during_an_asynchronous_handler_still_ends_cleanly(backend: Backend) -> None:
    """My handler closes and goes on working for a while: the peer's answer must not lie unread."""
    goes_on = backend.later()

    class Closer(note_taker(backend)):  # type: ignore[misc]
        async def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendClose(1000)
            await goes_on

    link = opened(backend, Closer)
    link.receive(text("bye"))
    backend.settle()
    assert frames(link.take()) == [(8, b"\x03\xe8")]
    link.receive(close(1000))
    backend.advance(1.5)
    assert link.finished
    link.end()
    assert link.protocol.events[-1] == ("close", True, 1000)
    backend.resolve(goes_on)
    backend.settle()


def test_both_ends_of_a_conversation_in_memory(backend: Backend) -> None:
    """Client and server agree, octet by octet."""

    class Asks(note_taker(backend, "client")):  # type: ignore[misc]
        def onOpen(self) -> None:
            super().onOpen()
            self.sendMessage("hello")

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            super().onMessage(payload, isBinary)
            self.sendClose(3000, "enough")

    class Echoes(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            super().onMessage(payload, isBinary)
            self.sendMessage(payload, isBinary)

    server: Link = backend.connect(backend.make_server(Echoes))
    client: Link = backend.connect(backend.make_client(Asks, url="ws://example.com/"))
    exchange(backend, client, server, piece=1)
    assert client.protocol.events == ["connect", "open", "hello", ("close", True, 1000)]
    assert server.protocol.events == ["connect", "open", "hello", ("close", True, 3000)]
    assert server.protocol.remoteCloseReason == "enough"
    assert backend.pending_timers() == 0
