"""An echo server on one backend, as a program: `python -m tests.interop.server_process twisted|asyncio|uvloop`.

With the names of two PEM files, key and certificates, it speaks TLS. It prints its port as a line of JSON. A line
`shutdown SECONDS` on its standard input shuts it down with that deadline, and it prints how that went. It ends with its
input.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.interop.processes import raise_file_limit

# Thousands of clients knock at once.
BACKLOG = 1024


def echo_factory(module: Any, **owner: Any) -> Any:
    """A factory of echo servers, with nothing in it about peers that do not read."""

    class Echo(module.WebSocketServerProtocol):  # type: ignore[misc]  # a class of either backend
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

    factory = module.WebSocketServerFactory(**owner)
    factory.protocol = Echo
    return factory


def report(**fields: object) -> None:
    """A line for whoever has started this."""
    print(json.dumps(fields), flush=True)


def obey(call: Callable[[Callable[[], object]], object], shut_down: Callable[[float], object], stop: Any) -> None:
    """In a thread: read commands, and call in the server's thread what they mean."""
    for line in sys.stdin:
        deadline = float(line.split()[1])
        call(lambda deadline=deadline: shut_down(deadline))  # type: ignore[misc]  # mypy: cannot infer
    call(stop)


def begin_to_obey(*arguments: Any) -> None:
    threading.Thread(target=obey, args=arguments, daemon=True).start()


def serve_on_twisted(pem_files: list[str]) -> None:
    """Until told to stop."""
    from twisted.internet import reactor as the_reactor

    import wsframework.twisted.websocket as module

    reactor: Any = the_reactor  # a module to type checkers
    factory = echo_factory(module, reactor=reactor)

    def shut_down(deadline: float) -> None:
        began = time.monotonic()

        def done(result: Any) -> None:
            report(closed=result.closed, aborted=result.aborted, seconds=time.monotonic() - began)

        factory.shutdown(deadline=deadline).addCallback(done)

    options = {"backlog": BACKLOG, "interface": "127.0.0.1"}
    if pem_files:
        from twisted.internet.ssl import DefaultOpenSSLContextFactory

        context = DefaultOpenSSLContextFactory(*pem_files)  # type: ignore[no-untyped-call]
        port = reactor.listenSSL(0, factory, context, **options)
    else:
        port = reactor.listenTCP(0, factory, **options)
    report(port=port.getHost().port)
    begin_to_obey(reactor.callFromThread, shut_down, reactor.stop)
    reactor.run()


async def serve_on_asyncio(pem_files: list[str]) -> None:
    """Until told to stop."""
    import wsframework.asyncio.websocket as module

    loop = asyncio.get_running_loop()
    factory = echo_factory(module)
    stopped = asyncio.Event()
    tasks = []

    async def shut_down(deadline: float) -> None:
        began = time.monotonic()
        result = await factory.shutdown(deadline=deadline)
        report(closed=result.closed, aborted=result.aborted, seconds=time.monotonic() - began)

    context = None
    if pem_files:
        key_file, chain_file = pem_files
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain_file, key_file)
    server = await loop.create_server(factory, "127.0.0.1", 0, backlog=BACKLOG, ssl=context)
    report(port=server.sockets[0].getsockname()[1])
    begin_to_obey(
        loop.call_soon_threadsafe,
        lambda deadline: tasks.append(loop.create_task(shut_down(deadline))),
        stopped.set,
    )
    await stopped.wait()
    server.close()


def main(backend: str, *pem_files: str) -> None:
    raise_file_limit()
    if backend == "twisted":
        serve_on_twisted(list(pem_files))
        return
    loop_factory: Any = None
    if backend == "uvloop":
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(serve_on_asyncio(list(pem_files)))


if __name__ == "__main__":
    main(*sys.argv[1:])
