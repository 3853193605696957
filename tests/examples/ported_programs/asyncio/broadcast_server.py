# mypy: ignore-errors
# All clients hear what one of them says, and a tick now and then. With "prepared", each message is framed once.
import asyncio
import contextlib
import sys

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class BroadcastServerProtocol(WebSocketServerProtocol):
    def onOpen(self):
        self.factory.register(self)

    def onMessage(self, payload, isBinary):
        if not isBinary:
            self.factory.broadcast("{} from {}".format(payload.decode("utf8"), self.peer))

    def connection_lost(self, exc):
        WebSocketServerProtocol.connection_lost(self, exc)
        self.factory.unregister(self)


class BroadcastServerFactory(WebSocketServerFactory):
    def __init__(self, url):
        WebSocketServerFactory.__init__(self, url)
        self.clients = []
        self.ticks = 0
        self.tick()

    def tick(self):
        self.ticks += 1
        self.broadcast(f"tick {self.ticks}")
        self.loop.call_later(0.2, self.tick)

    def register(self, client):
        if client not in self.clients:
            self.clients.append(client)
            print(f"registered {client.peer}, {len(self.clients)} of {self.getConnectionCount()}")

    def unregister(self, client):
        if client in self.clients:
            self.clients.remove(client)
            print(f"unregistered {client.peer}, {len(self.clients)} left")

    def broadcast(self, msg):
        for client in self.clients:
            client.sendMessage(msg.encode("utf8"))


class BroadcastPreparedServerFactory(BroadcastServerFactory):
    def broadcast(self, msg):
        prepared = self.prepareMessage(msg.encode("utf8"), isBinary=False)
        for client in self.clients:
            client.sendPreparedMessage(prepared)


async def main():
    ServerFactory = BroadcastPreparedServerFactory if "prepared" in sys.argv else BroadcastServerFactory
    factory = ServerFactory("ws://127.0.0.1:" + sys.argv[1])
    factory.protocol = BroadcastServerProtocol
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("listening on", server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
