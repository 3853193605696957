# mypy: ignore-errors
# A client by URL that waits for what happens.
import sys

import txaio
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react

from wsframework.twisted.websocket import WebSocketClientProtocol, create_client_agent


class ClientProtocol(WebSocketClientProtocol):
    def onOpen(self):
        self.log.info("{name} is open to {peer}", name=type(self).__name__, peer=self.peer)


async def main(reactor):
    agent = create_client_agent(reactor)
    options = {"headers": {"x-greeting": "hello"}, "protocols": ["upper.example"]}

    proto = await agent.open(sys.argv[1], options, ClientProtocol)
    await proto.is_open
    print(f"protocol {proto.websocket_protocol_in_use}")

    got = Deferred()

    def on_message(payload, is_binary=False):
        print(f"message {payload.decode('utf8')} {is_binary}")
        got.callback(None)

    proto.on("message", on_message)
    proto.sendMessage(b"agent")
    await got
    proto.sendClose(1000, "done")
    await proto.is_closed
    print(f"clean: {proto.wasClean}, code {proto.remoteCloseCode}")

    another = await agent.open(sys.argv[1], options)
    another.sendClose()
    await another.is_closed
    print("and another one")


if __name__ == "__main__":
    txaio.use_twisted()
    txaio.start_logging(level="info")
    react(lambda reactor: ensureDeferred(main(reactor)))
