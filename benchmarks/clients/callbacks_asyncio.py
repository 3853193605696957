"""This project or Autobahn on asyncio or uvloop, as a client."""

from __future__ import annotations

import asyncio
from importlib import import_module

from benchmarks.clients.callbacks import make_client_factory
from benchmarks.clients.common import HOST, Settings, Tally, run_asyncio


async def connect(settings: Settings, tally: Tally) -> object:
    loop = asyncio.get_running_loop()
    module = import_module(f"{settings.package}.asyncio.websocket")
    return await loop.create_connection(make_client_factory(module, settings, tally, loop=loop), HOST, settings.port)


if __name__ == "__main__":
    run_asyncio(connect)
