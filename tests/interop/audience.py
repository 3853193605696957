"""Clients that listen, and some that do not: `python -m tests.interop.audience PORT COUNT DEAF`. No WebSocket library.

`DEAF` of the `COUNT` clients read nothing once they are connected. It reports when all are open. Commands on its
standard input, each answered by a line of JSON: `expect NUMBER` waits until all that listen have had every message up
to that one; `listen` lets the others read, too; `heard NUMBER` waits until these have had that message or an end, and
tells what each has had. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading

from tests.interop.broadcast_process import DIGITS, SIZE
from tests.interop.client_swarm import REQUEST, WINDOW
from tests.interop.processes import raise_file_limit

HEADER = b"\x82"
# Its window is soon full.
SMALL = 4096


class Listener(asyncio.Protocol):
    """One client: the numbers of the messages it has had, and the close code (or None) when it has ended."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.numbers: list[int] = []
        self.code: int | None = None
        self.ended = False
        self.news = asyncio.Event()
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a TCP connection"
        self.transport = transport
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self.opened.done():
            head, blank_line, rest = received.partition(b"\r\n\r\n")
            if not blank_line:
                return
            assert head.startswith(b"HTTP/1.1 101 "), head
            received[:] = rest
            self.opened.set_result(None)
        while len(received) >= 4 and self._take_frame(received):
            self.news.set()

    def _take_frame(self, received: bytearray) -> bool:
        if received[0] == 0x88:
            self.code = int.from_bytes(received[2:4], "big")
            # The same code back, masked with zeros.
            self.transport.write(b"\x88\x82\x00\x00\x00\x00" + received[2:4])
            received.clear()
            return False
        assert received[:4] == b"\x81\x7e" + SIZE.to_bytes(2, "big"), received[:4]
        if len(received) < 4 + SIZE:
            return False
        self.numbers.append(int(received[4 : 4 + DIGITS]))
        del received[: 4 + SIZE]
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.news.set()
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed before it was open"))

    async def has(self, number: int) -> None:
        """Wait for that message, or for the end."""
        while not self.ended and (not self.numbers or self.numbers[-1] < number):
            self.news.clear()
            await self.news.wait()


async def open_all(port: int, count: int, deaf: int) -> list[Listener]:
    """All of them; the deaf ones are the first."""
    loop = asyncio.get_running_loop()
    window = asyncio.Semaphore(WINDOW)
    clients: list[Listener] = []

    async def open_one(is_deaf: bool) -> None:
        async with window:
            sock = socket.socket()
            sock.setblocking(False)
            if is_deaf:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            await loop.sock_connect(sock, ("127.0.0.1", port))
            _, client = await loop.create_connection(Listener, sock=sock)
            await client.opened
            if is_deaf:
                client.transport.pause_reading()
            clients.insert(0 if is_deaf else len(clients), client)

    async with asyncio.TaskGroup() as group:
        for index in range(count):
            group.create_task(open_one(index < deaf))
    return clients


def report(**fields: object) -> None:
    """A line for whoever has started this."""
    print(json.dumps(fields), flush=True)


async def obey(command: str, clients: list[Listener], deaf: int) -> None:
    """Carry out a command."""
    verb, *arguments = command.split()
    if verb == "listen":
        for client in clients[:deaf]:
            client.transport.resume_reading()
        report()
        return
    number = int(arguments[0])
    if verb == "expect":
        for client in clients[deaf:]:
            await client.has(number)
        complete = sum(client.numbers == list(range(number + 1)) for client in clients[deaf:])
        report(complete=complete)
        return
    for client in clients[:deaf]:
        await client.has(number)
    report(heard=[{"numbers": client.numbers, "code": client.code, "ended": client.ended} for client in clients[:deaf]])


async def listen(port: int, count: int, deaf: int) -> None:
    """Open, and obey until the input ends."""
    clients = await open_all(port, count, deaf)
    report(open=len(clients))
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(commands.put_nowait, line)
        loop.call_soon_threadsafe(commands.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    while command := await commands.get():
        await obey(command, clients, deaf)


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(listen(*map(int, sys.argv[1:])))
