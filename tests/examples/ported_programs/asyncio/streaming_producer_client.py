# mypy: ignore-errors
# A push producer writes frames as long as the transport takes them.
import asyncio
import hashlib
import os
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

FRAME_SIZE = 100_000
CHUNK_SIZE = 1024  # FRAME_SIZE is no multiple of it
TOTAL = 20 * 2**20


class RandomStreamProducer:
    def __init__(self, proto):
        self.proto = proto
        self.sha256 = hashlib.sha256()
        self.sent = 0
        self.frames = 0
        self.paused = False
        self.ended = False

    def pauseProducing(self):
        self.paused = True

    def resumeProducing(self):
        self.paused = False
        if self.frames == 0:
            self.proto.beginMessage(isBinary=True)
            self.beginFrame()
        while not self.paused and not self.ended:
            data = os.urandom(min(CHUNK_SIZE, TOTAL - self.sent))
            self.sha256.update(data)
            self.sent += len(data)
            self.send(data)
            if self.sent == TOTAL:
                self.end()

    def send(self, data):
        missing = self.proto.sendMessageFrameData(data)
        if missing < 0:
            # What the frame had no room for begins the next one.
            self.beginFrame()
            self.proto.sendMessageFrameData(data[missing:])
        elif missing == 0 and self.sent < TOTAL:
            self.beginFrame()

    def beginFrame(self):
        self.frames += 1
        begun = (self.frames - 1) * FRAME_SIZE
        self.proto.beginMessageFrame(min(FRAME_SIZE, TOTAL - begun))

    def end(self):
        self.ended = True
        self.proto.endMessage()
        self.proto.unregisterProducer()
        print(f"sent {self.sent} bytes in {self.frames} frames")

    def stopProducing(self):
        self.ended = True


class StreamingProducerClientProtocol(WebSocketClientProtocol):
    def onOpen(self):
        self.count = 0
        self.producer = RandomStreamProducer(self)
        self.registerProducer(self.producer, True)
        self.producer.resumeProducing()

    def onMessage(self, payload, isBinary):
        self.count += 1
        word, _, digest = payload.decode("utf8").partition(" ")
        if word == "total":
            print(f"{self.count - 1} batches, digest is {digest == self.producer.sha256.hexdigest()}")
            self.sendClose()

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code}")
        self.factory.closed.set_result(None)


async def main():
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = StreamingProducerClientProtocol
    loop = asyncio.get_running_loop()
    factory.closed = loop.create_future()
    await loop.create_connection(factory, factory.host, factory.port)
    await factory.closed


if __name__ == "__main__":
    asyncio.run(main())
