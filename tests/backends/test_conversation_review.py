"""Conversations in memory: what goes wrong when several things happen at once, or somebody gives up."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.python.failure import Failure

import wsframework.asyncio
import wsframework.twisted
from tests.backends.programs import Backend, close, frames, request, text
from tests.backends.test_conversation_api import Scene, Stage, pong_frame
from wsframework.exceptions import ConnectionClosedError
from wsframework.twisted.testing import MemoryReactorClockResolver, TwistedMemoryLink

PING, CLOSE = 9, 8


@pytest.fixture
def stage(backend: Backend) -> Iterator[Stage]:
    """Makes scenes, and ends what is left of them."""
    scenes: list[Scene] = []

    def make(handler: Callable[[Any], Any] | None = None, **arguments: Any) -> Scene:
        scenes.append(Scene(backend, handler, **arguments))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.link.cut()
    backend.settle()


def many(number: int) -> bytes:
    """So many text messages: 0, 1, 2, ..."""
    return b"".join(text(str(index)) for index in range(number))


# Several receivers.


@pytest.mark.parametrize("others", [1, 2, 3])
def test_who_gives_up_before_a_message_comes_takes_nothing_from_the_others(
    backend: Backend, stage: Stage, others: int
) -> None:
    """Several wait in recv(), the first gives up, and in the same moment one message comes: one of the others has it,
    the rest goes on waiting, and what comes next is theirs.
    """
    scene = stage()
    first, *rest = [scene.start(scene.ws.recv) for _ in range(1 + others)]
    backend.settle()
    first.cancel()
    scene.link.receive(text("0"))
    assert [scene.outcome(one) for one in rest] == [("result", "0"), *[("waiting", None)] * (others - 1)]
    late = scene.start(scene.ws.recv)
    assert scene.outcome(late)[0] == "waiting"
    for index in range(1, others + 1):
        scene.link.receive(text(str(index)))
    assert [scene.outcome(one)[1] for one in (*rest, late)] == [str(index) for index in range(others + 1)]


def test_giving_up_a_wait_leaves_nothing_behind(backend: Backend, stage: Stage) -> None:
    """I look after something else every second, between waits for the end of the connection and of the server."""
    scene = stage()
    before = len(scene.ws._waiting_for_end)
    for _ in range(50):
        waits = [scene.start(scene.ws.wait_closed), scene.start(scene.server.wait_closed)]
        backend.settle()
        for waiting in waits:
            waiting.cancel()
        backend.settle()
    assert len(scene.ws._waiting_for_end) == before
    assert len(scene.server._waiting) <= 1


# A full queue, and others who hold the connection.


def test_handlers_of_the_event_do_not_empty_a_full_queue(backend: Backend, stage: Stage) -> None:
    """`ws.on("message", ...)` has its own speed; that nobody calls recv() bounds what is read all the same."""
    scene = stage(max_queue=2)
    laters: list[Any] = []

    def seen(payload: bytes, is_binary: bool) -> Any:
        laters.append(backend.later())
        return laters[-1]

    scene.ws.on("message", seen)
    scene.link.receive(many(20))
    for _ in range(20):
        while laters:
            backend.resolve(laters.pop())
        backend.settle()
    assert scene.ws.trafficStats.incomingWebSocketMessages == 2
    for index in range(20):
        assert scene.taken() == str(index)
        while laters:
            backend.resolve(laters.pop())
            backend.settle()


def test_taking_messages_does_not_hurry_a_handler_of_the_event(backend: Backend, stage: Stage) -> None:
    """The handler of the event is called for one message at a time, whoever receives meanwhile."""
    scene = stage(max_queue=1)
    laters: list[Any] = []

    def seen(payload: bytes, is_binary: bool) -> Any:
        laters.append(backend.later())
        return laters[-1]

    scene.ws.on("message", seen)
    scene.link.receive(many(3))
    assert scene.taken() == "0"
    assert len(laters) == 1
    backend.resolve(laters[0])
    backend.settle()
    assert (scene.taken(), len(laters)) == ("1", 2)
    backend.resolve(laters[1])


@pytest.mark.parametrize("resumes_first", [True, False])
def test_a_pause_and_a_full_queue_are_two_things(backend: Backend, stage: Stage, resumes_first: bool) -> None:
    """I have paused receiving and the queue is full: reading goes on when neither is so any more."""
    scene = stage(max_queue=2)
    scene.link.receive(many(2))
    scene.ws.pauseReceiving()
    if resumes_first:
        scene.ws.resumeReceiving()
        assert not scene.link.reading
        assert [scene.taken(), scene.taken()] == ["0", "1"]
    else:
        assert [scene.taken(), scene.taken()] == ["0", "1"]
        assert not scene.link.reading
        scene.ws.resumeReceiving()
    assert scene.link.reading


def test_closing_finds_the_answer_although_receiving_is_paused(backend: Backend, stage: Stage) -> None:
    """`close` says that nobody wants more: no timeout has to find that out."""
    scene = stage(max_queue=2)
    scene.ws.pauseReceiving()
    closing = scene.start(scene.ws.close)
    backend.settle()
    scene.link.receive(many(5) + close(1000))
    scene.link.end()
    assert scene.outcome(closing) == ("result", None)
    assert scene.ws.wasClean


@pytest.mark.parametrize("max_queue", [1, 2, 16])
def test_thousands_of_messages_that_are_there_already_are_answered(
    backend: Backend, stage: Stage, errors: list[BaseException], max_queue: int
) -> None:
    """In one chunk, by a handler that never has to wait: in order, and without a stack that grows with them."""
    seen: list[str] = []

    async def handler(ws: Any) -> None:
        async for message in ws:
            seen.append(message)
            await ws.send(message)

    scene = stage(handler, max_queue=max_queue)
    scene.link.receive(many(3000))
    for _ in range(3000):
        if len(seen) == 3000:
            break
        backend.settle()
    assert seen == [str(index) for index in range(3000)]
    assert [payload.decode() for _, payload in frames(scene.link.take())] == seen
    assert errors == []


def test_large_messages_are_bounded_by_their_octets(backend: Backend, stage: Stage) -> None:
    """A mebibyte waits, and the message that made it so, however many may."""
    scene = stage(max_queue=1000)
    large = "x" * 300_000
    scene.link.receive(text(large) * 20)
    backend.settle()
    assert scene.ws.trafficStats.incomingWebSocketMessages == 4
    assert [len(scene.taken()) for _ in range(20)] == [300_000] * 20


# The end.


def test_the_rest_of_a_frame_goes_before_the_end(backend: Backend, stage: Stage) -> None:
    """I am in the middle of a frame when the peer closes. I take what it had sent, and complete the frame: it and the
    Close behind it are written, before the transport is ended.
    """
    scene = stage()
    scene.link.receive(many(3))
    scene.ws.beginMessage()
    scene.ws.beginMessageFrame(4)
    scene.ws.sendMessageFrameData(b"ab")
    backend.settle()
    scene.link.receive(close(1000))
    backend.settle()
    scene.link.take()

    async def complete() -> None:
        await scene.ws.recv()
        scene.ws.sendMessageFrameData(b"cd")

    assert scene.outcome(scene.start(complete)) == ("result", None)
    assert scene.link.take() == b"cd\x88\x02\x03\xe8"
    assert scene.link.finished


def test_a_ping_is_answered_by_the_pong_of_an_automatic_one_after_it(backend: Backend, stage: Stage) -> None:
    """Of several pings a peer may answer the latest alone (RFC 6455 section 5.5.3); mine does not wait for ever."""
    scene = stage()
    backend.advance(19.9)
    pinging = scene.start(scene.ws.ping)
    backend.settle()
    backend.advance(0.2)
    (mine, _), (automatic, payload) = frames(scene.link.take())
    assert (mine, automatic) == (PING, PING)
    later = scene.start(scene.ws.ping)
    backend.settle()
    backend.advance(0.1)
    scene.link.receive(pong_frame(payload))
    kind, trip = scene.outcome(pinging)
    assert (kind, trip) == ("result", pytest.approx(0.3))
    assert scene.outcome(later)[0] == "waiting"


# The server's end.


def test_handlers_see_the_abort_before_they_are_cancelled(backend: Backend, stage: Stage) -> None:
    """The peer does not answer the goodbye. At the deadline my handler gets ConnectionClosed, and ends by itself."""
    ended: list[BaseException] = []

    async def handler(ws: Any) -> None:
        try:
            await ws.recv()
        except BaseException as error:
            ended.append(error)
            raise

    scene = stage(handler, closeHandshakeTimeout=60)
    closing = scene.start(lambda: scene.server.close(deadline=3))
    backend.settle()
    backend.advance(3.01)
    kind, result = scene.outcome(closing)
    assert (kind, result.aborted) == ("result", 1)
    (error,) = ended
    assert isinstance(error, ConnectionClosedError)


def test_what_a_cancelled_handler_raises_is_logged(backend: Backend, stage: Stage, errors: list[BaseException]) -> None:
    """It tidies up, and a mistake is in that: I want to see it."""

    async def handler(ws: Any) -> None:
        try:
            await backend.later()
        finally:
            raise KeyError("tidying up")

    scene = stage(handler)
    closing = scene.start(lambda: scene.server.close(deadline=1))
    backend.settle()
    backend.advance(3)
    assert scene.outcome(closing)[0] == "result"
    assert [type(error) for error in errors] == [KeyError]


# What only one backend has.


def test_a_listener_of_somebody_who_gave_up_is_closed() -> None:
    """asyncio: whatever turn `await serve(...)` is cancelled in, nobody listens afterwards."""

    async def give_up_after(turns: int, sock: socket.socket) -> bool:
        serving = wsframework.asyncio.serve(_nothing, sock=sock)
        task = asyncio.ensure_future(serving.__aenter__())
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.done():
            await task.result().close()
            return True
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return False

    for turns in range(1, 20):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            address = sock.getsockname()
            is_done = asyncio.run(give_up_after(turns, sock))
            with socket.socket() as client:
                assert client.connect_ex(address) != 0
        if is_done:
            return
    raise AssertionError("it never listens")


def test_awaiting_serve_twice_gives_one_server() -> None:
    """asyncio, as on Twisted: `await` and then `async with` of the same call do not listen twice."""

    async def main() -> None:
        serving = wsframework.asyncio.serve(_nothing, "127.0.0.1", 0)
        first = await serving
        async with serving as second:
            assert first is second
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", first.port)) != 0

    asyncio.run(main())


def test_a_second_signal_is_not_held_back() -> None:
    """asyncio: `run` closes the server at SIGTERM; whoever does not want to wait for that can say so by another."""
    found: list[Any] = []
    visits: list[Any] = []

    async def handler(ws: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await ws.wait_closed()
        found.append(signal.getsignal(signal.SIGTERM))

    async def visit(url: str) -> None:
        async with wsframework.asyncio.connect(url) as ws:
            await ws.wait_closed()

    serving = wsframework.asyncio.serve(handler, "127.0.0.1", 0)
    serving.run(lambda server: visits.append(asyncio.ensure_future(visit(server.url))))
    assert found == [signal.SIG_DFL]


def test_using_connect_again_connects_again() -> None:
    """Twisted, as on asyncio: the second `async with` of the same object is another connection, or another error."""
    reactor: Any = MemoryReactorClockResolver()
    connecting = wsframework.twisted.connect("ws://127.0.0.1:9000/", reactor=reactor)
    for number in (1, 2):
        entering = Deferred.fromCoroutine(connecting.__aenter__())
        reactor.advance(1)
        assert len(reactor.tcpClients) == number
        reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(Refused()))  # type: ignore[no-untyped-call]
        reactor.advance(1)
        found: list[Any] = []
        entering.addErrback(found.append)
        assert found[0].check(Refused)


def test_the_reactor_waits_for_a_close_that_was_begun() -> None:
    """Twisted: `server.close()` and then `reactor.stop()`; the connections there are are still waited for."""
    reactor = _StoppingReactor()
    made: list[Any] = []
    serving: Any = wsframework.twisted.serve(_nothing, "127.0.0.1", 9000, reactor=reactor)
    serving.addCallback(made.append)
    (server,) = made
    link = TwistedMemoryLink(server.factory.buildProtocol(None), reactor)
    link.receive(request())
    closing = server.close()
    (stops,) = reactor.stopping
    stopping = stops()
    reactor.advance(0)
    assert (closing.called, stopping.called) == (False, False)
    link.receive(close(1001))
    link.end()
    reactor.advance(0)
    assert (closing.called, stopping.called) == (True, True)


def test_a_server_that_is_closed_is_forgotten_by_the_reactor() -> None:
    """Twisted: a program that serves now and then leaves nothing behind."""
    reactor = _StoppingReactor()
    made: list[Any] = []
    serving: Any = wsframework.twisted.serve(_nothing, "127.0.0.1", 9000, reactor=reactor)
    serving.addCallback(made.append)
    assert len(reactor.stopping) == 1
    made[0].close()
    reactor.advance(0)
    assert reactor.stopping == []


class _StoppingReactor(MemoryReactorClockResolver):
    """Knows what is to be called before it stops."""

    def __init__(self) -> None:
        super().__init__()
        self.stopping: list[Callable[[], Any]] = []

    def addSystemEventTrigger(  # type: ignore[override]
        self, phase: str, eventType: str, callable: Callable[[], Any], *_: Any
    ) -> Any:
        assert (phase, eventType) == ("before", "shutdown")
        self.stopping.append(callable)
        return callable

    def removeSystemEventTrigger(self, triggerID: Any) -> None:
        self.stopping.remove(triggerID)


async def _nothing(ws: Any) -> None:
    """A handler."""
    await ws.wait_closed()
