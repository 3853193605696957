"""Any stream protocol of Twisted, inside of WebSocket.

    reactor.listenTCP(9000, WrappingWebSocketServerFactory(Factory.forProtocol(Echo), "ws://localhost:9000"))

The wrapped protocol's transport is the WebSocket protocol itself. It is connected when the WebSocket connection is
open, and knows producers in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IConsumer, IPushProducer, ITransport
from twisted.python.failure import Failure
from zope.interface import implementer

from wsframework.twisted.websocket import (
    WebSocketAdapterProtocol,
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.websocket.wrapping import StreamProtocol, set_stream_options, subprotocols

__all__ = [
    "WrappingWebSocketAdapter",
    "WrappingWebSocketClientFactory",
    "WrappingWebSocketClientProtocol",
    "WrappingWebSocketServerFactory",
    "WrappingWebSocketServerProtocol",
]


@implementer(ITransport, IConsumer, IPushProducer)
class WrappingWebSocketAdapter(StreamProtocol, WebSocketAdapterProtocol):
    """A WebSocket protocol that is the transport of `wrappedProtocol`."""

    # ITransport, and what TCP's transports have beyond it.

    def write(self, data: bytes) -> None:
        """Send octets; nothing when the connection is closing. `TypeError` for what is not bytes."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        if self._is_stream:
            self._stream_write(bytes(data))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send these octets, one after the other."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close when everything written is sent, and the producer, if there is one, is unregistered."""
        self._stream_lose()

    def abortConnection(self) -> None:
        """Drop the connection at once, and what was not sent."""
        self._stream_abort()

    def getPeer(self) -> IAddress:
        """The address of the other end of the transport below."""
        address: IAddress = self.transport.getPeer()
        return address

    def getHost(self) -> IAddress:
        """The address of our end of the transport below."""
        address: IAddress = self.transport.getHost()
        return address

    @property
    def disconnecting(self) -> bool:
        """True when the wrapped protocol has closed the connection and it is not gone yet."""
        return self._is_losing and self._is_stream

    # IConsumer; registerProducer is that of every WebSocket protocol.

    def unregisterProducer(self) -> None:
        """The producer has finished."""
        super().unregisterProducer()
        self._lose_when_sent()

    def _has_more_to_send(self) -> bool:
        return self._production is not None

    # IPushProducer: the connection produces what the wrapped protocol receives.

    def pauseProducing(self) -> None:
        """Deliver nothing to the wrapped protocol for a while, and read nothing."""
        if not self._is_losing:
            self.pauseReceiving()

    def resumeProducing(self) -> None:
        """The end of `pauseProducing`."""
        self.resumeReceiving()

    def stopProducing(self) -> None:
        """The wrapped protocol wants nothing more."""
        self.loseConnection()

    # What the stream does.

    def _stream_made(self) -> None:
        self.wrappedProtocol.makeConnection(self)

    def _stream_data(self, data: bytes) -> None:
        self.wrappedProtocol.dataReceived(data)

    def _stream_lost(self, error: str | None) -> None:
        reason: Exception = ConnectionDone() if error is None else ConnectionLost(error)
        if self._is_aborted:
            reason = ConnectionAborted()
        self.wrappedProtocol.connectionLost(Failure(reason))  # type: ignore[no-untyped-call]

    def _stream_paused(self) -> None:
        """A producer hears of it by itself."""

    def _stream_resumed(self) -> None:
        """A producer hears of it by itself."""


class WrappingWebSocketServerProtocol(WrappingWebSocketAdapter, WebSocketServerProtocol):
    """The server's end of a wrapped stream."""


class WrappingWebSocketClientProtocol(WrappingWebSocketAdapter, WebSocketClientProtocol):
    """The client's end of a wrapped stream."""


class WrappingWebSocketServerFactory(WebSocketServerFactory):
    """Takes WebSocket connections for `factory`, a factory of stream protocols.

    The subprotocols taken are `subprotocol` if it is given (binary messages), `binary` and `base64`; a client that
    offers none is taken as `binary`. With `enableCompression` messages are compressed (permessage-deflate) if the other
    end wishes so, too. Other options than those here can be set with `setProtocolOptions`; failByDrop is off and
    closeHandshakeTimeout is 30 seconds.
    """

    protocol: Callable[[], Any] = WrappingWebSocketServerProtocol

    def __init__(
        self,
        factory: Any,
        url: str | None = None,
        reactor: Any = None,
        enableCompression: bool = True,
        autoFragmentSize: int = 0,
        subprotocol: str | None = None,
    ) -> None:
        super().__init__(url, subprotocols(subprotocol), reactor=reactor)
        set_stream_options(self, enableCompression, autoFragmentSize)
        self.wrappedFactory = factory

    def _build(self, addr: object) -> Any:
        """A new protocol around a new one of the wrapped factory; None, no connection, if that refuses."""
        return _around(self.wrappedFactory.buildProtocol(addr), super()._build, addr)

    def startFactory(self) -> None:
        """Listening begins."""
        self.wrappedFactory.doStart()
        super().startFactory()  # type: ignore[no-untyped-call]

    def stopFactory(self) -> None:
        """Listening has ended."""
        super().stopFactory()  # type: ignore[no-untyped-call]
        self.wrappedFactory.doStop()


class WrappingWebSocketClientFactory(WebSocketClientFactory):
    """Makes WebSocket connections for `factory`, a factory of stream protocols.

    The subprotocols offered are `subprotocol` if it is given (binary messages), `binary` and `base64`; a server that
    chooses none is understood as `binary`. The rest is as in `WrappingWebSocketServerFactory`.
    """

    protocol: Callable[[], Any] = WrappingWebSocketClientProtocol

    def __init__(
        self,
        factory: Any,
        url: str | None = None,
        reactor: Any = None,
        enableCompression: bool = True,
        autoFragmentSize: int = 0,
        subprotocol: str | None = None,
    ) -> None:
        super().__init__(url, protocols=subprotocols(subprotocol), reactor=reactor)
        set_stream_options(self, enableCompression, autoFragmentSize)
        self.wrappedFactory = factory

    def _build(self, addr: object) -> Any:
        """A new protocol around a new one of the wrapped factory; None, no connection, if that refuses."""
        return _around(self.wrappedFactory.buildProtocol(addr), super()._build, addr)

    def startFactory(self) -> None:
        """Connecting begins."""
        self.wrappedFactory.doStart()
        super().startFactory()  # type: ignore[no-untyped-call]

    def stopFactory(self) -> None:
        """The last connection has ended."""
        super().stopFactory()  # type: ignore[no-untyped-call]
        self.wrappedFactory.doStop()

    # What connectors tell; a factory for endpoints has no such methods.

    def startedConnecting(self, connector: Any) -> None:
        """See `twisted.internet.protocol.ClientFactory`."""
        self._tell("startedConnecting", connector)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """See `twisted.internet.protocol.ClientFactory`."""
        self._tell("clientConnectionFailed", connector, reason)

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        """See `twisted.internet.protocol.ClientFactory`."""
        self._tell("clientConnectionLost", connector, reason)

    def _tell(self, name: str, *args: object) -> None:
        method = getattr(self.wrappedFactory, name, None)
        if method is not None:
            method(*args)


def _around(wrapped: Any, build: Callable[[object], Any], addr: object) -> Any:
    if wrapped is None:
        return None
    protocol = build(addr)
    protocol.wrappedProtocol = wrapped
    return protocol
