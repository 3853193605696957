"""One message to many connections, of which some do not keep up.

    everybody = Broadcast(Overflow.DROP_OLDEST, max_messages=100)
    ...
    everybody.add(self)             # in onOpen
    everybody.send("good news")     # anywhere in the loop's or the reactor's thread

Strategy: a receiver that reads gets a message at once: the same bytes object goes to every transport. One that does
not read is left alone. While its connection's sending is paused (more than `sendHighWaterMark` octets lie with the
transport), messages wait in a queue of its own, which refers to the message and does not copy it; when the connection
has room again, the queue is emptied in order. So a receiver costs the others one append, and no more memory than its
connection's buffer and the bound of the queue. What happens at that bound is the `Overflow` policy.

What a receiver is given is in the order in which it was sent, and every message is counted once: as sent, as dropped,
or as waiting. Anything may be called at any time, also from callbacks in the middle of `send`: a receiver that joins
then is not given that message, one that leaves is not given it any more, and a message sent then follows that one.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from wsframework._core.constants import State
from wsframework.exceptions import BroadcastFull, Disconnected, PayloadExceededError
from wsframework.websocket.membership import BroadcastCounts, Membership, Overflow, counted
from wsframework.websocket.offering import Tally, offer_to_all
from wsframework.websocket.payload import message_payload
from wsframework.websocket.prepared import PreparedMessage

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["Broadcast", "BroadcastCounts", "Overflow"]


class Broadcast:
    """A set of open connections that messages go to.

    For each receiver at most `max_messages` messages with `max_octets` octets of payload wait (one message always may,
    whatever its size); then the `policy` applies. `key` tells the key of a message from its payload, for messages that
    are sent without one. `factory` is whose later results `drain` gives, by default that of the first receiver.

    All receivers live in one thread, and all calls come from it. A protocol may be in several groups; each has a queue.
    """

    def __init__(
        self,
        policy: Overflow = Overflow.DISCONNECT,
        max_octets: int = 1 << 20,
        max_messages: int = 1024,
        key: Callable[[bytes], Hashable] | None = None,
        factory: Any = None,
    ) -> None:
        self.policy = Overflow(policy)
        self.max_octets = _positive("max_octets", max_octets)
        self.max_messages = _positive("max_messages", max_messages)
        self._key = key
        self._factory = factory
        self._members: dict[WebSocketProtocol, Membership] = {}
        # Those for whom messages wait.
        self._behind: dict[Membership, None] = {}
        # The receivers' maxMessagePayloadSize, and how many have it.
        self._limits: Counter[int] = Counter()
        self._total = Tally()
        self._drains: list[Any] = []
        self._is_sending = False
        self._next: deque[tuple[PreparedMessage, Collection[WebSocketProtocol], Hashable]] = deque()

    # Receivers.

    def add(self, protocol: WebSocketProtocol) -> None:
        """Make an open connection a receiver until it is closed; nothing if it is one. `Disconnected` unless open."""
        connection = protocol._connection
        if connection is None or connection.state is not State.OPEN:
            raise Disconnected("only an open connection can be a receiver of broadcasts")
        if protocol in self._members:
            return
        if self._factory is None:
            self._factory = protocol.factory
        membership = Membership(self, protocol, connection)
        self._members[protocol] = membership
        self._limits[connection.options.maxMessagePayloadSize] += 1
        protocol._memberships = (*protocol._memberships, membership)

    def discard(self, protocol: WebSocketProtocol) -> None:
        """Make it a receiver no more, and drop what waits for it; nothing if it is none."""
        membership = self._members.pop(protocol, None)
        if membership is None:
            return
        limit = membership.connection.options.maxMessagePayloadSize
        self._limits[limit] -= 1
        if not self._limits[limit]:
            del self._limits[limit]
        protocol._memberships = tuple(other for other in protocol._memberships if other is not membership)
        membership.leave()

    def __contains__(self, protocol: object) -> bool:
        return protocol in self._members

    def __iter__(self) -> Iterator[WebSocketProtocol]:
        return iter(tuple(self._members))

    def __len__(self) -> int:
        return len(self._members)

    # Messages.

    def send(
        self,
        payload: bytes | bytearray | memoryview | str,
        isBinary: bool = False,
        exclude: Iterable[WebSocketProtocol] = (),
        key: Hashable = None,
    ) -> int:
        """Send a message, as `sendMessage`, to all receivers except those to `exclude`; how many took it at once.

        For the others it waits, or the policy decides. Called from a callback in the middle of another `send`, it goes
        out after that one, and the result is 0. Raises `PayloadExceededError` when it is over the
        maxMessagePayloadSize of some receiver, `BroadcastFull` by the policy `WAIT`; then nobody gets it.
        """
        return self.send_prepared(PreparedMessage(message_payload(payload, isBinary), isBinary), exclude, key)

    def send_prepared(
        self, prepared: PreparedMessage, exclude: Iterable[WebSocketProtocol] = (), key: Hashable = None
    ) -> int:
        """`send` for a message that was made by a factory's `prepareMessage`."""
        size = len(prepared.payload)
        excluded = frozenset(exclude)
        self._check(size, excluded)
        if key is None and self._key is not None:
            key = self._key(prepared.payload)
        self._next.append((prepared, excluded, key))
        if self._is_sending:
            return 0
        self._is_sending = True
        try:
            taken = self._send_next()
            while self._next:
                self._send_next()
        finally:
            self._is_sending = False
        return taken

    def drain(self) -> Any:
        """A result that comes (None) when nothing waits for any receiver, at once if nothing does.

        A Deferred or a Future, as the receivers' backend has it; before there ever was a receiver or a `factory`, an
        awaitable.
        """
        if self._factory is None:
            return _Nothing()
        drained = self._factory._new_future()
        if self._behind:
            self._drains.append(drained)
        else:
            self._factory._resolve(drained, None)
        return drained

    # Numbers.

    @property
    def counts(self) -> BroadcastCounts:
        """Summed up since this group was made."""
        waiting = [membership.waiting for membership in self._behind]
        return counted(self._total, sum(map(len, waiting)), sum(queue.octets for queue in waiting))

    def counts_of(self, protocol: WebSocketProtocol) -> BroadcastCounts:
        """Those of one receiver, until it leaves; in its onClose it is one still. `KeyError` if it is none."""
        membership = self._members[protocol]
        return counted(membership.tally, len(membership.waiting), membership.waiting.octets)

    # Inside.

    def _check(self, size: int, excluded: Collection[WebSocketProtocol]) -> None:
        for limit in self._limits:
            if limit and size > limit:
                raise PayloadExceededError(f"message of {size} octets is over maxMessagePayloadSize ({limit})")
        if self.policy is not Overflow.WAIT:
            return
        for membership in self._behind:
            if not membership.has_room(size) and membership.protocol not in excluded:
                raise BroadcastFull(f"as much waits for {membership.protocol.peer} as may wait; wait for drain()")

    def _send_next(self) -> int:
        prepared, excluded, key = self._next.popleft()
        members = self._members.values()
        receivers = [member for member in members if member.protocol not in excluded] if excluded else list(members)
        return offer_to_all(receivers, prepared, key)

    def _is_behind(self, membership: Membership) -> None:
        self._behind[membership] = None

    def _caught_up(self, membership: Membership) -> None:
        self._behind.pop(membership, None)
        if self._behind or not self._drains:
            return
        drains, self._drains = self._drains, []
        for drained in drains:
            self._factory._resolve(drained, None)


class _Nothing:
    """Nothing to wait for, for those who await it."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, not {value}")
    return value
