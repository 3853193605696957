"""How the clients here begin and end on Twisted: arguments of the command line, Ctrl-C, errors in one line."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError
from twisted.internet.task import LoopingCall, deferLater, react

from wsframework import WebSocketError
from wsframework.exceptions import ConnectionClosed

__all__ = ["every", "run"]


def run(main: Callable[..., Coroutine[Deferred[Any], Any, None]]) -> None:
    """Run `main` with the arguments of the command line; Ctrl-C cancels it, which closes its connection in order."""

    async def supervise(reactor: Any) -> None:
        def stop() -> Deferred[None]:
            # A little later, when `react` knows too that the reactor is about to stop; it waits for the end of `main`.
            reactor.callLater(0, running.cancel)
            return ended

        # Afterwards the reactor runs, and understands Ctrl-C.
        await deferLater(reactor, 0)
        running = Deferred.fromCoroutine(main(*sys.argv[1:]))
        reactor.addSystemEventTrigger("before", "shutdown", stop)
        try:
            with suppress(CancelledError):
                await running
        except (OSError, ConnectError, WebSocketError) as error:
            sys.exit(f"{type(error).__name__}: {error}")
        finally:
            # A turn of the reactor later, in which it closes the socket of the connection.
            reactor.callLater(0, ended.callback, None)

    ended: Deferred[None] = Deferred()
    react(supervise)


@asynccontextmanager
async def every(seconds: float, call: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """While the block runs, `call` now and every so many seconds, until the connection it sends on is closed."""
    repeating = LoopingCall(call)

    async def repeat() -> None:
        with suppress(ConnectionClosed):
            await repeating.start(seconds)

    Deferred.fromCoroutine(repeat())
    try:
        yield
    finally:
        if repeating.running:
            repeating.stop()
