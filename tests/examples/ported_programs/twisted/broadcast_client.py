# mypy: ignore-errors
# Says a word and prints what it hears, until it has heard itself and a few ticks.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS


class BroadcastClientProtocol(WebSocketClientProtocol):
    def __init__(self):
        WebSocketClientProtocol.__init__(self)
        self.ticks = 0
        self.heard = False

    def sendHello(self):
        self.sendMessage(self.factory.word.encode("utf8"))

    def onOpen(self):
        self.sendHello()

    def onMessage(self, payload, isBinary):
        text = payload.decode("utf8")
        if text.startswith("tick"):
            self.ticks += 1
        else:
            print(f"heard {text}")
            self.heard = self.heard or text.startswith(self.factory.word)
        if self.heard and self.ticks >= 3 and self.state == WebSocketClientProtocol.STATE_OPEN:
            self.sendClose()

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean}")
        reactor.stop()


if __name__ == "__main__":
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = BroadcastClientProtocol
    factory.word = sys.argv[2]
    connectWS(factory)
    reactor.run()
