"""Testing WebSocket protocols on asyncio without sockets and without waiting."""

from __future__ import annotations

import asyncio
import heapq
from typing import Any

from wsframework.asyncio.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.testing.memory import MemoryBackend, MemoryLink

__all__ = ["AsyncioMemoryBackend", "AsyncioMemoryLink", "VirtualTimeLoop"]


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock only `advance` moves."""

    def __init__(self) -> None:
        self._virtual_time = 0.0
        self._deadlines: list[float] = []
        super().__init__()

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._virtual_time

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """As ever; `advance` stops at every such time."""
        heapq.heappush(self._deadlines, when)
        return super().call_at(when, callback, *args, context=context)

    def settle(self, rounds: int = 8) -> None:
        """Run what is ready, and what that makes ready, `rounds` times over."""
        for _ in range(rounds):
            self.call_soon(self.stop)
            self.run_forever()

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at every timer."""
        end = self._virtual_time + seconds
        while self._deadlines and self._deadlines[0] <= end:
            self._virtual_time = max(self._virtual_time, heapq.heappop(self._deadlines))
            self.settle()
        self._virtual_time = end
        self.settle()


class AsyncioMemoryLink(MemoryLink):
    """The far end of an asyncio protocol."""

    def __init__(self, protocol: Any, loop: VirtualTimeLoop) -> None:
        super().__init__(protocol)
        self._loop = loop
        protocol.connection_made(_Transport(self))

    def dropped(self) -> None:
        """As a real transport: the protocol hears of it from the loop."""
        super().dropped()
        self._loop.call_soon(self._lose, None)

    def _receive(self, data: bytes) -> None:
        self.protocol.data_received(data)

    def _tell_lost(self, error: Exception | None) -> None:
        if error is None:
            self.protocol.eof_received()
        self.protocol.connection_lost(error)

    def _pause_writer(self) -> None:
        self.protocol.pause_writing()

    def _resume_writer(self) -> None:
        self.protocol.resume_writing()


class _Transport(asyncio.Transport):
    """The near end."""

    def __init__(self, link: MemoryLink) -> None:
        super().__init__({"peername": ("192.0.2.1", 54321), "sockname": ("192.0.2.2", 80)})
        self._link = link
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._link.wrote(bytes(data))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._link.protocol = protocol

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._link.ended()

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self._link.dropped()

    def close(self) -> None:
        self._closing = True
        self._link.ended()

    def is_closing(self) -> bool:
        return self._closing or self._link.lost

    def is_reading(self) -> bool:
        return self._link.reading

    def pause_reading(self) -> None:
        self._link.read(False)

    def resume_reading(self) -> None:
        self._link.read(True)

    def get_write_buffer_size(self) -> int:
        return self._link.buffered

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is not None:
            self._link.high_water_mark = high


class AsyncioMemoryBackend(MemoryBackend):
    """asyncio on a loop with virtual time; `close` it at the end."""

    name = "asyncio"
    server_protocol = WebSocketServerProtocol
    client_protocol = WebSocketClientProtocol
    server_factory = WebSocketServerFactory
    client_factory = WebSocketClientFactory

    def __init__(self) -> None:
        self.loop = VirtualTimeLoop()

    def connect(self, factory: Any) -> AsyncioMemoryLink:
        """See the base class."""
        return AsyncioMemoryLink(factory(), self.loop)

    def make_server(self, protocol: type[Any] | None = None, **session: Any) -> WebSocketServerFactory:
        """See the base class."""
        factory = WebSocketServerFactory(loop=self.loop, **session)
        factory.protocol = protocol or WebSocketServerProtocol
        return factory

    def make_client(self, protocol: type[Any] | None = None, **session: Any) -> WebSocketClientFactory:
        """See the base class."""
        factory = WebSocketClientFactory(loop=self.loop, **session)
        factory.protocol = protocol or WebSocketClientProtocol
        return factory

    def settle(self) -> None:
        """See the base class."""
        self.loop.settle()

    def advance(self, seconds: float) -> None:
        """See the base class."""
        self.loop.advance(seconds)

    def later(self) -> asyncio.Future[Any]:
        """See the base class."""
        return self.loop.create_future()

    def resolve(self, later: Any, result: object = None) -> None:
        """See the base class."""
        later.set_result(result)

    def fail(self, later: Any, error: Exception) -> None:
        """See the base class."""
        later.set_exception(error)

    def outcome(self, later: Any) -> tuple[str, Any]:
        """See the base class."""
        if not later.done():
            return "waiting", None
        error = later.exception()
        return ("result", later.result()) if error is None else ("error", error)

    def pending_timers(self) -> int:
        """See the base class."""
        return sum(not handle.cancelled() for handle in self.loop._scheduled)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Close the loop."""
        self.loop.settle()
        self.loop.close()
