"""What permessage-deflate costs in memory: a server's RSS per idle connection, by preset. Linux only.

    python benchmarks/compression_memory.py --backends asyncio twisted --connections 2000

For each backend and preset a server process of its own holds the connections. On each of them compressed messages of
1 KiB of JSON go there and back, so many that the windows fill. The server is measured when all are

open      before any message;
used      after messages on all of them;
released  after all contexts were given back, by `release_after`, or else by `releaseCompression`;
trimmed   after `malloc_trim`, which makes the C library give freed memory back to the system: what is freed without
          that is there for the next needs of the process, and RSS need not show it;
in turn   in another process, after messages on 50 connections at a time, whose contexts were given back before the next
          ones were used: how it is where most connections are idle.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

BACKENDS = ["asyncio", "uvloop", "twisted"]
# Longer than it takes to use them all.
RELEASE_AFTER = 10.0
PATIENCE = 60.0
# Connections used at a time; so many are opened, used and closed first, so that what is made once is there before
# anything is measured.
BATCH = 50
BACKLOG = 1024
HEADS = ("open", "used", "released", "trimmed", "in turn")

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    # As browsers say it.
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)


def policies() -> dict[str, Any]:
    """The rows of the table: values for perMessageCompressionAccept."""
    from wsframework.websocket.compress import DeflatePolicy

    return {
        "none": False,
        "small": DeflatePolicy.small(),
        "medium": DeflatePolicy.medium(),
        "medium, released": DeflatePolicy.medium(release_after=RELEASE_AFTER),
        "large": DeflatePolicy.large(),
    }


# The server process.


def echo_factory(module: Any, policy: Any, connections: set[Any], **owner: Any) -> Any:
    """A factory of echo servers that keep themselves in `connections`."""

    class Echo(module.WebSocketServerProtocol):  # type: ignore[misc]  # a class of either backend
        def onOpen(self) -> None:
            connections.add(self)

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            connections.discard(self)

    factory = module.WebSocketServerFactory(**owner)
    factory.protocol = Echo
    factory.setProtocolOptions(perMessageCompressionAccept=policy)
    return factory


def obey(call: Callable[[Callable[[], object]], object], connections: set[Any]) -> None:
    """Read commands in this thread and do in the server's what they say; end the process with the input."""

    def release() -> None:
        for connection in connections:
            connection.releaseCompression()
        print("released", flush=True)

    def trim() -> None:
        ctypes.CDLL(None).malloc_trim(0)
        print("trimmed", flush=True)

    for line in sys.stdin:
        call({"release": release, "trim": trim}[line.strip()])
    os._exit(0)


def serve(backend: str, preset: str) -> None:
    """Print the port and serve."""
    allow_many_files()
    connections: set[Any] = set()
    policy = policies()[preset]
    if backend == "twisted":
        reactor: Any = import_module("twisted.internet.reactor")
        module = import_module("wsframework.twisted.websocket")
        factory = echo_factory(module, policy, connections, reactor=reactor)
        port = reactor.listenTCP(0, factory, BACKLOG, "127.0.0.1").getHost().port
        threading.Thread(target=obey, args=(reactor.callFromThread, connections), daemon=True).start()
        print(port, flush=True)
        reactor.run()
        return

    async def main() -> None:
        loop = asyncio.get_running_loop()
        factory = echo_factory(import_module("wsframework.asyncio.websocket"), policy, connections)
        server = await loop.create_server(factory, "127.0.0.1", 0, backlog=BACKLOG)
        threading.Thread(target=obey, args=(loop.call_soon_threadsafe, connections), daemon=True).start()
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()

    loop_factory = import_module("uvloop").new_event_loop if backend == "uvloop" else None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


# The clients and the measurements.


class Server:
    """The process, seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._read())

    def tell(self, command: str) -> None:
        """Until it is done."""
        assert self._process.stdin is not None, "it has a pipe"
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None, "it has a pipe"
        line = self._process.stdout.readline()
        assert line, "the server has ended"
        return line

    def memory(self) -> int:
        """Octets in RAM."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


@contextmanager
def serving(backend: str, preset: str) -> Iterator[Server]:
    """A server process, which ends with its input."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", backend, preset],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process)
    finally:
        process.communicate(timeout=PATIENCE)


def open_connection(port: int) -> socket.socket:
    """A client with the handshake done, whatever was agreed on."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    connection.sendall(REQUEST)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(4096)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return connection


def message(size: int = 1024) -> bytes:
    """A message of JSON, of about that size, as a feed of prices might have."""
    rows: list[dict[str, object]] = []
    while len(json.dumps(rows)) < size:
        price = round(random.uniform(1, 1000), 2)
        rows.append({"id": random.getrandbits(32), "symbol": random.choice("ABCDEFGH") * 3, "price": price})
    return json.dumps(rows).encode()[:size]


def frame(payload: bytes, compress: bool) -> bytes:
    """A client's text message; compressed it refers to nothing before it, which is always allowed."""
    first = 0x81
    if compress:
        compressor = zlib.compressobj(wbits=-9)
        payload = (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
        first |= 0x40
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([first]) + length + bytes(4) + payload


def receive_frames(connection: socket.socket, count: int) -> None:
    """So many frames of less than 64 KiB, and nothing behind them."""
    octets = b""
    pos = 0
    while count or pos < len(octets):
        if len(octets) - pos >= 4:
            size = octets[pos + 1]
            end = pos + (2 + size if size < 126 else 4 + int.from_bytes(octets[pos + 2 : pos + 4], "big"))
            if end <= len(octets):
                pos = end
                count -= 1
                continue
        some = connection.recv(65536)
        assert some, "the server has hung up"
        octets = octets[pos:] + some
        pos = 0


@dataclass(frozen=True, slots=True)
class Row:
    """Octets per connection; see the top of this file."""

    opened: float
    used: float
    released: float
    trimmed: float
    in_turn: float


class Clients:
    """Connections to a new server, and how much of its memory is due to each of them."""

    def __init__(self, server: Server, stack: ExitStack, count: int, compress: bool) -> None:
        self._server = server
        # More than a window takes, so that repetitions are seldom seen.
        self._frames = [frame(message(), compress) for _ in range(200)]
        with ExitStack() as first:
            self.use([first.enter_context(open_connection(server.port)) for _ in range(BATCH)], 1)
        server.tell("trim")
        self._before = server.memory()
        self.connections = [stack.enter_context(open_connection(server.port)) for _ in range(count)]

    def use(self, connections: list[socket.socket], messages: int) -> None:
        """Messages there and back on each."""
        for connection in connections:
            connection.sendall(b"".join(random.choices(self._frames, k=messages)))
            receive_frames(connection, messages)

    def memory(self) -> float:
        """Octets per connection."""
        return (self._server.memory() - self._before) / len(self.connections)


def measure(backend: str, preset: str, count: int, messages: int) -> Row:
    """One row of the table."""
    policy = policies()[preset]
    with serving(backend, preset) as server, ExitStack() as stack:
        clients = Clients(server, stack, count, compress=policy is not False)
        opened = clients.memory()
        clients.use(clients.connections, messages)
        used = clients.memory()
        if policy is not False and policy.release_after:
            # It looks in such intervals, and needs one in which there was nothing.
            time.sleep(2.5 * policy.release_after)
        else:
            server.tell("release")
        released = clients.memory()
        server.tell("trim")
        trimmed = clients.memory()
    # In a new process: where memory was taken and given back before, there are gaps.
    with serving(backend, preset) as server, ExitStack() as stack:
        clients = Clients(server, stack, count, compress=policy is not False)
        for start in range(0, count, BATCH):
            clients.use(clients.connections[start : start + BATCH], messages)
            server.tell("release")
        return Row(opened, used, released, trimmed, clients.memory())


def allow_many_files() -> None:
    """As many as this process may ask for."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=["asyncio", "twisted"])
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--messages", type=int, default=40, help="sent on each connection")
    parser.add_argument("--serve", nargs=2, metavar=("BACKEND", "PRESET"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(*arguments.serve)
        return
    allow_many_files()
    print("KiB per connection")
    print(f"{'backend':10}{'preset':20}" + "".join(f"{name:>10}" for name in HEADS))
    for backend in arguments.backends:
        for preset in policies():
            row = measure(backend, preset, arguments.connections, arguments.messages)
            print(f"{backend:10}{preset:20}" + "".join(f"{cell / 1024:10.1f}" for cell in astuple(row)), flush=True)


if __name__ == "__main__":
    main()
