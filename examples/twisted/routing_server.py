"""An echo at /echo and a room for each name at /rooms/NAME, on one port, on Twisted. Ctrl-C ends it."""

from __future__ import annotations

import argparse
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from wsframework.twisted.websocket import ConnectionRequest, WebSocketServerFactory, WebSocketServerProtocol
from wsframework.websocket.broadcast import Broadcast
from wsframework.websocket.routing import Router

router = Router()
rooms: dict[str, Broadcast] = {}


@router.route("/echo")
class EchoServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


# A route may have options of its own: in a room nobody makes long speeches.
@router.route("/rooms/<name>", maxMessagePayloadSize=1000)
class RoomServerProtocol(WebSocketServerProtocol):
    room: Broadcast | None = None

    def onConnect(self, request: ConnectionRequest) -> None:
        print(f"{request.peer} enters {self.route_params['name']}", flush=True)

    def onOpen(self) -> None:
        # The first one to enter makes the room.
        self.room = rooms.setdefault(self.route_params["name"], Broadcast())
        self.room.add(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.room is not None:
            self.room.send(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if self.room is None:
            # It did not come so far as to enter.
            return
        self.room.discard(self)
        # The last one to leave removes it: names are made up by strangers, and must not pile up.
        if not self.room:
            del rooms[self.route_params["name"]]


async def main(reactor: Any, host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.router = router
    address = reactor.listenTCP(port, factory, interface=host).getHost()
    reactor.callWhenRunning(print, f"routing server on ws://{address.host}:{address.port}", flush=True)
    # Ctrl-C stops the reactor, which waits for what its triggers return.
    reactor.addSystemEventTrigger("before", "shutdown", factory.shutdown)
    await Deferred()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    react(main, (args.host, args.port))
