"""The way to a server: its addresses, a socket to the first that answers, and octet streams over it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from wsframework._core.uri import WebSocketUri
from wsframework.cli.facts import Attempt, Lookup, Resolution, Trial

__all__ = ["MAX_ADDRESSES", "Address", "Stream", "Way", "find_addresses", "find_way"]

MAX_ADDRESSES: Final = 8
"""How many addresses of a name are tried."""

# What a stream that is no longer needed gets to end in order.
_FAREWELL: Final = 1.0

_UNKNOWN_NAME: Final = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_UNREACHABLE: Final = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETDOWN}


@dataclass(frozen=True, slots=True)
class Address:
    """One address as the socket module has it."""

    family: int
    sockaddr: Any

    def __str__(self) -> str:
        return self.sockaddr if isinstance(self.sockaddr, str) else str(self.sockaddr[0])


@dataclass(frozen=True, slots=True)
class Stream:
    """Octets to and from a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """What the ssl module knows of the connection."""
        found: ssl.SSLObject | None = self.writer.get_extra_info("ssl_object")
        return found

    async def end(self) -> None:
        """Close in order if that is quick, else at once."""
        self.writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self.writer.wait_closed()
        self.writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Way:
    """How to come to the server again: the address that answered, and the TLS to speak there, if any.

    `timeout` is in seconds, for connecting and for the TLS handshake each.
    """

    address: Address
    timeout: float
    context: ssl.SSLContext | None = None
    tls_name: str | None = None

    async def connect(self) -> socket.socket:
        """A connected socket; `OSError` or `TimeoutError`."""
        loop = asyncio.get_running_loop()
        sock = socket.socket(self.address.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(self.timeout):
                await loop.sock_connect(sock, self.address.sockaddr)
        except BaseException:
            sock.close()
            raise
        return sock

    async def open(self) -> Stream:
        """A stream; `OSError` (also of TLS) or `TimeoutError`."""
        return await self.over(await self.connect())

    async def over(self, sock: socket.socket) -> Stream:
        """A stream over a socket that is connected; takes the socket, whatever happens."""
        name = self.tls_name if self.context is not None else None
        async with asyncio.timeout(self.timeout):
            return Stream(*await asyncio.open_connection(sock=sock, ssl=self.context, server_hostname=name))


async def find_addresses(uri: WebSocketUri, timeout: float) -> tuple[Lookup, list[Address]]:
    """Look the host up, in at most `timeout` seconds; a unix socket is its own address."""
    if uri.unix_path is not None:
        return Lookup(Resolution.FOUND, (uri.unix_path,), 0.0), [Address(socket.AF_UNIX, uri.unix_path)]
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        async with asyncio.timeout(timeout):
            found = await loop.getaddrinfo(uri.host, uri.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        resolution = Resolution.UNKNOWN if error.errno in _UNKNOWN_NAME else Resolution.FAILED
        return Lookup(resolution, (), loop.time() - start, error.strerror or str(error)), []
    except UnicodeError as error:
        # A label that is too long.
        return Lookup(Resolution.UNKNOWN, (), loop.time() - start, str(error)), []
    except TimeoutError:
        return Lookup(Resolution.FAILED, (), loop.time() - start, f"no answer within {timeout:g} seconds"), []
    addresses = list(dict.fromkeys(Address(family, sockaddr) for family, _, _, _, sockaddr in found))
    return Lookup(Resolution.FOUND, tuple(map(str, addresses)), loop.time() - start), addresses


async def find_way(
    addresses: list[Address], timeout: float
) -> tuple[tuple[Attempt, ...], tuple[Way, socket.socket] | None]:
    """Try the addresses in turn until one answers; `timeout` is for each."""
    loop = asyncio.get_running_loop()
    attempts: list[Attempt] = []
    for address in addresses[:MAX_ADDRESSES]:
        way = Way(address, timeout)
        start = loop.time()
        try:
            sock = await way.connect()
        except (OSError, TimeoutError) as error:
            attempts.append(Attempt(str(address), _trial(error), loop.time() - start, _text(error, timeout)))
            continue
        attempts.append(Attempt(str(address), Trial.CONNECTED, loop.time() - start))
        return tuple(attempts), (way, sock)
    return tuple(attempts), None


def _trial(error: OSError) -> Trial:
    if isinstance(error, TimeoutError):
        return Trial.TIMEOUT
    if isinstance(error, ConnectionRefusedError):
        return Trial.REFUSED
    if isinstance(error, FileNotFoundError | PermissionError):
        return Trial.NO_SOCKET
    return Trial.UNREACHABLE if error.errno in _UNREACHABLE else Trial.REFUSED


def _text(error: OSError, timeout: float) -> str:
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"no answer within {timeout:g} seconds"
    # asyncio's own text repeats the address.
    return os.strerror(error.errno) if error.errno else str(error)
