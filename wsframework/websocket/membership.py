"""One receiver of broadcasts: what waits for it, what was counted, and what happens when too much waits.

See `wsframework.websocket.broadcast` for how a message gets here.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from wsframework._core.closure import Cause
from wsframework._core.constants import CloseCode, State
from wsframework.websocket.offering import Receiver, Tally, deliver_to
from wsframework.websocket.prepared import PreparedMessage

if TYPE_CHECKING:
    from wsframework._core.connection import Connection
    from wsframework.websocket.broadcast import Broadcast
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["BroadcastCounts", "Membership", "Overflow", "counted"]


class Overflow(Enum):
    """What to do for a receiver that does not keep up, when as much waits for it as may wait."""

    WAIT = "wait"
    """Lose nothing: `send` raises `BroadcastFull`, and gives the message to nobody. The sender waits for `drain()`.
    The slowest receiver sets the pace for all; one that stopped reading stops everybody, until automatic pings or the
    application end its connection."""

    DROP_NEWEST = "drop newest"
    """The receiver does not get this message; what waits for it is older."""

    DROP_OLDEST = "drop oldest"
    """Make room by dropping what has waited longest."""

    LATEST_PER_KEY = "latest per key"
    """Of the messages with one key only the latest waits, in the place of the one before, which is dropped. With more
    keys than the bound has room for, the oldest is dropped. Without keys (None is a key like any other) that is the
    latest message of all."""

    DISCONNECT = "disconnect"
    """Close the receiver's connection with 1013 (try again later). If it does not take that within
    closeHandshakeTimeout, the transport is dropped."""


@dataclass(frozen=True, slots=True)
class BroadcastCounts:
    """What has become of messages, for one receiver or summed up over all, those that have left too.

    `sent` went to connections, at once or later; `dropped` did not, because of the policy or because the receiver left;
    `waiting` (with `waiting_octets` of payload) do so now. `queued` is how many had to wait, whatever came after.
    `disconnected` is how many receivers the policy has disconnected.
    """

    sent: int = 0
    dropped: int = 0
    waiting: int = 0
    waiting_octets: int = 0
    queued: int = 0
    disconnected: int = 0


def counted(tally: Tally, waiting: int, octets: int) -> BroadcastCounts:
    """What was counted, with what waits now."""
    return BroadcastCounts(tally.sent, tally.dropped, waiting, octets, tally.queued, tally.disconnected)


class Membership(Receiver):
    """One receiver in one group: what waits for it. The protocol's port calls `flush` and `closed`."""

    __slots__ = ("_group", "_is_flushing", "waiting")

    def __init__(self, group: Broadcast, protocol: WebSocketProtocol, connection: Connection) -> None:
        super().__init__(protocol, connection, group._total)
        self._group = group
        self._is_flushing = False
        self.waiting: _Queue = _EMPTY

    def queue(self, prepared: PreparedMessage, key: Hashable) -> bool:
        """A message that could not be sent yet: send it after what waits (True), or keep it, or as the policy says."""
        if self.connection.state is not State.OPEN:
            return False
        if self.is_behind:
            self.flush()
            if not self.is_behind and deliver_to(self, prepared):
                return True
        self._keep(prepared, key)
        return False

    def flush(self) -> None:
        """The connection may have room again: send what waits, as far as it goes."""
        waiting = self.waiting
        if self._is_flushing or waiting is _EMPTY:
            return
        self._is_flushing = True
        try:
            while waiting and waiting is self.waiting:
                # Taken out before it is sent: whoever is called back from there may add to the queue, or drop from it.
                key, prepared = waiting.pop()
                if not deliver_to(self, prepared):
                    waiting.put_back(key, prepared)
                    break
        finally:
            self._is_flushing = False
        if not waiting or self.connection.state is not State.OPEN:
            self._drop_waiting()

    def leave(self) -> None:
        """A receiver no more."""
        self.is_member = False
        self._drop_waiting()

    def closed(self) -> None:
        """The connection is gone."""
        self._group.discard(self.protocol)

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` octets may wait, too."""
        waiting, group = self.waiting, self._group
        return not waiting or (len(waiting) < group.max_messages and waiting.octets + size <= group.max_octets)

    def _keep(self, prepared: PreparedMessage, key: Hashable) -> None:
        policy = self._group.policy
        if policy is Overflow.DROP_NEWEST and not self.has_room(len(prepared.payload)):
            self._dropped(1)
            return
        if policy is Overflow.DISCONNECT and not self.has_room(len(prepared.payload)):
            self._dropped(1)
            self._disconnect()
            return
        if self.waiting is _EMPTY:
            self.waiting = _LatestPerKey() if policy is Overflow.LATEST_PER_KEY else _Queue()
            self.is_behind = True
            self._group._is_behind(self)
        if policy in (Overflow.DROP_OLDEST, Overflow.LATEST_PER_KEY):
            self._make_room(key, len(prepared.payload))
        self.waiting.add(key, prepared)
        self.tally.queued += 1
        self.total.queued += 1

    def _make_room(self, key: Hashable, size: int) -> None:
        waiting = self.waiting
        if waiting.has_place(key, size, self._group.max_octets):
            self._dropped(1)
            return
        self._dropped(waiting.discard(key))
        while not self.has_room(size):
            waiting.pop()
            self._dropped(1)

    def _disconnect(self) -> None:
        connection = self.connection
        self._drop_waiting()
        self.tally.disconnected += 1
        self.total.disconnected += 1
        text = "the peer does not read: as many broadcast messages wait for it as may wait"
        connection.fail(Cause.SEND_BUFFER, CloseCode.TRY_AGAIN_LATER, text)
        if not connection.options.closeHandshakeTimeout:
            # Nobody else would ever end it.
            connection.drop(Cause.SEND_BUFFER, text)

    def _drop_waiting(self) -> None:
        if self.waiting is _EMPTY:
            return
        self._dropped(len(self.waiting))
        self.waiting = _EMPTY
        self.is_behind = False
        self._group._caught_up(self)

    def _dropped(self, count: int) -> None:
        self.tally.dropped += count
        self.total.dropped += count


class _Queue:
    """What waits for one receiver, in order."""

    __slots__ = ("_messages", "octets")

    def __init__(self) -> None:
        self._messages: deque[PreparedMessage] = deque()
        self.octets = 0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, key: Hashable, prepared: PreparedMessage) -> None:
        """At the end."""
        self._messages.append(prepared)
        self.octets += len(prepared.payload)

    def pop(self) -> tuple[Hashable, PreparedMessage]:
        """Take out the first."""
        prepared = self._messages.popleft()
        self.octets -= len(prepared.payload)
        return None, prepared

    def put_back(self, key: Hashable, prepared: PreparedMessage) -> None:
        """What was taken out."""
        self._messages.appendleft(prepared)
        self.octets += len(prepared.payload)

    def has_place(self, key: Hashable, size: int, max_octets: int) -> bool:
        """Whether `add` will put a message of `size` octets in the place of another, where keys count."""
        return False

    def discard(self, key: Hashable) -> int:
        """Take out the message with this key, where keys count; how many that were."""
        return 0


class _LatestPerKey(_Queue):
    """The same with keys: a message takes the place of the one with its key."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        super().__init__()
        self._by_key: OrderedDict[Hashable, PreparedMessage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_key)

    def add(self, key: Hashable, prepared: PreparedMessage) -> None:
        before = self._by_key.get(key)
        self.octets += len(prepared.payload) - (0 if before is None else len(before.payload))
        self._by_key[key] = prepared

    def pop(self) -> tuple[Hashable, PreparedMessage]:
        key, prepared = self._by_key.popitem(last=False)
        self.octets -= len(prepared.payload)
        return key, prepared

    def put_back(self, key: Hashable, prepared: PreparedMessage) -> None:
        self.add(key, prepared)
        self._by_key.move_to_end(key, last=False)

    def has_place(self, key: Hashable, size: int, max_octets: int) -> bool:
        before = self._by_key.get(key)
        return before is not None and (len(self) == 1 or self.octets - len(before.payload) + size <= max_octets)

    def discard(self, key: Hashable) -> int:
        before = self._by_key.pop(key, None)
        self.octets -= 0 if before is None else len(before.payload)
        return 0 if before is None else 1


_EMPTY = _Queue()
"""The queue of those for whom nothing waits; nothing is ever added to it."""
