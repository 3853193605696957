"""What the tests of a server's opening handshake share."""

from __future__ import annotations

from typing import Any

from tests.core.wire import TEXT, from_client
from wsframework.exceptions import HandshakeError
from wsframework.testing import RecordingServer

REQUEST = (
    b"GET /chat?room=1 HTTP/1.1\r\n"
    b"Host: example.com:8080\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: chat, superchat\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Origin: http://example.com\r\n"
    b"\r\n"
)
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"\r\n"
)
PLAIN = b"GET /status HTTP/1.1\r\nHost: example.com\r\n\r\n"
FLASH = b"<policy-file-request/>\0"
HELLO = from_client(TEXT, b"hello")
TIMEOUT_503 = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 55\r\n\r\n"
)


def connected(immediate: bool = True, server: str | None = None, **options: Any) -> RecordingServer:
    port = RecordingServer(immediate=immediate, server=server, **options)
    port.connection.connected()
    return port


def failure(port: RecordingServer) -> HandshakeError:
    closure = port.connection.closure
    assert closure is not None
    assert closure.failure is not None
    return closure.failure
