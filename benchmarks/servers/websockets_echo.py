"""`websockets`, its implementation for asyncio."""

from __future__ import annotations

from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from benchmarks.servers.common import HOST, Settings, run_asyncio


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def echo_unchecked(connection: ServerConnection) -> None:
    while True:
        await connection.send(await connection.recv(decode=False), text=True)


async def start(settings: Settings) -> int:
    deflate = ServerPerMessageDeflateFactory(
        server_max_window_bits=settings.window if settings.window < 15 else None,
        compress_settings={"level": settings.level, "memLevel": settings.memory_level},
    )
    server = await serve(
        echo if settings.validate else echo_unchecked,
        HOST,
        0,
        ssl=settings.tls_context(),
        compression=None,
        extensions=[deflate] if settings.deflate else None,
        max_size=None,
        # No keepalive: none of the peers has one by default but this.
        ping_interval=None,
    )
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port


if __name__ == "__main__":
    run_asyncio(start)
