"""One process, one room, two backends: Twisted serves the chat on one port and asyncio on another.

Open either address in a browser, or both in two windows. Twisted runs on the asyncio loop here, so both backends live
in one thread and the room needs no locks. Ctrl-C says goodbye to everybody and ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

# The room and its page are the same for both backends.
sys.path.insert(0, str(Path(__file__).resolve().parent / "chat"))

from room import ChatFactory, ChatProtocol, Room

from wsframework.asyncio import websocket as on_asyncio
from wsframework.twisted import websocket as on_twisted

PORT_TWISTED = 9000
PORT_ASYNCIO = 9001

Listening = TypeVar("Listening")


class TwistedChatProtocol(ChatProtocol, on_twisted.WebSocketServerProtocol):
    server = "Twisted"


class TwistedChatFactory(ChatFactory, on_twisted.WebSocketServerFactory):
    pass


class AsyncioChatProtocol(ChatProtocol, on_asyncio.WebSocketServerProtocol):
    server = "asyncio"


class AsyncioChatFactory(ChatFactory, on_asyncio.WebSocketServerFactory):
    pass


def serve_on_twisted(room: Room, reactor: Any, host: str, port: int | None) -> str:
    """Serve the room, say goodbye when the reactor stops, and return the address."""
    factory = TwistedChatFactory(reactor=reactor)
    factory.protocol = partial(TwistedChatProtocol, room)
    listening = listen(lambda port: reactor.listenTCP(port, factory, interface=host), port, PORT_TWISTED)
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    address = listening.getHost()
    return page_url(address.host, address.port)


def serve_on_asyncio(room: Room, reactor: Any, loop: asyncio.AbstractEventLoop, host: str, port: int | None) -> str:
    """The same on the loop that the reactor runs on. The reactor waits for Deferreds, so it is given one."""
    factory = AsyncioChatFactory(loop=loop)
    factory.protocol = partial(AsyncioChatProtocol, room)
    server = listen(lambda port: loop.run_until_complete(loop.create_server(factory, host, port)), port, PORT_ASYNCIO)

    def shut_down() -> Deferred[Any]:
        server.close()
        return Deferred.fromFuture(factory.shutdown())

    reactor.addSystemEventTrigger("before", "shutdown", shut_down)
    return page_url(*server.sockets[0].getsockname()[:2])


def listen(open_port: Callable[[int], Listening], port: int | None, usual: int) -> Listening:
    """Open the port that was asked for; if none was, the usual one, or any that is free if somebody else has that."""
    wanted = usual if port is None else port
    try:
        return open_port(wanted)
    except (OSError, CannotListenError) as error:
        reason = error.socketError if isinstance(error, CannotListenError) else error
        is_taken = getattr(reason, "errno", None) == errno.EADDRINUSE
        if port is not None or not is_taken:
            sys.exit(f"cannot serve on port {wanted}: {'another program has it' if is_taken else reason}")
    print(f"Port {usual} is taken, so this uses another one.")
    return open_port(0)


def port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def page_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines in")
    for name, usual in (("twisted", PORT_TWISTED), ("asyncio", PORT_ASYNCIO)):
        about = f"0 takes any free port (default: {usual}, or any free port if that is taken)"
        parser.add_argument(f"--port-{name}", type=port_number, metavar="PORT", help=about)
    args = parser.parse_args()

    loop = asyncio.new_event_loop()
    # Before anything imports twisted.internet.reactor, which would install another one.
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor

    any_reactor: Any = reactor  # a module to type checkers
    room = Room()
    twisted_url = serve_on_twisted(room, any_reactor, args.host, args.port_twisted)
    asyncio_url = serve_on_asyncio(room, any_reactor, loop, args.host, args.port_asyncio)
    text = "One room, two backends. Open one of these, or both; Ctrl-C ends it."
    addresses = f"  Twisted  {twisted_url}\n  asyncio  {asyncio_url}"
    # Said when Ctrl-C is already understood.
    any_reactor.callWhenRunning(print, text, addresses, sep="\n", flush=True)
    any_reactor.run()
    loop.close()


if __name__ == "__main__":
    main()
