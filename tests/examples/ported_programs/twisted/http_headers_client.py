# mypy: ignore-errors
# Connects twice; the second time with the cookie that the server has set.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
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
        if jar["visits"] == "1":
            connect()
        else:
            reactor.stop()


def connect():
    url = sys.argv[1] + "/some%20path?a=1&b=2&a=3"
    headers = {"X-Client": "client's own"}
    if jar:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
    factory = WebSocketClientFactory(
        url, origin="http://localhost", protocols=["other", "greeting"], useragent="TestClient/1.0", headers=headers
    )
    factory.protocol = HeadersClientProtocol
    _, host, port, _, _, _ = parse_url(url)
    reactor.connectTCP(host, port, factory)


if __name__ == "__main__":
    connect()
    reactor.run()
