"""No WebSocket at all: the limit on asyncio or uvloop."""

from __future__ import annotations

import asyncio

from benchmarks.servers.common import HOST, Settings, run_asyncio


class Echo(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        # That it is accepted: there is no handshake to tell.
        self.transport.write(b"!")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class ToAll(Echo):
    everybody: dict[asyncio.Transport, None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.everybody[self.transport] = None

    def connection_lost(self, exc: Exception | None) -> None:
        del self.everybody[self.transport]

    def data_received(self, data: bytes) -> None:
        for transport in tuple(self.everybody):
            transport.write(data)


async def start(settings: Settings) -> int:
    ToAll.everybody = {}
    protocol = Echo if settings.role == "echo" else ToAll
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, HOST, 0, ssl=settings.tls_context())
    port: int = server.sockets[0].getsockname()[1]
    return port


if __name__ == "__main__":
    run_asyncio(start)
