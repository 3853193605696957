"""What the tests of the applications share: the programs, and how clients of another library talk to them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection, serve

from tests.examples.programs import EXAMPLES, SECONDS, Program

__all__ = [
    "PROGRAMS",
    "ask",
    "assert_ended",
    "closing_of",
    "drain",
    "program",
    "receive",
    "receive_json",
    "receive_until",
    "speaking",
]

PROGRAMS = EXAMPLES / "conversation"


def program(name: str, backend: str) -> Path:
    """One of the programs."""
    return PROGRAMS / f"{name}_{backend}.py"


def receive(client: ClientConnection) -> str | bytes:
    """The next message."""
    return client.recv(SECONDS)


def receive_until(client: ClientConnection, last: str) -> list[str | bytes]:
    """All messages up to this one."""
    return list(iter(lambda: receive(client), last))


def receive_json(client: ClientConnection) -> Any:
    """What the next message says."""
    return json.loads(receive(client))


def ask(client: ClientConnection, message: object) -> Any:
    """What is answered to a message in JSON; a str is sent as it is."""
    client.send(message if isinstance(message, str) else json.dumps(message))
    return receive_json(client)


def drain(client: ClientConnection) -> None:
    """Receive until the connection is over."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            receive(client)


def closing_of(client: ClientConnection) -> tuple[int, str]:
    """The code and reason with which the server closes, when all that it sent is received."""
    drain(client)
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


def assert_ended(program: Program) -> None:
    """By itself, and without a complaint."""
    assert (program.exit_code(), program.errors()) == (0, "")


@contextlib.contextmanager
def speaking(*messages: str | bytes, after: int = 0, abort: bool = False) -> Iterator[str]:
    """A server of another library that says this to everybody, after so many messages, and closes."""

    def speak(connection: ServerConnection) -> None:
        for _ in range(after):
            connection.recv(SECONDS)
        for message in messages:
            connection.send(message)
        if abort:
            connection.socket.shutdown(socket.SHUT_RDWR)

    with serve(speak, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()
