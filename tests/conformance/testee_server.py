"""The echo server that the fuzzing client of Autobahn|Testsuite talks to.

One program for both backends, and for every package that has Autobahn's module names: only the import differs.
It runs until it is ended and prints nothing but errors.
"""

from __future__ import annotations

import argparse
import asyncio
from importlib import import_module
from types import ModuleType
from typing import Any

HOST = "127.0.0.1"


def server_factory(websocket: ModuleType, url: str, **owner: object) -> Any:
    """A factory of echo servers. `owner` is `reactor=` or `loop=`, as the backend has it."""

    class EchoServerProtocol(websocket.WebSocketServerProtocol):  # type: ignore[name-defined,misc]  # imported by name
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

    factory = websocket.WebSocketServerFactory(url, **owner)
    factory.protocol = EchoServerProtocol
    # The suite wants to see a closing handshake with the right code, and messages of any size.
    factory.setProtocolOptions(failByDrop=False, maxMessagePayloadSize=0)
    return factory


def serve_on_twisted(websocket: ModuleType, port: int) -> None:
    """Listen until the process is ended."""
    from twisted.internet import reactor

    any_reactor: Any = reactor  # a module to type checkers
    factory = server_factory(websocket, f"ws://{HOST}:{port}", reactor=any_reactor)
    any_reactor.listenTCP(port, factory, interface=HOST)
    any_reactor.run()


async def serve_on_asyncio(websocket: ModuleType, port: int) -> None:
    """Listen until the process is ended."""
    loop = asyncio.get_running_loop()
    factory = server_factory(websocket, f"ws://{HOST}:{port}", loop=loop)
    server = await loop.create_server(factory, HOST, port)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", default="wsframework")
    parser.add_argument("--backend", choices=["twisted", "asyncio"], required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    websocket = import_module(f"{args.package}.{args.backend}.websocket")
    if args.backend == "twisted":
        serve_on_twisted(websocket, args.port)
    else:
        asyncio.run(serve_on_asyncio(websocket, args.port))


if __name__ == "__main__":
    main()
