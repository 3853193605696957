"""The echo server that the fuzzing client of Autobahn|Testsuite talks to: `python -m tests.conformance.testee_server`.

It says on which port it listens, runs until it or its stdin is ended, and prints nothing else but errors.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.conformance.echo import Program, arguments
from tests.conformance.suite import HOST, LISTENING


def server_factory(program: Program, **owner: object) -> Any:
    """A factory of echo servers. `owner` is `reactor=` or `loop=`, as the backend has it."""
    websocket = program.import_websocket()
    factory = websocket.WebSocketServerFactory(**owner)
    factory.protocol = program.echo_on(websocket.WebSocketServerProtocol)
    program.set_options(factory)
    return factory


def serve_on_twisted(program: Program) -> None:
    """Listen until the process is ended."""
    from twisted.internet import reactor

    any_reactor: Any = reactor  # a module to type checkers
    port = any_reactor.listenTCP(0, server_factory(program, reactor=any_reactor), interface=HOST)
    print(f"{LISTENING}{port.getHost().port}", flush=True)
    any_reactor.run()


async def serve_on_asyncio(program: Program) -> None:
    """Listen until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(server_factory(program, loop=loop), HOST, 0)
    print(f"{LISTENING}{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    program, _ = arguments(__doc__)
    if program.backend == "twisted":
        serve_on_twisted(program)
    else:
        program.run(lambda: serve_on_asyncio(program))


if __name__ == "__main__":
    main()
