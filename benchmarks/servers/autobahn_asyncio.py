"""Autobahn on asyncio."""

# It is not annotated.
# mypy: disable-error-code="import-untyped", allow-untyped-calls

from __future__ import annotations

import asyncio

from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol

from benchmarks.servers.autobahn_options import autobahn_note, autobahn_options
from benchmarks.servers.callbacks import behaviour
from benchmarks.servers.common import HOST, Settings, run_asyncio


async def start(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    factory = WebSocketServerFactory(loop=loop)
    factory.setProtocolOptions(**autobahn_options(settings))
    behaviour(factory, WebSocketServerProtocol, settings)
    server = await loop.create_server(factory, HOST, 0, ssl=settings.tls_context())
    port: int = server.sockets[0].getsockname()[1]
    return port


if __name__ == "__main__":
    run_asyncio(start, autobahn_note)
