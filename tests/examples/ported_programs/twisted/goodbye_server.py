# mypy: ignore-errors
# Answers one message and closes.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol, listenWS


class GoodbyeServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)
        self.sendClose(1000, "goodbye")


class GoodbyeServerFactory(WebSocketServerFactory):
    protocol = GoodbyeServerProtocol


if __name__ == "__main__":
    factory = GoodbyeServerFactory("ws://127.0.0.1:" + sys.argv[1])
    listenWS(factory)
    print("listening on", factory.port)
    reactor.run()
