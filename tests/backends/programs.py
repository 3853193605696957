"""What the tests of both backends share: the octets of a peer, and protocols that write down what happens to them."""

from __future__ import annotations

from typing import Any

from wsframework._core.codec import encode_frame
from wsframework.testing.memory import MemoryBackend, MemoryLink

Backend = MemoryBackend
Link = MemoryLink

KEY = b"\x01\x02\x03\x04"

REQUEST = (
    b"GET /chat?room=1 HTTP/1.1\r\n"
    b"Host: example.com\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
)


def request(*lines: str) -> bytes:
    """A client's request, with more header lines."""
    return REQUEST + b"".join(line.encode() + b"\r\n" for line in lines) + b"\r\n"


def text(message: str) -> bytes:
    """A client's text message."""
    return encode_frame(1, message.encode(), KEY)


def close(code: int, reason: str = "") -> bytes:
    """A client's Close frame."""
    return encode_frame(8, code.to_bytes(2, "big") + reason.encode(), KEY)


def frames(octets: bytes) -> list[tuple[int, bytes]]:
    """The (opcode, payload) of unmasked short frames, as a server sends them."""
    found = []
    while octets:
        size = octets[1]
        assert size < 126, "short frames only"
        found.append((octets[0] & 0x0F, octets[2 : 2 + size]))
        octets = octets[2 + size :]
    return found


def note_taker(backend: Backend, role: str = "server") -> Any:
    """A protocol class of this backend whose instances write every callback down in `log`."""
    base = backend.server_protocol if role == "server" else backend.client_protocol

    class NoteTaker(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self.events: list[Any] = []

        def onConnect(self, request: Any) -> Any:
            self.events.append("connect")

        def onOpen(self) -> Any:
            self.events.append("open")

        def onMessage(self, payload: bytes, isBinary: bool) -> Any:
            self.events.append(payload if isBinary else payload.decode())

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> Any:
            self.events.append(("close", wasClean, code))

    return NoteTaker


def opened(backend: Backend, protocol: Any, *lines: str, **options: Any) -> Link:
    """A server's connection that is open, with nothing left to read."""
    factory = backend.make_server(protocol)
    factory.setProtocolOptions(**options)
    link = backend.connect(factory)
    link.receive(request(*lines))
    backend.settle()
    assert link.take().startswith(b"HTTP/1.1 101 ")
    return link
