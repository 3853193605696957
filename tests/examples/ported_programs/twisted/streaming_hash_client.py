# mypy: ignore-errors
# Begins one frame as large as frames can be, sends batches into it, and leaves after a few.
import hashlib
import os
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS

BATCH_SIZE = 2**20
FRAME_SIZE = 0x7FFFFFFFFFFFFFFF  # 2^63 - 1


class StreamingHashClientProtocol(WebSocketClientProtocol):
    def onOpen(self):
        self.sha256 = hashlib.sha256()
        self.count = 0
        self.beginMessage(isBinary=True)
        self.beginMessageFrame(FRAME_SIZE)
        self.sendOneBatch()

    def sendOneBatch(self):
        data = os.urandom(BATCH_SIZE)
        self.sha256.update(data)
        self.count += 1
        missing = self.sendMessageFrameData(data)
        print(f"{FRAME_SIZE - missing} bytes of the frame are sent")

    def onMessage(self, payload, isBinary):
        same = payload.decode("utf8") == self.sha256.hexdigest()
        print(f"digest {self.count} is {'right' if same else 'wrong'}")
        if self.count == 3:
            self.dropConnection()
        else:
            self.sendOneBatch()

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}")
        reactor.stop()


if __name__ == "__main__":
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = StreamingHashClientProtocol
    connectWS(factory)
    reactor.run()
