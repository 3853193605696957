"""A chat room with a browser page on the same port, on Twisted. Ctrl-C says goodbye to everybody and ends it."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

# The room and its page are the same for both backends.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chat"))

from room import ChatFactory, ChatProtocol, Room

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class ChatServerProtocol(ChatProtocol, WebSocketServerProtocol):
    server = "Twisted"


class ChatServerFactory(ChatFactory, WebSocketServerFactory):
    pass


async def main(reactor: Any, host: str, port: int) -> None:
    factory = ChatServerFactory()
    factory.protocol = partial(ChatServerProtocol, Room())
    address = reactor.listenTCP(port, factory, interface=host).getHost()
    reactor.callWhenRunning(print, f"chat on http://{address.host}:{address.port}/", flush=True)
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    react(main, (args.host, args.port))
