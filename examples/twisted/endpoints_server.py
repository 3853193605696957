r"""A server for streams on whatever endpoint a string describes, also one inside of WebSocket, on Twisted.

python endpoints_server.py [ENDPOINT]       for example 'wsframework:tcp\:9000:url=ws\://localhost\:9000' or tcp:9000

It turns every line around. Ctrl-C ends it.
"""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

# The endpoint below comes first, with its colons escaped. The URL says what clients ask for.
ENDPOINT = r"wsframework:tcp\:9000\:interface=127.0.0.1:url=ws\://localhost\:9000"


class LineTurner(LineOnlyReceiver):
    # Nothing here is about WebSocket; Twisted finds the endpoint by its prefix.
    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        self.sendLine(line.rstrip(b"\r")[::-1])


async def main(reactor: Any, description: str = ENDPOINT) -> None:
    endpoint = serverFromString(reactor, description)
    port = await endpoint.listen(Factory.forProtocol(LineTurner))
    address = port.getHost()
    print(f"line server on port {address.port}", flush=True)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
