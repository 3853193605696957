"""tornado."""

# The checks run where tornado is not installed, too.
# mypy: disable-error-code="import-not-found", allow-subclassing-any

from __future__ import annotations

from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from benchmarks.servers.common import HOST, NO_LIMIT, Settings, run_asyncio


class Echo(WebSocketHandler):
    deflate: dict[str, Any] | None

    def initialize(self, deflate: dict[str, Any] | None) -> None:
        self.deflate = deflate

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, binary=isinstance(message, bytes))

    def get_compression_options(self) -> dict[str, Any] | None:
        return self.deflate


async def start(settings: Settings) -> int:
    deflate = {"compression_level": settings.level, "mem_level": settings.memory_level} if settings.deflate else None
    application = Application([("/", Echo, {"deflate": deflate})], websocket_max_message_size=NO_LIMIT)
    sockets = bind_sockets(0, HOST)
    HTTPServer(application, ssl_options=settings.tls_context()).add_sockets(sockets)
    port: int = sockets[0].getsockname()[1]
    return port


def note(settings: Settings) -> str:
    return "the window, 15 bits, cannot be changed" if settings.deflate else ""


if __name__ == "__main__":
    run_asyncio(start, note)
