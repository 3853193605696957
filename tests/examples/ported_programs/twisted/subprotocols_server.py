# mypy: ignore-errors
# Services on one port, by path and subprotocol; who asks for something else is refused.
import sys

from twisted.internet import reactor

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from wsframework.websocket import ConnectionDeny


class BaseService:
    def __init__(self, proto):
        self.proto = proto

    def onOpen(self):
        pass

    def onMessage(self, payload, isBinary):
        pass


class ReverseService(BaseService):
    def onOpen(self):
        self.proto.sendMessage(b"I reverse")

    def onMessage(self, payload, isBinary):
        self.proto.sendMessage(payload[::-1], isBinary)


class UpperService(BaseService):
    def onMessage(self, payload, isBinary):
        self.proto.sendMessage(payload.upper(), isBinary)


class ServiceServerProtocol(WebSocketServerProtocol):
    SERVICES = {"reverse.example": ReverseService, "upper.example": UpperService}  # noqa: RUF012

    def __init__(self):
        WebSocketServerProtocol.__init__(self)
        self.service = None

    def onConnect(self, request):
        if request.path != "/text":
            raise ConnectionDeny(ConnectionDeny.NOT_FOUND, f"no service under {request.path}")
        if request.params.get("token", [""])[0] != "secret":
            raise ConnectionDeny(ConnectionDeny.FORBIDDEN, "wrong token")
        for protocol in request.protocols:
            if protocol in self.SERVICES:
                self.service = self.SERVICES[protocol](self)
                return protocol
        raise ConnectionDeny(ConnectionDeny.BAD_REQUEST, "none of the subprotocols is spoken here")

    def onOpen(self):
        if self.service:
            self.service.onOpen()

    def onMessage(self, payload, isBinary):
        if self.service:
            self.service.onMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        print(f"{type(self.service).__name__} closed: {wasClean} {code} {reason}")


if __name__ == "__main__":
    factory = WebSocketServerFactory("ws://127.0.0.1:9000", protocols=["upper.example", "reverse.example"])
    factory.protocol = ServiceServerProtocol
    port = reactor.listenTCP(int(sys.argv[1]), factory)
    print("listening on", port.getHost().port)
    reactor.run()
