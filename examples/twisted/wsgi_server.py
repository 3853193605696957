"""A WSGI application (Flask, Django, ...) at /, and an echo at /ws, on one port, on Twisted. Ctrl-C ends it."""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.web.server import Site
from twisted.web.wsgi import WSGIResource

from wsframework.twisted.resource import WebSocketResource, WSGIRootResource
from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    # Runs in a thread of the reactor's pool. To send a message from here there is `sendMessageFromThread`.
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"WSGI serves {environ['PATH_INFO']}\n".encode()]


class EchoServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


async def main(reactor: Any, host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    wsgi = WSGIResource(reactor, reactor.getThreadPool(), application)
    # A WSGIResource is a leaf. This lets others be beside it.
    root = WSGIRootResource(wsgi, {"ws": WebSocketResource(factory)})
    address = reactor.listenTCP(port, Site(root), interface=host).getHost()
    reactor.callWhenRunning(print, f"site on http://{address.host}:{address.port}/", flush=True)
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    react(main, (args.host, args.port))
