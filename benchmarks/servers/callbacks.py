"""What a server does, in the callbacks that this project and Autobahn share. Mixed into the classes of either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.servers.common import Settings

if TYPE_CHECKING:
    from wsframework.websocket.broadcast import Broadcast

__all__ = ["Echo", "ToEach", "ToGroup", "behaviour", "our_options"]


class Echo:
    """Sends every message back."""

    sendMessage: Any

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class ToEach:
    """Sends every message to everybody: prepared once, then one call for each connection."""

    factory: Any
    sendPreparedMessage: Any

    def onOpen(self) -> None:
        self.factory.everybody[self] = None

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.factory.everybody.pop(self, None)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        prepared = self.factory.prepareMessage(payload, isBinary)
        for protocol in tuple(self.factory.everybody):
            protocol.sendPreparedMessage(prepared)


class ToGroup:
    """Sends every message to everybody by a `Broadcast`, which looks after slow receivers."""

    factory: Any

    def onOpen(self) -> None:
        group: Broadcast = self.factory.everybody
        group.add(self)  # type: ignore[arg-type]  # is mixed into a protocol

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        group: Broadcast = self.factory.everybody
        group.send_prepared(self.factory.prepareMessage(payload, isBinary))


def behaviour(factory: Any, base: type, settings: Settings) -> None:
    """Make a factory of this project or Autobahn build what the settings ask for."""
    mixin: type = {"echo": Echo, "each": ToEach, "broadcast": ToGroup}[settings.role]
    if settings.role == "each":
        factory.everybody = {}
    elif settings.role == "broadcast":
        from wsframework.websocket.broadcast import Broadcast

        factory.everybody = Broadcast()
    factory.protocol = type("Measured", (mixin, base), {})


def our_options(settings: Settings) -> dict[str, Any]:
    """For `setProtocolOptions` of this project."""
    options: dict[str, Any] = {"maxMessagePayloadSize": 0, "utf8validateIncoming": settings.validate}
    if settings.deflate:
        from wsframework.websocket.compress import DeflatePolicy

        options["perMessageCompressionAccept"] = DeflatePolicy(
            compression_level=settings.level, window_bits=settings.window, mem_level=settings.memory_level, threshold=0
        )
    return options
