"""What is done for every receiver of a broadcast; see `wsframework.websocket.membership`.

It is apart from the class that it belongs to because it is compiled; see `wsframework.build`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, cast

from wsframework._core.channel import may_send_on
from wsframework.exceptions import SequenceError

if TYPE_CHECKING:
    from wsframework._core.connection import Connection
    from wsframework.websocket.prepared import PreparedMessage
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["Receiver", "Tally", "deliver_to", "offer_to_all"]


class Tally:
    """What is counted, see `BroadcastCounts`."""

    __slots__ = ("disconnected", "dropped", "queued", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.dropped = 0
        self.queued = 0
        self.disconnected = 0


class Receiver:
    """A part of `Membership`, which says what waits for a receiver."""

    __slots__ = ("connection", "is_behind", "is_member", "protocol", "tally", "total")

    def __init__(self, protocol: WebSocketProtocol, connection: Connection, total: Tally) -> None:
        self.protocol = protocol
        self.connection = connection
        self.is_member = True
        # Something waits for it.
        self.is_behind = False
        # What was counted for this receiver, and for its group.
        self.tally = Tally()
        self.total = total


def deliver_to(receiver: Receiver, prepared: PreparedMessage) -> bool:
    """Send a message now; False when the connection does not take it now."""
    if not may_send_on(receiver.connection):
        return False
    try:
        receiver.protocol.sendPreparedMessage(prepared)
    except SequenceError:
        # The application is in the middle of a message that it sends by parts.
        return False
    receiver.tally.sent += 1
    receiver.total.sent += 1
    return True


def offer_to_all(receivers: Sequence[Receiver], prepared: PreparedMessage, key: Hashable) -> int:
    """Send a message to everybody for whom nothing waits, and to the others later; how many took it at once."""
    taken = 0
    for receiver in receivers:
        # A callback from within may have taken it out of the group.
        if not receiver.is_member:
            continue
        if (not receiver.is_behind and deliver_to(receiver, prepared)) or cast(Any, receiver).queue(prepared, key):
            taken += 1
    return taken
