"""Sends every message back, over a unix socket, on Twisted. Ctrl-C ends it.

python unix_server.py [PATH]
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


async def main(reactor: Any, path: str = "/tmp/wsframework.sock") -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    # wantPID, a lock file beside it: a socket that an earlier server left there is replaced, but not one that is in
    # use. The mode decides who may connect.
    reactor.listenUNIX(path, factory, mode=0o600, wantPID=True)
    reactor.callWhenRunning(print, f"echo server on ws://unix:{path}", flush=True)
    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
