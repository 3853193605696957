"""How the clients here begin and end on asyncio: arguments of the command line, Ctrl-C, errors in one line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from wsframework import WebSocketError
from wsframework.exceptions import ConnectionClosed

__all__ = ["every", "run"]


def run(main: Callable[..., Coroutine[Any, Any, None]]) -> None:
    """Run `main` with the arguments of the command line; Ctrl-C cancels it, which closes its connection in order."""
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(main(*sys.argv[1:]))
        except (OSError, WebSocketError) as error:
            sys.exit(f"{type(error).__name__}: {error}")


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
