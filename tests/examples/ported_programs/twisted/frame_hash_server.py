# mypy: ignore-errors
# Hashes what comes frame by frame, and tells after each frame the digest of the message so far.
import hashlib
import sys

from twisted.internet import reactor
from twisted.python import log

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class FrameHashServerProtocol(WebSocketServerProtocol):
    def onMessageBegin(self, isBinary):
        WebSocketServerProtocol.onMessageBegin(self, isBinary)
        self.sha256 = hashlib.sha256()
        self.frames = 0

    def onMessageFrame(self, payload):
        length = 0
        for data in payload:
            length += len(data)
            self.sha256.update(data)
        self.frames += 1
        print(f"frame {self.frames} of {length} bytes")
        self.sendMessage(self.sha256.hexdigest().encode("utf8"))

    def onMessageEnd(self):
        print(f"message of {self.frames} frames ended")
        self.sha256 = None


if __name__ == "__main__":
    log.startLogging(sys.stdout)

    factory = WebSocketServerFactory()
    factory.protocol = FrameHashServerProtocol
    port = reactor.listenTCP(int(sys.argv[1]), factory)
    print("listening on", port.getHost().port)
    reactor.run()
