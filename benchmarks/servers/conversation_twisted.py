"""This project's conversations on Twisted."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.servers.callbacks import our_options
from benchmarks.servers.common import HOST, Settings, announce, end_with_input
from wsframework.twisted import serve
from wsframework.twisted.conversation import Server, ServerConversation


async def echo(ws: ServerConversation) -> None:
    async for message in ws:
        await ws.send(message)


def main() -> None:
    settings = Settings.from_command_line()
    reactor: Any = import_module("twisted.internet.reactor")
    options = {**our_options(settings), "autoPingInterval": 0, "autoPingTimeout": 0}

    def listens(server: Server) -> None:
        reactor.callWhenRunning(announce, server.port)

    serve(echo, HOST, 0, **options).addCallback(listens)
    end_with_input()
    reactor.run()


if __name__ == "__main__":
    main()
