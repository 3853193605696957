"""Sends a message over TLS to a server whose certificate it verifies, and prints what comes back, on Twisted."""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from OpenSSL.SSL import Error as TLSError
from twisted.internet.error import ConnectError
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.internet.task import react

from wsframework import WebSocketError
from wsframework.twisted.websocket import WebSocketClientProtocol, create_client_agent
from wsframework.websocket.util import parse_url


class EchoClientProtocol(WebSocketClientProtocol):
    def onOpen(self) -> None:
        self.sendMessage("Hello, privately!")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        print(f"text: {payload.decode()}")
        self.sendClose(1000)


async def main(reactor: Any, url: str, ca: str | None) -> None:
    # Without any options the agent trusts the system's authorities: a client that verifies nothing has to be written
    # on purpose.
    options = None
    if ca is not None:
        authority = Certificate.loadPEM(Path(ca).read_bytes())
        # The host is the name that the certificate must be for.
        host = parse_url(url)[1]
        options = optionsForClientTLS(host, trustRootFromCertificates([authority]))
    agent = create_client_agent(reactor)
    try:
        client = await agent.open(url, protocol_class=EchoClientProtocol, contextFactory=options)
    except (ConnectError, TLSError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    await client.is_closed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="wss://localhost:9000")
    parser.add_argument("--ca", help="a PEM file with the authority to trust; by default those of the system")
    args = parser.parse_args()
    react(main, (args.url, args.ca))
