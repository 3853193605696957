"""A TCP connection on Twisted that is waited for."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet import defer, error
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wsframework.cli.backends import PATIENCE, Stream

__all__ = ["TwistedStream"]

# Octets that wait to be read, above which nothing more is taken from TCP.
_MOST_WAITING: Final = 256 * 1024


@implementer(IPushProducer)
class TwistedStream(Protocol, Stream):
    """A protocol that is waited for. It is its transport's producer to learn when there is room for more."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._waiting = bytearray()
        self._end: Failure | None = None
        self._reader: defer.Deferred[None] | None = None
        self._room: defer.Deferred[None] | None = None
        self._gone: defer.Deferred[None] = defer.Deferred()
        self._is_full = False

    # Of the transport.

    def connectionMade(self) -> None:
        """Twisted's; begins to be told about room."""
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        """Twisted's; keeps it until it is read."""
        self._waiting += data
        if len(self._waiting) >= _MOST_WAITING:
            self.transport.pauseProducing()  # type: ignore[union-attr]
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted's; the end of it."""
        self._end = reason
        self._wake()
        self.resumeProducing()
        self._gone.callback(None)

    def pauseProducing(self) -> None:
        """Twisted's; there is much that waits to be sent."""
        self._is_full = True

    def resumeProducing(self) -> None:
        """Twisted's; there is room."""
        self._is_full = False
        room, self._room = self._room, None
        if room is not None:
            room.callback(None)

    def stopProducing(self) -> None:
        """Twisted's; the connection ends."""

    # Of `Stream`.

    async def read(self) -> bytes:
        """See `Stream.read`."""
        while not self._waiting:
            if self._end is not None:
                if isinstance(self._end.value, error.ConnectionDone):
                    return b""
                assert self._end.value is not None, "a failure has its exception"
                raise self._end.value
            self._reader = defer.Deferred(lambda _: None)
            await self._reader
        data = bytes(self._waiting)
        self._waiting.clear()
        if self._end is None:
            self.transport.resumeProducing()  # type: ignore[union-attr]
        return data

    async def write(self, data: bytes) -> None:
        """See `Stream.write`."""
        if self._end is not None:
            assert self._end.value is not None, "a failure has its exception"
            raise self._end.value
        self.transport.write(data)  # type: ignore[union-attr]
        if self._is_full:
            self._room = defer.Deferred()
            await self._room

    async def end(self) -> None:
        """See `Stream.end`."""
        if self._end is None:
            transport: Any = self.transport
            # While there is one, the transport waits for its end.
            transport.unregisterProducer()
            transport.loseConnection()
            timer = self._reactor.callLater(PATIENCE, transport.abortConnection)
            await self._gone
            if timer.active():
                timer.cancel()

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.called:
            reader.callback(None)
