"""Messages compressed in another thread: what comes after them keeps its place, and nobody waits for ever."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest

from tests.core.wire import BINARY, CLOSE, PING, PONG, close_payload, from_client, from_server
from wsframework._core.closure import Cause
from wsframework._core.connection import HOLD_HANDLER
from wsframework._core.deflate import Compression
from wsframework._core.negotiation import PerMessageDeflate
from wsframework._core.prepared import Prepared
from wsframework.testing import RecordingServer

COMPRESSED = 0x40
LARGE = b"a large message " * 100
SMALL = b"a small message"


def extension(*, takes_over: bool = True) -> PerMessageDeflate:
    """Everything from 0 octets on is compressed, and from 1000 on in another thread."""
    return PerMessageDeflate(
        is_server=True,
        server_no_context_takeover=not takes_over,
        client_no_context_takeover=False,
        server_max_window_bits=15,
        client_max_window_bits=15,
        compression=Compression(15, 8, 6, "zlib"),
        no_context_takeover=not takes_over,
        threshold=0,
        offload_above=1000,
        release_after=0.0,
        max_message_size=0,
        peer_window_bits=15,
        text="permessage-deflate",
    )


def server(*, takes_over: bool = True, **options: object) -> RecordingServer:
    port = RecordingServer(extension=extension(takes_over=takes_over), **options)  # type: ignore[arg-type]
    port.open()
    return port


class Client:
    """Takes our frames apart and inflates them as a client does: in order, with one window."""

    def __init__(self) -> None:
        self.inflate = zlib.decompressobj(-15).decompress

    def read(self, sent: bytes) -> list[bytes]:
        """Every message; of a control frame its first octet in front."""
        found = []
        message = b""
        compressed = False
        while sent:
            first, size = sent[0], sent[1]
            start = 2
            if size > 125:
                start = 4 if size == 126 else 10
                size = int.from_bytes(sent[2:start], "big")
            payload, sent = sent[start : start + size], sent[start + size :]
            if first & 0x08:
                found.append(bytes([first]) + payload)
                continue
            compressed = first & COMPRESSED != 0 if first & 0x0F else compressed
            message += payload
            if first & 0x80:
                found.append(self.inflate(message + b"\0\0\xff\xff") if compressed else message)
                message = b""
        return found


@pytest.mark.parametrize("takes_over", [True, False])
def test_messages_come_in_the_order_in_which_they_were_sent(takes_over: bool) -> None:
    """A small one does not overtake the large one before it."""
    port = server(takes_over=takes_over)
    send = port.connection.send_message
    expected = [b"first " * 3, LARGE, SMALL, LARGE + b"2", SMALL + b"2", b"prepared " * 9, LARGE + b"3"]
    for payload in expected[:5]:
        send(payload, True)
    port.connection.send_prepared(Prepared(expected[5], True, True))
    send(expected[6], True)
    assert Client().read(port.sent) == expected[:1]
    port.work_off()
    assert Client().read(port.sent) == expected
    assert port.names("offload") == ["offload"] * 3
    assert port.connection.messages_sent == 7
    assert port.connection.payload_sent == sum(map(len, expected))


def test_fragments_and_masks_are_as_ever() -> None:
    """fragmentSize cuts what was compressed."""
    port = server(maskServerFrames=True)
    port.connection.send_message(LARGE, True, 10)
    port.work_off()
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15, 8)
    octets = (compressor.compress(LARGE) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
    pieces = [octets[start : start + 10] for start in range(0, len(octets), 10)]
    firsts = [0x42, *[0x00] * (len(pieces) - 2), 0x80]
    assert port.sent == b"".join(map(from_client, firsts, pieces))


def test_pings_and_pongs_do_not_wait_in_line() -> None:
    """My keepalive goes on while a large message is compressed."""
    port = server()
    port.connection.send_message(LARGE, True)
    port.connection.send_ping(b"1")
    port.receive(from_client(PING, b"2"))
    assert port.sent == from_server(PING, b"1") + from_server(PONG, b"2")


def _close(port: RecordingServer) -> None:
    port.connection.send_close(4000, "enough")


def _peer_closes(port: RecordingServer) -> None:
    port.receive(from_client(CLOSE, close_payload(1000)))


def _violate(port: RecordingServer) -> None:
    port.receive(b"\xff\xff")


@pytest.mark.parametrize(
    ("end", "code"), [(_close, close_payload(4000, "enough")), (_peer_closes, close_payload(1000))]
)
def test_close_comes_after_what_was_sent_before(end: Callable[[RecordingServer], None], code: bytes) -> None:
    """Everything that I sent before sendClose arrives."""
    port = server()
    port.connection.send_message(LARGE, True)
    port.connection.send_message(SMALL, True)
    end(port)
    assert Client().read(port.sent) == [LARGE, SMALL, bytes([CLOSE]) + code]
    before = port.sent
    port.work_off()
    assert port.sent == before


def test_failing_the_connection_says_so_after_what_was_sent_before() -> None:
    """failByDrop=False: the Close with 1002 is the last frame."""
    port = server(failByDrop=False)
    port.connection.send_message(LARGE, True)
    _violate(port)
    first, last = Client().read(port.sent)
    assert first == LARGE
    assert last[:3] == bytes([CLOSE]) + close_payload(1002)
    port.work_off()


def test_dropping_after_what_was_sent_waits_for_it_too() -> None:
    """dropConnection(abort=False)."""
    port = server()
    port.connection.send_message(LARGE, True)
    port.connection.drop(Cause.DROPPED, "enough", abort=False)
    assert Client().read(port.sent) == [LARGE]


def test_aborting_forgets_what_waits() -> None:
    """Nothing is written to a transport that is gone, whatever the thread still does."""
    port = server()
    port.connection.send_message(LARGE, True)
    port.connection.send_message(SMALL, True)
    assert port.connection.buffered_amount == len(LARGE) + len(SMALL)
    port.connection.drop(Cause.DROPPED, "enough")
    assert port.connection.buffered_amount == 0
    port.work_off()
    port.lose()
    assert port.sent == b""


def test_message_by_parts_begins_after_what_was_sent_before() -> None:
    """beginMessage after a large sendMessage."""
    port = server()
    port.connection.send_message(LARGE, True)
    port.connection.begin_message(True)
    port.connection.send_frame(b"a part")
    port.connection.end_message()
    assert Client().read(port.sent) == [LARGE, b"a part"]
    port.work_off()
    assert Client().read(port.sent) == [LARGE, b"a part"]


def test_flush_sends_what_waits_in_line() -> None:
    """sendMessage(..., sync=True) means now."""
    port = server()
    port.connection.send_message(LARGE, True)
    port.connection.send_message(LARGE, True)
    port.connection.flush()
    assert Client().read(port.sent) == [LARGE, LARGE]


def test_line_is_bounded_by_the_send_buffer() -> None:
    """When I send faster than the thread compresses, sending takes as long as compressing does."""
    port = server(maxSendBuffer=len(LARGE) + 100)
    port.connection.send_message(LARGE, True)
    port.connection.send_message(SMALL, True)
    assert port.connection.buffered_amount == len(LARGE) + len(SMALL)
    assert port.sent == b""
    port.connection.send_message(b"x" * 100, True)
    assert Client().read(port.sent) == [LARGE, SMALL, b"x" * 100]
    assert port.connection.buffered_amount == 0


def test_line_without_a_bound_just_grows() -> None:
    """maxSendBuffer=0 is no limit here either."""
    port = server(maxSendBuffer=0)
    for _ in range(3):
        port.connection.send_message(LARGE, True)
    assert port.sent == b""
    assert port.connection.buffered_amount == 3 * len(LARGE)
    port.work_off()
    assert Client().read(port.sent) == [LARGE] * 3


def test_what_is_sent_from_inside_of_a_write_keeps_its_place() -> None:
    """onSendingPaused sends one more: it comes behind those that waited."""
    port = server(sendHighWaterMark=0)
    port.peer_reads = False
    port.hooks["sending_paused"] = lambda: port.connection.send_message(b"from the callback", True)
    port.connection.send_message(LARGE, True)
    port.connection.send_message(SMALL, True)
    port.work_off()
    assert Client().read(port.waiting) == [LARGE, SMALL, b"from the callback"]


def test_closing_from_inside_of_a_write_sends_the_line_first() -> None:
    """onSendingPaused closes: those that waited are not lost."""
    port = server(sendHighWaterMark=0)
    port.peer_reads = False
    port.hooks["sending_paused"] = lambda: port.connection.send_close(1000, None)
    for payload in (LARGE, SMALL, LARGE):
        port.connection.send_message(payload, True)
    port.work_off()
    assert Client().read(port.waiting) == [LARGE, SMALL, LARGE, bytes([CLOSE]) + close_payload(1000)]


@pytest.mark.parametrize("takes_over", [True, False])
def test_message_that_gets_no_shorter_goes_as_it_is_if_it_may(takes_over: bool) -> None:
    """Without takeover; with it the peer has to see it as the window does."""
    port = server(takes_over=takes_over)
    noise = b"".join(zlib.crc32(bytes([i % 256, i // 256])).to_bytes(4, "big") for i in range(600))
    port.connection.send_message(noise, True)
    port.work_off()
    assert (port.sent[0] & COMPRESSED != 0) is takes_over
    assert Client().read(port.sent) == [noise]


def test_message_for_which_there_is_no_memory_goes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what follows begins with an empty window."""

    def no_memory(self: object, payload: bytes) -> bytes:
        raise MemoryError

    port = server()
    with monkeypatch.context() as patch:
        patch.setattr("wsframework._core.deflate.Deflater.message", no_memory)
        port.connection.send_message(LARGE, True)
        port.work_off()
    port.connection.send_message(SMALL, True)
    assert port.sent[0] == BINARY
    assert Client().read(port.sent) == [LARGE, SMALL]


def test_context_is_not_taken_away_while_the_thread_has_it() -> None:
    """releaseCompression() in the wrong moment."""
    port = server()
    port.connection.send_message(SMALL, True)
    port.connection.send_message(LARGE, True)
    port.connection.release_contexts()
    assert port.connection.has_contexts
    port.work_off()
    assert Client().read(port.sent) == [SMALL, LARGE]
    port.connection.release_contexts()
    assert not port.connection.has_contexts


def test_peer_is_read_on_while_a_message_is_compressed() -> None:
    """Only what we send waits."""
    port = server()
    port.connection.send_message(LARGE, True)
    port.receive(from_client(BINARY, b"hello"))
    assert port.calls[-1] == ("message", b"hello", True)
    assert not port.connection.held & HOLD_HANDLER
