"""The WebSocket resource of twisted.web itself."""

# Not all of Twisted is annotated, and older ones have no such module.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from twisted.web.websocket import WebSocketResource, WebSocketTransport

from benchmarks.servers.common import Settings, run_twisted


class Echo:
    _transport: WebSocketTransport

    def negotiationStarted(self, transport: WebSocketTransport) -> None:
        self._transport = transport

    def negotiationFinished(self) -> None:
        pass

    def textMessageReceived(self, message: str) -> None:
        self._transport.sendTextMessage(message)

    def bytesMessageReceived(self, data: bytes | bytearray) -> None:
        self._transport.sendBytesMessage(bytes(data))

    def pongReceived(self, payload: bytes) -> None:
        pass

    def connectionLost(self, reason: Failure) -> None:
        pass


class Factory:
    def buildProtocol(self, request: Request) -> Echo:
        return Echo()


def make_factory(_: Settings) -> Any:
    root = Resource()
    root.putChild(b"", WebSocketResource(Factory()))
    return Site(root)


if __name__ == "__main__":
    run_twisted(make_factory)
