"""Conversations in memory: what depends on time, and on things that happen in the same moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

import wsframework.asyncio.conversation
import wsframework.twisted.conversation
from tests.backends.programs import KEY, Backend, Link, close, frames, request, text
from tests.backends.streams import accept
from wsframework._core.codec import encode_frame
from wsframework.exceptions import ConnectionClosedError, ConnectionClosedOK
from wsframework.websocket.serving import KEEPALIVE

PING, PONG, CLOSE = 9, 10, 8


def _module(backend: Backend) -> Any:
    return wsframework.asyncio.conversation if backend.name == "asyncio" else wsframework.twisted.conversation


class Running:
    """An awaitable that runs beside a test. `outcome` is `("waiting", None)`, or "result" or "error" with it."""

    def __init__(self, backend: Backend, call: Callable[[], Awaitable[Any]]) -> None:
        self.outcome: tuple[str, Any] = ("waiting", None)
        self._call = call
        if backend.name == "asyncio":
            self._handle: Any = vars(backend)["loop"].create_task(self._work())
        else:
            self._handle = Deferred.fromCoroutine(self._work())

    async def _work(self) -> None:
        try:
            self.outcome = "result", await self._call()
        except BaseException as error:
            self.outcome = "error", error

    def cancel(self) -> None:
        """As a user of the backend would."""
        self._handle.cancel()


class Scene:
    """A server of conversations in memory, its one connection, and what runs beside the test."""

    def __init__(self, backend: Backend, handler: Callable[[Any], Any] | None = None, **arguments: Any) -> None:
        self.backend = backend
        known = {"process_request": None, "http": None, "max_queue": 16, "close_timeout": 5.0}
        told = {name: arguments.pop(name, default) for name, default in known.items()}
        factory = backend.make_server()
        factory.setProtocolOptions(**{**KEEPALIVE, **arguments})
        self.server = _module(backend).Server(factory, handler or self._wait, **told)
        # Nothing listens here.
        self.server._stop_listening = lambda: None
        self.link: Link = backend.connect(factory)
        self.link.receive(request())
        backend.settle()
        assert self.link.take().startswith(b"HTTP/1.1 101 ")
        (self.ws,) = self.server.connections

    async def _wait(self, ws: Any) -> None:
        """Until the connection is gone, receiving nothing."""
        await ws.wait_closed()

    def start(self, call: Callable[[], Awaitable[Any]]) -> Running:
        """Let an awaitable run."""
        return Running(self.backend, call)

    def outcome(self, running: Running) -> tuple[str, Any]:
        """What has come of it, when all that is ready has happened."""
        self.backend.settle()
        return running.outcome

    def taken(self) -> Any:
        """What a recv() gives that begins now."""
        kind, value = self.outcome(self.start(self.ws.recv))
        assert kind == "result", kind
        return value


Stage = Callable[..., Scene]


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


def pong_frame(payload: bytes) -> bytes:
    """A client's Pong."""
    return encode_frame(PONG, payload, KEY)


def test_a_peer_that_has_gone_silent_is_found_out(backend: Backend, stage: Stage) -> None:
    """Without my doing: a Ping after 20 seconds, and 20 seconds later the wait in recv() is over."""
    scene = stage()
    receiving = scene.start(scene.ws.recv)
    backend.advance(19.9)
    assert scene.link.take() == b""
    backend.advance(0.2)
    assert [opcode for opcode, _ in frames(scene.link.take())] == [PING]
    backend.advance(19.8)
    assert scene.outcome(receiving)[0] == "waiting"
    backend.advance(0.3)
    kind, error = scene.outcome(receiving)
    assert kind == "error"
    assert isinstance(error, ConnectionClosedError)
    assert (error.code, error.wasClean) == (1006, False)
    assert scene.server.connections == []


def test_a_peer_that_answers_pings_stays(backend: Backend, stage: Stage) -> None:
    """For an hour without a message."""
    scene = stage()
    receiving = scene.start(scene.ws.recv)
    for _ in range(180):
        backend.advance(20)
        for opcode, payload in frames(scene.link.take()):
            assert opcode == PING
            scene.link.receive(pong_frame(payload))
    scene.link.receive(text("still here"))
    assert scene.outcome(receiving) == ("result", "still here")


def test_a_slow_handler_is_not_taken_for_a_dead_peer(backend: Backend, stage: Stage) -> None:
    """It leaves its queue full for ten minutes; the peer answered every Ping, behind messages that nobody read."""
    scene = stage()
    scene.link.receive(b"".join(text(str(index)) for index in range(50)))
    for _ in range(60):
        backend.advance(10)
        for opcode, payload in frames(scene.link.take()):
            assert opcode == PING
            scene.link.receive(pong_frame(payload))
    assert [scene.taken() for _ in range(50)] == [str(index) for index in range(50)]
    assert scene.ws.state == scene.ws.STATE_OPEN


def test_close_waits_no_longer_than_its_option_says(backend: Backend, stage: Stage) -> None:
    """The peer does not answer: closeHandshakeTimeout, and not more, and no error."""
    scene = stage(closeHandshakeTimeout=3)
    closing = scene.start(lambda: scene.ws.close(1000, "bye"))
    backend.settle()
    assert frames(scene.link.take()) == [(CLOSE, b"\x03\xe8bye")]
    backend.advance(2.9)
    assert scene.outcome(closing)[0] == "waiting"
    backend.advance(0.2)
    assert scene.outcome(closing) == ("result", None)
    assert scene.ws.wasClean is False


def test_the_round_trip_is_the_time_between_ping_and_pong(backend: Backend, stage: Stage) -> None:
    """In seconds, whatever comes in between."""
    scene = stage()
    pinging = scene.start(lambda: scene.ws.ping(b"mine"))
    backend.settle()
    assert frames(scene.link.take()) == [(PING, b"mine")]
    backend.advance(0.125)
    scene.link.receive(text("in between") + pong_frame(b"other"))
    backend.advance(0.125)
    assert scene.outcome(pinging)[0] == "waiting"
    scene.link.receive(pong_frame(b"mine"))
    kind, trip = scene.outcome(pinging)
    assert (kind, trip) == ("result", pytest.approx(0.25))


def test_pings_of_mine_and_automatic_ones_do_not_disturb_each_other(backend: Backend, stage: Stage) -> None:
    """The Pong of one is not the answer to the other."""
    scene = stage()
    backend.advance(20)
    ((_, automatic),) = frames(scene.link.take())
    pinging = scene.start(scene.ws.ping)
    backend.settle()
    ((_, mine),) = frames(scene.link.take())
    scene.link.receive(pong_frame(automatic))
    assert scene.outcome(pinging)[0] == "waiting"
    scene.link.receive(pong_frame(mine))
    assert scene.outcome(pinging)[0] == "result"
    backend.advance(19)
    assert scene.ws.state == scene.ws.STATE_OPEN


def test_a_message_that_comes_in_the_moment_of_giving_up_is_not_lost(backend: Backend, stage: Stage) -> None:
    """It arrives, and in the same turn the wait for it is cancelled: either has it, but somebody has."""
    scene = stage()
    receiving = scene.start(scene.ws.recv)
    backend.settle()
    scene.link.receive(text("one"))
    receiving.cancel()
    scene.link.receive(text("two"))
    kind, value = scene.outcome(receiving)
    got = [value] if kind == "result" else []
    while len(got) < 2:
        got.append(scene.taken())
    assert got == ["one", "two"]


def test_a_message_whose_receiver_gives_up_goes_to_the_next_who_waits(backend: Backend, stage: Stage) -> None:
    """Two wait, a message comes, and the first is cancelled in that moment."""
    scene = stage()
    first, second = scene.start(scene.ws.recv), scene.start(scene.ws.recv)
    backend.settle()
    scene.link.receive(text("one"))
    first.cancel()
    kind, value = scene.outcome(first)
    if kind == "result":
        assert value == "one"
        scene.link.receive(text("two"))
        assert scene.outcome(second) == ("result", "two")
    else:
        assert scene.outcome(second) == ("result", "one")


def test_who_asked_first_is_served_first_even_in_the_moment_of_arrival(backend: Backend, stage: Stage) -> None:
    """Two wait; a message comes and a third asks before the first has had its turn: nobody is overtaken."""
    scene = stage()
    first, second = scene.start(scene.ws.recv), scene.start(scene.ws.recv)
    backend.settle()
    if backend.name == "asyncio":
        # In one turn of the loop: the octets arrive, and then the third asks.
        vars(backend)["loop"].call_soon(scene.link.receive, text("1"))
    else:
        scene.link.receive(text("1"))
    third = scene.start(scene.ws.recv)
    backend.settle()
    scene.link.receive(text("2"))
    scene.link.receive(text("3"))
    assert [scene.outcome(one) for one in (first, second, third)] == [
        ("result", "1"),
        ("result", "2"),
        ("result", "3"),
    ]


@pytest.mark.parametrize("max_queue", [1, 2, 3, 16])
def test_the_queue_is_bounded_also_within_one_chunk(backend: Backend, stage: Stage, max_queue: int) -> None:
    """A hundred messages arrive together: max_queue of them are taken, and the peer's next octets are not read."""
    scene = stage(max_queue=max_queue)
    scene.link.receive(b"".join(text(str(index)) for index in range(100)))
    backend.settle()
    assert scene.ws.trafficStats.incomingWebSocketMessages == max_queue
    scene.link.receive(text("100"))
    assert scene.link.unread > 0
    assert [scene.taken() for _ in range(101)] == [str(index) for index in range(101)]
    assert scene.link.unread == 0


@pytest.mark.parametrize("number", [1, 16, 100])
def test_messages_that_come_with_the_handshake_wait_for_the_handler(backend: Backend, number: int) -> None:
    """A client does not wait for our answer before it sends: all is there, in order, and bounded."""
    taken: list[Any] = []

    async def handler(ws: Any) -> None:
        async for message in ws:
            taken.append(message)

    factory = backend.make_server()
    _module(backend).Server(factory, handler, None, None, 16, 5.0)
    link = backend.connect(factory)
    link.receive(request() + b"".join(text(str(index)) for index in range(number)))
    backend.settle()
    for _ in range(number):
        backend.settle()
    assert taken == [str(index) for index in range(number)]
    link.cut()
    backend.settle()


def test_a_message_that_is_waited_for_takes_no_room(backend: Backend, stage: Stage) -> None:
    """With max_queue=1 and a handler that is always waiting, reading is not held up after each message."""
    scene = stage(max_queue=1)
    for index in range(10):
        receiving = scene.start(scene.ws.recv)
        backend.settle()
        scene.link.receive(text(str(index)))
        assert scene.outcome(receiving) == ("result", str(index))
        assert scene.link.reading


def test_messages_and_close_in_one_chunk(backend: Backend, stage: Stage) -> None:
    """The messages first, then the end, however often somebody asks."""
    scene = stage()
    scene.link.receive(text("1") + text("2") + close(1001, "going"))
    backend.settle()
    assert [scene.taken(), scene.taken()] == ["1", "2"]
    scene.link.end()
    for _ in range(2):
        kind, error = scene.outcome(scene.start(scene.ws.recv))
        assert kind == "error"
        assert isinstance(error, ConnectionClosedOK)
        assert (error.code, error.reason, error.wasClean) == (1001, "going", True)


def test_a_close_behind_a_full_queue_is_seen_when_it_is_reached(backend: Backend, stage: Stage) -> None:
    """Fifty messages and a Close in one chunk: fifty are received, then the end."""
    scene = stage()
    scene.link.receive(b"".join(text(str(index)) for index in range(50)) + close(4000, "why"))
    assert [scene.taken() for _ in range(50)] == [str(index) for index in range(50)]
    scene.link.end()
    kind, error = scene.outcome(scene.start(scene.ws.recv))
    assert kind == "error"
    assert isinstance(error, ConnectionClosedError)
    assert (error.code, error.reason) == (4000, "why")


def test_a_server_is_closed_by_its_deadline(backend: Backend, stage: Stage, errors: list[BaseException]) -> None:
    """A peer that does not answer and a handler that does not end: both are over when the deadline is."""
    ended: list[str] = []

    async def stubborn(ws: Any) -> None:
        try:
            await backend.later()
        finally:
            ended.append("handler")

    scene = stage(stubborn, closeHandshakeTimeout=60)
    closing = scene.start(lambda: scene.server.close(deadline=3))
    backend.settle()
    assert frames(scene.link.take()) == [(CLOSE, b"\x03\xe9")]
    backend.advance(2.9)
    assert (scene.outcome(closing)[0], ended) == ("waiting", [])
    backend.advance(0.2)
    assert (scene.outcome(closing)[0], ended) == ("result", ["handler"])
    assert scene.link.aborted
    assert errors == []


def test_a_handler_that_cannot_be_cancelled_does_not_hold_the_server(backend: Backend, stage: Stage) -> None:
    """It swallows the cancellation and goes on: closing ends all the same, soon after the deadline."""

    laters: list[Any] = []
    is_over: list[bool] = []

    async def immortal(ws: Any) -> None:
        while not is_over:
            laters.append(backend.later())
            try:
                await laters[-1]
            except BaseException:
                continue

    scene = stage(immortal)
    closing = scene.start(lambda: scene.server.close(deadline=1))
    backend.settle()
    backend.advance(10)
    assert scene.outcome(closing)[0] == "result"
    is_over.append(True)
    backend.resolve(laters[-1])
    backend.settle()


def test_closing_an_idle_server_takes_no_time(backend: Backend, stage: Stage) -> None:
    """The peer answers and the handler ends: nobody waits for the deadline, and no timer is left."""
    scene = stage()
    closing = scene.start(lambda: scene.server.close(deadline=60))
    backend.settle()
    assert frames(scene.link.take()) == [(CLOSE, b"\x03\xe9")]
    scene.link.receive(close(1001))
    scene.link.end()
    assert scene.outcome(closing)[0] == "result"
    assert backend.pending_timers() == 0


def test_the_clients_side_finds_out_too(backend: Backend) -> None:
    """A client's conversation with keepalive: the same Ping, the same end."""
    factory = backend.make_client(_module(backend).ClientConversation)
    factory.setProtocolOptions(**KEEPALIVE)
    link = backend.connect(factory)
    backend.settle()
    accept(link)
    backend.settle()
    receiving = Running(backend, link.protocol.recv)
    backend.advance(20.1)
    assert link.take()[0] == 0x80 | PING
    backend.advance(20.1)
    kind, error = receiving.outcome
    assert kind == "error"
    assert isinstance(error, ConnectionClosedError)
    assert (error.code, error.wasClean) == (1006, False)


def test_nothing_is_left_when_a_conversation_is_over(backend: Backend, stage: Stage) -> None:
    """No timer, no handler, no connection."""
    scene = stage()
    scene.link.receive(text("unread") * 40)
    scene.link.receive(close(1000))
    closing = scene.start(scene.ws.close)
    backend.settle()
    scene.link.end()
    assert scene.outcome(closing) == ("result", None)
    assert scene.server.connections == []
    assert scene.server._running == {}
    assert backend.pending_timers() == 0
