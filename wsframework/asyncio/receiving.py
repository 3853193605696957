"""Octets from an asyncio transport to the connection: where they are put, and how they get there.

Strategy: the protocols are `asyncio.BufferedProtocol`s, because asyncio's way for others is slow. It receives into a
new object of 256 KiB each time, and an allocator that maps blocks of this size into memory and out of it (glibc's does,
until a larger one was freed) makes that cost several times as much as the system call. Instead, octets are received

* into the message itself, where the connection has such memory (in the middle of a large frame): no copy is left;
* else into one buffer that all connections of the loop share, and copied out: what came, not what could have come.

Both are only safe with a transport that asks for the buffer, fills it and tells so in one go. Those of asyncio's
selector loops do, and TLS above any transport does. On a transport that is not known, which may as well wait for the
peer in between, each connection gets a buffer of its own, for one turn.

uvloop shares a buffer and copies out by itself, faster than can be done here. So the protocols are also plain
`asyncio.Protocol`s: asyncio takes who is both for the former, uvloop for the latter.

What overrides `data_received` is called for everything, as on any other asyncio protocol.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from wsframework.asyncio.port import AsyncioPort
from wsframework.build import COMPILED
from wsframework.websocket import protocol as neutral_protocol
from wsframework.websocket.messages import BufferReceiving
from wsframework.websocket.placing import READ_SIZE, receive_rest

if TYPE_CHECKING:
    from wsframework._core.connection import Connection

__all__ = ["ReceivingProtocol"]

# The modules of the transports that do nothing else in between; a part of their types' names, as it were.
_SOCKETS: Final = "asyncio.selector_events"
_SYNCHRONOUS: Final = frozenset({_SOCKETS, "asyncio.sslproto"})

_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = WeakKeyDictionary()


class ReceivingProtocol(
    BufferReceiving, neutral_protocol.WebSocketProtocol, asyncio.BufferedProtocol, asyncio.Protocol
):
    """The receiving part of a protocol."""

    transport: asyncio.Transport
    _port: AsyncioPort
    _shares = False
    # The socket, where there is nothing else below; and what it told.
    _socket: Any = None
    _failure: OSError | None = None

    def _set_up_receiving(self, transport: asyncio.BaseTransport, loop: asyncio.AbstractEventLoop) -> None:
        """Choose the way; `_port` must be there."""
        self._buffer = self._room = self._fresh = None
        self._last = 0
        self._is_direct = self._may_place = self._may_go_on = False
        self._logs_octets = self._port.connection.options.logOctets
        self._shares = type(transport).__module__ in _SYNCHRONOUS
        if not self._shares:
            return
        self._buffer = _buffer_of(loop)
        is_overridden = getattr(self.data_received, "__func__", None) is not ReceivingProtocol.data_received
        self._is_direct = not is_overridden and not self._logs_octets
        # The pure build never has room.
        self._may_place = COMPILED and self._is_direct
        if self._may_place and type(transport).__module__ == _SOCKETS and hasattr(os, "readv"):
            self._socket = transport.get_extra_info("socket")
            self._may_go_on = self._socket is not None

    def _give(self, data: bytes) -> None:
        if not self._shares:
            self._buffer = None
        self.data_received(data)

    def _receive_into(self, room: memoryview) -> int:
        return os.readv(self._socket.fileno(), [room])

    def _is_over(self) -> bool:
        return self.transport.is_closing()

    def _receive_rest(self, connection: Connection) -> None:
        self._failure = receive_rest(connection, self._receive_into, self._is_over)


def _buffer_of(loop: asyncio.AbstractEventLoop) -> memoryview:
    buffer = _shared.get(loop)
    if buffer is None:
        # A view and not the bytearray: asyncio's TLS takes slices of what it gets, to write into them.
        buffer = _shared[loop] = memoryview(bytearray(READ_SIZE))
    return buffer
