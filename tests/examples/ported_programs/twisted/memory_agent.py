# mypy: ignore-errors
# Tests of a protocol without any network.
from twisted.internet.defer import inlineCallbacks
from twisted.trial import unittest

from wsframework.twisted.testing import MemoryReactorClockResolver, create_memory_agent, create_pumper
from wsframework.twisted.websocket import WebSocketServerProtocol


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


class CountingTest(unittest.TestCase):
    def setUp(self):
        self.pumper = create_pumper()
        self.reactor = MemoryReactorClockResolver()
        return self.pumper.start()

    def tearDown(self):
        return self.pumper.stop()

    @inlineCallbacks
    def test_client_closes(self):
        agent = create_memory_agent(self.reactor, self.pumper, CountingProtocol)
        proto = yield agent.open("ws://localhost:1234/ws", {})
        messages = []

        def got(*args, **kw):
            messages.append((args, kw))

        proto.on("message", got)
        proto.sendMessage(b"hello")
        proto.sendMessage(b"again", isBinary=True)
        proto.sendClose()
        yield proto.is_closed

        self.assertEqual(
            messages, [((b"/ws 1 hello",), {"is_binary": False}), ((b"/ws 2 again",), {"is_binary": True})]
        )

    @inlineCallbacks
    def test_server_closes(self):
        agent = create_memory_agent(self.reactor, self.pumper, lambda: CountingProtocol())
        proto = yield agent.open("ws://localhost:1234/ws", {"headers": {"x-test": "1"}})
        yield proto.is_open
        proto.sendMessage(b"enough")
        yield proto.is_closed
        self.assertEqual(proto.remoteCloseCode, 3001)


if __name__ == "__main__":
    import unittest as runner

    runner.main()
