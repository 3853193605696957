"""The testing kit as Autobahn's users know it, on Twisted."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import endpoints
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from wsframework.exceptions import HandshakeRejected
from wsframework.twisted.testing import (
    MemoryReactorClock,
    MemoryReactorClockResolver,
    create_memory_agent,
    create_pumper,
)
from wsframework.twisted.websocket import WebSocketServerProtocol
from wsframework.websocket.types import ConnectionDeny


class EchoServer(WebSocketServerProtocol):
    def onConnect(self, request: Any) -> str | None:
        if request.path == "/private":
            raise ConnectionDeny(403, "no")
        return request.protocols[0] if request.protocols else None

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


def result_of(deferred: Deferred[Any]) -> Any:
    """The result that a Deferred has."""
    found: list[Any] = []
    deferred.addBoth(found.append)
    assert found, "no result yet"
    return found[0]


def flush(pumper: Any) -> None:
    while pumper.flush():
        pass


def test_an_echo_by_an_agent_in_memory() -> None:
    """The example of Autobahn's documentation."""
    pumper = create_pumper()
    agent = create_memory_agent(MemoryReactorClockResolver(), pumper, EchoServer)
    protocol = result_of(agent.open("ws://localhost:1234/ws", {"protocols": ["chat"]}))
    assert protocol.websocket_protocol_in_use == "chat"
    messages: list[tuple[bytes, bool]] = []
    protocol.on("message", lambda payload, is_binary: messages.append((payload, is_binary)))
    protocol.sendMessage(b"hello")
    flush(pumper)
    protocol.sendClose()
    flush(pumper)
    assert result_of(protocol.is_closed) is protocol
    assert protocol.wasClean
    assert messages == [(b"hello", False)]


def test_the_agent_sees_refusals() -> None:
    """The path of the URL reaches the server."""
    pumper = create_pumper()
    agent = create_memory_agent(MemoryReactorClock(), pumper, EchoServer)
    failure = result_of(agent.open("ws://localhost/private"))
    assert failure.check(HandshakeRejected)
    assert failure.value.status == 403


def test_the_pumper_works_by_itself() -> None:
    """On the real reactor, between start and stop; here only that both are harmless twice."""
    pumper = create_pumper()
    result_of(pumper.start())
    result_of(pumper.start())
    result_of(pumper.stop())
    result_of(pumper.stop())


def test_names_resolve_in_the_memory_reactor() -> None:
    """Endpoints by host name can be used with it."""
    reactor = MemoryReactorClockResolver()
    endpoints.HostnameEndpoint(reactor, "example.com", 80).connect(Factory.forProtocol(Protocol))
    reactor.advance(1)
    assert reactor.tcpClients[0][:2] == ("127.0.0.1", 80)
    other: Any = object()
    before = reactor.installNameResolver(other)
    assert reactor.nameResolver is other
    assert before is not other


@pytest.mark.parametrize("arguments", [("http://x",), ("ws://x", {"origins": 1})])
def test_the_agent_checks_its_arguments(arguments: Any) -> None:
    """As the real one."""
    agent = create_memory_agent(MemoryReactorClockResolver(), create_pumper(), EchoServer)
    with pytest.raises((TypeError, ValueError)):
        agent.open(*arguments)
