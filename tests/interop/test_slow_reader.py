"""A peer that asks for echoes and never reads them cannot fill the server's memory, and nobody else notices it."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from contextlib import closing
from importlib.util import find_spec

import pytest

from tests.interop.client_swarm import REQUEST
from tests.interop.processes import Program, running
from tests.interop.sides import Certificates

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

MIB = 1 << 20
# What it would like to send, and how much the server may grow by that.
FLOOD = 200 * MIB
GROWTH = 40 * MIB
# As many echoes for others without taking anything from the flood: the server does not read it any more.
ECHOES_MEANWHILE = 200
PATIENCE = 20.0


def frame(opcode: int, payload: bytes) -> bytes:
    """A frame of a client (RFC 6455 section 5.2), masked with zeros."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


def open_connection(port: int, certificates: Certificates | None) -> socket.socket:
    """A plain socket, or one with TLS, on which the handshake is done."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    if certificates is not None:
        connection = certificates.client.wrap_socket(connection, server_hostname="127.0.0.1")
    connection.sendall(REQUEST)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octets = connection.recv(4096)
        assert octets, "the server has hung up"
        head += octets
    assert head.startswith(b"HTTP/1.1 101 ")
    return connection


def echo(connection: socket.socket, payload: bytes) -> None:
    """A message there and back."""
    connection.sendall(frame(1, payload))
    wanted = bytes([0x81, len(payload)]) + payload
    received = b""
    while len(received) < len(wanted):
        octets = connection.recv(4096)
        assert octets, "the server has hung up"
        received += octets
    assert received == wanted


def send_what_goes(connection: socket.socket, octets: memoryview) -> int:
    """How many octets the server's system took."""
    try:
        return connection.send(octets)
    except (BlockingIOError, ssl.SSLWantWriteError):
        return 0


def flood(greedy: socket.socket, modest: socket.socket, chunk: bytes, server: Program) -> tuple[int, int]:
    """Send until the server takes no more, while another client is served; octets sent and the most memory seen."""
    greedy.setblocking(False)
    sent = idle = most = 0
    while sent < FLOOD and idle < ECHOES_MEANWHILE:
        # A frame that was begun must be gone on with.
        taken = send_what_goes(greedy, memoryview(chunk)[sent % len(chunk) :])
        sent += taken
        if taken:
            idle = 0
            continue
        echo(modest, b"are you still there?")
        idle += 1
        most = max(most, server.memory())
    return sent, max(most, server.memory())


MESSAGES = frame(2, os.urandom(65536))
SMALL_MESSAGES = frame(1, b"hello") * 5000
PINGS = frame(9, bytes(125)) * 500


@pytest.mark.parametrize(
    ("chunk", "secure"),
    [
        pytest.param(MESSAGES, False, id="messages"),
        pytest.param(SMALL_MESSAGES, False, id="small-messages"),
        pytest.param(PINGS, False, id="pings"),
        pytest.param(MESSAGES, True, id="messages-tls"),
    ],
)
@pytest.mark.parametrize("backend", ["twisted", "asyncio", "uvloop"])
def test_a_peer_that_never_reads_costs_little_memory(
    backend: str, chunk: bytes, secure: bool, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asks for 200 MB of echoes (or pongs) and reads none; my server is four lines and does nothing about it."""
    if backend == "uvloop" and find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    tls = certificates if secure else None
    pem_files = [str(certificates.key_file), str(certificates.chain_file)] if secure else []
    with running("server_process", backend, *pem_files) as server:
        port = server.report()["port"]
        with closing(open_connection(port, tls)) as modest, closing(open_connection(port, tls)) as greedy:
            echo(modest, b"warm up")
            before = server.memory()
            sent, most = flood(greedy, modest, chunk, server)
            echo(modest, b"and now?")
    with capsys.disabled():
        print(f"\n{backend}: {sent / MIB:.1f} MiB taken, memory grew by {(most - before) / MIB:.1f} MiB")
    assert most - before < GROWTH
