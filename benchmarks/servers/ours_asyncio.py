"""This project on asyncio or uvloop."""

from __future__ import annotations

import asyncio

from benchmarks.servers.callbacks import behaviour, our_options
from benchmarks.servers.common import HOST, Settings, run_asyncio
from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


async def start(settings: Settings) -> int:
    factory = WebSocketServerFactory()
    factory.setProtocolOptions(**our_options(settings))
    behaviour(factory, WebSocketServerProtocol, settings)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, HOST, 0, ssl=settings.tls_context())
    port: int = server.sockets[0].getsockname()[1]
    return port


if __name__ == "__main__":
    run_asyncio(start)
