"""Both backends in one process, as a program: an asyncio server and a Twisted client of it, then the reverse.

The reactor and the loop are one, which is what Twisted's AsyncioSelectorReactor is for. Each client reports the echoes
it got and how the connection ended.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from twisted.internet import asyncioreactor

MESSAGES = ["hello", "grüße, 世界", "x" * 100_000]


def echo_protocol(base: Any) -> Any:
    """A server's protocol class of either backend."""

    class Echo(base):  # type: ignore[misc]  # a class of either backend
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

    return Echo


def asking_protocol(base: Any) -> Any:
    """A client's protocol class of either backend."""

    class Asking(base):  # type: ignore[misc]  # a class of either backend
        def onOpen(self) -> None:
            self.echoes: list[str] = []
            for message in MESSAGES:
                self.sendMessage(message)

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.echoes.append(payload.decode())
            if len(self.echoes) == len(MESSAGES):
                self.sendClose(1000, "done")

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            right = self.echoes == MESSAGES
            print(json.dumps({"client": base.__module__, "right": right, "clean": wasClean, "code": code}), flush=True)

    return Asking


async def asyncio_server_twisted_client(reactor: Any) -> None:
    import wsframework.asyncio.websocket as ours
    import wsframework.twisted.websocket as theirs

    factory = ours.WebSocketServerFactory()
    factory.protocol = echo_protocol(ours.WebSocketServerProtocol)
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    client_factory = theirs.WebSocketClientFactory(f"ws://127.0.0.1:{port}", reactor=reactor)
    closed = asyncio.get_running_loop().create_future()

    class Client(asking_protocol(theirs.WebSocketClientProtocol)):  # type: ignore[misc]
        def connectionLost(self, reason: Any) -> None:
            super().connectionLost(reason)
            closed.set_result(None)

    client_factory.protocol = Client
    reactor.connectTCP("127.0.0.1", port, client_factory)
    await closed
    server.close()
    await factory.shutdown()


async def twisted_server_asyncio_client(reactor: Any) -> None:
    import wsframework.asyncio.websocket as theirs
    import wsframework.twisted.websocket as ours

    loop = asyncio.get_running_loop()
    factory = ours.WebSocketServerFactory(reactor=reactor)
    factory.protocol = echo_protocol(ours.WebSocketServerProtocol)
    listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
    port = listening.getHost().port

    client_factory = theirs.WebSocketClientFactory(f"ws://127.0.0.1:{port}")
    client_factory.protocol = asking_protocol(theirs.WebSocketClientProtocol)
    _, protocol = await loop.create_connection(client_factory, "127.0.0.1", port)
    await protocol.is_closed
    await listening.stopListening().asFuture(loop)
    await factory.shutdown().asFuture(loop)


async def main(reactor: Any) -> None:
    async with asyncio.timeout(20):
        await asyncio_server_twisted_client(reactor)
        await twisted_server_asyncio_client(reactor)


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor as the_reactor

    reactor: Any = the_reactor  # a module to type checkers
    failed: list[BaseException] = []

    def end(task: asyncio.Task[None]) -> None:
        error = task.exception()
        failed.extend([error] if error is not None else [])
        reactor.stop()

    reactor.callWhenRunning(lambda: loop.create_task(main(reactor)).add_done_callback(end))
    reactor.run()
    if failed:
        raise failed[0]
