"""Sends a message over TLS to a server whose certificate it verifies, and prints what comes back, on asyncio."""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys

from wsframework import WebSocketError
from wsframework.asyncio.websocket import WebSocketClientProtocol, create_client_agent


class EchoClientProtocol(WebSocketClientProtocol):
    def onOpen(self) -> None:
        self.sendMessage("Hello, privately!")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        print(f"text: {payload.decode()}")
        self.sendClose(1000)


async def main(url: str, ca: str | None) -> None:
    # None stands for the authorities that the system trusts. Without any context the agent would take those too: a
    # client that verifies nothing has to be written on purpose.
    context = ssl.create_default_context(cafile=ca)
    try:
        client = await create_client_agent().open(url, protocol_class=EchoClientProtocol, ssl=context)
    except (OSError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    await client.is_closed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="wss://localhost:9000")
    parser.add_argument("--ca", help="a PEM file with the authority to trust; by default those of the system")
    args = parser.parse_args()
    asyncio.run(main(args.url, args.ca))
