# mypy: ignore-errors
# Hashes what comes frame by frame, and tells after each frame the digest of the message so far.
import asyncio
import contextlib
import hashlib
import sys

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


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


async def main():
    factory = WebSocketServerFactory()
    factory.protocol = FrameHashServerProtocol
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("listening on", server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
