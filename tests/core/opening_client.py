"""What the tests of a client's opening handshake share."""

from __future__ import annotations

from typing import Any

from tests.core.wire import TEXT, from_server
from wsframework.exceptions import HandshakeError
from wsframework.testing import RecordingClient

REQUEST = (
    b"GET / HTTP/1.1\r\n"
    b"Host: localhost\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Server: example\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"\r\n"
)
HELLO = from_server(TEXT, b"hello")
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n"
ENDLESS = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n\r\n"


def connected(immediate: bool = True, **options: Any) -> RecordingClient:
    port = RecordingClient(immediate=immediate, **options)
    port.connection.connected()
    return port


def failure(port: RecordingClient) -> HandshakeError:
    closure = port.connection.closure
    assert closure is not None
    assert closure.failure is not None
    return closure.failure
