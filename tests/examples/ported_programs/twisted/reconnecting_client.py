# mypy: ignore-errors
# Connects again and again, also before there is a server, until it has had three conversations.
import sys

from twisted.internet import reactor
from twisted.internet.protocol import ReconnectingClientFactory

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS


class ReconnectingProtocol(WebSocketClientProtocol):
    def onConnect(self, response):
        self.factory.resetDelay()

    def onOpen(self):
        self.factory.conversations += 1
        self.sendMessage(f"conversation {self.factory.conversations}".encode())

    def onMessage(self, payload, isBinary):
        print("received " + payload.decode("utf8"))

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code} {reason}")


class ReconnectingFactory(ReconnectingClientFactory, WebSocketClientFactory):
    protocol = ReconnectingProtocol
    initialDelay = 0.1
    maxDelay = 0.5
    conversations = 0

    def startedConnecting(self, connector):
        print("connecting")

    def clientConnectionFailed(self, connector, reason):
        print("connection failed, trying again")
        ReconnectingClientFactory.clientConnectionFailed(self, connector, reason)

    def clientConnectionLost(self, connector, reason):
        print("connection lost")
        if self.conversations == 3:
            self.stopTrying()
            reactor.stop()
        else:
            ReconnectingClientFactory.clientConnectionLost(self, connector, reason)


if __name__ == "__main__":
    factory = ReconnectingFactory(sys.argv[1])
    connectWS(factory)
    reactor.run()
