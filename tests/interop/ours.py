"""Our side: protocols and factories of a backend that lives in a `Home`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.interop.homes import Home
from tests.interop.sides import Address, Deflate, End, Ended, Listener, Message, Refused, Setup, Side, fragments
from wsframework.exceptions import HandshakeRejected
from wsframework.websocket import ConnectionDeny
from wsframework.websocket.compress import DeflatePolicy
from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["OurEnd", "OurSetup", "OurSide"]

T = TypeVar("T")


@dataclass(frozen=True)
class OurSetup(Setup):
    """What only our side can be told.

    `api` is how it receives: by messages, frames or pieces; `auto_fragment_size` the option of that name; `policy` what
    `DeflatePolicy` is to be told besides `deflate`.
    """

    api: str = "messages"
    auto_fragment_size: int = 0
    policy: Mapping[str, Any] = field(default_factory=dict)


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

    async def send_fragmented(self, message: Message, size: int, pings: bool = False) -> None:
        """Pings can only come between frames that are sent one by one."""
        is_binary = isinstance(message, bytes)
        if not pings:
            await self._home.call(lambda: self.protocol.sendMessage(message, is_binary, fragmentSize=size))
            return

        def send() -> None:
            self.protocol.beginMessage(is_binary)
            for number, part in enumerate(fragments(_octets(message), size)):
                self.protocol.sendMessageFrame(part)
                self.protocol.sendPing(b"%d" % number)
            self.protocol.endMessage()

        await self._home.call(send)

    async def send_in_pieces(self, message: Message, frame_size: int, piece_size: int) -> None:
        """Send a message by the calls that are for what is longer than memory."""

        def send() -> None:
            self.protocol.beginMessage(isinstance(message, bytes))
            for frame in fragments(_octets(message), frame_size):
                self.protocol.beginMessageFrame(len(frame))
                for piece in fragments(frame, piece_size):
                    self.protocol.sendMessageFrameData(piece)
            self.protocol.endMessage()

        await self._home.call(send)

    async def tell(self, function: Callable[..., T], *arguments: object) -> T:
        """What a function of the protocol object gives, called where that lives."""
        return await self._home.call(lambda: function(self.protocol, *arguments))

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


class ReportingByFrames(Reporting):
    """The same for the callbacks by frames."""

    _kind: bool
    _parts: list[bytes]

    def onMessageBegin(self, isBinary: bool) -> None:
        self._kind, self._parts = isBinary, []

    def onMessageFrame(self, payload: list[bytes]) -> None:
        self._parts += payload

    def onMessageEnd(self) -> None:
        self.onMessage(b"".join(self._parts), self._kind)


class ReportingByPieces(Reporting):
    """The same for the callbacks by pieces."""

    _kind: bool
    _parts: list[bytes]

    def onMessageBegin(self, isBinary: bool) -> None:
        self._kind, self._parts = isBinary, []

    def onMessageFrameData(self, payload: bytes) -> None:
        self._parts.append(payload)

    def onMessageEnd(self) -> None:
        self.onMessage(b"".join(self._parts), self._kind)


KINDS = {"messages": Reporting, "frames": ReportingByFrames, "pieces": ReportingByPieces}


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
        wishes = setup if isinstance(setup, OurSetup) else OurSetup()
        attributes = {"side": self, "opened": staticmethod(opened)}
        kind = type("Reporting" + base.__name__, (KINDS[wishes.api], base), attributes)

        def make() -> Any:
            protocol = kind()
            self._protocols.append(protocol)
            return protocol

        factory.protocol = make
        factory.setProtocolOptions(
            failByDrop=False,
            maxMessagePayloadSize=setup.max_size,
            autoFragmentSize=wishes.auto_fragment_size,
            **_compression(factory.isServer, setup.deflate, wishes.policy),
        )

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


def _compression(is_server: bool, deflate: Deflate | bool, policy: Mapping[str, Any]) -> dict[str, Any]:
    """The options of either role."""
    if deflate is False:
        return {}
    accept: DeflatePolicy | bool = True
    offers: Any = True
    if deflate is not True or policy:
        wanted = {} if deflate is True else _wanted(is_server, deflate)
        accept = DeflatePolicy(**wanted, **policy)
        offers = accept.offers()
    if is_server:
        return {"perMessageCompressionAccept": accept}
    return {"perMessageCompressionAccept": accept, "perMessageCompressionOffers": offers}


def _wanted(is_server: bool, deflate: Deflate) -> dict[str, Any]:
    server = deflate.server_bits, not deflate.server_takeover
    client = deflate.client_bits, not deflate.client_takeover
    ours, theirs = (server, client) if is_server else (client, server)
    return {
        "window_bits": ours[0],
        "no_context_takeover": ours[1],
        "request_max_window_bits": theirs[0],
        "request_no_context_takeover": theirs[1],
    }


def _octets(message: Message) -> bytes:
    return message if isinstance(message, bytes) else message.encode()
