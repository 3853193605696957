"""An echo as a service: logging, daemon, process id file and user are twistd's business.

twistd --nodaemon --python service.tac          ENDPOINT in the environment says where, for example ssl:443:...
"""

from __future__ import annotations

import os
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString

from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class EchoService(StreamServerEndpointService):
    """Listens while it runs, and says goodbye to its clients when it is stopped."""

    def stopService(self) -> Deferred[Any]:
        # When nobody can come any more, those who are there are told.
        stopped: Deferred[Any] = super().stopService()
        return stopped.addCallback(lambda _: self.factory.shutdown())


factory = WebSocketServerFactory()
factory.protocol = EchoServerProtocol
endpoint = serverFromString(reactor, os.environ.get("ENDPOINT", "tcp:9000:interface=127.0.0.1"))
# twistd looks for this name.
application = Application("echo")
EchoService(endpoint, factory).setServiceParent(application)
