"""How the programs here begin and end on Twisted: arguments of the command line, Ctrl-C, errors in one line."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError, ConnectError
from twisted.internet.task import LoopingCall, deferLater, react

from wsframework import WebSocketError
from wsframework.exceptions import ConnectionClosed
from wsframework.twisted.conversation import serve

__all__ = ["every", "run", "run_server"]

# Browsers let pages of any site connect to servers on the same machine. Programs that are no browsers name no origin.
OWN_PAGES = ["http://127.0.0.1:*", "http://localhost:*", "https://127.0.0.1:*", "https://localhost:*"]


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
        except (OSError, ConnectError, CannotListenError, WebSocketError) as error:
            sys.exit(f"{type(error).__name__}: {error}")
        finally:
            # A turn of the reactor later, in which it closes the socket that it listened on.
            reactor.callLater(0, ended.callback, None)

    ended: Deferred[None] = Deferred()
    react(supervise)


def run_server(handler: Any, **settings: Any) -> None:
    """Serve on this machine until Ctrl-C; the port is the first argument of the command line, 0 takes any free one.

    `handler` and `settings` are those of `serve`.
    """

    async def main(port: str = "8765", *_: str) -> None:
        async with serve(handler, "127.0.0.1", int(port), origins=OWN_PAGES, **settings) as server:
            print(f"serving on {server.url}", flush=True)
            await server.serve_forever()

    run(main)


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
