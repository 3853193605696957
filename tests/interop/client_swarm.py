"""Many idle clients, as a program: `python -m tests.interop.client_swarm PORT COUNT`. No WebSocket library in it.

It reports when all are open and how long that took, answers the Close frames that come, and reports how the connections
have ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

from tests.interop.processes import raise_file_limit

# Connections being opened at the same time.
WINDOW = 200
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Client(asyncio.Protocol):
    """One of them. `opened` resolves with the handshake, `ended` with the code of the Close frame (or None)."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self._received = b""
        self._code: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a TCP connection"
        self.transport = transport
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self.opened.done():
            head, blank_line, rest = self._received.partition(b"\r\n\r\n")
            if not blank_line:
                return
            assert head.startswith(b"HTTP/1.1 101 "), head
            self._received = rest
            self.opened.set_result(None)
        if self._code is None and len(self._received) >= 4:
            assert self._received[0] == 0x88, self._received
            self._code = int.from_bytes(self._received[2:4], "big")
            # The same code back, masked with zeros.
            self.transport.write(b"\x88\x82\x00\x00\x00\x00" + self._received[2:4])

    def connection_lost(self, exc: Exception | None) -> None:
        end = "in order" if exc is None else type(exc).__name__
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before it was open"))
        self.ended.set_result(f"{self._code} {end}")


async def swarm(port: int, count: int) -> None:
    """Open, wait, tell."""
    loop = asyncio.get_running_loop()
    window = asyncio.Semaphore(WINDOW)
    clients = []

    async def open_one() -> None:
        async with window:
            _, client = await loop.create_connection(Client, "127.0.0.1", port)
            clients.append(client)
            await client.opened

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(open_one())
    print(json.dumps({"seconds": time.monotonic() - began}), flush=True)
    ends = Counter([await client.ended for client in clients])
    print(json.dumps(ends), flush=True)


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(swarm(int(sys.argv[1]), int(sys.argv[2])))
