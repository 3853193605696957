# mypy: ignore-errors
# Tries subprotocols, given after the URL, and says how that went.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS


class ServiceClientProtocol(WebSocketClientProtocol):
    def onConnect(self, response):
        print(f"speaking {response.protocol}")

    def onOpen(self):
        self.sendMessage(b"Hello")

    def onMessage(self, payload, isBinary):
        print("received " + payload.decode("utf8"))
        if payload != b"I reverse":
            self.sendClose(3999, "thank you")

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}, status line: {self.http_status_line}")
        reactor.stop()


if __name__ == "__main__":
    factory = WebSocketClientFactory(sys.argv[1], protocols=sys.argv[2:])
    factory.protocol = ServiceClientProtocol
    connectWS(factory)
    reactor.run()
