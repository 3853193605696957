# mypy: ignore-errors
# Answers a few pings and then no more; in between it pings on its own.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS


class KeepaliveClientProtocol(WebSocketClientProtocol):
    def onOpen(self):
        self.pings = 0
        self.sendPing(b"are you there?")

    def onPing(self, payload):
        self.pings += 1
        print(f"ping {self.pings} received, {len(payload)} bytes")
        if self.pings <= 3:
            self.sendPong(payload)

    def onPong(self, payload):
        print(f"pong received: {payload.decode('utf8')}")

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}")
        reactor.stop()


if __name__ == "__main__":
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = KeepaliveClientProtocol
    connectWS(factory)
    reactor.run()
