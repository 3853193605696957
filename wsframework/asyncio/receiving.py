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
from typing import Any, Final
from weakref import WeakKeyDictionary

from wsframework.asyncio.port import AsyncioPort
from wsframework.build import COMPILED
from wsframework.websocket import protocol as neutral_protocol
from wsframework.websocket.placing import READ_SIZE, receive_rest

__all__ = ["ReceivingProtocol"]

# The modules of the transports that do nothing else in between; a part of their types' names, as it were.
_SOCKETS: Final = "asyncio.selector_events"
_SYNCHRONOUS: Final = frozenset({_SOCKETS, "asyncio.sslproto"})

_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = WeakKeyDictionary()


class ReceivingProtocol(neutral_protocol.WebSocketProtocol, asyncio.BufferedProtocol, asyncio.Protocol):
    """The receiving part of a protocol."""

    transport: asyncio.Transport
    _port: AsyncioPort
    # The loop's buffer, or for a transport that is not known this connection's, while it has one.
    _buffer: memoryview | None = None
    _shares = False
    # What is received goes to the connection with nothing in between.
    _is_direct = False
    # The room that the connection gave the transport.
    _room: memoryview | None = None
    # The socket, where there is nothing else below; and what it told.
    _socket: Any = None
    _failure: OSError | None = None

    def _set_up_receiving(self, transport: asyncio.BaseTransport, loop: asyncio.AbstractEventLoop) -> None:
        """Choose the way; `_port` must be there."""
        self._shares = type(transport).__module__ in _SYNCHRONOUS
        if not self._shares:
            return
        self._buffer = _buffer_of(loop)
        is_overridden = getattr(self.data_received, "__func__", None) is not ReceivingProtocol.data_received
        self._is_direct = not is_overridden and not self._port.connection.options.logOctets
        # The pure build never has room.
        if COMPILED and self._is_direct and type(transport).__module__ == _SOCKETS and hasattr(os, "readv"):
            self._socket = transport.get_extra_info("socket")

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport is to put what comes next."""
        if COMPILED and self._is_direct:
            room = self._room = self._port.connection.room()
            if room is not None:
                return room
        if self._buffer is None:
            self._buffer = _new_buffer(sizehint)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many octets were put there."""
        port = self._port
        room = self._room
        if room is not None:
            self._room = None
            is_full = nbytes == len(room)
            if self._socket is not None:
                # The transport's own name for it lasts longer than its use, and the room cannot grow meanwhile.
                room.release()
            port.connection.placed(nbytes)
        else:
            assert self._buffer is not None, "the transport has asked for it"
            data = bytes(self._buffer[:nbytes])
            if not self._is_direct:
                self._give(data)
                return
            is_full = nbytes == READ_SIZE
            port.connection.receive(data)
        if is_full and self._socket is not None:
            self._failure = receive_rest(port.connection, self._receive_into, self._is_over)

    def _give(self, data: bytes) -> None:
        if not self._shares:
            self._buffer = None
        self.data_received(data)

    def _receive_into(self, room: memoryview) -> int:
        return os.readv(self._socket.fileno(), [room])

    def _is_over(self) -> bool:
        return self.transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Octets arrived."""
        connection = self._port.connection
        if connection.options.logOctets:
            self._port.log_octets(False, data)
        # Some transports give what they go on writing into.
        connection.receive(data if type(data) is bytes else bytes(data))


def _buffer_of(loop: asyncio.AbstractEventLoop) -> memoryview:
    buffer = _shared.get(loop)
    if buffer is None:
        buffer = _shared[loop] = _new_buffer(-1)
    return buffer


def _new_buffer(sizehint: int) -> memoryview:
    """A view and not the bytearray: asyncio's TLS takes slices of what it gets, to write into them."""
    return memoryview(bytearray(sizehint if 0 < sizehint < READ_SIZE else READ_SIZE))
