"""`websockets`, its implementation for asyncio, as a client."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_to

from benchmarks.clients.common import Settings, Tally, run_asyncio


async def converse(connection: ClientConnection, tally: Tally, payload: bytes) -> None:
    await connection.send(payload)
    async for message in connection:
        tally.count += 1
        await connection.send(message)


async def connect(settings: Settings, tally: Tally) -> object:
    connection = await connect_to(settings.url, compression=None, max_size=None, ping_interval=None)
    return asyncio.create_task(converse(connection, tally, settings.payload))


if __name__ == "__main__":
    run_asyncio(connect)
