# mypy: ignore-errors
# The client of lines, behind WebSocket too.
import sys

from twisted.internet import reactor
from twisted.internet.protocol import ClientFactory, Protocol

from wsframework.twisted.websocket import WrappingWebSocketClientFactory, connectWS


class Asking(Protocol):
    def connectionMade(self):
        self.received = b""

    def dataReceived(self, data):
        *lines, self.received = (self.received + data).split(b"\n")
        for line in lines:
            print("line " + line.decode("utf8"))
            if line == b"welcome":
                self.transport.write(b"some words\n")
            else:
                self.transport.write(b"quit\n")

    def connectionLost(self, reason):
        print("lost")
        reactor.stop()


class AskingFactory(ClientFactory):
    protocol = Asking


if __name__ == "__main__":
    factory = WrappingWebSocketClientFactory(AskingFactory(), sys.argv[1], enableCompression=False)
    connectWS(factory)
    reactor.run()
