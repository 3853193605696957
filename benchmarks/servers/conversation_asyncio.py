"""This project's conversations on asyncio or uvloop: what the comfort of `await` costs."""

from __future__ import annotations

from benchmarks.servers.callbacks import our_options
from benchmarks.servers.common import HOST, Settings, run_asyncio
from wsframework.asyncio import serve
from wsframework.asyncio.conversation import ServerConversation


async def echo(ws: ServerConversation) -> None:
    async for message in ws:
        await ws.send(message)


async def start(settings: Settings) -> int:
    # No keepalive: none of the peers has one by default.
    options = {**our_options(settings), "autoPingInterval": 0, "autoPingTimeout": 0}
    server = await serve(echo, HOST, 0, ssl=settings.tls_context(), **options)
    return server.port


if __name__ == "__main__":
    run_asyncio(start)
