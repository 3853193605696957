# mypy: ignore-errors
# All clients hear what one of them says, and a tick now and then. With "prepared", each message is framed once.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol, listenWS


class BroadcastServerProtocol(WebSocketServerProtocol):
    def onOpen(self):
        self.factory.register(self)

    def onMessage(self, payload, isBinary):
        if not isBinary:
            self.factory.broadcast("{} from {}".format(payload.decode("utf8"), self.peer))

    def connectionLost(self, reason):
        WebSocketServerProtocol.connectionLost(self, reason)
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
        self.reactor.callLater(0.2, self.tick)

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


if __name__ == "__main__":
    ServerFactory = BroadcastPreparedServerFactory if "prepared" in sys.argv else BroadcastServerFactory
    factory = ServerFactory("ws://127.0.0.1:" + sys.argv[1])
    factory.protocol = BroadcastServerProtocol
    listenWS(factory, interface="127.0.0.1")
    print("listening on", factory.port)
    reactor.run()
