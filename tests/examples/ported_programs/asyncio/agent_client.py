# mypy: ignore-errors
# A client by URL that waits for what happens.
import asyncio
import sys

import txaio

from wsframework.asyncio.websocket import WebSocketClientProtocol, create_client_agent


class ClientProtocol(WebSocketClientProtocol):
    def onOpen(self):
        self.log.info("{name} is open to {peer}", name=type(self).__name__, peer=self.peer)


async def main():
    loop = asyncio.get_running_loop()
    agent = create_client_agent(loop)
    options = {"headers": {"x-greeting": "hello"}, "protocols": ["upper.example"]}

    proto = await agent.open(sys.argv[1], options, ClientProtocol)
    await proto.is_open
    print(f"protocol {proto.websocket_protocol_in_use}")

    got = loop.create_future()

    def on_message(payload, is_binary=False):
        print(f"message {payload.decode('utf8')} {is_binary}")
        got.set_result(None)

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
    txaio.use_asyncio()
    txaio.start_logging(level="info")
    asyncio.run(main())
