"""Looks at the headers of a request, refuses some, and adds headers to its answer, on Twisted. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import hmac
import secrets
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from wsframework.twisted.websocket import (
    ConnectionAccept,
    ConnectionDeny,
    ConnectionRequest,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)

GREETINGS = {"de": "Guten Tag", "en": "Good day"}


class HeadersServerProtocol(WebSocketServerProtocol):
    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token

    def onConnect(self, request: ConnectionRequest) -> ConnectionAccept:
        # Names are the same in upper and lower case.
        given = request.headers.get("Authorization", "")
        # Comparing with == would tell by its duration how much of a guess is right.
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            challenge = {"WWW-Authenticate": "Bearer"}
            raise ConnectionDeny(ConnectionDeny.UNAUTHORIZED, headers=challenge, body="a token is needed\n")
        language = "de" if request.headers.get("Accept-Language", "").startswith("de") else "en"
        # A list repeats the header.
        cookies = [f"session={secrets.token_urlsafe(16)}; HttpOnly; SameSite=Strict", f"language={language}"]
        return ConnectionAccept(headers={"Set-Cookie": cookies, "X-Greeting": GREETINGS[language]})


async def main(reactor: Any, host: str, port: int, token: str) -> None:
    # These headers are the same in all answers.
    factory = WebSocketServerFactory(headers={"X-Served-By": "Twisted"})
    factory.protocol = partial(HeadersServerProtocol, token)
    address = reactor.listenTCP(port, factory, interface=host).getHost()
    reactor.callWhenRunning(print, f"headers server on ws://{address.host}:{address.port}", flush=True)
    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    parser.add_argument("--token", default="sesame", help="what clients have to know")
    args = parser.parse_args()
    react(main, (args.host, args.port, args.token))
