"""The other end as a plain socket: what it says and when is the scenario's choice, octet by octet."""

from __future__ import annotations

import http.client
import re
import socket
import struct
from itertools import cycle
from typing import Any, Self

from tests.backends.programs import KEY, REQUEST
from tests.interop.conversation.kits import Kit
from wsframework._core.codec import encode_frame
from wsframework._core.key import accept_key

__all__ = ["BINARY", "CLOSE", "PING", "PONG", "TEXT", "RawPeer", "RawServer", "close_payload", "http_get"]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
# Longer than a scenario may take: its own patience ends first, with a better message.
_SOCKET_PATIENCE = 15.0


def close_payload(code: int, reason: str = "") -> bytes:
    """What a Close frame carries."""
    return code.to_bytes(2, "big") + reason.encode()


class RawPeer:
    """A connected socket; blocking calls are made in a thread. A context manager, which closes it."""

    def __init__(self, kit: Kit, sock: socket.socket, *, is_client: bool) -> None:
        self._kit = kit
        self._sock = sock
        self._key = KEY if is_client else None
        self._unread = b""
        sock.settimeout(_SOCKET_PATIENCE)

    @classmethod
    async def dial(cls, kit: Kit, port: int, path: str = "/", *lines: str, receive_buffer: int = 0) -> Self:
        """A client whose connection is open."""
        peer = await cls.dial_only(kit, port, receive_buffer)
        head = REQUEST.replace(b"/chat?room=1", path.encode()) + "".join(f"{line}\r\n" for line in lines).encode()
        await peer.send_octets(head + b"\r\n")
        answer = await peer.head()
        assert answer.startswith("HTTP/1.1 101 "), answer
        return peer

    @classmethod
    async def dial_only(cls, kit: Kit, port: int, receive_buffer: int = 0) -> Self:
        """A client that has said nothing yet."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await kit.in_thread(sock.connect, ("127.0.0.1", port))
        return cls(kit, sock, is_client=True)

    async def send_octets(self, octets: bytes) -> None:
        """All of them."""
        await self._kit.in_thread(self._sock.sendall, octets)

    async def send(self, opcode: int, payload: bytes = b"") -> None:
        """One frame."""
        await self.send_octets(self.encoded(opcode, payload))

    def encoded(self, opcode: int, payload: bytes) -> bytes:
        """A frame as this side sends it."""
        return encode_frame(opcode, payload, self._key)

    @staticmethod
    def encode_as_server(opcode: int, payload: bytes) -> bytes:
        """A frame as servers send it."""
        return encode_frame(opcode, payload, None)

    async def head(self) -> str:
        """A request's or response's head."""
        while b"\r\n\r\n" not in self._unread:
            await self._read_more()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head.decode() + "\r\n"

    async def frame(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame."""
        first, second = await self._take(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(await self._take(2 if size == 126 else 8), "big")
        key = await self._take(4) if second & 0x80 else None
        payload = await self._take(size)
        return first & 0x0F, payload if key is None else bytes(a ^ b for a, b in zip(payload, cycle(key), strict=False))

    async def next(self, opcode: int) -> bytes:
        """The payload of the next frame of this kind, whatever comes before it."""
        while True:
            found, payload = await self.frame()
            if found == opcode:
                return payload

    async def at_end(self) -> bool:
        """Waits for the end of the other side; False if octets come instead."""
        try:
            return self._unread == b"" and await self._kit.in_thread(self._sock.recv, 65536) == b""
        except ConnectionError:
            return True

    def reset(self) -> None:
        """Cut the line: the other side gets a reset."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def interrupt(self) -> None:
        """Hang up while a thread is still sending, which a mere close would not wake."""
        self._sock.shutdown(socket.SHUT_RDWR)
        self.reset()

    def close(self) -> None:
        """An end in order, as far as TCP goes."""
        self._sock.close()

    async def _take(self, size: int) -> bytes:
        while len(self._unread) < size:
            await self._read_more()
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    async def _read_more(self) -> None:
        octets = await self._kit.in_thread(self._sock.recv, 65536)
        assert octets, f"the other side has ended after {self._unread!r}"
        self._unread += octets

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RawServer:
    """A listening socket. A context manager, which closes it and what it has accepted."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_SOCKET_PATIENCE)
        self._peers: list[RawPeer] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/"

    async def accept_only(self) -> RawPeer:
        """The next connection, whose request is not read yet."""
        sock, _ = await self._kit.in_thread(self._listener.accept)
        self._peers.append(RawPeer(self._kit, sock, is_client=False))
        return self._peers[-1]

    async def accept(self, *lines: str, behind: bytes = b"") -> RawPeer:
        """The next connection, open; the octets `behind` the handshake come together with it."""
        peer = await self.accept_only()
        found = re.search(r"(?i)sec-websocket-key: *(\S+)", await peer.head())
        assert found is not None, "it is a handshake"
        more = "".join(f"{line}\r\n" for line in lines)
        await peer.send_octets(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept_key(found[1])}\r\n{more}\r\n".encode()
            + behind
        )
        return peer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for peer in self._peers:
            peer.close()


async def http_get(kit: Kit, port: int, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of a plain request."""

    def get() -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SOCKET_PATIENCE)
        try:
            connection.request("GET", path, headers=headers)
            response: Any = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()
        finally:
            connection.close()

    return await kit.in_thread(get)
