"""Says something to everybody at a broadcast server and prints what is said there until Ctrl-C, on Twisted.

python broadcast_client.py [URL [TEXT]]
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import react

from wsframework import WebSocketError
from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol

URL = "ws://127.0.0.1:9000"
TEXT = "Hello, everybody!"


class BroadcastClientProtocol(WebSocketClientProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        print(f"{len(payload)} octets" if isBinary else payload.decode(), flush=True)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        print(f"closed: {code} {reason or ''}", flush=True)


async def main(reactor: Any, url: str = URL, text: str = TEXT) -> None:
    factory = WebSocketClientFactory(url)
    factory.protocol = BroadcastClientProtocol
    endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, factory.host, factory.port)
    if factory.isSecure:
        endpoint = wrapClientTLS(optionsForClientTLS(factory.host), endpoint)
    try:
        client: Any = await endpoint.connect(factory)
        await client.is_open
    except (ConnectError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    client.sendMessage(text)

    def leave() -> Deferred[Any]:
        client.sendClose(1000)
        closed: Deferred[Any] = client.is_closed
        return closed

    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", leave)
    await client.is_closed


if __name__ == "__main__":
    react(main, sys.argv[1:])
