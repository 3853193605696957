"""aiohttp, client and server. It sends every message in one frame."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType, web

from tests.interop.sides import Address, Deflate, End, Ended, Listener, Message, Refused, Setup, Side

__all__ = ["AiohttpSide"]

Socket = ClientWebSocketResponse | web.WebSocketResponse


class AiohttpEnd(End):
    """A connection of aiohttp. Its automatic answers to Pings would hide the Pongs, so this task answers."""

    def __init__(self, socket: Socket, subprotocol: str | None, headers: Mapping[str, str]) -> None:
        super().__init__(subprotocol, headers)
        self._socket = socket
        self.pump = asyncio.create_task(self._pump())

    async def _pump(self) -> None:
        while True:
            message = await self._socket.receive()
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._received.put_nowait(message.data)
            elif message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self._pongs.put_nowait(bytes(message.data))
            elif message.type is WSMsgType.CLOSE:
                self._end(Ended(message.data, message.extra, True))
                return
            else:
                # Our own close() waits for the answer, or something went wrong.
                return

    async def send(self, message: Message) -> None:
        if isinstance(message, str):
            await self._socket.send_str(message)
        else:
            await self._socket.send_bytes(message)

    async def send_fragmented(self, message: Message, size: int, pings: bool = False) -> None:
        raise NotImplementedError

    async def send_ping(self, payload: bytes) -> None:
        await self._socket.ping(payload)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._socket.close(code=code, message=reason.encode())
        await self.pump
        code_received = self._socket.close_code
        self._end(Ended(code_received, None, code_received != 1006))


class AiohttpSide(Side):
    """Both roles of aiohttp."""

    echoes_close = False
    limits_clients = False

    def __init__(self) -> None:
        self._ends: list[AiohttpEnd] = []
        self._runners: list[web.AppRunner] = []
        self._sessions: list[aiohttp.ClientSession] = []

    def _end(self, socket: Socket, subprotocol: str | None, headers: Mapping[str, str]) -> AiohttpEnd:
        end = AiohttpEnd(socket, subprotocol, headers)
        self._ends.append(end)
        return end

    async def listen(self, address: Address, setup: Setup) -> Listener:
        accepted: asyncio.Queue[End] = asyncio.Queue()

        async def handle(request: web.Request) -> web.StreamResponse:
            refusal = setup.refusal
            if refusal is not None:
                return web.Response(status=refusal.status, headers=refusal.headers, body=refusal.body)
            socket = web.WebSocketResponse(
                protocols=setup.subprotocols,
                autoping=False,
                max_msg_size=setup.max_size,
                compress=setup.deflate is not False,
            )
            socket.headers.update(setup.headers)
            await socket.prepare(request)
            end = self._end(socket, socket.ws_protocol, request.headers)
            accepted.put_nowait(end)
            await end.pump
            return socket

        application = web.Application()
        application.router.add_get("/{path:.*}", handle)
        runner = web.AppRunner(application)
        await runner.setup()
        self._runners.append(runner)
        if address.unix_path is not None:
            await web.UnixSite(runner, address.unix_path).start()
            return Listener(address, accepted)
        context = None if address.tls is None else address.tls.server
        await web.TCPSite(runner, address.host, address.port, ssl_context=context).start()
        return Listener(address.at(runner.addresses[0][1]), accepted)

    async def connect(self, address: Address, setup: Setup) -> End:
        connector = None if address.unix_path is None else aiohttp.UnixConnector(address.unix_path)
        session = aiohttp.ClientSession(connector=connector)
        self._sessions.append(session)
        try:
            socket = await session.ws_connect(
                address.url,
                protocols=setup.subprotocols,
                headers=setup.headers,
                ssl=True if address.tls is None else address.tls.client,
                autoping=False,
                max_msg_size=setup.max_size,
                compress=_server_bits(setup.deflate),
            )
        except aiohttp.WSServerHandshakeError as refused:
            raise Refused(refused.status, refused.headers) from refused
        return self._end(socket, socket.protocol, socket._response.headers)

    async def aclose(self) -> None:
        for end in self._ends:
            await end.close()
        for session in self._sessions:
            await session.close()
        for runner in self._runners:
            await runner.cleanup()


def _server_bits(deflate: Deflate | bool) -> int:
    """All that its client can ask of a server; 0 means no compression."""
    if isinstance(deflate, bool):
        return 15 if deflate else 0
    return deflate.server_bits
