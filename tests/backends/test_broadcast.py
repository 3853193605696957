"""One message to many connections, of which some do not keep up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.backends.programs import Backend, Link, close, frames, request
from wsframework._core.key import accept_key
from wsframework.exceptions import BroadcastFull, Disconnected, PayloadExceededError
from wsframework.websocket import Broadcast, BroadcastCounts, Overflow
from wsframework.websocket.prepared import PreparedMessage

# A message that is over the high-water mark of all connections here, so that sending is paused after it.
BIG = b"-" * 100


class Crowd:
    """Open connections of one server factory, and a group of them."""

    def __init__(self, backend: Backend, count: int, protocol: Any = None, group: Any = None, **options: Any) -> None:
        self.backend = backend
        self.factory = backend.make_server(protocol)
        self.factory.setProtocolOptions(**{"sendHighWaterMark": 50, "closeHandshakeTimeout": 2, **options})
        self.group = Broadcast() if group is None else group
        self.links: list[Link] = []
        self.protocols: list[Any] = []
        for _ in range(count):
            self.join()

    def join(self) -> Any:
        """One more."""
        link = self.backend.connect(self.factory)
        link.receive(request())
        link.take()
        self.links.append(link)
        self.protocols.append(self.factory.connections[-1])
        self.group.add(self.protocols[-1])
        return self.protocols[-1]

    def block(self, index: int) -> None:
        """This one stops reading, and sending to it is paused."""
        self.links[index].stall()
        self.protocols[index].sendMessage(BIG)
        assert self.protocols[index]._connection.sending_is_paused

    def received(self, index: int) -> list[str]:
        """What this one has read, without what has blocked it."""
        return [payload.decode() for _, payload in frames(self.links[index].take()) if payload != BIG]

    def sip(self, index: int) -> None:
        """This one takes what lies in the buffers, and then stops reading again."""
        link: Any = self.links[index]
        link.sent += link._unsent
        link._unsent.clear()
        link._tell_writer()

    def unblock(self, index: int) -> list[str]:
        """This one reads on."""
        self.links[index].unstall()
        self.backend.settle()
        return self.received(index)


def limited(policy: Overflow, messages: int = 3, octets: int = 1000, **more: Any) -> Any:
    return Broadcast(policy, max_messages=messages, max_octets=octets, **more)


# Receivers that keep up.


def test_everybody_gets_the_message_at_once(backend: Backend) -> None:
    """Text, octets, and a message that was prepared before."""
    crowd = Crowd(backend, 3)
    prepared = crowd.factory.prepareMessage(b"\0\1", isBinary=True)
    assert crowd.group.send("grüße") == 3
    assert crowd.group.send(b"abc", isBinary=True) == 3
    assert crowd.group.send_prepared(prepared) == 3
    for link in crowd.links:
        assert frames(link.take()) == [(1, "grüße".encode()), (2, b"abc"), (2, b"\0\1")]
    assert crowd.group.counts == BroadcastCounts(sent=9)
    assert crowd.group.counts_of(crowd.protocols[0]) == BroadcastCounts(sent=3)


def test_all_transports_are_given_the_same_bytes_object(backend: Backend) -> None:
    """Framed once, copied by nobody on the way."""
    crowd = Crowd(backend, 3)
    written: list[bytes] = []
    for link in crowd.links:
        setattr(link, "wrote", written.append)  # noqa: B010  # mypy: a method
    crowd.group.send("hello")
    assert written[0] == b"\x81\x05hello"
    assert all(octets is written[0] for octets in written)
    assert len(written) == 3


def test_members_are_a_set(backend: Backend) -> None:
    """add and discard may come twice; what is sent to nobody is no error."""
    group: Any = Broadcast()
    assert group.send("anybody?") == 0
    crowd = Crowd(backend, 2, group=group)
    one, other = crowd.protocols
    group.add(one)
    assert len(group) == 2
    assert list(group) == [one, other]
    assert one in group
    group.discard(one)
    group.discard(one)
    assert one not in group
    assert "something else" not in group
    assert group.send("to one") == 1
    assert crowd.received(0) == []
    with pytest.raises(KeyError):
        group.counts_of(one)
    assert group.counts.sent == 1


def test_exclude(backend: Backend) -> None:
    """A chat does not repeat what somebody said to whom has said it."""
    crowd = Crowd(backend, 3)
    assert crowd.group.send("x", exclude=[crowd.protocols[1]]) == 2
    assert [crowd.received(index) for index in range(3)] == [["x"], [], ["x"]]
    assert crowd.group.counts_of(crowd.protocols[1]) == BroadcastCounts()


def test_closed_connections_leave_by_themselves(backend: Backend) -> None:
    """However they end, and nothing is kept of them."""
    crowd = Crowd(backend, 4)
    crowd.links[0].cut()
    crowd.links[1].receive(close(1000))
    assert crowd.group.send("x") == 2
    crowd.links[1].end()
    crowd.protocols[2].dropConnection(abort=True)
    backend.settle()
    assert list(crowd.group) == [crowd.protocols[3]]
    assert [protocol._memberships for protocol in crowd.protocols[:3]] == [(), (), ()]
    assert crowd.group.counts == BroadcastCounts(sent=2)


def test_only_open_connections_can_join(backend: Backend) -> None:
    """Like sendMessage."""
    group: Any = Broadcast()
    factory = backend.make_server()
    protocol = factory.protocol()
    protocol.factory = factory
    with pytest.raises(Disconnected):
        group.add(protocol)
    crowd = Crowd(backend, 1)
    crowd.protocols[0].sendClose()
    with pytest.raises(Disconnected):
        group.add(crowd.protocols[0])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"max_octets": 0}, ValueError, "max_octets must be 1 or more"),
        ({"max_messages": -1}, ValueError, "max_messages must be 1 or more"),
        ({"max_messages": True}, TypeError, "max_messages must be an int"),
        ({"max_octets": 1.5}, TypeError, "max_octets must be an int"),
        ({"policy": "drop it all"}, ValueError, "not a valid Overflow"),
    ],
)
def test_misuse_of_the_constructor(arguments: Any, error: type[Exception], words: str) -> None:
    """Says what is wrong."""
    with pytest.raises(error, match=words):
        Broadcast(**arguments)


def test_misuse_of_send_sends_nothing(backend: Backend) -> None:
    """To nobody, even if only one receiver would not take it."""
    crowd = Crowd(backend, 1)
    crowd.factory.setProtocolOptions(maxMessagePayloadSize=5)
    crowd.join()
    crowd.join()
    with pytest.raises(TypeError, match="payload"):
        crowd.group.send(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="isBinary"):
        crowd.group.send("text", isBinary=True)
    with pytest.raises(PayloadExceededError, match=r"maxMessagePayloadSize \(5\)"):
        crowd.group.send("123456")
    assert [crowd.received(index) for index in range(3)] == [[], [], []]
    assert crowd.group.send("12345") == 3
    crowd.links[1].cut()
    crowd.links[2].cut()
    backend.settle()
    assert crowd.group.send("123456") == 1
    crowd.factory.setProtocolOptions(maxMessagePayloadSize=0)
    crowd.join()
    assert crowd.group.send("1234567") == 2


# Receivers that do not keep up.


def test_a_receiver_that_does_not_read_is_left_alone_and_caught_up_in_order(backend: Backend) -> None:
    """The others do not notice; it gets everything, in order, when it reads on."""
    crowd = Crowd(backend, 3)
    crowd.block(1)
    buffered = crowd.protocols[1].bufferedAmount
    assert [crowd.group.send(text) for text in ("a", "b", "c")] == [2, 2, 2]
    assert crowd.received(0) == crowd.received(2) == ["a", "b", "c"]
    assert crowd.protocols[1].bufferedAmount == buffered
    waiting = BroadcastCounts(waiting=3, waiting_octets=3, queued=3)
    assert crowd.group.counts_of(crowd.protocols[1]) == waiting
    assert crowd.group.counts == BroadcastCounts(sent=6, waiting=3, waiting_octets=3, queued=3)
    assert crowd.unblock(1) == ["a", "b", "c"]
    assert crowd.group.counts == BroadcastCounts(sent=9, queued=3)
    assert crowd.group.send("d") == 3


def test_a_flush_stops_where_the_transport_is_full_again(backend: Backend) -> None:
    """And goes on with the next resume."""
    crowd = Crowd(backend, 1)
    crowd.block(0)
    texts = [str(number) * 40 for number in range(5)]
    for text in texts:
        crowd.group.send(text)
    crowd.sip(0)
    assert crowd.group.counts.waiting == 3
    assert crowd.received(0) == []
    assert crowd.group.send("last") == 0
    assert crowd.unblock(0) == [*texts, "last"]


def test_memory_of_those_who_wait_is_shared(backend: Backend) -> None:
    """A queue refers to the message, it does not copy it."""
    crowd = Crowd(backend, 3)
    for index in range(3):
        crowd.block(index)
    prepared = crowd.factory.prepareMessage("x")
    crowd.group.send_prepared(prepared)
    memberships = [protocol._memberships[0] for protocol in crowd.protocols]
    assert all(membership.waiting.pop()[1] is prepared for membership in memberships)


@pytest.mark.parametrize(
    ("policy", "kept", "dropped"),
    [(Overflow.DROP_NEWEST, ["0", "1", "2"], 3), (Overflow.DROP_OLDEST, ["3", "4", "5"], 3)],
)
def test_dropping_at_the_bound_of_messages(backend: Backend, policy: Overflow, kept: list[str], dropped: int) -> None:
    """Counted, and the others get everything."""
    crowd = Crowd(backend, 2, group=limited(policy))
    crowd.block(0)
    for number in range(6):
        assert crowd.group.send(str(number)) == 1
    assert crowd.received(1) == list("012345")
    assert crowd.group.counts_of(crowd.protocols[0]).dropped == dropped
    assert crowd.unblock(0) == kept
    assert crowd.group.counts.dropped == dropped
    assert crowd.group.counts.sent == 6 + len(kept)
    assert crowd.group.send("6") == 2


@pytest.mark.parametrize(
    ("policy", "kept"),
    [(Overflow.DROP_NEWEST, ["a" * 40, "b" * 40, "d"]), (Overflow.DROP_OLDEST, ["c" * 40, "d"])],
)
def test_dropping_at_the_bound_of_octets(backend: Backend, policy: Overflow, kept: list[str]) -> None:
    """Payloads of all that waits."""
    crowd = Crowd(backend, 1, group=limited(policy, 100, 100))
    crowd.block(0)
    for text in ("a" * 40, "b" * 40, "c" * 70, "c" * 40, "d"):
        crowd.group.send(text)
        assert crowd.group.counts.waiting_octets <= 100
    if policy is Overflow.DROP_OLDEST:
        # "c" * 70 has made way for "c" * 40, which is why that is not all that is left.
        assert crowd.group.counts.waiting_octets == 41
    assert crowd.unblock(0) == kept


@pytest.mark.parametrize("policy", list(Overflow))
def test_one_message_of_any_size_may_wait(backend: Backend, policy: Overflow) -> None:
    """Or somebody whose messages are larger than the bound would get none."""
    crowd = Crowd(backend, 1, group=limited(policy, 10, 10))
    crowd.block(0)
    crowd.group.send("x" * 100)
    assert crowd.group.counts.waiting_octets == 100
    assert crowd.unblock(0) == ["x" * 100]


def test_the_latest_per_key_waits(backend: Backend) -> None:
    """Prices: nobody wants the old ones. A new one takes the place of the old one."""
    crowd = Crowd(backend, 2, group=limited(Overflow.LATEST_PER_KEY, 10))
    crowd.block(0)
    for key, text in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1"), ("a", "a3"), ("c", "c2")]:
        crowd.group.send(text, key=key)
    assert crowd.received(1) == ["a1", "b1", "a2", "c1", "a3", "c2"]
    assert crowd.group.counts == BroadcastCounts(6, dropped=3, waiting=3, waiting_octets=6, queued=6)
    assert crowd.unblock(0) == ["a3", "b1", "c2"]
    assert crowd.group.counts == BroadcastCounts(9, dropped=3, queued=6)


def test_keys_from_the_payload(backend: Backend) -> None:
    """One function for all messages; a key that is given comes first."""
    crowd = Crowd(backend, 1, group=limited(Overflow.LATEST_PER_KEY, key=lambda payload: payload[:1]))
    crowd.block(0)
    for text in ("a1", "b1", "a2"):
        crowd.group.send(text)
    crowd.group.send("a3", key="other")
    assert crowd.unblock(0) == ["a2", "b1", "a3"]


def test_without_keys_the_latest_of_all_waits(backend: Backend) -> None:
    """A cursor's position."""
    crowd = Crowd(backend, 1, group=limited(Overflow.LATEST_PER_KEY))
    crowd.block(0)
    for number in range(5):
        crowd.group.send(str(number))
    assert crowd.unblock(0) == ["4"]


def test_more_keys_than_the_bound_has_room_for(backend: Backend) -> None:
    """The oldest makes way; also when a message becomes larger than the one whose place it takes."""
    crowd = Crowd(backend, 1, group=limited(Overflow.LATEST_PER_KEY, 3, 100))
    crowd.block(0)
    for key in "abcd":
        crowd.group.send(key, key=key)
    assert crowd.group.counts.dropped == 1
    crowd.group.send("C" * 98, key="c")
    assert crowd.group.counts.waiting_octets == 100
    crowd.group.send("B" * 50, key="b")
    assert (crowd.group.counts.waiting, crowd.group.counts.waiting_octets) == (2, 51)
    assert crowd.group.counts.dropped == 4
    assert crowd.unblock(0) == ["d", "B" * 50]


def test_a_flush_that_stops_keeps_the_place_of_the_keys(backend: Backend) -> None:
    """The message that did not go is the next one."""
    crowd = Crowd(backend, 1, group=limited(Overflow.LATEST_PER_KEY, 10))
    crowd.block(0)
    for key in "abc":
        crowd.group.send(key * 40, key=key)
    crowd.sip(0)
    crowd.group.send("C" * 40, key="c")
    assert crowd.unblock(0) == ["a" * 40, "b" * 40, "C" * 40]


def test_disconnect_says_1013_to_whoever_can_still_hear_it(backend: Backend) -> None:
    """The peer reads on in time: it gets what had been sent, and the close code."""
    closed: list[Any] = []

    class Receiver(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            closed.append((wasClean, code, reason))

    crowd = Crowd(backend, 2, Receiver, limited(Overflow.DISCONNECT))
    crowd.block(0)
    for number in range(4):
        crowd.group.send(str(number))
    assert crowd.received(1) == list("0123")
    counts = crowd.group.counts
    assert (counts.disconnected, counts.dropped, counts.waiting) == (1, 4, 0)
    assert crowd.group.counts_of(crowd.protocols[0]).disconnected == 1
    assert crowd.group.send("more") == 1
    assert crowd.group.counts.dropped == 4
    crowd.links[0].unstall()
    assert frames(crowd.links[0].take())[1:] == [(8, b"\x03\xf5")]
    crowd.links[0].receive(close(1013))
    crowd.links[0].end()
    backend.settle()
    ((was_clean, code, reason),) = closed
    assert (was_clean, code) == (False, 1013)
    assert "does not read" in reason
    assert len(crowd.group) == 1


@pytest.mark.parametrize("timeout", [0, 2])
def test_disconnect_drops_whoever_does_not_hear_it(backend: Backend, timeout: float) -> None:
    """After closeHandshakeTimeout, and at once where that is switched off."""
    crowd = Crowd(backend, 1, None, limited(Overflow.DISCONNECT), closeHandshakeTimeout=timeout)
    crowd.block(0)
    for number in range(4):
        crowd.group.send(str(number))
    assert crowd.links[0].aborted == (timeout == 0)
    backend.advance(timeout)
    assert crowd.links[0].aborted
    assert len(crowd.group) == 0
    assert backend.pending_timers() == 0


def test_wait_loses_nothing_and_gives_a_message_to_all_or_to_nobody(backend: Backend) -> None:
    """The sender is told when there is no room, and when there is room again."""
    crowd = Crowd(backend, 2, group=limited(Overflow.WAIT))
    crowd.block(0)
    for number in range(3):
        assert crowd.group.send(str(number)) == 1
    with pytest.raises(BroadcastFull, match=r"tcp4:192\.0\.2\.1"):
        crowd.group.send("3")
    assert crowd.group.send("for the other", exclude=[crowd.protocols[0]]) == 1
    one, two = crowd.group.drain(), crowd.group.drain()
    backend.settle()
    assert backend.outcome(one)[0] == "waiting"
    assert crowd.unblock(0) == ["0", "1", "2"]
    assert backend.outcome(one) == backend.outcome(two) == ("result", None)
    assert crowd.group.send("3") == 2
    assert crowd.received(1) == ["0", "1", "2", "for the other", "3"]
    assert crowd.group.counts.dropped == 0


def test_wait_ends_when_the_slow_receiver_does(backend: Backend) -> None:
    """Lost, taken out, or closing: nobody waits for it any longer. What waited for it is counted as dropped."""
    ends: list[Callable[[Crowd], Any]] = [
        lambda crowd: crowd.links[0].cut(),
        lambda crowd: crowd.group.discard(crowd.protocols[0]),
        lambda crowd: (crowd.protocols[0].sendClose(), crowd.unblock(0)),
    ]
    for end in ends:
        crowd = Crowd(backend, 1, group=limited(Overflow.WAIT))
        crowd.block(0)
        crowd.group.send("1")
        drained = crowd.group.drain()
        end(crowd)
        backend.settle()
        assert backend.outcome(drained) == ("result", None)
        assert crowd.group.counts == BroadcastCounts(dropped=1, queued=1)


def test_drain_when_nothing_waits(backend: Backend) -> None:
    """Comes at once; also before there is anybody, for those who await."""
    group: Any = Broadcast()

    async def wait() -> str:
        await group.drain()
        return "done"

    with asyncio.Runner() as runner:
        assert runner.run(wait()) == "done"
    factory = backend.make_server()
    assert backend.outcome(Broadcast(factory=factory).drain()) == ("result", None)
    crowd = Crowd(backend, 1, group=group)
    assert backend.outcome(crowd.group.drain()) == ("result", None)


# From inside of callbacks.


def test_joining_and_leaving_in_the_middle_of_send(backend: Backend) -> None:
    """Who joins gets the next message; who leaves is left out, wherever it stood."""
    crowd: Any = None

    class Receiver(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onSendingPaused(self) -> None:
            if self is crowd.protocols[0] and len(crowd.protocols) == 4:
                crowd.join()
                crowd.group.discard(crowd.protocols[1])
                crowd.group.discard(self)

    crowd = Crowd(backend, 4, Receiver)
    crowd.links[0].stall()
    assert crowd.group.send(BIG.decode() + "!") == 3
    assert crowd.received(1) == crowd.received(4) == []
    assert crowd.received(2) == crowd.received(3) == [BIG.decode() + "!"]
    assert crowd.group.send("next") == 3
    assert crowd.received(4) == ["next"]


def test_sending_in_the_middle_of_send(backend: Backend) -> None:
    """Everybody gets the two messages in the same order."""
    crowd: Any = None
    taken: list[int] = []

    class Receiver(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onSendingPaused(self) -> None:
            taken.append(crowd.group.send("second"))

    crowd = Crowd(backend, 3, Receiver)
    crowd.links[1].stall()
    assert crowd.group.send("first" + "-" * 50) == 3
    assert taken == [0]
    for index in (0, 2):
        assert crowd.received(index) == ["first" + "-" * 50, "second"]
    assert crowd.unblock(1) == ["first" + "-" * 50, "second"]


def test_sending_in_the_middle_of_a_flush(backend: Backend) -> None:
    """The queue is emptied first."""
    crowd: Any = None

    class Receiver(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onSendingResumed(self) -> None:
            crowd.group.send("third")

        def onSendingPaused(self) -> None:
            if crowd.group.counts.waiting == 1:
                crowd.group.send("fourth")

    crowd = Crowd(backend, 1, Receiver)
    crowd.block(0)
    crowd.group.send("1" * 60)
    crowd.group.send("2" * 60)
    crowd.sip(0)
    assert crowd.unblock(0)[:4] == ["1" * 60, "2" * 60, "third", "fourth"]


def test_leaving_in_the_middle_of_a_flush(backend: Backend) -> None:
    """What was not sent yet is dropped, and counted."""
    crowd: Any = None

    class Receiver(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onSendingPaused(self) -> None:
            if crowd.group.counts.waiting == 2:
                crowd.group.discard(self)

    crowd = Crowd(backend, 1, Receiver)
    crowd.block(0)
    for text in ("1" * 60, "2", "3"):
        crowd.group.send(text)
    crowd.sip(0)
    assert crowd.group.counts == BroadcastCounts(sent=1, dropped=2, queued=3)
    assert crowd.unblock(0) == ["1" * 60]


def test_drained_senders_may_send_again(backend: Backend) -> None:
    """A loop of `send` and `await drain()` goes at the pace of the slowest."""
    crowd = Crowd(backend, 2, group=limited(Overflow.WAIT, 1))
    sent: list[int] = []

    async def feed() -> None:
        for number in range(5):
            crowd.group.send(str(number) * 60)
            sent.append(number)
            await crowd.group.drain()

    crowd.block(0)
    done = backend_task(backend, feed())
    for number in range(5):
        assert sent == list(range(number + 1))
        crowd.sip(0)
        backend.settle()
    assert backend.outcome(done)[0] == "result"
    assert crowd.received(1) == [str(number) * 60 for number in range(5)]


def backend_task(backend: Any, coroutine: Any) -> Any:
    if backend.name == "asyncio":
        task = backend.loop.create_task(coroutine)
        backend.settle()
        return task
    return Deferred.fromCoroutine(coroutine)


def test_a_message_that_is_sent_by_parts_is_not_cut_in_two(backend: Backend) -> None:
    """Broadcasts wait for its end."""
    crowd = Crowd(backend, 2)
    one = crowd.protocols[0]
    one.beginMessage()
    one.sendMessageFrame(b"part")
    assert crowd.group.send("broadcast") == 1
    assert crowd.group.send("another") == 1
    drained = crowd.group.drain()
    one.endMessage()
    assert crowd.received(0) == ["part", "", "broadcast", "another"]
    backend.settle()
    assert backend.outcome(drained)[0] == "result"


def test_in_on_close_a_receiver_is_a_member_still(backend: Backend) -> None:
    """Its numbers can be read, and a farewell to all does not go to itself."""
    crowd: Any = None
    seen: list[Any] = []

    class Receiver(backend.server_protocol):  # type: ignore[misc, name-defined]
        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            seen.append((crowd.group.counts_of(self).sent, crowd.group.send("one has left")))

    crowd = Crowd(backend, 3, Receiver)
    crowd.group.send("x")
    crowd.links[0].cut()
    assert seen == [(1, 2)]
    assert crowd.received(1) == ["x", "one has left"]


def test_one_protocol_in_two_groups(backend: Backend) -> None:
    """Each has its own queue and its own policy."""
    other: Any = limited(Overflow.DROP_OLDEST, 1)
    crowd = Crowd(backend, 1)
    other.add(crowd.protocols[0])
    crowd.block(0)
    for number in range(3):
        crowd.group.send(f"a{number}")
        other.send(f"b{number}")
    assert crowd.unblock(0) == ["a0", "a1", "a2", "b2"]
    crowd.links[0].cut()
    assert (len(crowd.group), len(other)) == (0, 0)


def test_clients_can_be_receivers(backend: Backend) -> None:
    """A process that is connected to many servers; every frame has a mask of its own."""
    accept = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n\r\n"
    )
    group: Any = Broadcast()
    links = []
    for _ in range(2):
        factory = backend.make_client(url="ws://example.com")
        link = backend.connect(factory)
        head = link.take().decode()
        key = next(line[19:] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key: "))
        link.receive(accept % accept_key(key).encode())
        group.add(link.protocol)
        links.append(link)
    assert group.send("x") == 2
    sent = [link.take() for link in links]
    assert all(len(octets) == 7 for octets in sent)
    assert sent[0] != sent[1]


def test_the_policy_can_be_named_by_its_value() -> None:
    """For settings that come from a file."""
    group: Any = Broadcast("drop oldest")  # type: ignore[arg-type]
    assert group.policy is Overflow.DROP_OLDEST


def test_a_prepared_message_knows_its_payload() -> None:
    """What goes to send_prepared."""
    assert PreparedMessage(b"x").payload == b"x"
