"""The package `websockets`, its asyncio API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.client import connect, unix_connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection, serve, unix_serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.interop.sides import Address, Deflate, End, Ended, Listener, Message, Refused, Setup, Side, fragments

__all__ = ["WebsocketsSide"]


class WebsocketsEnd(End):
    """A connection of `websockets`; a task moves its messages here."""

    def __init__(self, socket: Connection, headers: Headers) -> None:
        super().__init__(socket.subprotocol, dict(headers.raw_items()))
        self._socket = socket
        self._waiting: set[asyncio.Task[None]] = set()
        self.pump = asyncio.create_task(self._pump())

    async def _pump(self) -> None:
        try:
            while True:
                self._received.put_nowait(await self._socket.recv())
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                self._end(Ended(None, None, was_clean=False))
            else:
                self._end(Ended(closed.rcvd.code, closed.rcvd.reason, closed.sent is not None))

    async def send(self, message: Message) -> None:
        await self._socket.send(message)

    async def send_fragmented(self, message: Message, size: int, pings: bool = False) -> None:
        async def parts() -> AsyncIterator[Message]:
            for number, part in enumerate(fragments(message, size)):
                yield part
                if pings:
                    await self.send_ping(b"%d" % number)

        await self._socket.send(parts())

    async def send_ping(self, payload: bytes) -> None:
        # Comes when the Pong has come.
        ponged = await self._socket.ping(payload)
        waiting = asyncio.create_task(self._wait_for_pong(ponged, payload))
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    async def _wait_for_pong(self, ponged: Awaitable[float], payload: bytes) -> None:
        await ponged
        self._pongs.put_nowait(payload)

    async def close(self, code: int, reason: str) -> None:
        await self._socket.close(code, reason)


class WebsocketsSide(Side):
    """Both roles of `websockets`."""

    def __init__(self) -> None:
        self._servers: list[Server] = []
        self._ends: list[WebsocketsEnd] = []

    def _end(self, socket: Connection, headers: Headers) -> WebsocketsEnd:
        end = WebsocketsEnd(socket, headers)
        self._ends.append(end)
        return end

    async def listen(self, address: Address, setup: Setup) -> Listener:
        accepted: asyncio.Queue[End] = asyncio.Queue()

        async def handle(socket: ServerConnection) -> None:
            assert socket.request is not None, "the handshake is complete"
            end = self._end(socket, socket.request.headers)
            accepted.put_nowait(end)
            await end.pump

        def process_request(_: ServerConnection, __: Request) -> Response | None:
            refusal = setup.refusal
            if refusal is None:
                return None
            body = refusal.body or b""
            headers = Headers(refusal.headers or {})
            headers["Content-Length"] = str(len(body))
            return Response(refusal.status, HTTPStatus(refusal.status).phrase, headers, body)

        def process_response(_: ServerConnection, __: Request, response: Response) -> None:
            response.headers.update(setup.headers)

        options: dict[str, Any] = {
            "process_request": process_request,
            "process_response": process_response,
            "max_size": setup.max_size,
            # Without subprotocols of its own it refuses a client that offers some.
            "subprotocols": [Subprotocol(name) for name in setup.subprotocols] or None,
            **_compression(ServerPerMessageDeflateFactory, setup.deflate),
        }
        if address.unix_path is not None:
            server = await unix_serve(handle, address.unix_path, **options)
        else:
            context = None if address.tls is None else address.tls.server
            server = await serve(handle, address.host, address.port, ssl=context, **options)
            address = address.at(next(iter(server.sockets)).getsockname()[1])
        self._servers.append(server)
        return Listener(address, accepted)

    async def connect(self, address: Address, setup: Setup) -> End:
        options: dict[str, Any] = {
            "additional_headers": setup.headers,
            "max_size": setup.max_size,
            "subprotocols": [Subprotocol(name) for name in setup.subprotocols] or None,
            **_compression(ClientPerMessageDeflateFactory, setup.deflate),
        }
        if address.tls is not None:
            options["ssl"] = address.tls.client
        try:
            if address.unix_path is not None:
                socket = await unix_connect(address.unix_path, address.url, **options)
            else:
                socket = await connect(address.url, proxy=None, **options)
        except InvalidStatus as refused:
            response = refused.response
            raise Refused(response.status_code, response.headers, bytes(response.body or b"")) from refused
        assert socket.response is not None, "the handshake is complete"
        return self._end(socket, socket.response.headers)

    async def aclose(self) -> None:
        for end in self._ends:
            await end._socket.close()
            await end.pump
        for server in self._servers:
            server.close()
            await server.wait_closed()


def _compression(factory: Any, deflate: Deflate | bool) -> dict[str, Any]:
    """The options of either role; there, None leaves a parameter out and True is for one that needs no value."""
    if isinstance(deflate, bool):
        return {"compression": "deflate" if deflate else None}
    bits = {15: True if factory is ClientPerMessageDeflateFactory else None}
    extension = factory(
        server_no_context_takeover=not deflate.server_takeover,
        client_no_context_takeover=not deflate.client_takeover,
        server_max_window_bits=deflate.server_bits if deflate.server_bits < 15 else None,
        client_max_window_bits=bits.get(deflate.client_bits, deflate.client_bits),
    )
    return {"compression": None, "extensions": [extension]}
