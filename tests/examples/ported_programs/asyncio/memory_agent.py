# mypy: ignore-errors
# Tests of a protocol without any network.
import asyncio
import unittest

from wsframework.asyncio.testing import create_memory_agent, create_pumper
from wsframework.asyncio.websocket import WebSocketServerProtocol


class CountingProtocol(WebSocketServerProtocol):
    def onConnect(self, request):
        self.path = request.path

    def onOpen(self):
        self.count = 0

    def onMessage(self, payload, isBinary):
        self.count += 1
        self.sendMessage(f"{self.path} {self.count} ".encode() + payload, isBinary)
        if payload == b"enough":
            self.sendClose(3001, "as you say")


class CountingTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.pumper = create_pumper()
        await self.pumper.start()

    async def asyncTearDown(self):
        await self.pumper.stop()

    async def test_client_closes(self):
        agent = create_memory_agent(asyncio.get_running_loop(), self.pumper, CountingProtocol)
        proto = await agent.open("ws://localhost:1234/ws", {})
        messages = []

        def got(*args, **kw):
            messages.append((args, kw))

        proto.on("message", got)
        proto.sendMessage(b"hello")
        proto.sendMessage(b"again", isBinary=True)
        proto.sendClose()
        await proto.is_closed

        self.assertEqual(
            messages, [((b"/ws 1 hello",), {"is_binary": False}), ((b"/ws 2 again",), {"is_binary": True})]
        )

    async def test_server_closes(self):
        agent = create_memory_agent(asyncio.get_running_loop(), self.pumper, lambda: CountingProtocol())
        proto = await agent.open("ws://localhost:1234/ws", {"headers": {"x-test": "1"}})
        await proto.is_open
        proto.sendMessage(b"enough")
        await proto.is_closed
        self.assertEqual(proto.remoteCloseCode, 3001)


if __name__ == "__main__":
    unittest.main()
