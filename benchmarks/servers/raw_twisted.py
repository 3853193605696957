"""No WebSocket at all: the limit on Twisted."""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from benchmarks.servers.common import Settings, run_twisted


class Echo(Protocol):
    transport: Any

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        # That it is accepted: there is no handshake to tell.
        self.transport.write(b"!")

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class ToAll(Echo):
    everybody: dict[Any, None]

    def connectionMade(self) -> None:
        super().connectionMade()
        self.everybody[self.transport] = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del self.everybody[self.transport]

    def dataReceived(self, data: bytes) -> None:
        for transport in tuple(self.everybody):
            transport.write(data)


def make_factory(settings: Settings) -> Factory:
    ToAll.everybody = {}
    return Factory.forProtocol(Echo if settings.role == "echo" else ToAll)


if __name__ == "__main__":
    run_twisted(make_factory)
