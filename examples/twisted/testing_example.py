"""Tests of a protocol in memory: no socket, no port and no time that passes by itself, on Twisted.

python testing_example.py           trial and any other runner of unittest's tests will do
"""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any
from unittest import main

from twisted.trial import unittest

from wsframework.exceptions import HandshakeRejected
from wsframework.twisted.testing import MemoryReactorClockResolver, create_memory_agent, create_pumper
from wsframework.twisted.websocket import ConnectionDeny, ConnectionRequest, WebSocketServerProtocol


class ShoutServerProtocol(WebSocketServerProtocol):
    """What is tested."""

    def onConnect(self, request: ConnectionRequest) -> None:
        if request.path != "/shout":
            raise ConnectionDeny(ConnectionDeny.NOT_FOUND)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload.upper(), isBinary)


class ShoutTests(unittest.SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClockResolver()
        self.pumper = create_pumper()
        self.agent = create_memory_agent(self.reactor, self.pumper, ShoutServerProtocol)

    def carry(self) -> None:
        """Let everything happen that can: octets go between client and server until all is said."""
        while self.pumper.flush():
            self.reactor.advance(0)

    def test_a_message_comes_back_louder(self) -> None:
        client: Any = self.successResultOf(self.agent.open("ws://localhost/shout"))
        answers: list[bytes] = []
        client.on("message", lambda payload, is_binary: answers.append(payload))
        client.sendMessage("hello")
        self.carry()
        assert answers == [b"HELLO"]
        client.sendClose()
        self.carry()
        self.successResultOf(client.is_closed)
        assert client.wasClean

    def test_other_paths_are_refused(self) -> None:
        refused = self.failureResultOf(self.agent.open("ws://localhost/whisper"), HandshakeRejected)
        assert refused.value.status == 404


if __name__ == "__main__":
    main()
