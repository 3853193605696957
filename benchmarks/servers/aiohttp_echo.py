"""aiohttp's server."""

from __future__ import annotations

from aiohttp import WSMsgType, web

from benchmarks.servers.common import HOST, Settings, run_asyncio


async def start(settings: Settings) -> int:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse(max_msg_size=0, compress=settings.deflate, decode_text=settings.validate)
        await connection.prepare(request)
        async for message in connection:
            if message.type is WSMsgType.BINARY:
                await connection.send_bytes(message.data)
            elif settings.validate:
                await connection.send_str(message.data)
            else:
                await connection.send_frame(message.data, WSMsgType.TEXT)
        return connection

    application = web.Application()
    application.router.add_get("/", echo)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, ssl_context=settings.tls_context()).start()
    port: int = runner.addresses[0][1]
    return port


def note(settings: Settings) -> str:
    return "level 1 and the window that the client asks for, 15 bits, cannot be changed" if settings.deflate else ""


if __name__ == "__main__":
    run_asyncio(start, note)
