# mypy: ignore-errors
# Sends one message in some large frames, the next one when the digest of the last has come.
import asyncio
import hashlib
import os
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

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
        self.factory.closed.set_result(None)


async def main():
    factory = WebSocketClientFactory(sys.argv[1])
    factory.protocol = FrameHashClientProtocol
    loop = asyncio.get_running_loop()
    factory.closed = loop.create_future()
    await loop.create_connection(factory, factory.host, factory.port)
    await factory.closed


if __name__ == "__main__":
    asyncio.run(main())
