"""What strangers on the internet leave behind in the log: at most one line each, and never a traceback."""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

from tests.backends.programs import request
from tests.interop.homes import Home
from tests.interop.sides import PATIENCE, Address, Certificates, bounded

pytestmark = pytest.mark.interop

CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(506) + b"\r\n\r\n"
PAGE = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
# With it whoever has come before is through with it, too.
MARKER = b"POST /marker HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def lines() -> Iterator[queue.Queue[str]]:
    """What anybody logs, Python's own loops included, from information upwards; with "Traceback" where there is one."""
    found: queue.Queue[str] = queue.Queue()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.put(record.getMessage() + ("Traceback" if record.exc_info else ""))

    def observe(event: LogEvent) -> None:
        if event["log_level"] is not LogLevel.debug:
            found.put(formatEvent(event) + ("Traceback" if "log_failure" in event else ""))

    handler = Handler(logging.INFO)
    loggers = [logging.getLogger(name) for name in ("wsframework", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
    yield found
    globalLogPublisher.removeObserver(observe)  # type: ignore[arg-type]
    for logger in loggers:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def connected(address: Address) -> socket.socket:
    return socket.create_connection((address.host, address.port), PATIENCE)


def secured(address: Address) -> ssl.SSLSocket:
    assert address.tls is not None, "asked of a server with TLS"
    return address.tls.client.wrap_socket(connected(address), server_hostname="localhost")


def drain(peer: socket.socket) -> None:
    """Read to the end, whatever that is."""
    with suppress(OSError):
        while peer.recv(65536):
            pass


def say(octets: bytes) -> Callable[[Address], None]:
    """Say this over TCP, hear the answer, and go."""

    def stranger(address: Address) -> None:
        with connected(address) as peer:
            peer.sendall(octets)
            if octets:
                peer.shutdown(socket.SHUT_WR)
                drain(peer)

    return stranger


def say_secured(octets: bytes) -> Callable[[Address], None]:
    """The same over TLS."""

    def stranger(address: Address) -> None:
        with secured(address) as peer:
            peer.sendall(octets)
            if octets:
                drain(peer)

    return stranger


def reset(address: Address) -> None:
    """As fast scanners do: no end, a reset."""
    with connected(address) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half_a_hello(address: Address) -> None:
    """TLS that breaks off."""
    with connected(address) as peer:
        peer.sendall(CLIENT_HELLO[:100])


def distrust(address: Address) -> None:
    """A client that does not know who signed the certificate."""
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLError), connected(address) as peer:
        context.wrap_socket(peer, server_hostname="localhost")


async def left_behind(
    home: Home, lines: queue.Queue[str], tls: Certificates | None, stranger: Callable[[Address], None], **options: Any
) -> list[str]:
    """What is in the log when a stranger was here."""
    factory = home.module.WebSocketServerFactory(**home.factory_arguments())
    factory.setProtocolOptions(**options)
    address = Address(tls=tls)
    port, stop = await home.run(home.listen(address, factory))
    try:
        # Twisted says which port it is.
        while not lines.empty():
            lines.get()
        address = address.at(port)
        stranger(address)
        (say if tls is None else say_secured)(MARKER)(address)
        found = [lines.get(timeout=PATIENCE)]
        while " for /marker was refused: answered with HTTP 405" not in found[-1]:
            found.append(lines.get(timeout=PATIENCE))
    finally:
        await home.call(stop)
    return found[:-1]


@pytest.mark.parametrize("stranger", [say(b""), reset, say(PAGE)], ids=["scan", "reset", "health check"])
@bounded
async def test_who_only_looks_leaves_nothing(home: Home, lines: queue.Queue[str], stranger: Any) -> None:
    """A port scan, and a monitor that asks for a page every second."""
    assert await left_behind(home, lines, None, stranger, webStatus=True) == []


@pytest.mark.parametrize(
    "stranger",
    [say(b""), reset, say(PAGE), half_a_hello, distrust, say(b"\x80" * 600), say_secured(b""), say_secured(PAGE)],
    ids=["scan", "reset", "http", "half a hello", "distrust", "garbage", "tls and no word", "health check"],
)
@bounded
async def test_who_does_not_get_through_tls_leaves_nothing(
    home: Home, lines: queue.Queue[str], certificates: Certificates, stranger: Any
) -> None:
    """HTTP to the port for wss, clients that distrust the certificate: nobody here can do anything about it."""
    assert await left_behind(home, lines, certificates, stranger, webStatus=True) == []


@pytest.mark.parametrize(
    ("stranger", "words"),
    [
        (say(CLIENT_HELLO), "was refused: answered with HTTP 400: "),
        (say(b"SSH-2.0-scanner\r\n\r\n"), "was refused: answered with HTTP 400: "),
        (say(b"\x1b[31mGET\r\n\r\n"), "was refused: answered with HTTP 400: "),
        (say(request() + b"\x81\x01x"), "was dropped: frame from a client is not masked"),
        (say(request()[:50]), "was lost: "),
    ],
    ids=["tls", "ssh", "escape sequence", "no mask", "half a request"],
)
@bounded
async def test_who_talks_nonsense_leaves_one_line(
    home: Home, lines: queue.Queue[str], stranger: Any, words: str
) -> None:
    """With the reason, and none of the nonsense."""
    (line,) = await left_behind(home, lines, None, stranger)
    assert words in line
    assert line.isprintable()
    assert "Traceback" not in line


@bounded
async def test_who_talks_nonsense_over_tls_leaves_one_line(
    home: Home, lines: queue.Queue[str], certificates: Certificates
) -> None:
    """The same behind TLS."""
    (line,) = await left_behind(home, lines, certificates, say_secured(b"nonsense\r\n\r\n"))
    assert "was refused: answered with HTTP 400: " in line
    assert "Traceback" not in line
