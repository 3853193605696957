"""Stream protocols that write down what happens to them, wrapped in WebSocket, the same on both backends."""

from __future__ import annotations

import asyncio
from typing import Any

from twisted.internet.protocol import Factory, Protocol

import wsframework.asyncio.wrapping
import wsframework.twisted.wrapping
from tests.backends.programs import Backend, Link, request
from wsframework._core.key import accept_key

__all__ = ["Stream", "accept", "wrapped", "wrapping_factory"]

# What becomes of a stream, whatever the backend calls it.
_OUTCOMES = {
    "ConnectionDone": "done",
    "NoneType": "done",
    "ConnectionLost": "failed",
    "ConnectionError": "failed",
    "ConnectionAborted": "aborted",
}


class Stream:
    """What a test sees of the wrapped protocol. The verbs are those of its transport."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.transport: Any = None
        self.raises_on: bytes | None = None

    def told(self, event: Any) -> None:
        self.events.append(event)

    def received(self, data: bytes) -> None:
        self.told(data)
        if data == self.raises_on:
            raise LookupError(data)

    def lost(self, error: object) -> None:
        self.error = error
        self.told(_OUTCOMES[type(error).__name__])


class AsyncioStream(Stream, asyncio.Protocol):
    """On asyncio."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.told("made")

    def data_received(self, data: bytes) -> None:
        self.received(data)

    def eof_received(self) -> bool | None:
        self.told("eof")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost(exc)

    def pause_writing(self) -> None:
        self.told("wait")

    def resume_writing(self) -> None:
        self.told("go on")

    def write(self, data: Any) -> None:
        self.transport.write(data)

    def lose(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def pause(self) -> None:
        self.transport.pause_reading()

    def resume(self) -> None:
        self.transport.resume_reading()


class TwistedStream(Stream, Protocol):
    """On Twisted. It is its own producer, to hear when to wait."""

    def connectionMade(self) -> None:
        self.told("made")
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        self.received(data)

    def connectionLost(self, reason: Any) -> None:  # type: ignore[override]
        self.lost(reason.value)

    def pauseProducing(self) -> None:
        self.told("wait")

    def resumeProducing(self) -> None:
        self.told("go on")

    def stopProducing(self) -> None:
        pass

    def write(self, data: Any) -> None:
        self.transport.write(data)

    def lose(self) -> None:
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self) -> None:
        self.transport.abortConnection()

    def pause(self) -> None:
        self.transport.pauseProducing()

    def resume(self) -> None:
        self.transport.resumeProducing()


def wrapping_factory(backend: Backend, role: str = "server", **arguments: Any) -> tuple[Any, list[Any]]:
    """A factory of this backend, and the streams that it makes."""
    streams: list[Any] = []

    def make() -> Any:
        streams.append(AsyncioStream() if backend.name == "asyncio" else TwistedStream())
        return streams[-1]

    place: dict[str, Any]
    if backend.name == "asyncio":
        module: Any = wsframework.asyncio.wrapping
        inner: Any = make
        place = {"loop": vars(backend)["loop"]}
    else:
        module = wsframework.twisted.wrapping
        inner = Factory.forProtocol(make)
        place = {"reactor": vars(backend)["clock"]}
    kind = module.WrappingWebSocketServerFactory if role == "server" else module.WrappingWebSocketClientFactory
    return kind(inner, "ws://localhost:9000", **place, **arguments), streams


def wrapped(
    backend: Backend, offer: str | None = "binary", subprotocol: str | None = None, **options: Any
) -> tuple[Link, Any]:
    """A server's stream, connected: the link and the wrapped protocol."""
    factory, streams = wrapping_factory(backend, subprotocol=subprotocol)
    factory.setProtocolOptions(**options)
    link = backend.connect(factory)
    link.receive(request() if offer is None else request(f"Sec-WebSocket-Protocol: {offer}"))
    backend.settle()
    assert link.take().startswith(b"HTTP/1.1 101 ")
    assert streams[0].events == ["made"]
    streams[0].events.clear()
    return link, streams[0]


def accept(link: Link, *lines: str) -> None:
    """A server's answer to the client's request that is on the link."""
    head = link.take().decode()
    key = next(line.split()[1] for line in head.splitlines() if line.lower().startswith("sec-websocket-key:"))
    more = "".join(f"{line}\r\n" for line in lines)
    link.receive(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{more}\r\n".encode()
    )
