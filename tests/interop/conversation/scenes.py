"""What many scenarios have in common: how they are run, and handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec

from tests.interop.conversation.kits import Kit

__all__ = ["collect", "echo", "pair", "scenario", "try_to_open"]

P = ParamSpec("P")


def scenario(test: Callable[Concatenate[Kit, P], Coroutine[Any, Any, None]]) -> Callable[Concatenate[Kit, P], None]:
    """Run a coroutine as a test, on its kit."""

    @wraps(test)
    def run(kit: Kit, *args: P.args, **kwargs: P.kwargs) -> None:
        kit.run(test(kit, *args, **kwargs))

    # Only the signature is wanted: whoever looks behind it would find a coroutine, and want to run it.
    run.__signature__ = signature(test)  # type: ignore[attr-defined]
    del run.__wrapped__
    return run  # type: ignore[return-value]  # mypy gives its first parameter a name


async def echo(ws: Any) -> None:
    """Sends everything back."""
    async for message in ws:
        await ws.send(message)


async def collect(ws: Any, seen: list[Any]) -> None:
    """Appends the messages until the connection is closed; raises what the loop raises."""
    async for message in ws:
        seen.append(message)


async def try_to_open(kit: Kit, url: str, how: str = "async for") -> None:
    """Connect in this way to where it cannot be done."""
    if how == "await":
        await kit.connect(url)
    elif how == "async with":
        async with kit.connect(url):
            pass
    else:
        async for ws in kit.connect(url):
            await ws.close()
            break
    raise AssertionError("it must not open")


@asynccontextmanager
async def pair(kit: Kit, **options: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Two ends of a connection: the client's and the server's, whose handler does nothing until the scenario is over.

    `options` are those of `serve`.
    """
    arrived, over = kit.signal(), kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        await over.wait()

    async with kit.serve(handler, **options) as server, kit.connect(server.url) as client:
        try:
            yield client, await arrived.wait()
        finally:
            over.set()
