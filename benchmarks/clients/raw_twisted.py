"""No WebSocket at all, on Twisted: octets, against a server that echoes them."""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import ClientFactory, Protocol

from benchmarks.clients.common import HOST, Settings, Tally, run_twisted


class Echo(Protocol):
    transport: Any

    def __init__(self, payload: bytes, tally: Tally) -> None:
        self._payload = payload
        self._size = len(payload)
        self._tally = tally
        # First comes the server's greeting.
        self._missing = 1

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing:
            return
        self._missing = self._size
        self._tally.count += 1
        self.transport.write(self._payload)


class Factory(ClientFactory):
    def __init__(self, payload: bytes, tally: Tally) -> None:
        self._payload = payload
        self._tally = tally

    def buildProtocol(self, addr: object) -> Echo:
        return Echo(self._payload, self._tally)


def connect(reactor: Any, settings: Settings, tally: Tally) -> object:
    return reactor.connectTCP(HOST, settings.port, Factory(settings.payload, tally))


if __name__ == "__main__":
    run_twisted(connect)
