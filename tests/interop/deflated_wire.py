"""One end of a connection with permessage-deflate that is nothing but a socket: it sends what no library would."""

from __future__ import annotations

import select
import socket
import zlib
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha1

from tests.interop.client_swarm import REQUEST

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "FIN",
    "PATIENCE",
    "RSV1",
    "Frames",
    "Messages",
    "accept",
    "bomb",
    "close_code",
    "compressed",
    "connect",
    "frames",
    "send_and_receive",
]

PATIENCE = 20.0
MIB = 1 << 20
FIN, RSV1 = 0x80, 0x40
CONTINUATION, BINARY, CLOSE = 0, 2, 8

_CHUNK = MIB // 4
_EXTENSION = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
# RFC 6455 section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TAIL = b"\x00\x00\xff\xff"


def connect(port: int) -> socket.socket:
    """A client on which the handshake is done and permessage-deflate agreed on."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    connection.sendall(REQUEST[:-2] + _EXTENSION + b"\r\n")
    head = _read_head(connection)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"permessage-deflate" in head
    return connection


def accept(listener: socket.socket) -> socket.socket:
    """The same for a server."""
    listener.settimeout(PATIENCE)
    connection, _ = listener.accept()
    connection.settimeout(PATIENCE)
    head = _read_head(connection)
    assert b"permessage-deflate" in head
    key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + b64encode(sha1(key + _GUID).digest()) + b"\r\n" + _EXTENSION + b"\r\n"
    )
    return connection


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octets = connection.recv(4096)
        assert octets, "the other end has hung up"
        head += octets
    return head


def compressed(payload: bytes) -> bytes:
    """A message that refers to nothing before it (RFC 7692 section 7.2.1)."""
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)


def bomb(mebibytes: int) -> bytes:
    """A compressed message of so many MiB of zeros, a thousandth of that long."""
    compressor = zlib.compressobj(level=9, wbits=-15)
    # After a full flush each of them stands for itself, so that they can be put one behind the other.
    one = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return (one * mebibytes).removesuffix(_TAIL)


def frames(payload: bytes, size: int, masked: bool) -> Iterator[bytes]:
    """A compressed binary message in frames of that size; the mask is zeros."""
    for start in range(0, len(payload), size):
        part = payload[start : start + size]
        first = CONTINUATION if start else BINARY | RSV1
        last = FIN if start + size >= len(payload) else 0
        yield bytes([first | last]) + _length(len(part), masked) + (bytes(4) if masked else b"") + part


def _length(size: int, masked: bool) -> bytes:
    mask = 0x80 if masked else 0
    if size < 126:
        return bytes([mask | size])
    if size < 1 << 16:
        return bytes([mask | 126]) + size.to_bytes(2)
    return bytes([mask | 127]) + size.to_bytes(8)


class Frames:
    """Takes what comes apart."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def take(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        """The first octets and the payloads of the frames that are complete by now, unmasked."""
        self._octets += octets
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> tuple[int, bytes] | None:
        octets = self._octets
        if len(octets) < 2:
            return None
        size = octets[1] & 0x7F
        start = {126: 4, 127: 10}.get(size, 2)
        if start > 2:
            size = int.from_bytes(octets[2:start])
        key = b""
        if octets[1] & 0x80:
            key = bytes(octets[start : start + 4])
            start += 4
        if len(octets) < start + size:
            return None
        first, payload = octets[0], bytes(octets[start : start + size])
        del octets[: start + size]
        if key:
            payload = bytes(octet ^ key[index % 4] for index, octet in enumerate(payload))
        return first, payload


class Messages:
    """Reads the messages of a connection, inflated if need be."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._parser = Frames()
        self._decompressor = zlib.decompressobj(wbits=-15)

    def next(self) -> Iterator[bytes]:
        """The pieces of the next one, as they come."""
        inflates = False
        while True:
            octets = self._connection.recv(_CHUNK)
            assert octets, "the other end has hung up"
            for first, payload in self._parser.take(octets):
                inflates = inflates or bool(first & RSV1)
                last = bool(first & FIN)
                yield self._decompressor.decompress(payload + _TAIL * last) if inflates else payload
                if last:
                    return


def send_and_receive(connection: socket.socket, octets: bytes) -> list[tuple[int, bytes]]:
    """Send them, for as long as the other end takes any, and read until it hangs up: the frames that came."""
    left = memoryview(octets)
    came: list[tuple[int, bytes]] = []
    parser = Frames()
    connection.setblocking(False)
    while True:
        readable, writable, _ = select.select([connection], [connection] if left else [], [], PATIENCE)
        assert readable or writable, f"nothing moved for {PATIENCE} seconds"
        if writable:
            try:
                left = left[connection.send(left) :]
            except (BrokenPipeError, ConnectionResetError):
                left = left[:0]
        if readable:
            try:
                some = connection.recv(_CHUNK)
            except ConnectionResetError:
                return came
            if not some:
                return came
            came += parser.take(some)


def close_code(came: list[tuple[int, bytes]]) -> int | None:
    """The code in the Close frame that came last, None if there was none."""
    if not came or came[-1][0] != FIN | CLOSE:
        return None
    return int.from_bytes(came[-1][1][:2])
