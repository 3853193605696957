"""A server that broadcasts, as a program: `python -m tests.interop.broadcast_process BACKEND POLICY`.

It prints its port as a line of JSON. Commands on its standard input, each answered by a line of JSON: `publish` sends
the next message to everybody, `counts` tells what has become of the messages. It ends with its input.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tests.interop.processes import raise_file_limit
from tests.interop.server_process import BACKLOG, report
from wsframework.websocket import Broadcast, Overflow

# The messages: their number in ASCII digits, then filling. Small bounds, so that little has to be sent to reach them.
SIZE = 16384
DIGITS = 8
KEYS = 4
MAX_OCTETS = 256 * 1024
SEND_BUFFER = 32 * 1024


class Publisher:
    """The group and the next message's number. Mixed with nothing: receivers know it."""

    def __init__(self, policy: str) -> None:
        self.group = Broadcast(Overflow(policy), max_octets=MAX_OCTETS)
        self._number = 0

    def obey(self, command: str) -> None:
        """Carry out a command."""
        if command == "counts":
            report(receivers=len(self.group), **asdict(self.group.counts))
            return
        number, self._number = self._number, self._number + 1
        payload = f"{number:0{DIGITS}}".encode().ljust(SIZE, b".")
        began = time.process_time()
        taken = self.group.send(payload, key=number % KEYS)
        report(number=number, taken=taken, seconds=time.process_time() - began)


def make_factory(module: Any, publisher: Publisher, **owner: Any) -> Any:
    """A factory of receivers."""

    class Receiver(module.WebSocketServerProtocol):  # type: ignore[misc]  # a class of either backend
        def onOpen(self) -> None:
            publisher.group.add(self)

    factory = module.WebSocketServerFactory(**owner)
    factory.protocol = Receiver
    return factory


def listening_socket() -> socket.socket:
    """Of which the system does not keep much of what is not read: that belongs to nobody's bound."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    sock.bind(("127.0.0.1", 0))
    sock.listen(BACKLOG)
    sock.setblocking(False)
    report(port=sock.getsockname()[1])
    return sock


def begin_to_obey(call: Callable[..., object], publisher: Publisher, stop: Callable[[], object]) -> None:
    """Read commands in a thread, and carry them out in the server's."""

    def read() -> None:
        for line in sys.stdin:
            call(publisher.obey, line.strip())
        call(stop)

    threading.Thread(target=read, daemon=True).start()


def serve_on_twisted(publisher: Publisher) -> None:
    """Until told to stop."""
    from twisted.internet import reactor as the_reactor

    import wsframework.twisted.websocket as module

    reactor: Any = the_reactor  # a module to type checkers
    factory = make_factory(module, publisher, reactor=reactor)
    sock = listening_socket()
    reactor.adoptStreamPort(sock.fileno(), socket.AF_INET, factory)
    sock.close()
    begin_to_obey(reactor.callFromThread, publisher, reactor.stop)
    reactor.run()


async def serve_on_asyncio(publisher: Publisher) -> None:
    """Until told to stop."""
    import wsframework.asyncio.websocket as module

    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    server = await loop.create_server(make_factory(module, publisher), sock=listening_socket(), backlog=BACKLOG)
    begin_to_obey(loop.call_soon_threadsafe, publisher, stopped.set)
    await stopped.wait()
    server.close()


def main(backend: str, policy: str) -> None:
    raise_file_limit()
    publisher = Publisher(policy)
    if backend == "twisted":
        serve_on_twisted(publisher)
        return
    loop_factory: Any = None
    if backend == "uvloop":
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(serve_on_asyncio(publisher))


if __name__ == "__main__":
    main(*sys.argv[1:])
