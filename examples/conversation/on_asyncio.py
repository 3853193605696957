"""How the programs here begin and end on asyncio: arguments of the command line, Ctrl-C, errors in one line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from wsframework import WebSocketError
from wsframework.asyncio.conversation import serve
from wsframework.exceptions import ConnectionClosed

__all__ = ["every", "run", "run_server"]

# Browsers let pages of any site connect to servers on the same machine. Programs that are no browsers name no origin.
OWN_PAGES = ["http://127.0.0.1:*", "http://localhost:*", "https://127.0.0.1:*", "https://localhost:*"]


def run(main: Callable[..., Coroutine[Any, Any, None]]) -> None:
    """Run `main` with the arguments of the command line; Ctrl-C cancels it, which closes its connection in order."""
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(main(*sys.argv[1:]))
        except (OSError, WebSocketError) as error:
            sys.exit(f"{type(error).__name__}: {error}")


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

    async def repeat() -> None:
        with suppress(ConnectionClosed):
            while True:
                await call()
                await asyncio.sleep(seconds)

    async with asyncio.TaskGroup() as tasks:
        repeating = tasks.create_task(repeat())
        try:
            yield
        finally:
            repeating.cancel()
