"""Receiving the rest of a large frame into the message itself, as far as it is there: what both backends share.

Loops and reactors tell of octets once in a turn, and give no more than fits into one buffer. When that came full, in
the middle of a large frame, the rest of the frame is there most likely. To receive it at once spares the turns, and
the copies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wsframework._core.channel import Channel

__all__ = ["READ_SIZE", "receive_rest"]

READ_SIZE: Final = 122880
"""Octets that are received at once: about as many as glibc allocates without mapping memory for it each time."""

# How often more is received, until it is the turn of other connections.
_MOST_READS: Final = 8


def receive_rest(
    connection: Channel, receive_into: Callable[[memoryview], int], is_over: Callable[[], bool]
) -> OSError | None:
    """Receive into the room that the connection has, until nothing more is there, `is_over` or it has no more room.

    The end of the stream is left to be found by whoever receives next. So is an error, but a socket tells each only
    once: it is returned.
    """
    for _ in range(_MOST_READS):
        room = None if is_over() else connection.room()
        if room is None:
            return None
        wanted = len(room)
        try:
            # Released before the message is taken, so that it is not copied for whoever might still write.
            with room:
                size = receive_into(room)
        except BlockingIOError:
            return None
        except OSError as error:
            return error
        if not size:
            return None
        connection.placed(size)
        if size < wanted:
            return None
    return None
