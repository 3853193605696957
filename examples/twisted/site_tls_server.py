"""An echo at /ws beside a page at /, over HTTPS, on Twisted. Ctrl-C says goodbye to all and ends it.

python site_tls_server.py CERTIFICATE KEY           both are PEM files
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
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from wsframework.twisted.resource import WebSocketResource
from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

PAGE = b"""<!doctype html>
<title>Echo</title>
<pre id="log"></pre>
<script>
  const socket = new WebSocket("ws" + location.origin.slice(4) + "/ws");
  socket.onopen = () => socket.send("Hello from the page");
  socket.onmessage = (event) => { document.getElementById("log").textContent += event.data; };
</script>
"""


class EchoServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


async def main(reactor: Any, certificate: str, key: str, host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    root = Resource()
    root.putChild(b"", Data(PAGE, "text/html"))
    root.putChild(b"ws", WebSocketResource(factory))
    # TLS is the Site's business: the resource finds that the connection is secure.
    options = PrivateCertificate.loadPEM(Path(key).read_bytes() + Path(certificate).read_bytes()).options()
    address = reactor.listenSSL(port, Site(root), options, interface=host).getHost()
    reactor.callWhenRunning(print, f"site on https://{address.host}:{address.port}/", flush=True)
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
