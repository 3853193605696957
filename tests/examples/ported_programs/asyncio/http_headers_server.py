# mypy: ignore-errors
# Reads headers and cookies of the opening handshake, and sends its own: fixed ones, computed ones, repeated ones.
import asyncio
import contextlib
import sys
from http.cookies import SimpleCookie

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class HeadersServerProtocol(WebSocketServerProtocol):
    def onConnect(self, request):
        print(f"{request.path} {request.params} host={request.host} version={request.version}")
        print(f"origin={request.origin} agent={request.headers['user-agent']}")
        print(f"client header: {request.headers.get('x-client')}, {request.headers.get('x-missing')}")
        print(f"same headers: {self.http_headers['x-client'] == request.headers['x-client']}")
        headers = {"X-Dynamic": "computed", "X-Twice": ["one", "two"]}
        self.visits = 1
        if "cookie" in request.headers:
            cookies = SimpleCookie(str(request.headers["cookie"]))
            if "visits" in cookies:
                self.visits = int(cookies["visits"].value) + 1
        headers["Set-Cookie"] = f"visits={self.visits}; Path=/"
        protocol = "greeting" if "greeting" in request.protocols else None
        return (protocol, headers)

    def onOpen(self):
        self.sendMessage(f"{self.websocket_protocol_in_use} visit {self.visits}".encode())
        self.sendClose(1000)


async def main():
    factory = WebSocketServerFactory("ws://127.0.0.1:9000", headers={"X-Fixed": "always"}, server="TestServer/1.0")
    factory.protocol = HeadersServerProtocol
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", int(sys.argv[1]))
    print("listening on", server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
