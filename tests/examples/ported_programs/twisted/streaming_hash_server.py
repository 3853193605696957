# mypy: ignore-errors
# Hashes octets as they come, whatever the frames; every BATCH octets it tells the digest.
import hashlib
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

BATCH = 2**20


class StreamingHashServerProtocol(WebSocketServerProtocol):
    def onConnect(self, request):
        print(f"streaming in from {request.peer}")

    def onMessageBegin(self, isBinary):
        WebSocketServerProtocol.onMessageBegin(self, isBinary)
        self.sha256 = hashlib.sha256()
        self.received = 0
        self.next = BATCH

    def onMessageFrameBegin(self, length):
        WebSocketServerProtocol.onMessageFrameBegin(self, length)
        print(f"frame of {length} bytes begins")

    def onMessageFrameData(self, payload):
        length = len(payload)
        # A batch may end inside of what has come.
        while self.received + length >= self.next:
            rest = self.next - self.received
            self.sha256.update(payload[:rest])
            payload = payload[rest:]
            length -= rest
            self.received = self.next
            self.next += BATCH
            self.sendMessage(self.sha256.hexdigest().encode("utf8"))
        self.sha256.update(payload)
        self.received += length

    def onMessageFrameEnd(self):
        print("frame ends")

    def onMessageEnd(self):
        print(f"message ends after {self.received} bytes")
        self.sendMessage(b"total " + self.sha256.hexdigest().encode("utf8"))


if __name__ == "__main__":
    factory = WebSocketServerFactory("ws://127.0.0.1:9000")
    factory.protocol = StreamingHashServerProtocol
    factory.setProtocolOptions(failByDrop=False)
    port = reactor.listenTCP(int(sys.argv[1]), factory)
    print("listening on", port.getHost().port)
    reactor.run()
