"""Sending and receiving on a socket below a Twisted transport.

Strategy: what a Twisted transport is given it sends in a later turn of the reactor, for which it asks the poller to
watch the socket and then not to watch it any more. Most of the time the socket would have taken all of it at once. So
while nothing waits in the transport it is offered to the socket first, and the transport gets what is left.

And what it receives it gives in pieces that must be put together. When such a piece is as large as it can be, in the
middle of a large frame, more of that frame is there most likely; it is received into the message itself.

That must be a transport whose ways are known, with nothing in between that counts, delays or encrypts: the TCP and
UNIX transports of the reactors that are told when sockets are ready, and no subclasses of theirs. With any other, and
with these too if a future version of Twisted looks different, nothing is done here.

The transport must learn by itself that the connection is gone, to tell so in its way. But a socket tells an error only
once, and ends in order from then on as far as one can see; who heard of it here has to remember that.
"""

from __future__ import annotations

from socket import socket
from typing import Any, Final

from twisted.python.runtime import platform

__all__ = ["direct_socket"]

# The modules of those transports; a part of their types' names, as it were.
_KNOWN: Final = frozenset({"twisted.internet.tcp", "twisted.internet.unix"})

# What is asked of the transport each time; see `TwistedPort.write`.
_ASKED: Final = ("TLS", "_tempDataLen", "connected", "dataBuffer", "disconnecting")


def direct_socket(transport: Any) -> socket | None:
    """The socket below the transport, if that may be used while nothing waits in the transport."""
    if type(transport).__module__ not in _KNOWN or platform.isWindows():
        return None
    if not all(hasattr(transport, name) for name in _ASKED) or transport.TLS:
        return None
    # Whoever watches this one transport has put a method of their own in its place.
    if "write" in vars(transport):
        return None
    handle: socket = transport.getHandle()
    return handle
