# mypy: ignore-errors
# As people write it who follow the guide: without annotations. The port is an argument.
from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol


class MyClientProtocol(WebSocketClientProtocol):
    def onConnect(self, response):
        print("Connected to Server: {}".format(response.peer))  # noqa: UP032

    def onOpen(self):
        self.sendMessage("Hello, world!".encode("utf8"))  # noqa: UP012

    def onMessage(self, payload, isBinary):
        if isBinary:
            print("Binary message received: {0} bytes".format(len(payload)))  # noqa: UP030, UP032
        else:
            print("Text message received: {0}".format(payload.decode("utf8")))  # noqa: UP030


if __name__ == "__main__":
    import sys

    from twisted.internet import reactor
    from twisted.python import log

    log.startLogging(sys.stdout)

    factory = WebSocketClientFactory()
    factory.protocol = MyClientProtocol

    reactor.connectTCP("127.0.0.1", int(sys.argv[1]), factory)
    reactor.run()
