"""One end with permessage-deflate, as a program: `python -m tests.interop.deflate_process BACKEND API [PORT] OPTIONS`.

BACKEND is twisted, asyncio or uvloop; API is messages, pieces or plain; OPTIONS are those of the factory, in JSON. With
a port it is a client that connects there, else a server that says on which one it listens. It sends back what comes: by
messages, by compressed pieces while they come, or plain ones. It tells what it logs and how connections end, and ends
with its input.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

from tests.interop.server_process import begin_to_obey, report
from tests.interop.stream_process import nothing_to_shut_down


class Echoing:
    """Whole messages. Mixed into a backend's protocol classes."""

    def onMessage(self: Any, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        report(code=code, reason=reason)


class EchoingPieces(Echoing):
    """As fast as the peer takes them."""

    compresses = True

    def onMessageBegin(self: Any, isBinary: bool) -> None:
        self.beginMessage(isBinary, doNotCompress=not self.compresses)

    async def onMessageFrameData(self: Any, payload: bytes) -> None:
        self.sendMessageFrame(payload)
        await self.drain()

    def onMessageEnd(self: Any) -> None:
        self.endMessage()


class EchoingPlainPieces(EchoingPieces):
    """The answer to a little is a lot."""

    compresses = False


KINDS = {"messages": Echoing, "pieces": EchoingPieces, "plain": EchoingPlainPieces}


def new_factory(module: Any, api: str, port: int | None, options: dict[str, Any], **owner: Any) -> Any:
    """A factory of either role."""
    role = "Server" if port is None else "Client"
    factory = getattr(module, f"WebSocket{role}Factory")(None if port is None else f"ws://127.0.0.1:{port}", **owner)
    factory.protocol = type(role, (KINDS[api], getattr(module, f"WebSocket{role}Protocol")), {})
    factory.setProtocolOptions(perMessageCompressionAccept=True, **options)
    if port is not None:
        factory.setProtocolOptions(perMessageCompressionOffers=True)
    return factory


def run_on_twisted(api: str, port: int | None, options: dict[str, Any]) -> None:
    """Until told to stop."""
    from twisted.internet import reactor as the_reactor
    from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
    from zope.interface import implementer

    import wsframework.twisted.websocket as module

    reactor: Any = the_reactor  # a module to type checkers

    @implementer(ILogObserver)
    def tell(event: LogEvent) -> None:
        if event["log_namespace"] == "wsframework.twisted":
            report(log=formatEvent(event))

    globalLogPublisher.addObserver(tell)
    factory = new_factory(module, api, port, options, reactor=reactor)
    if port is not None:
        reactor.connectTCP("127.0.0.1", port, factory)
    else:
        report(port=reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port)
    begin_to_obey(reactor.callFromThread, nothing_to_shut_down, reactor.stop)
    reactor.run()


class Reporting(logging.Handler):
    """Tells what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        report(log=record.getMessage())


async def run_on_asyncio(api: str, port: int | None, options: dict[str, Any]) -> None:
    """Until told to stop."""
    import wsframework.asyncio.websocket as module

    logger = logging.getLogger("wsframework.asyncio")
    logger.setLevel(logging.INFO)
    logger.addHandler(Reporting())
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    factory = new_factory(module, api, port, options)
    server = None
    if port is not None:
        await loop.create_connection(factory, "127.0.0.1", port)
    else:
        server = await loop.create_server(factory, "127.0.0.1", 0)
        report(port=server.sockets[0].getsockname()[1])
    begin_to_obey(loop.call_soon_threadsafe, nothing_to_shut_down, stopped.set)
    await stopped.wait()
    if server is not None:
        server.close()


def main(backend: str, api: str, *port_and_options: str) -> None:
    port = int(port_and_options[0]) if len(port_and_options) > 1 else None
    options = json.loads(port_and_options[-1])
    if backend == "twisted":
        run_on_twisted(api, port, options)
        return
    loop_factory: Any = None
    if backend == "uvloop":
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(run_on_asyncio(api, port, options))


if __name__ == "__main__":
    main(*sys.argv[1:])
