"""Any stream protocol of asyncio, inside of WebSocket.

    await loop.create_server(WrappingWebSocketServerFactory(Echo, "ws://localhost:9000"), "localhost", 9000)

The wrapped protocol is an `asyncio.Protocol`, `asyncio.StreamReaderProtocol` for example. It is connected when the
WebSocket connection is open, and its transport knows flow control in both directions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from wsframework.asyncio.websocket import (
    WebSocketAdapterProtocol,
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.websocket.wrapping import StreamProtocol, set_stream_options, subprotocols

__all__ = [
    "WrappedTransport",
    "WrappingWebSocketAdapter",
    "WrappingWebSocketClientFactory",
    "WrappingWebSocketClientProtocol",
    "WrappingWebSocketServerFactory",
    "WrappingWebSocketServerProtocol",
]


class WrappingWebSocketAdapter(StreamProtocol, WebSocketAdapterProtocol):
    """A WebSocket protocol that is below the transport of `wrappedProtocol`."""

    def _stream_made(self) -> None:
        self.wrappedProtocol.connection_made(WrappedTransport(self))

    def _stream_data(self, data: bytes) -> None:
        self.wrappedProtocol.data_received(data)

    def _stream_lost(self, error: str | None) -> None:
        if error is None and not self._is_losing:
            # As when the peer ends TCP. There is no second half to keep open, so the answer does not matter.
            self.wrappedProtocol.eof_received()
        failure = None if error is None or self._is_aborted else ConnectionError(error)
        self.wrappedProtocol.connection_lost(failure)

    def _stream_paused(self) -> None:
        self.wrappedProtocol.pause_writing()

    def _stream_resumed(self) -> None:
        self.wrappedProtocol.resume_writing()


class WrappedTransport(asyncio.Transport):
    """What a wrapped protocol writes to. `get_extra_info("websocket")` is the WebSocket protocol below."""

    def __init__(self, websocket: WrappingWebSocketAdapter) -> None:
        super().__init__({"websocket": websocket})
        self._websocket = websocket
        self._is_paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport below tells, and `websocket`."""
        if name == "websocket":
            return self._websocket
        return self._websocket.transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """From now on `protocol` is the one that is told of everything."""
        self._websocket.wrappedProtocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The wrapped protocol."""
        protocol: asyncio.BaseProtocol = self._websocket.wrappedProtocol
        return protocol

    # Sending.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send octets; nothing when the connection is closing. `TypeError` for what is not bytes."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        if not self.is_closing():
            self._websocket._stream_write(bytes(data))

    def can_write_eof(self) -> bool:
        """False: WebSocket cannot close in one direction only."""
        return False

    def write_eof(self) -> None:
        """Not possible; see `can_write_eof`."""
        raise NotImplementedError("WebSocket cannot close in one direction only")

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """How many octets may wait before `pause_writing` is called, and how few before `resume_writing` is."""
        self._websocket.transport.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The (low, high) of `set_write_buffer_limits`."""
        return self._websocket.transport.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        """Octets that wait to be sent, with what WebSocket adds to them."""
        return self._websocket.bufferedAmount

    # Receiving.

    def is_reading(self) -> bool:
        """True while data is delivered as it comes."""
        return not self._is_paused and not self.is_closing()

    def pause_reading(self) -> None:
        """Deliver nothing for a while, and read nothing."""
        if self.is_reading():
            self._is_paused = True
            self._websocket.pauseReceiving()

    def resume_reading(self) -> None:
        """The end of `pause_reading`."""
        if self._is_paused:
            self._is_paused = False
            self._websocket.resumeReceiving()

    # Closing.

    def is_closing(self) -> bool:
        """True once nothing more is sent."""
        return self._websocket._is_losing or not self._websocket._is_stream

    def close(self) -> None:
        """Close when everything written is sent; nothing more is delivered."""
        self._websocket._stream_lose()

    def abort(self) -> None:
        """Drop the connection at once, and what was not sent."""
        self._websocket._stream_abort()


class WrappingWebSocketServerProtocol(WrappingWebSocketAdapter, WebSocketServerProtocol):
    """The server's end of a wrapped stream."""


class WrappingWebSocketClientProtocol(WrappingWebSocketAdapter, WebSocketClientProtocol):
    """The client's end of a wrapped stream."""


class WrappingWebSocketServerFactory(WebSocketServerFactory):
    """Takes WebSocket connections for `factory`, which makes stream protocols: what `loop.create_server` takes.

    The subprotocols taken are `subprotocol` if it is given (binary messages), `binary` and `base64`; a client that
    offers none is taken as `binary`. With `enableCompression` messages are compressed (permessage-deflate) if the other
    end wishes so, too. Other options than those here can be set with `setProtocolOptions`; failByDrop is off and
    closeHandshakeTimeout is 30 seconds.
    """

    protocol: Callable[[], Any] = WrappingWebSocketServerProtocol

    def __init__(
        self,
        factory: Callable[[], asyncio.Protocol],
        url: str | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        enableCompression: bool = True,
        autoFragmentSize: int = 0,
        subprotocol: str | None = None,
    ) -> None:
        super().__init__(url, subprotocols(subprotocol), loop=loop)
        set_stream_options(self, enableCompression, autoFragmentSize)
        self.wrappedFactory = factory

    def _new_protocol(self) -> Any:
        """A new protocol around a new one of the wrapped factory."""
        protocol = super()._new_protocol()
        protocol.wrappedProtocol = self.wrappedFactory()
        return protocol


class WrappingWebSocketClientFactory(WebSocketClientFactory):
    """Makes WebSocket connections for `factory`, which makes stream protocols: what `loop.create_connection` takes.

    The subprotocols offered are `subprotocol` if it is given (binary messages), `binary` and `base64`; a server that
    chooses none is understood as `binary`. The rest is as in `WrappingWebSocketServerFactory`.
    """

    protocol: Callable[[], Any] = WrappingWebSocketClientProtocol

    def __init__(
        self,
        factory: Callable[[], asyncio.Protocol],
        url: str | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        enableCompression: bool = True,
        autoFragmentSize: int = 0,
        subprotocol: str | None = None,
    ) -> None:
        super().__init__(url, protocols=subprotocols(subprotocol), loop=loop)
        set_stream_options(self, enableCompression, autoFragmentSize)
        self.wrappedFactory = factory

    def _new_protocol(self) -> Any:
        """A new protocol around a new one of the wrapped factory."""
        protocol = super()._new_protocol()
        protocol.wrappedProtocol = self.wrappedFactory()
        return protocol
