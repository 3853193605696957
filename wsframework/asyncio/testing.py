"""Testing WebSocket protocols on asyncio without sockets and without waiting."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from wsframework.asyncio.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from wsframework.testing.memory import MemoryBackend, MemoryLink, Pumper
from wsframework.websocket.connecting import check_transport_config, split_client_options

__all__ = [
    "AsyncioMemoryBackend",
    "AsyncioMemoryLink",
    "AsyncioPumper",
    "MemoryAgent",
    "VirtualTimeLoop",
    "create_memory_agent",
    "create_pumper",
]

ProtocolT = TypeVar("ProtocolT", bound=WebSocketClientProtocol)


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

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """In this thread, when `settle` comes to it: nothing here waits for another one."""
        future = self.create_future()

        def work() -> None:
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_soon(work)
        return future

    def settle(self, rounds: int = 8) -> None:
        """Run what is ready, and what that makes ready, up to `rounds` times over."""
        for _ in range(rounds):
            self.call_soon(self.stop)
            self.run_forever()
            if not self._is_anything_ready():
                return

    def _is_anything_ready(self) -> bool:
        """Whether the next round would call something; files aside, which have been looked at in this one."""
        scheduled = self._scheduled  # type: ignore[attr-defined]
        is_due = bool(scheduled) and scheduled[0].when() <= self._virtual_time
        return is_due or bool(self._ready)  # type: ignore[attr-defined]

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

    def __init__(self, protocol: Any, loop: asyncio.AbstractEventLoop) -> None:
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
        self.protocol.connection_lost(error)

    def _end(self) -> None:
        """As a real transport: the protocol hears of the end, and of the loss once all is written."""
        self.protocol.eof_received()
        if not self.buffered:
            self._lose(None)

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


class AsyncioPumper(Pumper):
    """A pumper that `start` lets work by itself until `stop`."""

    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Carry in every turn of the running loop from now on."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """The end of `start`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _work(self) -> None:
        while True:
            # Quiet connections shall not keep a processor busy.
            await asyncio.sleep(0 if self.flush() else 0.001)


class MemoryAgent:
    """Opens connections to servers in memory: a client agent without a network. Made by `create_memory_agent`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None,
        pumper: Pumper,
        server_protocol: Callable[[], WebSocketServerProtocol],
    ) -> None:
        self._loop = loop
        self._pumper = pumper
        self._server_protocol = server_protocol

    @overload
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        protocol_class: None = None,
    ) -> asyncio.Future[WebSocketClientProtocol]: ...
    @overload
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None,
        protocol_class: Callable[[], ProtocolT],
    ) -> asyncio.Future[ProtocolT]: ...
    @overload
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        *,
        protocol_class: Callable[[], ProtocolT],
    ) -> asyncio.Future[ProtocolT]: ...
    def open(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        protocol_class: Callable[[], Any] | None = None,
    ) -> asyncio.Future[Any]:
        """A Future of the client's protocol, when its connection is open; arguments and errors as a client agent's."""
        session, protocol_options = split_client_options(options)
        # There is no network to go through.
        session.pop("proxy", None)
        check_transport_config(url)
        loop = self._loop or asyncio.get_running_loop()
        server_factory = WebSocketServerFactory(loop=loop)
        server_factory.protocol = self._server_protocol
        client_factory = WebSocketClientFactory(url, loop=loop, **session)
        client_factory.setProtocolOptions(**protocol_options)
        client_factory.protocol = protocol_class or WebSocketClientProtocol
        client = AsyncioMemoryLink(client_factory(), loop)
        self._pumper.add(client, AsyncioMemoryLink(server_factory(), loop))
        opening: asyncio.Future[Any] = client.protocol._new_opening()
        return opening


def create_memory_agent(
    loop: asyncio.AbstractEventLoop | None, pumper: Pumper, server_protocol: Callable[[], WebSocketServerProtocol]
) -> MemoryAgent:
    """An agent whose connections all lead to a new `server_protocol`, by way of `pumper`.

    `loop` None is the one that runs when `open` is called.
    """
    return MemoryAgent(loop, pumper, server_protocol)


def create_pumper() -> AsyncioPumper:
    """A pumper for `create_memory_agent`: `await pumper.start()`, or call `flush()` by hand."""
    return AsyncioPumper()
