"""Our side: protocols and factories of a backend that lives in a `Home`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from tests.interop.homes import Home
from tests.interop.sides import Address, End, Ended, Listener, Message, Refused, Setup, Side
from wsframework.exceptions import HandshakeRejected
from wsframework.websocket import ConnectionDeny
from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["OurEnd", "OurSide"]


class OurEnd(End):
    """A protocol object, seen from the test's thread."""

    def __init__(self, protocol: Any, home: Home) -> None:
        super().__init__(protocol.websocket_protocol_in_use, protocol.http_headers)
        self.protocol = protocol
        self._home = home

    async def send(self, message: Message) -> None:
        await self.send_all([message])

    async def send_all(self, messages: Iterable[Message]) -> None:
        def send() -> None:
            for message in messages:
                self.protocol.sendMessage(message, isBinary=isinstance(message, bytes))

        await self._home.call(send)

    async def send_fragmented(self, message: Message, size: int) -> None:
        is_binary = isinstance(message, bytes)
        await self._home.call(lambda: self.protocol.sendMessage(message, is_binary, fragmentSize=size))

    async def send_ping(self, payload: bytes) -> None:
        await self._home.call(lambda: self.protocol.sendPing(payload))

    async def close(self, code: int, reason: str) -> None:
        await self._home.call(lambda: self.protocol.sendClose(code, reason))


class Reporting(WebSocketProtocol):
    """Tells the test's loop what happens. Mixed into a backend's protocol classes."""

    side: OurSide
    end: OurEnd | None = None
    opened: Callable[[End], object]

    def onConnect(self, request_or_response: Any) -> None:
        refusal = self.side.refusal
        if refusal is not None:
            raise ConnectionDeny(refusal.status, headers=refusal.headers, body=refusal.body)

    def onOpen(self) -> None:
        self.end = OurEnd(self, self.side.home)
        self.side.tell(self.opened, self.end)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        assert self.end is not None, "no message before onOpen"
        self.side.tell(self.end._received.put_nowait, payload if isBinary else payload.decode())

    def onPong(self, payload: bytes) -> None:
        assert self.end is not None, "no Pong before onOpen"
        self.side.tell(self.end._pongs.put_nowait, payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if self.end is not None:
            self.side.tell(self.end._end, Ended(code, reason, wasClean))


class OurSide(Side):
    """A backend in both roles."""

    echoes_close = False

    def __init__(self, home: Home) -> None:
        self.home = home
        self.refusal: Refused | None = None
        self._loop = asyncio.get_running_loop()
        self._stops: list[Callable[[], Any]] = []
        self._protocols: list[Any] = []

    def tell(self, function: Callable[..., object], *args: object) -> None:
        """Call a function in the test's loop."""
        self._loop.call_soon_threadsafe(function, *args)

    def _prepare(self, factory: Any, base: type, setup: Setup, opened: Callable[[End], object]) -> None:
        kind = type("Reporting" + base.__name__, (Reporting, base), {"side": self, "opened": staticmethod(opened)})

        def make() -> Any:
            protocol = kind()
            self._protocols.append(protocol)
            return protocol

        factory.protocol = make
        factory.setProtocolOptions(failByDrop=False, maxMessagePayloadSize=setup.max_size)

    async def listen(self, address: Address, setup: Setup) -> Listener:
        module = self.home.module
        self.refusal = setup.refusal
        factory = module.WebSocketServerFactory(
            protocols=setup.subprotocols, headers=setup.headers, **self.home.factory_arguments()
        )
        accepted: asyncio.Queue[End] = asyncio.Queue()
        self._prepare(factory, module.WebSocketServerProtocol, setup, accepted.put_nowait)
        port, stop = await self.home.run(self.home.listen(address, factory))
        self._stops.append(stop)
        return Listener(address.at(port), accepted)

    async def connect(self, address: Address, setup: Setup) -> End:
        module = self.home.module
        factory = module.WebSocketClientFactory(
            address.url, protocols=setup.subprotocols, headers=setup.headers, **self.home.factory_arguments()
        )
        opened: asyncio.Future[End] = self._loop.create_future()
        self._prepare(factory, module.WebSocketClientProtocol, setup, opened.set_result)

        async def open_connection() -> None:
            protocol = await self.home.connect(address, factory)
            await protocol.is_open

        try:
            await self.home.run(open_connection())
        except HandshakeRejected as rejected:
            raise Refused(rejected.status or 0, rejected.headers, rejected.body) from rejected
        return await opened

    async def aclose(self) -> None:
        async def end() -> None:
            for stop in self._stops:
                # asyncio's stop() gives nothing to wait for.
                stopped = stop()
                if stopped is not None:
                    await stopped
            for protocol in self._protocols:
                if protocol.transport is not None:
                    protocol.dropConnection(abort=True)
                    await protocol.is_closed

        await self.home.run(end())
