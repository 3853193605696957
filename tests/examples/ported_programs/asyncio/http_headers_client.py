# mypy: ignore-errors
# Connects twice; the second time with the cookie that the server has set.
import asyncio
import sys

from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from wsframework.websocket.util import parse_url

jar = {}


class HeadersClientProtocol(WebSocketClientProtocol):
    def onConnect(self, response):
        print(f"connected to {response.peer}, protocol {response.protocol}, version {response.version}")
        for name in ["server", "x-fixed", "x-dynamic", "x-twice"]:
            print(f"{name}: {response.headers[name]}")
        name, _, value = response.headers["set-cookie"].split(";")[0].partition("=")
        jar[name] = value

    def onMessage(self, payload, isBinary):
        print("message: " + payload.decode("utf8"))

    def onClose(self, wasClean, code, reason):
        print(f"closed: {wasClean} {code} {reason}")


async def main():
    url = sys.argv[1] + "/some%20path?a=1&b=2&a=3"
    loop = asyncio.get_running_loop()
    while jar.get("visits") != "2":
        headers = {"X-Client": "client's own"}
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        factory = WebSocketClientFactory(
            url,
            origin="http://localhost",
            protocols=["other", "greeting"],
            useragent="TestClient/1.0",
            headers=headers,
            loop=loop,
        )
        factory.protocol = HeadersClientProtocol
        _, host, port, _, _, _ = parse_url(url)
        _, proto = await loop.create_connection(factory, host, port)
        await proto.is_closed


if __name__ == "__main__":
    asyncio.run(main())
