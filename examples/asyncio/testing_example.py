"""Tests of a protocol in memory: no socket, no port, on asyncio.

python testing_example.py           any other runner of unittest's tests will do
"""

from __future__ import annotations

import asyncio
import unittest

from wsframework.asyncio.testing import create_memory_agent, create_pumper
from wsframework.asyncio.websocket import ConnectionDeny, ConnectionRequest, WebSocketServerProtocol
from wsframework.exceptions import HandshakeRejected


class ShoutServerProtocol(WebSocketServerProtocol):
    """What is tested."""

    def onConnect(self, request: ConnectionRequest) -> None:
        if request.path != "/shout":
            raise ConnectionDeny(ConnectionDeny.NOT_FOUND)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload.upper(), isBinary)


class ShoutTests(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        # Carries octets between clients and servers while the test waits for something.
        self.pumper = create_pumper()
        await self.pumper.start()
        self.addAsyncCleanup(self.pumper.stop)
        self.agent = create_memory_agent(None, self.pumper, ShoutServerProtocol)

    async def test_a_message_comes_back_louder(self) -> None:
        client = await self.agent.open("ws://localhost/shout")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        client.on("message", lambda payload, is_binary: answer.set_result(payload))
        client.sendMessage("hello")
        assert await answer == b"HELLO"
        client.sendClose()
        await client.is_closed
        assert client.wasClean

    async def test_other_paths_are_refused(self) -> None:
        with self.assertRaises(HandshakeRejected) as refused:  # noqa: PT027
            await self.agent.open("ws://localhost/whisper")
        assert refused.exception.status == 404


if __name__ == "__main__":
    unittest.main()
