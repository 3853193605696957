"""A server that sends messages of any length back while they come: `python -m tests.interop.stream_process BACKEND`.

BACKEND is twisted, asyncio or uvloop. It prints its port as a line of JSON, and ends with its input.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from tests.interop.server_process import begin_to_obey, report


def streaming_echo(module: Any, **owner: Any) -> Any:
    """A factory of servers that echo piece by piece, as fast as the peer takes it."""

    class StreamingEcho(module.WebSocketServerProtocol):  # type: ignore[misc]  # a class of either backend
        def onMessageBegin(self, isBinary: bool) -> None:
            self.beginMessage(isBinary)

        def onMessageFrameBegin(self, length: int) -> None:
            self.beginMessageFrame(length)

        async def onMessageFrameData(self, payload: bytes) -> None:
            self.sendMessageFrameData(payload)
            await self.drain()

        def onMessageFrameEnd(self) -> None:
            pass

        def onMessageEnd(self) -> None:
            self.endMessage()

    factory = module.WebSocketServerFactory(**owner)
    factory.protocol = StreamingEcho
    return factory


def nothing_to_shut_down(deadline: float) -> None:
    """The test ends it with its input."""


def serve_on_twisted() -> None:
    """Until told to stop."""
    from twisted.internet import reactor as the_reactor

    import wsframework.twisted.websocket as module

    reactor: Any = the_reactor  # a module to type checkers
    port = reactor.listenTCP(0, streaming_echo(module, reactor=reactor), interface="127.0.0.1")
    report(port=port.getHost().port)
    begin_to_obey(reactor.callFromThread, nothing_to_shut_down, reactor.stop)
    reactor.run()


async def serve_on_asyncio() -> None:
    """Until told to stop."""
    import wsframework.asyncio.websocket as module

    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    server = await loop.create_server(streaming_echo(module), "127.0.0.1", 0)
    report(port=server.sockets[0].getsockname()[1])
    begin_to_obey(loop.call_soon_threadsafe, nothing_to_shut_down, stopped.set)
    await stopped.wait()
    server.close()


def main(backend: str) -> None:
    if backend == "twisted":
        serve_on_twisted()
        return
    loop_factory: Any = None
    if backend == "uvloop":
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(serve_on_asyncio())


if __name__ == "__main__":
    main(*sys.argv[1:])
