"""Real sockets on each of Twisted's reactors that there is: the test is the peer, and turns the reactor itself.

Nothing happens that the test does not wait for.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from tests.backends.programs import request
from wsframework._core.codec import encode_frame
from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

__all__ = ["REACTORS", "Bench", "Echo", "Noting", "benches", "exchange", "server_frame"]

PATIENCE = 30


class Noting(WebSocketServerProtocol):
    """Notes what happens."""

    received: list[bytes]
    events: list[Any]

    def onConnect(self, request: Any) -> None:
        self.received = []
        self.events = []
        self.factory.made.append(self)  # type: ignore[attr-defined]

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.received.append(payload)

    def onSendingPaused(self) -> None:
        self.events.append("paused")

    def onSendingResumed(self) -> None:
        self.events.append("resumed")

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.events.append((wasClean, code))
        self.reason = reason


class Echo(Noting):
    """Sends everything back."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


REACTORS = {
    "epoll": "twisted.internet.epollreactor.EPollReactor",
    "poll": "twisted.internet.pollreactor.PollReactor",
    "select": "twisted.internet.selectreactor.SelectReactor",
    "asyncio": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
}


class Bench:
    """A reactor, and the connections on it."""

    def __init__(self, name: str) -> None:
        module, _, kind = REACTORS[name].rpartition(".")
        made = getattr(import_module(module), kind)
        self._loop = asyncio.new_event_loop() if name == "asyncio" else None
        self.reactor: Any = made(self._loop) if self._loop else made()
        self.reactor.startRunning(installSignalHandlers=False)
        self.sockets: list[socket.socket] = []
        self.ports: list[Any] = []

    def until(self, condition: Callable[[], object]) -> None:
        """Turn the reactor until it holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "it does not happen"
            self.reactor.iterate(0.001)

    def factory(self, protocol: Any = Noting, **options: Any) -> Any:
        """Of servers on this reactor."""
        factory: Any = WebSocketServerFactory(reactor=self.reactor)
        factory.protocol = protocol
        factory.made = []
        factory.setProtocolOptions(maxMessagePayloadSize=0, **options)
        return factory

    def pair(self, factory: Any, family: int = socket.AF_INET, send_buffer: int = 0) -> tuple[socket.socket, Any]:
        """The peer's socket, and the protocol that `factory` made for the other end."""
        ours, theirs = _socket_pair(family)
        for sock in (ours, theirs):
            sock.setblocking(False)
        if send_buffer:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        made: list[Any] = []
        build = factory.buildProtocol

        def building(address: Any) -> Any:
            made.append(build(address))
            return made[-1]

        factory.buildProtocol = building
        self.reactor.adoptStreamConnection(ours.fileno(), family, factory)
        factory.buildProtocol = build
        ours.close()
        self.sockets.append(theirs)
        return theirs, made[0]

    def opened(self, factory: Any, family: int = socket.AF_INET, send_buffer: int = 0) -> tuple[socket.socket, Any]:
        """The same, when the handshake is done."""
        peer, protocol = self.pair(factory, family, send_buffer)
        peer.sendall(request())
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.receive(peer)
        assert got.startswith(b"HTTP/1.1 101 ")
        assert got.endswith(b"\r\n\r\n")
        return peer, protocol

    def receive(self, peer: socket.socket, size: int = 65536) -> bytes:
        """What comes next; b"" at the end."""
        got: list[bytes] = []

        def came() -> bool:
            try:
                got.append(peer.recv(size))
            except BlockingIOError:
                return False
            return True

        self.until(came)
        return got[0]

    def receive_all(self, peer: socket.socket, size: int) -> bytes:
        """So many octets."""
        got = bytearray()
        while len(got) < size:
            piece = self.receive(peer)
            assert piece, "it ended too early"
            got += piece
        return bytes(got)

    def stop(self) -> None:
        """Give everything back."""
        for sock in self.sockets:
            sock.close()
        for descriptor in self.reactor.disconnectAll() or ():
            descriptor.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]
        self.reactor.iterate(0)
        for waker in list(self.reactor._internalReaders):
            self.reactor.removeReader(waker)
            waker.connectionLost(None)
        if self._loop is not None:
            self._loop.close()


def _socket_pair(family: int) -> tuple[socket.socket, socket.socket]:
    if family == socket.AF_UNIX:
        return socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        return listener.accept()[0], theirs


def server_frame(payload: bytes) -> bytes:
    """A message as a server sends it."""
    return encode_frame(2, payload, None)


def exchange(bench: Bench, peer: socket.socket, octets: bytes, size: int) -> bytes:
    """Send these, and receive `size` octets meanwhile."""
    got = bytearray()

    def carry() -> bool:
        nonlocal octets
        with suppress(BlockingIOError):
            octets = octets[peer.send(octets) :] if octets else octets
        with suppress(BlockingIOError):
            got.extend(peer.recv(1 << 20))
        return len(got) >= size

    bench.until(carry)
    return bytes(got)


def benches(name: str) -> Iterator[Bench]:
    """One of that reactor, for a fixture."""
    try:
        bench = Bench(name)
    except (ImportError, AttributeError):
        pytest.skip("not on this platform")
    yield bench
    bench.stop()
