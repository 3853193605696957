"""The echo client that runs through the cases of the fuzzing server of Autobahn|Testsuite.

`python -m tests.conformance.testee_client` ends when the last case has run and the server has written its reports, or
when its stdin ends, and prints nothing but errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.conformance.echo import Program, arguments

Connect = Callable[[str, bool], Awaitable[bytes]]
"""Opens a URL, echoes when told to, and gives the message that was received otherwise when the connection is closed."""


def client_factory(program: Program, url: str, echo: bool, closed: Callable[[bytes], object], **owner: object) -> Any:
    """A factory of one client. `owner` is `reactor=` or `loop=`, as the backend has it."""
    websocket = program.import_websocket()
    base = websocket.WebSocketClientProtocol
    behaviour: Any = program.echo_on(base) if echo else type("Listener", (_Listening, base), {})

    class CaseProtocol(behaviour):  # type: ignore[misc]  # made at run time
        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            closed(getattr(self, "heard", b""))

    factory = websocket.WebSocketClientFactory(url, **owner)
    factory.protocol = CaseProtocol
    program.set_options(factory)
    return factory


class _Listening:
    heard = b""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.heard = payload


async def run_cases(connect: Connect, url: str, agent: str) -> None:
    """Ask how many cases there are, run each on a connection of its own, and have the reports written."""
    count = int(await connect(f"{url}/getCaseCount", False))
    for case in range(1, count + 1):
        await connect(f"{url}/runCase?case={case}&agent={agent}", True)
    await connect(f"{url}/updateReports?agent={agent}", False)


def run_on_twisted(program: Program, url: str, agent: str) -> None:
    """Run all cases; the process fails when a connection cannot be made."""
    from twisted.internet.defer import Deferred, ensureDeferred
    from twisted.internet.endpoints import TCP4ClientEndpoint
    from twisted.internet.task import react

    def start(reactor: Any) -> Deferred[None]:
        async def connect(url: str, echo: bool) -> bytes:
            closed: Deferred[bytes] = Deferred()
            factory = client_factory(program, url, echo, closed.callback, reactor=reactor)
            await TCP4ClientEndpoint(reactor, factory.host, factory.port).connect(factory)
            return await closed

        return ensureDeferred(run_cases(connect, url, agent))

    react(start)


async def run_on_asyncio(program: Program, url: str, agent: str) -> None:
    """Run all cases; the process fails when a connection cannot be made."""
    loop = asyncio.get_running_loop()

    async def connect(url: str, echo: bool) -> bytes:
        closed: asyncio.Future[bytes] = loop.create_future()
        factory = client_factory(program, url, echo, closed.set_result, loop=loop)
        await loop.create_connection(factory, factory.host, factory.port)
        return await closed

    await run_cases(connect, url, agent)


def main() -> None:
    program, args = arguments(__doc__, "--url", "--agent")
    if program.backend == "twisted":
        run_on_twisted(program, args.url, args.agent)
    else:
        program.run(lambda: run_on_asyncio(program, args.url, args.agent))


if __name__ == "__main__":
    main()
