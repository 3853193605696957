"""A client in the callbacks that this project and Autobahn share. Mixed into the classes of either."""

from __future__ import annotations

from typing import Any

from benchmarks.clients.common import Settings, Tally

__all__ = ["EchoClient", "make_client_factory"]


class EchoClient:
    """Sends a message, and again whenever it comes back."""

    factory: Any
    sendMessage: Any

    def onOpen(self) -> None:
        self.sendMessage(self.factory.message, True)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.factory.tally.count += 1
        self.sendMessage(payload, isBinary)


def make_client_factory(module: Any, settings: Settings, tally: Tally, **arguments: Any) -> Any:
    """A client factory of `module`, which is some backend's `websocket`."""
    factory = module.WebSocketClientFactory(settings.url, **arguments)
    factory.setProtocolOptions(maxMessagePayloadSize=0)
    factory.protocol = type("Measured", (EchoClient, module.WebSocketClientProtocol), {})
    factory.message = settings.payload
    factory.tally = tally
    return factory
