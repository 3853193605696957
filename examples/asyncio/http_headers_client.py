"""Sends headers with its request and prints those of the answer, on asyncio.

python http_headers_client.py [URL [TOKEN]]
"""

from __future__ import annotations

import asyncio
import sys

from wsframework.asyncio.websocket import (
    ConnectingRequest,
    ConnectionResponse,
    WebSocketClientFactory,
    WebSocketClientProtocol,
)
from wsframework.exceptions import HandshakeRejected, WebSocketError
from wsframework.websocket import TransportDetails


class HeadersClientProtocol(WebSocketClientProtocol):
    token = ""

    def onConnecting(self, transport_details: TransportDetails) -> ConnectingRequest:
        # For headers that are made anew for each connection. Those that stay are given to the factory.
        return ConnectingRequest(headers={"Authorization": f"Bearer {self.token}", "Accept-Language": "de"})

    def onConnect(self, response: ConnectionResponse) -> None:
        for name in ("X-Served-By", "X-Greeting"):
            print(f"{name}: {response.headers[name]}")
        for cookie in response.headers.get_all("Set-Cookie"):
            print(f"Set-Cookie: {cookie}")

    def onOpen(self) -> None:
        self.sendClose(1000)


async def main(url: str = "ws://127.0.0.1:9000", token: str = "sesame") -> None:
    HeadersClientProtocol.token = token
    factory = WebSocketClientFactory(url)
    factory.protocol = HeadersClientProtocol
    loop = asyncio.get_running_loop()
    try:
        _, client = await loop.create_connection(factory, factory.host, factory.port, ssl=factory.isSecure or None)
        await client.is_open
    except HandshakeRejected as rejected:
        challenge = rejected.headers.get("WWW-Authenticate", "nothing")
        sys.exit(f"{url} answered {rejected.status} and wants {challenge}: {rejected.body.decode().strip()}")
    except (OSError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    await client.is_closed


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
