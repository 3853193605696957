# mypy: ignore-errors
# Asks for squares one after the other, until the server has had enough.
import json
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol


class SlowSquareClientProtocol(WebSocketClientProtocol):
    numbers = (2, 1.5, 3, 10, 4)

    def ask(self):
        number = next(self.remaining)
        self.sendMessage(json.dumps(number).encode("utf8"))
        print(f"asked for the square of {number}")

    def onOpen(self):
        self.remaining = iter(self.numbers)
        self.ask()

    def onMessage(self, payload, isBinary):
        if not isBinary:
            res = json.loads(payload.decode("utf8"))
            print(f"result received: {res}")
            self.ask()

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code} {reason}")
        reactor.stop()


if __name__ == "__main__":
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = SlowSquareClientProtocol
    reactor.connectTCP(factory.host, factory.port, factory)
    reactor.run()
