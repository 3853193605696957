"""A site with WebSocket in it, as a program: `python -m tests.interop.site_process FOLDER KEY CHAIN`.

Static files from FOLDER, and WebSocket at /ws, over HTTP and HTTPS; a second site with a WSGI application at its root.
A program, because Twisted's static files, and its HTTP/2, run on the process-wide reactor only. It prints its ports as
a line of JSON, ends with its input, and tells by its exit status of warnings in the log and of a factory not stopped.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.logger import LogEvent, LogLevel, globalLogPublisher
from twisted.web.server import Site
from twisted.web.static import File
from twisted.web.wsgi import WSGIResource

from wsframework.twisted.resource import WebSocketResource, WSGIRootResource
from wsframework.twisted.websocket import ConnectionDeny, WebSocketServerFactory, WebSocketServerProtocol

reactor: Any = the_reactor  # a module to type checkers
errors: list[str] = []


class Echo(WebSocketServerProtocol):
    """Decides about connections as the query says, after a turn of the reactor."""

    async def onConnect(self, request: Any) -> Any:
        turn: Deferred[None] = Deferred()
        reactor.callLater(0, turn.callback, None)
        await turn
        if "deny" in request.params:
            raise ConnectionDeny(403, body="no entry", headers={"X-Reason": "not on the list"})
        return "echo" if "echo" in request.protocols else None

    def onOpen(self) -> None:
        self.sendMessage(f"secure: {self.transport_details.is_secure}")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class EchoFactory(WebSocketServerFactory):
    """Counts its starts and stops."""

    protocol = Echo
    starts = stops = 0

    def startFactory(self) -> None:
        self.starts += 1

    def stopFactory(self) -> None:
        self.stops += 1


def application(environ: Any, start_response: Any) -> list[bytes]:
    """Says what it was asked for."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]


def observe(event: LogEvent) -> None:
    if event["log_level"] >= LogLevel.warn:
        errors.append(str(event))


def listen(folder: str, key_file: str, chain_file: str, factory: EchoFactory) -> dict[str, int]:
    root = File(folder)
    root.putChild(b"ws", WebSocketResource(factory))
    site = Site(root)  # type: ignore[no-untyped-call]
    wsgi = WSGIResource(reactor, reactor.getThreadPool(), application)  # type: ignore[no-untyped-call]
    wsgi_site = Site(WSGIRootResource(wsgi, {"ws": WebSocketResource(factory)}))  # type: ignore[no-untyped-call]
    with open(key_file, "rb") as key, open(chain_file, "rb") as chain:
        certificate = PrivateCertificate.loadPEM(key.read() + chain.read())  # type: ignore[no-untyped-call]
    context = CertificateOptions(privateKey=certificate.privateKey.original, certificate=certificate.original)
    ports = {
        "http": reactor.listenTCP(0, site, interface="127.0.0.1"),
        "https": reactor.listenSSL(0, site, context, interface="127.0.0.1"),
        "wsgi": reactor.listenTCP(0, wsgi_site, interface="127.0.0.1"),
    }
    return {name: port.getHost().port for name, port in ports.items()}


def wait_for_end() -> None:
    sys.stdin.read()
    reactor.callFromThread(reactor.stop)


def main(folder: str, key_file: str, chain_file: str) -> None:
    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    factory = EchoFactory()
    print(json.dumps(listen(folder, key_file, chain_file, factory)), flush=True)
    threading.Thread(target=wait_for_end, daemon=True).start()
    reactor.run()
    if factory.starts != factory.stops:
        errors.append(f"{factory.starts} starts, {factory.stops} stops")
    print(*errors, sep="\n", file=sys.stderr)
    sys.exit(bool(errors))


if __name__ == "__main__":
    main(*sys.argv[1:])
