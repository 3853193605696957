"""`room` and `placed`: large payloads that the transport writes where they belong, without a chunk between."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.deflated import compressed, noise
from tests.core.wire import BINARY, CONTINUATION, TEXT, close_payload, from_client, from_server, split
from wsframework._core import _codec_py
from wsframework._core._octets_py import Assembly
from wsframework._core.connection import HOLD_APPLICATION
from wsframework._core.masking import apply_mask
from wsframework._core.negotiation import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from wsframework._core.utf8 import Utf8Validator
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer

BINARY_PART, TEXT_PART = 0x02, 0x01
SIZE = 200_000
PAYLOAD = noise(SIZE)


class Roomy(Assembly):
    """What the compiled build has: memory for what comes next."""

    __slots__ = ("_room",)

    def __init__(self) -> None:
        super().__init__()
        self._room = bytearray()

    def room(self, missing: int) -> memoryview:
        self._room = bytearray(min(missing, 50_000))
        return memoryview(self._room)

    def added(self, size: int, key: bytes, offset: int, utf8: Utf8Validator | None) -> bool:
        piece = bytes(self._room[:size])
        return self.append(apply_mask(piece, key, offset) if key else piece, utf8)


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pure build gains nothing by it and offers none; here it does."""
    monkeypatch.setattr(_codec_py, "Assembly", Roomy)


def server(**options: Any) -> RecordingServer:
    port = RecordingServer(**options)
    port.open()
    return port


def client(**options: Any) -> RecordingClient:
    port = RecordingClient(**options)
    port.open()
    return port


def to(port: RecordingPort, first: int, payload: bytes = b"") -> bytes:
    """A frame as this end's peer sends it."""
    return from_client(first, payload) if isinstance(port, RecordingServer) else from_server(first, payload)


def deliver(port: RecordingPort, wire: bytes, size: int) -> int:
    """As a transport does it: into the room where there is some, and else by `receive`. How many octets were placed."""
    placed = 0
    while wire:
        room = port.connection.room()
        if room is None:
            port.receive(wire[:1000])
            wire = wire[1000:]
            continue
        count = min(len(room), len(wire), size)
        room[:count] = wire[:count]
        room.release()
        port.connection.placed(count)
        placed += count
        wire = wire[count:]
    return placed


@pytest.mark.parametrize("size", [1, 5000, 1 << 20])
def test_large_payloads_are_placed(size: int) -> None:
    """Masked or not, in one frame or several, between other frames; only the ends come by chunks."""
    size = max(size, 97)
    for port in (server(), client()):
        before = port.connection.octets_received
        wire = to(port, BINARY, PAYLOAD) + to(port, TEXT, b"small")
        wire += to(port, BINARY_PART, PAYLOAD) + to(port, CONTINUATION, PAYLOAD)
        assert deliver(port, wire, size) > 2 * SIZE
        expected = [("message", PAYLOAD, True), ("message", b"small", False), ("message", PAYLOAD * 2, True)]
        assert port.upcalls == expected
        assert port.connection.octets_received == before + len(wire)
        assert port.connection.payload_received == 3 * SIZE + 5
        assert port.connection.room() is None


def test_text_is_validated_as_it_is_placed() -> None:
    """Characters may be cut anywhere; the first wrong octet is found in its piece."""
    payload = "grün".encode() * 40_000
    for port in (server(failByDrop=False), client(failByDrop=False)):
        deliver(port, to(port, TEXT, payload), 977)
        assert port.upcalls == [("message", payload, False)]
        port.take()
        deliver(port, to(port, TEXT, payload[:100_000] + b"\xff" + payload)[:110_000], 977)
        assert port.upcalls == []
        assert split(port.sent) == [(0x88, close_payload(1007, "text message is not valid UTF-8"))]


def test_answers_to_a_placed_message_are_gathered() -> None:
    """In one write."""
    port = server()

    def answer(payload: bytes, is_binary: bool) -> None:
        port.connection.send_message(b"one", is_binary)
        port.connection.send_message(b"two", is_binary)

    port.hooks["message"] = answer
    deliver(port, from_client(BINARY, PAYLOAD), 1 << 20)
    assert port.names("write") == ["write"]


def test_what_is_placed_is_a_sign_of_life() -> None:
    """As what is received."""
    port = server(autoPingInterval=3, autoPingTimeout=2)
    wire = from_client(BINARY, PAYLOAD)
    port.receive(wire[:1000])
    wire = wire[1000:]
    for _ in range(10):
        port.advance(1.5)
        room = port.connection.room()
        assert room is not None
        size = min(len(room), 1000)
        room[:size] = wire[:size]
        room.release()
        port.connection.placed(size)
        wire = wire[size:]
    assert "timed_out" not in port.names()


def test_where_there_is_no_room() -> None:
    """Between messages, where little is missing, while somebody holds, where pieces are told or inflated."""
    port = server()
    assert port.connection.room() is None
    wire = from_client(BINARY, PAYLOAD)
    port.receive(wire[:13])
    assert port.connection.room() is None, "the header is not complete"
    port.receive(wire[13:5000])
    assert port.connection.room() is not None
    port.connection.hold(HOLD_APPLICATION)
    assert port.connection.room() is None
    port.connection.release(HOLD_APPLICATION)
    assert port.connection.room() is not None
    port.receive(wire[5000:-16_383])
    assert port.connection.room() is None
    for pieces in (True, False):
        port = RecordingServer()
        port.connection.stream_to(port, pieces)
        port.open()
        port.receive(wire[:5000])
        assert port.connection.room() is None
    extension = PerMessageDeflateOfferAccept(PerMessageDeflateOffer()).settle()
    port = server(extension=extension)
    port.receive(from_client(BINARY | 0x40, compressed(PAYLOAD))[:5000])
    assert port.connection.room() is None


def test_what_is_placed_too_late_is_thrown_away() -> None:
    """The connection was dropped after it had offered the room."""
    for begin in (b"", from_client(BINARY, PAYLOAD)[:5000]):
        port = server()
        port.receive(begin)
        room = port.connection.room()
        assert (room is not None) is bool(begin)
        port.lose()
        port.connection.placed(100)
        assert "message" not in port.names()
        assert port.connection.room() is None


def test_the_pure_build_offers_no_room() -> None:
    """Python would copy the octets in any case."""
    assembly = Assembly()
    assembly.append(b"abc", None)
    assert assembly.room(SIZE) is None
    assert assembly.space(SIZE) is None
    with pytest.raises(AssertionError, match="there was no room"):
        assembly.added(1, b"", 0, None)
    assert assembly.take() == b"abc"


def test_octets_placed_from_inside_of_an_upcall_are_answered_in_order() -> None:
    """A transport that calls back from inside of a write: what is gathered is sent by whoever began to gather."""
    port = server()

    def nested(*_: object) -> None:
        port.connection.send_message(b"first", True)
        port.connection.placed(0)
        port.connection.send_message(b"second", True)

    port.hooks["message"] = nested
    port.receive(to(port, BINARY))
    assert [call for call in port.calls if call[0] == "write"] == [
        ("write", from_server(BINARY, b"first") + from_server(BINARY, b"second"))
    ]
