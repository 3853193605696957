"""Autobahn|Python on asyncio, where it is installed. Its API is ours, so this looks much like `ours.py`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.interop.sides import Address, Deflate, End, Ended, Listener, Message, Refused, Setup, Side, fragments

__all__ = ["AutobahnSide"]


class AutobahnEnd(End):
    """A protocol object of Autobahn."""

    def __init__(self, protocol: Any) -> None:
        super().__init__(protocol.websocket_protocol_in_use, protocol.http_headers)
        self._protocol = protocol

    async def send(self, message: Message) -> None:
        if isinstance(message, str):
            self._protocol.sendMessage(message.encode())
        else:
            self._protocol.sendMessage(message, isBinary=True)

    async def send_fragmented(self, message: Message, size: int, pings: bool = False) -> None:
        self._protocol.beginMessage(isBinary=isinstance(message, bytes))
        for number, part in enumerate(fragments(message, size)):
            self._protocol.sendMessageFrame(part if isinstance(part, bytes) else part.encode())
            if pings:
                self._protocol.sendPing(b"%d" % number)
        # With an empty frame.
        self._protocol.endMessage()

    async def send_ping(self, payload: bytes) -> None:
        self._protocol.sendPing(payload)

    async def close(self, code: int, reason: str) -> None:
        self._protocol.sendClose(code, reason)


class Reporting:
    """What a protocol of either role reports. Mixed into Autobahn's classes."""

    setup: Setup
    opened: Callable[[End], object]
    refused: Callable[[Refused], object]
    end: AutobahnEnd | None = None

    def onConnect(self, request_or_response: Any) -> Any:
        refusal = self.setup.refusal
        if refusal is not None:
            raise import_module("autobahn.websocket").ConnectionDeny(refusal.status, "refused")
        if not hasattr(request_or_response, "protocols"):
            return None
        known = self.setup.subprotocols
        chosen = next((name for name in request_or_response.protocols if name in known), None)
        return chosen, self.setup.headers

    def onOpen(self) -> None:
        self.end = AutobahnEnd(self)
        self.opened(self.end)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        assert self.end is not None, "no message before onOpen"
        self.end._received.put_nowait(payload if isBinary else payload.decode())

    def onPong(self, payload: bytes) -> None:
        assert self.end is not None, "no Pong before onOpen"
        self.end._pongs.put_nowait(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if self.end is not None:
            self.end._end(Ended(code, reason, wasClean))
            return
        status = re.search(r"failed [(\[](\d{3})\b", reason or "")
        if status is not None:
            self.refused(Refused(int(status[1])))


class AutobahnSide(Side):
    """Both roles of Autobahn."""

    echoes_close = False
    writes_ipv6_hosts = False

    def __init__(self) -> None:
        self._module = import_module("autobahn.asyncio.websocket")
        self._servers: list[asyncio.Server] = []
        self._protocols: list[Any] = []

    def _prepare(self, factory: Any, role: str, attributes: dict[str, Any], setup: Setup) -> None:
        base = getattr(self._module, f"WebSocket{role}Protocol")
        hooks = {name: staticmethod(value) if callable(value) else value for name, value in attributes.items()}
        kind = type("Reporting" + role, (Reporting, base), hooks)

        def make() -> Any:
            protocol = kind()
            self._protocols.append(protocol)
            return protocol

        factory.protocol = make
        factory.setProtocolOptions(failByDrop=False, maxMessagePayloadSize=setup.max_size)
        if setup.deflate:
            factory.setProtocolOptions(**_compression(role, Deflate() if setup.deflate is True else setup.deflate))

    async def listen(self, address: Address, setup: Setup) -> Listener:
        loop = asyncio.get_running_loop()
        factory = self._module.WebSocketServerFactory(protocols=list(setup.subprotocols), loop=loop)
        accepted: asyncio.Queue[End] = asyncio.Queue()
        self._prepare(factory, "Server", {"setup": setup, "opened": accepted.put_nowait}, setup)
        if address.unix_path is not None:
            server = await loop.create_unix_server(factory, address.unix_path)
        else:
            context = None if address.tls is None else address.tls.server
            server = await loop.create_server(factory, address.host, address.port, ssl=context)
            address = address.at(server.sockets[0].getsockname()[1])
        self._servers.append(server)
        return Listener(address, accepted)

    async def connect(self, address: Address, setup: Setup) -> End:
        loop = asyncio.get_running_loop()
        factory = self._module.WebSocketClientFactory(
            address.url, protocols=list(setup.subprotocols), headers=setup.headers, loop=loop
        )
        opened: asyncio.Future[End] = loop.create_future()
        hooks = {"setup": setup, "opened": opened.set_result, "refused": opened.set_exception}
        self._prepare(factory, "Client", hooks, setup)
        if address.unix_path is not None:
            await loop.create_unix_connection(factory, address.unix_path)
        else:
            context = None if address.tls is None else address.tls.client
            await loop.create_connection(factory, address.host, address.port, ssl=context)
        return await opened

    async def aclose(self) -> None:
        for server in self._servers:
            server.close()
        for protocol in self._protocols:
            # There is no such attribute before the connection is made.
            if getattr(protocol, "transport", None) is not None:
                protocol.transport.abort()
                await protocol.is_closed


def _compression(role: str, deflate: Deflate) -> dict[str, Any]:
    """The options of one role; there, window bits of 0 mean any."""
    module = import_module("autobahn.websocket.compress")
    server_bits = deflate.server_bits if deflate.server_bits < 15 else 0
    client_bits = deflate.client_bits if deflate.client_bits < 15 else 0
    if role == "Client":
        offer = module.PerMessageDeflateOffer(
            request_no_context_takeover=not deflate.server_takeover, request_max_window_bits=server_bits
        )
        return {
            "perMessageCompressionOffers": [offer],
            "perMessageCompressionAccept": module.PerMessageDeflateResponseAccept,
        }

    def accept(offers: list[Any]) -> Any:
        return module.PerMessageDeflateOfferAccept(
            offers[0],
            request_no_context_takeover=not deflate.client_takeover,
            request_max_window_bits=client_bits,
        )

    return {"perMessageCompressionAccept": accept}
