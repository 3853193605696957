"""The echo client that runs through the cases of the fuzzing server of Autobahn|Testsuite.

One program for both backends, and for every package that has Autobahn's module names: only the import differs.
It ends when the last case has run and the server has written its reports, and prints nothing but errors.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from types import ModuleType
from typing import Any

Connect = Callable[[str, bool], Awaitable[bytes]]
"""Opens a URL, echoes when told to, and gives the last message that was received when the connection is closed."""


def client_factory(
    websocket: ModuleType, url: str, echo: bool, closed: Callable[[bytes], object], **owner: object
) -> Any:
    """A factory of one client. `owner` is `reactor=` or `loop=`, as the backend has it."""

    class CaseProtocol(websocket.WebSocketClientProtocol):  # type: ignore[name-defined,misc]  # imported by name
        last = b""

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.last = payload
            if echo:
                self.sendMessage(payload, isBinary)

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            closed(self.last)

    factory = websocket.WebSocketClientFactory(url, **owner)
    factory.protocol = CaseProtocol
    # The suite wants to see a closing handshake with the right code, and messages of any size.
    factory.setProtocolOptions(failByDrop=False, maxMessagePayloadSize=0)
    return factory


async def run_cases(connect: Connect, url: str, agent: str) -> None:
    """Ask how many cases there are, run each on a connection of its own, and have the reports written."""
    count = int(await connect(f"{url}/getCaseCount", False))
    for case in range(1, count + 1):
        await connect(f"{url}/runCase?case={case}&agent={agent}", True)
    await connect(f"{url}/updateReports?agent={agent}", False)


def run_on_twisted(websocket: ModuleType, url: str, agent: str) -> None:
    """Run all cases; the process fails when a connection cannot be made."""
    from twisted.internet.defer import Deferred, ensureDeferred
    from twisted.internet.endpoints import TCP4ClientEndpoint
    from twisted.internet.task import react

    def start(reactor: Any) -> Deferred[None]:
        async def connect(url: str, echo: bool) -> bytes:
            closed: Deferred[bytes] = Deferred()
            factory = client_factory(websocket, url, echo, closed.callback, reactor=reactor)
            await TCP4ClientEndpoint(reactor, factory.host, factory.port).connect(factory)
            return await closed

        return ensureDeferred(run_cases(connect, url, agent))

    react(start)


async def run_on_asyncio(websocket: ModuleType, url: str, agent: str) -> None:
    """Run all cases; the process fails when a connection cannot be made."""
    loop = asyncio.get_running_loop()

    async def connect(url: str, echo: bool) -> bytes:
        closed: asyncio.Future[bytes] = loop.create_future()
        factory = client_factory(websocket, url, echo, closed.set_result, loop=loop)
        await loop.create_connection(factory, factory.host, factory.port)
        return await closed

    await run_cases(connect, url, agent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", default="wsframework")
    parser.add_argument("--backend", choices=["twisted", "asyncio"], required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--agent", required=True)
    args = parser.parse_args()
    websocket = import_module(f"{args.package}.{args.backend}.websocket")
    if args.backend == "twisted":
        run_on_twisted(websocket, args.url, args.agent)
    else:
        asyncio.run(run_on_asyncio(websocket, args.url, args.agent))


if __name__ == "__main__":
    main()
