# mypy: ignore-errors
# Squares numbers, which takes its time. One that is too large ends the connection with a code of its own.
import json
import sys

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.python import log

from wsframework.twisted.util import sleep
from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class SlowSquareServerProtocol(WebSocketServerProtocol):
    @inlineCallbacks
    def slowsquare(self, x):
        if x > 5:
            raise ValueError("number too large")
        yield sleep(0.05)
        return x * x

    @inlineCallbacks
    def onMessage(self, payload, isBinary):
        if not isBinary:
            x = json.loads(payload.decode("utf8"))
            try:
                res = yield self.slowsquare(x)
            except ValueError as e:
                self.sendClose(3000, f"Exception raised: {e}")
            else:
                self.sendMessage(json.dumps(res).encode("utf8"))


if __name__ == "__main__":
    log.startLogging(sys.stdout)

    factory = WebSocketServerFactory()
    factory.protocol = SlowSquareServerProtocol
    port = reactor.listenTCP(int(sys.argv[1]), factory)
    print("listening on", port.getHost().port)
    reactor.run()
