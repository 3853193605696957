"""No WebSocket at all, on asyncio or uvloop: octets, against a server that echoes them."""

from __future__ import annotations

import asyncio

from benchmarks.clients.common import HOST, Settings, Tally, run_asyncio


class Echo(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, payload: bytes, tally: Tally) -> None:
        self._payload = payload
        self._size = len(payload)
        self._tally = tally
        # First comes the server's greeting.
        self._missing = 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing:
            return
        self._missing = self._size
        self._tally.count += 1
        self.transport.write(self._payload)


async def connect(settings: Settings, tally: Tally) -> object:
    payload = settings.payload
    return await asyncio.get_running_loop().create_connection(lambda: Echo(payload, tally), HOST, settings.port)


if __name__ == "__main__":
    run_asyncio(connect)
