# mypy: ignore-errors
# The client of lines, behind WebSocket too.
import asyncio
import sys

from wsframework.asyncio.websocket import WrappingWebSocketClientFactory


class Asking(asyncio.Protocol):
    def __init__(self, lost):
        self.lost = lost

    def connection_made(self, transport):
        self.transport = transport
        self.received = b""

    def data_received(self, data):
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            print("line " + line.decode("utf8"))
            if line == b"welcome":
                self.transport.write(b"some words\n")
            else:
                self.transport.write(b"quit\n")

    def connection_lost(self, exc):
        print("lost")
        self.lost.set_result(None)


async def main():
    loop = asyncio.get_running_loop()
    lost = loop.create_future()
    factory = WrappingWebSocketClientFactory(lambda: Asking(lost), sys.argv[1], enableCompression=False)
    await loop.create_connection(factory, factory.host, factory.port)
    await lost


if __name__ == "__main__":
    asyncio.run(main())
