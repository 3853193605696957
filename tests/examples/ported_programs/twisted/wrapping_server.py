# mypy: ignore-errors
# A server of lines that knows nothing of WebSocket, behind WebSocket.
import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from wsframework.twisted.websocket import WrappingWebSocketServerFactory


class UpperLines(Protocol):
    def connectionMade(self):
        print(f"lines from {type(self.transport.getPeer()).__name__}")
        self.received = b""
        self.transport.write(b"welcome\n")

    def dataReceived(self, data):
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            if line == b"quit":
                self.transport.loseConnection()
            else:
                self.transport.writeSequence([line.upper(), b"\n"])

    def connectionLost(self, reason):
        print("lines lost")


if __name__ == "__main__":
    wrapped = Factory.forProtocol(UpperLines)
    factory = WrappingWebSocketServerFactory(
        wrapped, "ws://127.0.0.1:9000", enableCompression=False, autoFragmentSize=1024
    )
    port = reactor.listenTCP(int(sys.argv[1]), factory)
    print("listening on", port.getHost().port)
    reactor.run()
