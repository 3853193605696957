"""What permessage-deflate saves, and what it keeps: counting, and giving contexts back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.compressed import JSON, MEDIUM, NOISE, ROLES, SMALL, end_of, frames_of, other, pair, with_policy
from tests.backends.programs import Backend, note_taker
from wsframework.websocket.compress import DeflatePolicy

# Counting.


def send(end: Any, how: str) -> None:
    """The message, in one of the ways to send it."""
    if how == "prepared":
        end.sendPreparedMessage(end.factory.prepareMessage(JSON))
    elif how == "parts":
        end.beginMessage()
        end.beginMessageFrame(len(JSON))
        end.sendMessageFrameData(JSON.encode()[:500])
        end.sendMessageFrameData(JSON.encode()[500:])
        end.sendMessageFrame(b"")
        end.endMessage()
    else:
        end.sendMessage(JSON, fragmentSize=50 if how == "fragments" else None)


def noting(backend: Backend, role: str, *names: str) -> Any:
    """A note taker that gets its messages by the callbacks of these names."""

    def note(self: Any, *arguments: Any) -> None:
        self.events.append(arguments)

    return type("Noting", (note_taker(backend, role),), dict.fromkeys(names, note))


@pytest.mark.parametrize("how", ["message", "fragments", "parts", "prepared"])
@pytest.mark.parametrize("names", [(), ("onMessageFrame",), ("onMessageFrameData",)], ids=str)
@pytest.mark.parametrize("role", ROLES)
def test_what_went_is_counted_on_both_ends(backend: Backend, role: str, how: str, names: tuple[str, ...]) -> None:
    """Before and after compression, however it is sent and received."""
    server, client = (noting(backend, other, *(names if other != role else ())) for other in ROLES)
    ends = pair(backend, MEDIUM, True, MEDIUM, server=server, client=client)
    sender, receiver = end_of(ends, role), end_of(ends, other(role))
    for end in (sender, receiver):
        end.trafficStats.reset()
    for _ in range(2):
        send(sender, how)
    sender.sendMessage(NOISE, isBinary=True, doNotCompress=True)
    octets = ends.sent(role)
    frames = frames_of(octets)
    wire, payload, app = len(octets), sum(len(frame.payload) for frame in frames), 2 * len(JSON) + len(NOISE)
    assert payload < app
    for end, direction in ((sender, "outgoing"), (receiver, "incoming")):
        stats = end.trafficStats
        counted = {
            "OctetsWireLevel": wire,
            "OctetsWebSocketLevel": payload,
            "OctetsAppLevel": app,
            "WebSocketFrames": len(frames),
            "WebSocketMessages": 3,
        }
        assert {name: getattr(stats, direction + name) for name in counted} == counted
        told = stats.__json__()
        assert told[f"{direction}CompressionRatio"] == payload / app
        assert told[f"{direction}WebSocketOverhead"] == wire / payload - 1


# Memory.


@pytest.mark.parametrize("policy", [SMALL, MEDIUM], ids=["small", "medium"])
@pytest.mark.parametrize("role", ROLES)
def test_contexts_come_when_they_are_needed(backend: Backend, role: str, policy: DeflatePolicy) -> None:
    """An idle connection has none, and where each message stands for itself nobody ever has one."""
    ends = with_policy(backend, policy)
    connections = [end_of(ends, name)._connection for name in (role, other(role))]
    assert [connection.has_contexts for connection in connections] == [False, False]
    end_of(ends, role).sendMessage("short")
    ends.exchange()
    assert [connection.has_contexts for connection in connections] == [False, False]
    end_of(ends, role).sendMessage(JSON)
    ends.exchange()
    assert [connection.has_contexts for connection in connections] == [policy is MEDIUM] * 2


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("releases", ["sender", "receiver", "both"])
def test_contexts_can_be_given_back(backend: Backend, role: str, releases: str) -> None:
    """By either end at any time, and without telling the other."""
    ends = with_policy(backend, MEDIUM)
    sender, receiver = end_of(ends, role), end_of(ends, other(role))
    sizes = []
    for _ in range(4):
        sender.sendMessage(JSON)
        sender.sendMessage(JSON)
        sizes.append([len(frame.payload) for frame in ends.frames(role)])
        for end, name in ((sender, "sender"), (receiver, "receiver")):
            if releases in (name, "both"):
                end.releaseCompression()
                assert not end._connection.has_contexts
    assert ends.messages(other(role)) == [JSON] * 8
    first = sizes[0]
    if releases == "receiver":
        assert max(max(pair) for pair in sizes[1:]) < first[0] / 4
    else:
        assert sizes == [first] * 4


def test_contexts_are_not_given_back_in_the_middle_of_a_message(backend: Backend) -> None:
    """Neither of one that is sent by parts nor of one that is coming."""
    ends = with_policy(backend, MEDIUM)
    ends.one.beginMessage()
    for start in range(0, len(JSON), 100):
        ends.one.sendMessageFrame(JSON.encode()[start : start + 100])
        ends.exchange()
        for end in (ends.one, ends.other):
            end.releaseCompression()
            assert end._connection.has_contexts
    ends.one.endMessage()
    ends.one.sendMessage(JSON)
    assert ends.messages("client") == [JSON, JSON]


def test_contexts_can_be_given_back_in_on_message(backend: Backend) -> None:
    """Where I am told that the conversation is over for now; for long messages and short ones."""

    class Client(note_taker(backend, "client")):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            super().onMessage(payload, isBinary)
            self.releaseCompression()
            assert not self._connection.has_contexts

    ends = pair(backend, MEDIUM, client=Client)
    for message in (JSON, JSON * 200, JSON, JSON * 200):
        ends.one.sendMessage(message)
    assert ends.messages("client") == [JSON, JSON * 200] * 2


def test_there_may_be_nothing_to_give_back(backend: Backend) -> None:
    """Before the connection is open, without the extension, and after the end."""
    factory = backend.make_server()
    protocol = factory.protocol()
    protocol.factory = factory
    protocol.releaseCompression()
    for accepts in (False, True):
        ends = pair(backend, accepts)
        ends.one.releaseCompression()
        ends.one.sendMessage(JSON)
        ends.exchange()
        ends.server.cut()
        ends.one.releaseCompression()


@pytest.mark.parametrize("pings", [0, 7])
def test_idle_connections_give_their_contexts_back(backend: Backend, pings: float) -> None:
    """After release_after seconds without a message, at twice that at the latest; pings are no messages."""
    policy = DeflatePolicy(release_after=10)
    ends = pair(backend, policy, server_options={"autoPingInterval": pings})
    connection = ends.one._connection

    def advance(seconds: int) -> None:
        for _ in range(seconds):
            backend.advance(1)
            ends.exchange()

    for _ in range(2):
        ends.one.sendMessage(JSON)
        ends.exchange()
        assert connection.has_contexts
        advance(9)
        assert connection.has_contexts
        advance(11)
        assert not connection.has_contexts
    for _ in range(5):
        ends.other.sendMessage(JSON)
        ends.exchange()
        advance(6)
        assert connection.has_contexts
    assert ends.messages("client") == [JSON] * 2
    assert ends.messages("server") == [JSON] * 5
    ends.server.cut()
    ends.client.cut()
    assert backend.pending_timers() == 0
