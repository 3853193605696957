# mypy: ignore-errors
# Pings its clients; one that does not answer is let go.
import asyncio
import contextlib
import sys

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class KeepaliveServerProtocol(WebSocketServerProtocol):
    def onOpen(self):
        self.pongs = 0

    def onPing(self, payload):
        print(f"ping received: {payload.decode('utf8')}")
        WebSocketServerProtocol.onPing(self, payload)

    def onPong(self, payload):
        WebSocketServerProtocol.onPong(self, payload)
        self.pongs += 1
        print(f"pong {self.pongs} received, {len(payload)} bytes")

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code} after {self.pongs} pongs")


async def main():
    factory = WebSocketServerFactory("ws://127.0.0.1:9000")
    factory.protocol = KeepaliveServerProtocol
    factory.setProtocolOptions(
        autoPingInterval=0.3, autoPingTimeout=2, autoPingSize=20, autoPingRestartOnAnyTraffic=False
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("listening on", server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
