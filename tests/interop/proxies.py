"""Small HTTP proxies in the test's loop, good ones and bad ones, which write down what they were told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from tests.interop.sides import PATIENCE

__all__ = ["REFUSED", "WANTS_CREDENTIALS", "YES", "Proxy", "answer", "carry", "close", "proxying", "say_nothing"]

YES = b"HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nnot you"
WANTS_CREDENTIALS = (
    b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
)


class Proxy:
    """Where it listens; the heads of the requests, and what went through from clients; and how connections ended."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heads: list[bytes] = []
        self.carried = bytearray()
        self.ended: asyncio.Queue[None] = asyncio.Queue()

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"http://127.0.0.1:{self.port}"

    async def asked(self) -> bytes:
        """The head of the one request there was."""
        (head,) = self.heads
        return head


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Behaviour = Callable[[Proxy, bytes, Streams], Awaitable[None]]


async def carry(proxy: Proxy, head: bytes, streams: Streams) -> None:
    """Connect to the port that was asked for, on this machine whatever the host; and carry until either side ends."""
    port = int(head.split(b"\r\n")[0].split()[1].rpartition(b":")[2])
    target = await asyncio.open_connection("127.0.0.1", port)
    streams[1].write(YES)
    try:
        await asyncio.gather(_pump(streams[0], target[1], proxy.carried), _pump(target[0], streams[1], bytearray()))
    finally:
        target[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, carried: bytearray) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(1 << 16):
            carried += data
            writer.write(data)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()


def answer(octets: bytes) -> Behaviour:
    """Says that, and waits for the other end to go."""

    async def behave(proxy: Proxy, head: bytes, streams: Streams) -> None:
        streams[1].write(octets)
        await _until_end(streams[0])

    return behave


async def say_nothing(proxy: Proxy, head: bytes, streams: Streams) -> None:
    """Waits for the other end to go."""
    await _until_end(streams[0])


async def close(proxy: Proxy, head: bytes, streams: Streams) -> None:
    """Goes."""


async def _until_end(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while await reader.read(1 << 16):
            pass


@asynccontextmanager
async def proxying(behave: Behaviour = carry, context: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """A proxy; `context` is for TLS to itself. All of its connections have ended at the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(*streams: *Streams) -> None:
        task = asyncio.current_task()
        assert task is not None, "it is one"
        tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            head = await streams[0].readuntil(b"\r\n\r\n")
            proxy.heads.append(head)
            await behave(proxy, head, streams)
        streams[1].close()
        with suppress(ConnectionError, ssl.SSLError):
            await streams[1].wait_closed()
        proxy.ended.put_nowait(None)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    async with server:
        yield proxy
        if tasks:
            await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
