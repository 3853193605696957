# mypy: ignore-errors
# A server of lines that knows nothing of WebSocket, behind WebSocket.
import asyncio
import contextlib
import sys

from wsframework.asyncio.websocket import WrappingWebSocketServerFactory


class UpperLines(asyncio.Protocol):
    def connection_made(self, transport):
        print(f"lines from {transport.get_extra_info('peername')[0]}")
        self.transport = transport
        self.received = b""
        transport.write(b"welcome\n")

    def data_received(self, data):
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            if line == b"quit":
                self.transport.close()
            else:
                self.transport.writelines([line.upper(), b"\n"])

    def connection_lost(self, exc):
        print("lines lost")


async def main():
    factory = WrappingWebSocketServerFactory(
        UpperLines, "ws://127.0.0.1:9000", enableCompression=False, autoFragmentSize=1024
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("listening on", server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
