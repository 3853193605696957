"""aiohttp, as a client."""

from __future__ import annotations

import asyncio

from aiohttp import ClientSession, ClientWebSocketResponse

from benchmarks.clients.common import Settings, Tally, run_asyncio


async def converse(connection: ClientWebSocketResponse, tally: Tally, payload: bytes) -> None:
    await connection.send_bytes(payload)
    async for message in connection:
        tally.count += 1
        await connection.send_bytes(message.data)


async def connect(settings: Settings, tally: Tally) -> object:
    session = ClientSession()
    connection = await session.ws_connect(settings.url, max_msg_size=0)
    # The session is kept: without it the connection ends.
    return session, asyncio.create_task(converse(connection, tally, settings.payload))


if __name__ == "__main__":
    run_asyncio(connect)
