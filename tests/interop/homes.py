"""Threads in which our backends live: a Twisted reactor, an asyncio loop, a uvloop loop.

Twisted's reactor is of the kind that is the default here, but not the process-wide one: other tests may use that.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from tests.interop.sides import PATIENCE, Address

__all__ = ["AsyncioHome", "Home", "TwistedHome"]

T = TypeVar("T")


class Home(ABC):
    """A thread in which a backend runs. Coroutines given to it may await what the backend awaits."""

    module: Any
    """`wsframework.<backend>.websocket`."""

    def __init__(self, name: str) -> None:
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._ready.result(PATIENCE)

    @abstractmethod
    def _run(self) -> None:
        """Serve until `stop`."""

    @abstractmethod
    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine in the thread."""

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread, and wait for it in the test's loop."""
        return await asyncio.wrap_future(self.submit(coroutine))

    async def call(self, function: Callable[[], T]) -> T:
        """Call a function in the thread."""

        async def calling() -> T:
            return function()

        return await self.run(calling())

    def stop(self) -> None:
        """End the thread."""
        self._stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the loop has stopped"

    @abstractmethod
    def _stop(self) -> None:
        """Let `_run` return."""

    @abstractmethod
    async def listen(self, address: Address, factory: Any) -> tuple[int, Callable[[], Any]]:
        """In the thread: the port and how to stop."""

    @abstractmethod
    async def connect(self, address: Address, factory: Any) -> Any:
        """In the thread: the protocol on a transport that is connected."""

    @abstractmethod
    def factory_arguments(self) -> dict[str, Any]:
        """What tells a factory where it lives."""


class AsyncioHome(Home):
    """asyncio, on the loop that `loop_factory` makes."""

    def __init__(self, name: str, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
        import wsframework.asyncio.websocket

        self.module = wsframework.asyncio.websocket
        self._loop_factory = loop_factory
        super().__init__(name)

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._stopped = asyncio.Event()
            self._ready.set_result(None)
            await self._stopped.wait()

        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(main())

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def listen(self, address: Address, factory: Any) -> tuple[int, Callable[[], Any]]:
        loop = self._loop
        if address.unix_path is not None:
            server = await loop.create_unix_server(factory, address.unix_path)
            return 0, server.close
        context = None if address.tls is None else address.tls.server
        server = await loop.create_server(factory, address.host, address.port, ssl=context)
        return server.sockets[0].getsockname()[1], server.close

    async def connect(self, address: Address, factory: Any) -> Any:
        loop = self._loop
        if address.unix_path is not None:
            return (await loop.create_unix_connection(factory, address.unix_path))[1]
        context = None if address.tls is None else address.tls.client
        return (await loop.create_connection(factory, address.host, address.port, ssl=context))[1]

    def factory_arguments(self) -> dict[str, Any]:
        return {"loop": self._loop}


class TwistedHome(Home):
    """Twisted."""

    def __init__(self, name: str) -> None:
        import wsframework.twisted.websocket

        self.module = wsframework.twisted.websocket
        self._reactor = _new_reactor()
        super().__init__(name)

    def _run(self) -> None:
        self._reactor.callWhenRunning(self._ready.set_result, None)
        self._reactor.run(installSignalHandlers=False)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        from twisted.internet.defer import Deferred

        future: Future[T] = Future()

        def begin() -> None:
            # From here on a test that gives up waiting no longer cancels it.
            if not future.set_running_or_notify_cancel():
                coroutine.close()
                return
            deferred = Deferred.fromCoroutine(coroutine)
            deferred.addCallbacks(future.set_result, lambda failure: future.set_exception(failure.value))

        self._reactor.callFromThread(begin)
        return future

    def _stop(self) -> None:
        self._reactor.callFromThread(self._reactor.stop)

    async def listen(self, address: Address, factory: Any) -> tuple[int, Callable[[], Any]]:
        from twisted.internet import endpoints, ssl

        reactor = self._reactor
        endpoint: Any
        if address.unix_path is not None:
            endpoint = endpoints.UNIXServerEndpoint(reactor, address.unix_path)  # type: ignore[no-untyped-call]
        else:
            six = ":" in address.host
            kind = endpoints.TCP6ServerEndpoint if six else endpoints.TCP4ServerEndpoint
            endpoint = kind(reactor, address.port, interface=address.host)
        if address.tls is not None:
            files = str(address.tls.key_file), str(address.tls.chain_file)
            context = ssl.DefaultOpenSSLContextFactory(*files)  # type: ignore[no-untyped-call]
            factory = self._over_tls(context, False, factory)
        port = await endpoint.listen(factory)
        return getattr(port.getHost(), "port", 0), port.stopListening

    async def connect(self, address: Address, factory: Any) -> Any:
        from twisted.internet import endpoints, ssl

        reactor = self._reactor
        endpoint: Any
        if address.unix_path is not None:
            endpoint = endpoints.UNIXClientEndpoint(reactor, address.unix_path)  # type: ignore[no-untyped-call]
        elif ":" in address.host:
            endpoint = endpoints.TCP6ClientEndpoint(  # type: ignore[no-untyped-call]
                reactor, address.host, address.port
            )
        else:
            endpoint = endpoints.TCP4ClientEndpoint(reactor, address.host, address.port)
        if address.tls is None:
            return await endpoint.connect(factory)
        authority = ssl.Certificate.loadPEM(address.tls.authority_file.read_bytes())
        options = ssl.optionsForClientTLS(address.host, trustRoot=authority)
        tls = await endpoint.connect(self._over_tls(options, True, factory))
        return tls.wrappedProtocol

    def _over_tls(self, options: Any, is_client: bool, factory: Any) -> Any:
        """What the endpoints for TLS do, except that those only know the process-wide reactor."""
        from twisted.protocols.tls import TLSMemoryBIOFactory

        return TLSMemoryBIOFactory(options, is_client, factory, clock=self._reactor)

    def factory_arguments(self) -> dict[str, Any]:
        return {"reactor": self._reactor}


def _new_reactor() -> Any:
    try:
        from twisted.internet.epollreactor import EPollReactor
    except ImportError:
        # Not Linux.
        from twisted.internet.selectreactor import SelectReactor

        return SelectReactor()
    return EPollReactor()  # type: ignore[no-untyped-call]
