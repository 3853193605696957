# mypy: ignore-errors
# Sends one message in some large frames, the next one when the digest of the last has come.
import hashlib
import os
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS

FRAME_SIZE = 3 * 2**20
FRAME_COUNT = 4


class FrameHashClientProtocol(WebSocketClientProtocol):
    def sendOneFrame(self):
        data = os.urandom(FRAME_SIZE)
        self.sha256.update(data)
        self.count += 1
        self.sendMessageFrame(data)

    def onOpen(self):
        self.count = 0
        self.ended = False
        self.sha256 = hashlib.sha256()
        self.beginMessage(isBinary=True)
        self.sendOneFrame()

    def onMessage(self, payload, isBinary):
        same = payload.decode("utf8") == self.sha256.hexdigest()
        print(f"digest {self.count} is {'right' if same else 'wrong'}")
        if self.count < FRAME_COUNT:
            self.sendOneFrame()
        elif not self.ended:
            # That is a frame too, an empty one.
            self.ended = True
            self.endMessage()
        else:
            self.sendClose(1000, "enough")

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}")
        reactor.stop()


if __name__ == "__main__":
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = FrameHashClientProtocol
    connectWS(factory)
    reactor.run()
