"""What a scenario needs of its surroundings, on asyncio, uvloop and Twisted: the same `async def` runs on each.

A kit runs one scenario on a loop or reactor of its own, in the test's thread, for a limited time. A scenario that hangs
fails and says where it stood; so does one that leaves something behind.
"""

from __future__ import annotations

import asyncio
import gc
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.internet.error import ConnectError, ConnectingCancelledError

from tests.interop.homes import _new_reactor
from tests.interop.sides import Certificates

__all__ = ["PATIENCE", "AsyncioKit", "Kit", "Running", "Signal", "TwistedKit"]

T = TypeVar("T")

# Seconds until a scenario counts as hanging.
PATIENCE = 20.0
# And until what it has left behind must be gone.
TIDYING = 5.0


class Signal:
    """Something that happens once; any number of scenarios may wait for it."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._waiting: list[Any] = []
        self.is_set = False
        self.value: Any = None

    def set(self, value: Any = None) -> None:
        """It has happened."""
        if self.is_set:
            return
        self.is_set, self.value = True, value
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            self._kit.resolve(future)

    async def wait(self) -> Any:
        """Its value, when it has happened."""
        if not self.is_set:
            future = self._kit.future()
            self._waiting.append(future)
            try:
                await future
            finally:
                if future in self._waiting:
                    self._waiting.remove(future)
        return self.value


class Running:
    """A coroutine, or any other awaitable, that runs beside its scenario."""

    def __init__(self, kit: Kit, awaitable: Awaitable[Any]) -> None:
        self._awaitable = awaitable
        self._ended = Signal(kit)
        self._result: Any = None
        self._error: BaseException | None = None
        self.handle: Any = None

    async def work(self) -> None:
        """What the backend runs."""
        try:
            self._result = await self._awaitable
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def never_began(self) -> None:
        """It was cancelled before its first step."""
        if not self._ended.is_set:
            self._error = asyncio.CancelledError()
            getattr(self._awaitable, "close", lambda: None)()
            self._ended.set()

    @property
    def is_done(self) -> bool:
        """Whether it has a result or an error."""
        return self._ended.is_set

    def cancel(self) -> None:
        """As a user of the backend would."""
        self.handle.cancel()

    async def outcome(self) -> Any:
        """Its result, or its error raised."""
        await self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result


class Kit(ABC):
    """The surroundings of one scenario."""

    module: Any
    """`wsframework.<backend>`."""
    cancelled: type[BaseException]
    """What a cancelled awaitable raises."""
    given_up: tuple[type[BaseException], ...]
    """What connecting raises when it is cancelled."""
    unreachable: type[Exception]
    """What connecting raises where nobody listens."""
    patience = PATIENCE
    leaves_behind = False
    """Whether a scenario may end before its sockets and timers do."""

    def __init__(self, name: str) -> None:
        self.name = name

    def connect(self, url: Any, **arguments: Any) -> Any:
        """The backend's `connect`, here."""
        return self.module.connect(url, **self.place(), **arguments)

    def serve(self, handler: Any, **arguments: Any) -> Any:
        """The backend's `serve`, here, on any port of this machine alone."""
        if "unix" not in arguments and "sock" not in arguments:
            arguments = {"host": "127.0.0.1", "port": 0, **arguments}
        return self.module.serve(handler, **self.place(), **arguments)

    def signal(self) -> Signal:
        """Something to wait for."""
        return Signal(self)

    def start(self, awaitable: Awaitable[Any]) -> Running:
        """Begin it now, and go on."""
        running = Running(self, awaitable)
        running.handle = self.spawn(running)
        return running

    async def gather(self, *awaitables: Awaitable[Any]) -> list[Any]:
        """The results of all of them, begun together."""
        running = [self.start(awaitable) for awaitable in awaitables]
        return [await one.outcome() for one in running]

    async def turns(self, number: int = 20) -> None:
        """Let all that is ready happen, and what follows from it."""
        for _ in range(number):
            await self.pause(0)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let things happen until it holds; the end of the scenario's patience ends this too."""
        while not condition():
            await self.pause(0.001)

    async def never(self) -> None:
        """Waits until it is cancelled."""
        await self.signal().wait()

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        """Run it to its end, on something new."""
        self.run_on_new(scenario)
        # Whoever forgot an error or a socket is told here, and not in the next test.
        gc.collect()

    @abstractmethod
    def run_on_new(self, scenario: Coroutine[Any, Any, None]) -> None:
        """On a new loop or reactor."""

    @abstractmethod
    def place(self) -> dict[str, Any]:
        """What tells `connect` and `serve` where they are."""

    @abstractmethod
    def spawn(self, running: Running) -> Any:
        """Begin it; what this returns can be cancelled."""

    @abstractmethod
    def future(self) -> Any:
        """An awaitable without a result."""

    @abstractmethod
    def resolve(self, future: Any) -> None:
        """Give it one."""

    @abstractmethod
    async def pause(self, seconds: float) -> None:
        """Let other things happen."""

    @abstractmethod
    async def within(self, seconds: float, awaitable: Awaitable[T]) -> T:
        """Its result; cancelled with a `TimeoutError` if there is none in so many seconds."""

    @abstractmethod
    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of a function that blocks."""

    @abstractmethod
    def server_tls(self, certificates: Certificates) -> Any:
        """The argument `ssl` of `serve`."""

    @abstractmethod
    def client_tls(self, certificates: Certificates) -> Any:
        """The argument `ssl` of `connect`."""


class AsyncioKit(Kit):
    """asyncio, on the loops that `loop_factory` makes."""

    cancelled = asyncio.CancelledError
    given_up = (asyncio.CancelledError,)
    unreachable = OSError

    def __init__(self, name: str, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
        import wsframework.asyncio

        super().__init__(name)
        self.module = wsframework.asyncio
        self._loop_factory = loop_factory

    def run_on_new(self, scenario: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(self._bounded(scenario))

    async def _bounded(self, scenario: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(scenario)
        await asyncio.wait({task}, timeout=self.patience)
        if not task.done():
            stood = _stack(scenario)
            task.cancel()
            await asyncio.wait({task}, timeout=TIDYING)
            raise AssertionError(f"the scenario does not end; it stands at {stood}")
        task.result()
        end = time.monotonic() + TIDYING
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            assert time.monotonic() < end, f"the scenario left behind {left}"
            await asyncio.sleep(0.001)

    def place(self) -> dict[str, Any]:
        return {}

    def spawn(self, running: Running) -> Any:
        work = running.work()
        task = asyncio.get_running_loop().create_task(work)

        def ended(_: object) -> None:
            work.close()
            running.never_began()

        task.add_done_callback(ended)
        return task

    def future(self) -> Any:
        return asyncio.get_running_loop().create_future()

    def resolve(self, future: Any) -> None:
        if not future.done():
            future.set_result(None)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, awaitable: Awaitable[T]) -> T:
        async with asyncio.timeout(seconds):
            return await awaitable

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.to_thread(function, *arguments)

    def server_tls(self, certificates: Certificates) -> Any:
        return certificates.server

    def client_tls(self, certificates: Certificates) -> Any:
        return certificates.client


class TwistedKit(Kit):
    """Twisted, on reactors that are not the process-wide one."""

    cancelled = defer.CancelledError
    given_up = (defer.CancelledError, ConnectingCancelledError)
    unreachable = ConnectError

    def __init__(self, name: str) -> None:
        import wsframework.twisted

        super().__init__(name)
        self.module = wsframework.twisted

    def run_on_new(self, scenario: Coroutine[Any, Any, None]) -> None:
        self.reactor: Any = _new_reactor()
        outcome: list[Any] = []
        self.reactor.callWhenRunning(self._begin, scenario, outcome)
        self.reactor.run(installSignalHandlers=False)
        self._give_back()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]

    def _begin(self, scenario: Coroutine[Any, Any, None], outcome: list[Any]) -> None:
        ended = defer.Deferred.fromCoroutine(self._tidied(scenario))

        def end(result: Any) -> None:
            if patience.active():
                patience.cancel()
            if not outcome:
                outcome.append(getattr(result, "value", result))
                self.reactor.stop()

        def out_of_patience() -> None:
            outcome.append(AssertionError(f"the scenario does not end; it stands at {_stack(scenario)}"))
            ended.cancel()
            self.reactor.stop()

        patience = self.reactor.callLater(self.patience, out_of_patience)
        ended.addBoth(end)

    async def _tidied(self, scenario: Coroutine[Any, Any, None]) -> None:
        await scenario
        end = time.monotonic() + TIDYING
        while not self.leaves_behind and (left := self._left()):
            assert time.monotonic() < end, f"the scenario left behind {left}"
            await self.pause(0.001)

    def _left(self) -> list[Any]:
        """Timers but the one that bounds the scenario, and sockets."""
        timers = [call for call in self.reactor.getDelayedCalls() if getattr(call.func, "__name__", "") != _BOUND]
        sockets = set(self.reactor.getReaders() + self.reactor.getWriters()) - self.reactor._internalReaders
        return [*timers, *sockets]

    def _give_back(self) -> None:
        for waker in list(self.reactor._internalReaders):
            self.reactor.removeReader(waker)
            waker.connectionLost(None)
        poller = getattr(self.reactor, "_poller", None)
        if poller is not None:
            poller.close()

    def place(self) -> dict[str, Any]:
        return {"reactor": self.reactor}

    def spawn(self, running: Running) -> Any:
        return defer.Deferred.fromCoroutine(running.work())

    def future(self) -> Any:
        return defer.Deferred()

    def resolve(self, future: Any) -> None:
        if not future.called:
            future.callback(None)

    async def pause(self, seconds: float) -> None:
        from wsframework.twisted.util import sleep

        await sleep(seconds, self.reactor)

    async def within(self, seconds: float, awaitable: Awaitable[T]) -> T:
        async def waiting() -> T:
            return await awaitable

        deferred = awaitable if isinstance(awaitable, defer.Deferred) else defer.Deferred.fromCoroutine(waiting())
        try:
            return await deferred.addTimeout(seconds, self.reactor)
        except defer.TimeoutError as error:
            raise TimeoutError(str(error)) from error

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        from twisted.internet.threads import deferToThreadPool

        pool = self.reactor.getThreadPool()
        return await deferToThreadPool(self.reactor, pool, function, *arguments)

    def server_tls(self, certificates: Certificates) -> Any:
        from twisted.internet.ssl import DefaultOpenSSLContextFactory

        files = str(certificates.key_file), str(certificates.chain_file)
        return DefaultOpenSSLContextFactory(*files)  # type: ignore[no-untyped-call]

    def client_tls(self, certificates: Certificates) -> Any:
        from twisted.internet.ssl import Certificate, optionsForClientTLS

        authority = Certificate.loadPEM(certificates.authority_file.read_bytes())
        return optionsForClientTLS("localhost", trustRoot=authority)


_BOUND = "out_of_patience"


def _stack(coroutine: Any) -> str:
    """Where a coroutine waits, from the outside in."""
    found = []
    while getattr(coroutine, "cr_frame", None) is not None:
        found.append(f"{coroutine.cr_code.co_name}:{coroutine.cr_frame.f_lineno}")
        coroutine = coroutine.cr_await
    return " > ".join(found) or "its beginning"
