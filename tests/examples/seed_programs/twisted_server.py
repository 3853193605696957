# mypy: ignore-errors
# As people write it who follow the guide: without annotations. The port is an argument; 0 takes any, and it is printed.
from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class MyServerProtocol(WebSocketServerProtocol):
    def onConnect(self, request):
        print("Client connecting: {}".format(request.peer))  # noqa: UP032

    def onOpen(self):
        print("WebSocket connection open.")

    def onMessage(self, payload, isBinary):
        ## echo back message verbatim
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        print("WebSocket connection closed: {}".format(reason))  # noqa: UP032


if __name__ == "__main__":
    import sys

    from twisted.internet import reactor
    from twisted.python import log

    log.startLogging(sys.stdout)

    factory = WebSocketServerFactory()
    factory.protocol = MyServerProtocol

    port = reactor.listenTCP(int(sys.argv[1]), factory)
    print("port", port.getHost().port)
    reactor.run()
