"""Sends every message back to where it came from, over TLS, on Twisted. Ctrl-C ends it.

python echo_tls_server.py CERTIFICATE KEY           both are PEM files
"""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import react

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


async def main(reactor: Any, certificate: str, key: str, host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    # Intermediate certificates are what `ssl.CertificateOptions` has its `extraCertChain` for.
    options = PrivateCertificate.loadPEM(Path(key).read_bytes() + Path(certificate).read_bytes()).options()
    address = reactor.listenSSL(port, factory, options, interface=host).getHost()
    reactor.callWhenRunning(print, f"echo server on wss://{address.host}:{address.port}", flush=True)
    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("certificate")
    parser.add_argument("key")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    react(main, (args.certificate, args.key, args.host, args.port))
