"""`_core.connection` with permessage-deflate: both roles, what they send and receive, and when memory is given back."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.deflated import EMPTY, LIBRARIES, ONE_BLOCK, TAIL, Receiver, Sender, compressed, noise, text_of, zeros
from tests.core.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MASK_KEY,
    PING,
    PONG,
    TEXT,
    close_payload,
    from_client,
    from_server,
    split,
)
from wsframework._core.client_handshake import ClientHello, ConnectionResponse
from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import HOLD_SENDING
from wsframework._core.constants import TRACED
from wsframework._core.deflate import Deflater
from wsframework._core.headers import parse_extensions
from wsframework._core.negotiation import (
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from wsframework._core.prepared import Prepared
from wsframework.exceptions import Disconnected, PayloadExceededError, SequenceError
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer

RSV1 = 0x40
TEXT_PART, BINARY_PART, PART = 0x01, 0x02, 0x00
MIB = 1 << 20

HELLO = b"Hello"
PROSE = text_of(3000)
NOISE = noise(3000)

# What both ends agree on: whether messages are taken over, from the server and from the client.
AGREEMENTS = [(True, True), (True, False), (False, True), (False, False)]


def server_side(server: bool = True, client: bool = True, **knobs: Any) -> PerMessageDeflate:
    offer = PerMessageDeflateOffer(request_no_context_takeover=not server)
    return PerMessageDeflateOfferAccept(offer, request_no_context_takeover=not client, **knobs).settle()


def client_side(server: bool = True, client: bool = True, bits: int = 0, **knobs: Any) -> PerMessageDeflate:
    response = PerMessageDeflateResponse(bits, not client, 0, not server)
    return PerMessageDeflateResponseAccept(response, **knobs).settle()


def opened(port: RecordingServer | RecordingClient, stream: bool | None = None) -> RecordingServer | RecordingClient:
    """`stream`: told by frames (False) or by pieces (True)."""
    if stream is not None:
        port.connection.stream_to(port, stream)
    port.open()
    return port


def server(extension: PerMessageDeflate | None = None, **options: Any) -> RecordingServer | RecordingClient:
    return opened(RecordingServer(extension=extension or server_side(), **options))


def client(extension: PerMessageDeflate | None = None, **options: Any) -> RecordingServer | RecordingClient:
    return opened(RecordingClient(extension=extension or client_side(), **options))


def both(takes_over: bool = True, **knobs: Any) -> list[RecordingServer | RecordingClient]:
    return [
        server(server_side(takes_over, takes_over, **knobs)),
        client(client_side(takes_over, takes_over, **knobs)),
    ]


def to(port: RecordingPort, first: int, payload: bytes = b"") -> bytes:
    """A frame as this end's peer sends it."""
    return from_client(first, payload) if isinstance(port, RecordingServer) else from_server(first, payload)


def by(port: RecordingPort, first: int, payload: bytes = b"") -> bytes:
    """A frame as this end sends it."""
    return from_server(first, payload) if isinstance(port, RecordingServer) else from_client(first, payload)


def messages(port: RecordingPort) -> list[tuple[object, object]]:
    return [(call[1], call[2]) for call in port.calls if call[0] == "message"]


def inflated(octets: bytes, receiver: Receiver) -> list[tuple[int, bytes]]:
    """Opcodes and payloads of the messages in these frames; control frames are left out."""
    found = []
    opcode, parts, marked = 0, b"", False
    for first, payload in split(octets):
        if first & 0x08:
            continue
        assert not first & 0x30
        if first & 0x0F:
            opcode, parts, marked = first & 0x0F, b"", bool(first & RSV1)
        else:
            assert not first & RSV1, "RSV1 is on the first frame alone"
        parts += payload
        if first & 0x80:
            found.append((opcode, receiver.message(parts) if marked else parts))
    return found


both_takeovers = pytest.mark.parametrize("takes_over", [True, False])


# The opening handshake.

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)


def test_the_server_says_what_it_accepted() -> None:
    """In its response, and compresses from then on."""
    port = RecordingServer(extension=server_side(server=False))
    port.connection.connected()
    port.receive(REQUEST + from_client(TEXT | RSV1, ONE_BLOCK))
    head, rest = port.sent.split(b"\r\n\r\n")
    assert b"\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover" in head
    assert rest == b""
    assert messages(port) == [(HELLO, False)]


def test_the_client_is_told_what_the_server_accepted() -> None:
    """`onConnect` finds it in the response."""
    port = RecordingClient(
        extension=client_side(), hello=replace(RecordingClient().hello, extensions="permessage-deflate")
    )
    port.connection.connected()
    port.receive(
        RESPONSE + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" + from_server(TEXT | RSV1, ONE_BLOCK)
    )
    (response,) = [call[1] for call in port.calls if call[0] == "response_received"]
    assert isinstance(response, ConnectionResponse)
    assert response.compression == PerMessageDeflateResponse(0, False, 0, False)
    assert messages(port) == [(HELLO, False)]


@pytest.mark.parametrize(
    ("offer", "answer", "words"),
    [
        ("permessage-deflate", "permessage-deflate; client_max_window_bits=10", "the parameters do not fit any offer"),
        (
            "permessage-deflate",
            "permessage-deflate; server_max_window_bits=07",
            "server_max_window_bits must be 8 to 15",
        ),
        ("permessage-deflate", "permessage-deflate, permessage-deflate", "it is there twice"),
        ("permessage-deflate; server_max_window_bits=9", "permessage-deflate", "the parameters do not fit any offer"),
    ],
)
def test_a_wrong_answer_fails_the_handshake(offer: str, answer: str, words: str) -> None:
    """Before a frame is read."""
    hello: ClientHello = replace(RecordingClient().hello, extensions=offer)
    port = RecordingClient(extension=client_side(), hello=hello)
    port.connection.connected()
    port.receive(
        RESPONSE + f"Sec-WebSocket-Extensions: {answer}\r\n\r\n".encode() + from_server(TEXT | RSV1, ONE_BLOCK)
    )
    assert "abort" in port.names()
    assert "opened" not in port.names()
    port.lose()
    assert port.closure is not None
    assert port.closure.reason == f"the server answered the offer of permessage-deflate wrongly: {words}"


def test_no_compression_without_negotiation() -> None:
    """Nothing is compressed, and a frame that says it is fails the connection."""
    for port in (opened(RecordingServer(failByDrop=False)), opened(RecordingClient(failByDrop=False))):
        assert not port.connection.has_contexts
        port.connection.release_contexts()
        port.connection.send_message(PROSE, True)
        assert port.sent == by(port, BINARY, PROSE)
        assert port.connection.payload_sent == port.connection.frame_payload_sent == len(PROSE)
        port.take_sent()
        port.receive(to(port, TEXT | RSV1, ONE_BLOCK))
        assert split(port.sent) == [
            (CLOSE, close_payload(1002, "reserved bits are set and no extension was negotiated"))
        ]


# What is sent.


def test_a_message_on_the_wire() -> None:
    """The example of section 7.2.3.1, by a server and, masked, by a client."""
    for port in both(threshold=0, compression_level=6):
        port.connection.send_message(HELLO, False)
        port.connection.send_message(HELLO, True)
        assert port.sent == by(port, TEXT | RSV1, ONE_BLOCK) + by(port, BINARY | RSV1, b"\xf2\x00\x11\x00\x00")
    port = both(threshold=0, compression_level=6)[1]
    port.connection.send_message(HELLO, False)
    assert port.sent[:6] == bytes([TEXT | RSV1, 0x87]) + MASK_KEY


@both_takeovers
def test_messages_below_the_threshold_go_as_they_are(takes_over: bool) -> None:
    """Also the empty one."""
    for port in both(takes_over, threshold=100):
        for size, rsv in ((99, 0), (100, RSV1), (0, 0)):
            port.connection.send_message(bytes(size), True)
            ((first, _),) = split(port.take_sent())
            assert first == BINARY | rsv


@both_takeovers
@pytest.mark.parametrize("library", LIBRARIES)
def test_an_empty_message_can_be_compressed(takes_over: bool, library: str) -> None:
    """With a threshold of 0; where it stands for itself it is shorter as it is."""
    for port in both(takes_over, threshold=0, library=library):
        receiver = Receiver(takes_over)
        for payload in (b"", PROSE, b"", b"", PROSE):
            port.connection.send_message(payload, False)
            octets = port.take_sent()
            assert inflated(octets, receiver) == [(1, payload)]
            first, body = split(octets)[0]
            assert bool(first & RSV1) is (takes_over or bool(payload))
            assert body or not first & RSV1


def test_do_not_compress() -> None:
    """`doNotCompress`: the message goes as it is and is no part of what is taken over."""
    for port in both():
        receiver = Receiver()
        port.connection.send_message(PROSE, True)
        port.connection.send_message(NOISE, True, compress=False)
        port.connection.send_message(PROSE, False)
        assert [first & RSV1 for first, _ in split(port.sent)] == [RSV1, 0, RSV1]
        assert inflated(port.sent, receiver) == [(2, PROSE), (2, NOISE), (1, PROSE)]


def test_a_client_that_is_asked_for_a_window_of_8_does_not_compress() -> None:
    """zlib cannot do it; it receives compressed messages all the same."""
    port = client(client_side(bits=8, threshold=0))
    port.connection.send_message(PROSE, True)
    port.connection.send_prepared(Prepared(PROSE, True, True))
    port.connection.begin_message(True)
    port.connection.send_frame(PROSE)
    port.connection.end_message()
    frames = [(BINARY, PROSE), (BINARY, PROSE), (BINARY_PART, PROSE), (CONTINUATION, b"")]
    assert port.sent == b"".join(by(port, *frame) for frame in frames)
    port.receive(to(port, TEXT | RSV1, ONE_BLOCK))
    assert messages(port) == [(HELLO, False)]


def test_what_does_not_become_shorter_goes_as_it_is() -> None:
    """Without takeover; with it the next message may refer to this one."""
    for port in both(takes_over=False):
        port.connection.send_message(NOISE, True)
        assert port.sent == by(port, BINARY, NOISE)
    for port in both(takes_over=True):
        port.connection.send_message(NOISE, True)
        size = len(port.sent)
        port.connection.send_message(NOISE, True)
        assert len(port.sent) - size < 100
        assert inflated(port.sent, Receiver()) == [(2, NOISE)] * 2


@both_takeovers
@pytest.mark.parametrize("option", [True, False])
def test_fragments_are_cut_from_the_compressed_message(takes_over: bool, option: bool) -> None:
    """`fragmentSize` and `autoFragmentSize`: RSV1 is on the first frame alone, and what fits is not cut."""
    knobs: dict[str, Any] = {"autoFragmentSize": 100} if option else {}
    for port in (
        server(server_side(takes_over, takes_over), **knobs),
        client(client_side(takes_over, takes_over), **knobs),
    ):
        receiver = Receiver(takes_over)
        port.connection.send_message(PROSE, False, 0 if option else 100)
        octets = port.take_sent()
        frames = split(octets)
        assert [first for first, _ in frames] == [TEXT_PART | RSV1, *[PART] * (len(frames) - 2), CONTINUATION]
        assert {len(payload) for _, payload in frames[:-1]} == {100}
        assert inflated(octets, receiver) == [(1, PROSE)]
        port.connection.send_message(bytes(3000), True, 0 if option else 100)
        octets = port.take_sent()
        assert len(split(octets)) == 1
        assert inflated(octets, receiver) == [(2, bytes(3000))]


@pytest.mark.parametrize("size", [65_536, 400_000])
def test_large_messages_that_stay_large(size: int) -> None:
    """The payload goes out behind its header, compressed or not."""
    payload = text_of(size * 3)
    for port in both():
        port.connection.send_message(payload, True)
        ((first, octets),) = split(port.sent)
        assert first == BINARY | RSV1
        assert len(octets) > size
        assert inflated(port.sent, Receiver()) == [(2, payload)]


def test_messages_that_may_not_be_sent_do_not_touch_the_context() -> None:
    """`PayloadExceededError` counts octets before compression, and comes before it; so does `SequenceError`."""
    for port in (server(maxMessagePayloadSize=3000), client(maxMessagePayloadSize=3000)):
        connection = port.connection
        for payload in (PROSE + b"x", bytes(100_000)):
            with pytest.raises(PayloadExceededError, match="over maxMessagePayloadSize"):
                connection.send_message(payload, True)
            with pytest.raises(PayloadExceededError):
                connection.send_prepared(Prepared(payload, True, True))
        assert not connection.has_contexts
        connection.begin_message(True)
        with pytest.raises(SequenceError):
            connection.send_message(PROSE, True)
        with pytest.raises(SequenceError):
            connection.send_prepared(Prepared(PROSE, True, True))
        with pytest.raises(SequenceError):
            connection.send_frame_data(PROSE)
        assert not connection.has_contexts
        connection.end_message()
        connection.send_message(PROSE, True)
        assert inflated(port.sent, Receiver()) == [(2, b""), (2, PROSE)]


@both_takeovers
def test_what_was_sent_is_counted_before_and_after_compression(takes_over: bool) -> None:
    """`payload_sent` is what the application gave, `frame_payload_sent` what is in the frames."""
    for port in both(takes_over):
        connection = port.connection
        for payload in (PROSE, HELLO, NOISE, bytes(5000)):
            connection.send_message(payload, True)
        connection.send_prepared(Prepared(PROSE, True, True))
        connection.begin_message(True)
        connection.begin_frame(len(PROSE))
        connection.send_frame_data(PROSE[:100])
        connection.send_frame_data(PROSE[100:])
        connection.send_frame(bytes(500))
        connection.end_message()
        frames = split(port.sent)
        assert connection.messages_sent == 6
        assert connection.frames_sent == len(frames)
        assert connection.payload_sent == 3 * len(PROSE) - 3000 + 5 + 3000 + 5000 + 3000 + 500 - 3000 + len(NOISE)
        assert connection.frame_payload_sent == sum(len(payload) for _, payload in frames)


def test_frames_are_traced_as_they_are_sent() -> None:
    """logFrames: RSV1 is seen, and the size and the octets on the wire."""
    for port in (server(logFrames=True), client(logFrames=True)):
        masked = isinstance(port, RecordingClient)
        port.connection.send_message(PROSE, False)
        port.connection.begin_message(True)
        port.connection.send_frame(PROSE)
        port.connection.end_message()
        port.connection.send_prepared(Prepared(PROSE, True, True))
        traced = [call[1:] for call in port.calls if call[0] == "trace_frame"]
        assert traced == [(True, first, masked, len(payload), payload[:TRACED]) for first, payload in split(port.sent)]
        assert [call[1] for call in traced] == [TEXT | RSV1, BINARY_PART | RSV1, CONTINUATION, BINARY | RSV1]


# By parts.


@both_takeovers
def test_at_the_end_of_a_frame_all_of_it_is_there(takes_over: bool) -> None:
    """Whole or by pieces: the peer can inflate what was sent so far, without waiting for the message's end."""
    for port in both(takes_over):
        connection, receiver = port.connection, Receiver()
        connection.begin_message(False)
        assert port.sent == b""
        for number in range(4):
            part = text_of(2000, number + 1)
            if number % 2:
                connection.send_frame(part)
            else:
                connection.begin_frame(2000)
                assert connection.send_frame_data(part[:700]) == 1300
                assert connection.send_frame_data(part[700:]) == 0
            frames = split(port.take_sent())
            assert [first for first, _ in frames] == [TEXT_PART | RSV1 if number == 0 else PART]
            assert receiver.so_far(b"".join(payload for _, payload in frames)) == part
        connection.end_message()
        ((first, rest),) = split(port.take_sent())
        assert first == CONTINUATION
        assert receiver.so_far(rest + TAIL) == b""
        assert connection.has_contexts == takes_over


def test_frames_without_octets() -> None:
    """And messages without frames."""
    for takes_over in (True, False):
        for port in both(takes_over):
            connection, receiver = port.connection, Receiver(takes_over)
            for parts in ([], [b""], [b"", b""], [b"", PROSE, b""], []):
                connection.begin_message(True)
                for part in parts:
                    connection.begin_frame(len(part))
                    assert connection.send_frame_data(part) == 0
                    connection.send_frame(b"")
                connection.end_message()
                octets = port.take_sent()
                assert inflated(octets, receiver) == [(2, b"".join(parts))]
                assert split(octets)[0][0] & RSV1


def test_data_that_is_too_much_is_not_sent_and_counted() -> None:
    """As without compression."""
    for port in both():
        port.connection.begin_message(True)
        port.connection.begin_frame(5)
        assert port.connection.send_frame_data(b"Hello, world") == -7
        port.connection.end_message()
        assert inflated(port.sent, Receiver()) == [(2, HELLO)]


def test_control_frames_may_go_in_between_at_once() -> None:
    """The frames on the wire are complete, whatever the application has still to send of its own."""
    for port in both():
        connection = port.connection
        connection.begin_message(True)
        connection.begin_frame(len(PROSE))
        connection.send_ping(b"1")
        connection.send_frame_data(PROSE[:1000])
        connection.send_pong(b"2")
        connection.send_frame_data(PROSE[1000:])
        connection.end_message()
        frames = [frame for frame in split(port.sent) if frame[0] & 8]
        assert frames == [(PING, b"1"), (PONG, b"2")]
        assert split(port.sent)[0] == (PING, b"1")
        assert inflated(port.sent, Receiver()) == [(2, PROSE)]


def test_a_message_by_parts_that_is_not_compressed() -> None:
    """`doNotCompress`: control frames wait for the end of a frame, as without the extension."""
    for port in both():
        connection = port.connection
        connection.begin_message(True, compress=False)
        connection.begin_frame(4)
        connection.send_frame_data(b"ab")
        connection.send_ping(b"1")
        connection.send_frame_data(b"cd")
        connection.end_message()
        frames = [(BINARY_PART, b"abcd"), (PING, b"1"), (CONTINUATION, b"")]
        assert port.sent == b"".join(by(port, *frame) for frame in frames)
        assert not connection.has_contexts


def test_a_close_inside_of_a_compressed_message() -> None:
    """It goes out at once, and the message cannot be ended any more."""
    for port in both():
        connection = port.connection
        connection.begin_message(True)
        connection.begin_frame(len(PROSE))
        connection.send_frame_data(PROSE[:10])
        connection.send_close(1000, None)
        assert split(port.sent)[-1] == (CLOSE, close_payload(1000))
        for late in (lambda c=connection: c.send_frame_data(PROSE[10:]), connection.end_message):
            with pytest.raises(Disconnected):
                late()


def test_a_stream_is_sent_in_constant_memory() -> None:
    """64 MiB in one frame: what compresses well, and what does not goes out as it comes."""
    for port in both():
        connection = port.connection
        tracemalloc.start()
        try:
            connection.begin_message(True)
            connection.begin_frame(64 * MIB)
            piece = bytes(MIB)
            for _ in range(64):
                connection.send_frame_data(piece)
            connection.end_message()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert connection.payload_sent == 64 * MIB
        assert len(port.sent) < MIB // 2
        assert peak < 3 * MIB
        port.take_sent()
        connection.begin_message(True)
        connection.begin_frame(10 * len(NOISE) * 100)
        for number in range(10):
            connection.send_frame_data(noise(300_000 + number)[:300_000])
            assert len(port.sent) > number * 300_000
        port.take_sent()


# Prepared messages.


def test_prepared_messages_are_compressed_once_for_all() -> None:
    """For receivers with takeover and without; all go on from there with messages of their own."""
    prepared = [Prepared(text_of(2000, seed), seed % 2 == 0, True) for seed in range(3)]
    ports = [
        server(server_side(takes_over, True, threshold=threshold))
        for takes_over in (True, False)
        for threshold in (64, 256)
        for _ in range(5)
    ]
    receivers = [
        Receiver(port.connection.extension is not None and not port.connection.extension.no_context_takeover)
        for port in ports
    ]
    for message in prepared:
        for port, receiver in zip(ports, receivers, strict=True):
            port.connection.send_message(PROSE, False)
            port.connection.send_prepared(message)
            port.connection.send_message(PROSE[:2000], False)
            opcode = 2 if message.is_binary else 1
            expected = [(1, PROSE), (opcode, message.payload), (1, PROSE[:2000])]
            octets = port.take_sent()
            assert inflated(octets, receiver) == expected
            assert all(first & RSV1 for first, _ in split(octets))
    assert [message.compressions for message in prepared] == [1, 1, 1]


def test_prepared_messages_of_clients_are_compressed_once_too() -> None:
    """They are masked anew for each; and where frames are split, for each again."""
    message = Prepared(PROSE, True, True)
    ports = [client() for _ in range(3)] + [client(autoFragmentSize=200), server(autoFragmentSize=200)]
    for port in ports:
        port.connection.send_prepared(message)
        assert inflated(port.sent, Receiver()) == [(2, PROSE)]
        assert max(len(payload) for _, payload in split(port.sent)) <= (200 if port in ports[3:] else 3000)
        assert port.connection.payload_sent == len(PROSE)
    assert message.compressions == 1


@pytest.mark.parametrize("payload", [HELLO, NOISE])
def test_prepared_messages_that_are_not_worth_it_go_as_they_are(payload: bytes) -> None:
    """Below the threshold, or no shorter when compressed; the connection's context is not lost by it."""
    message = Prepared(payload, True, True)
    for port in both():
        port.connection.send_message(PROSE, True)
        port.take_sent()
        port.connection.send_prepared(message)
        assert port.take_sent() == by(port, BINARY, payload)
        port.connection.send_message(PROSE, True)
        assert len(port.sent) < 100


def test_prepared_messages_that_are_not_to_be_compressed() -> None:
    """`prepareMessage(doNotCompress=True)`."""
    message = Prepared(PROSE, False, False)
    for port in both():
        port.connection.send_prepared(message)
        assert port.sent == by(port, TEXT, PROSE)
    assert message.compressions == 0


# What is received.


@pytest.mark.parametrize("agreement", AGREEMENTS)
def test_messages_are_received_compressed_or_not(agreement: tuple[bool, bool]) -> None:
    """In fragments, with control frames between, and with takeover of the direction that it was agreed on for."""
    for port in (server(server_side(*agreement)), client(client_side(*agreement))):
        is_server = isinstance(port, RecordingServer)
        sender = Sender(agreement[1] if is_server else agreement[0])
        payloads = [PROSE, b"", PROSE, NOISE, bytes(100_000)]
        for size in (0, 1):
            wire = b""
            for payload in payloads:
                octets = sender.message(payload)
                wire += to(port, BINARY_PART | RSV1, octets[:7]) + to(port, PING, b"?")
                wire += to(port, CONTINUATION, octets[7:]) + to(port, TEXT, b"plain")
            port.take()
            port.take_sent()
            port.receive(wire, size)
            assert messages(port) == [pair for payload in payloads for pair in ((payload, True), (b"plain", False))]
            assert split(port.sent) == [(PONG, b"?")] * 5


def test_what_was_received_is_counted_inflated_and_not() -> None:
    """`payload_received` and `frame_payload_received`."""
    for port in both():
        octets = compressed(PROSE)
        port.receive(to(port, BINARY | RSV1, octets) + to(port, TEXT, b"plain") + to(port, PING, b"12"))
        connection = port.connection
        assert (connection.messages_received, connection.frames_received) == (2, 3)
        assert connection.payload_received == len(PROSE) + 5
        assert connection.frame_payload_received == len(octets) + 5


VIOLATIONS: list[tuple[list[tuple[int, bytes]], int, str]] = [
    ([(PING | RSV1, b"")], 1002, "RSV1 is set on something else than the first frame of a message"),
    (
        [(TEXT_PART | RSV1, ONE_BLOCK), (CONTINUATION | RSV1, EMPTY)],
        1002,
        "RSV1 is set on something else than the first frame of a message",
    ),
    ([(TEXT | 0x20, b"")], 1002, "RSV2 or RSV3 is set, which no extension was negotiated for"),
    ([(BINARY | RSV1 | 0x10, b"")], 1002, "RSV2 or RSV3 is set, which no extension was negotiated for"),
    ([(TEXT | RSV1, b"\x07")], 1007, "compressed message does not inflate"),
    ([(TEXT | RSV1, compressed(b"\xff"))], 1007, "text message is not valid UTF-8"),
    ([(BINARY | RSV1, b"\x01\x00\x00\xff\xff" * 257)], 1007, "compressed message with more than 256 final blocks"),
]


@pytest.mark.parametrize(("frames", "code", "reason"), VIOLATIONS)
@pytest.mark.parametrize("fail_by_drop", [True, False])
def test_what_a_peer_does_wrong(frames: list[tuple[int, bytes]], code: int, reason: str, fail_by_drop: bool) -> None:
    """It is told so, or dropped; and the memory for its messages is given back at once."""
    for port in (server(failByDrop=fail_by_drop), client(failByDrop=fail_by_drop)):
        port.receive(to(port, TEXT | RSV1, ONE_BLOCK))
        assert port.connection.has_contexts
        port.receive(b"".join(to(port, *frame) for frame in frames))
        assert messages(port) == [(HELLO, False)]
        assert not port.connection.has_contexts
        if fail_by_drop:
            assert port.sent == b""
            assert "abort" in port.names()
        else:
            assert split(port.sent) == [(CLOSE, close_payload(code, reason))]
        port.lose()
        assert port.closure == Closure(Cause.VIOLATION, 1006 if fail_by_drop else code, reason)


LIMITS: list[tuple[int, int, str]] = [
    (10_000, 0, "maxMessagePayloadSize (10000)"),
    (10_000, 5_000, "max_message_size (5000)"),
    (10_000, 20_000, "maxMessagePayloadSize (10000)"),
    (10_000, 10_000, "maxMessagePayloadSize (10000)"),
    (0, 5_000, "max_message_size (5000)"),
]


@pytest.mark.parametrize(("option", "accepted", "name"), LIMITS)
def test_the_limit_is_the_smaller_one_and_named(option: int, accepted: int, name: str) -> None:
    """The option's or that of the acceptance, counted on what is inflated; 1009."""
    limit = min(number for number in (option, accepted) if number)
    for port in (
        server(server_side(max_message_size=accepted), maxMessagePayloadSize=option, failByDrop=False),
        client(client_side(max_message_size=accepted), maxMessagePayloadSize=option, failByDrop=False),
    ):
        octets = compressed(bytes(limit))
        port.receive(to(port, BINARY | RSV1, octets))
        assert messages(port) == [(bytes(limit), True)]
        octets = compressed(bytes(limit + 1))
        port.receive(to(port, BINARY_PART | RSV1, octets[:-2]) + to(port, CONTINUATION, octets[-2:]))
        reason = f"message of at least {limit + 1} octets is over {name}"
        assert split(port.sent) == [(CLOSE, close_payload(1009, reason))]
        assert not port.connection.has_contexts


def test_no_limit_at_all() -> None:
    """Both are 0, because somebody said so."""
    for port in (server(maxMessagePayloadSize=0), client(maxMessagePayloadSize=0)):
        port.receive(to(port, BINARY | RSV1, zeros(20)))
        assert messages(port) == [(bytes(20 * MIB), True)]


def test_the_limit_of_the_acceptance_is_for_compressed_messages_alone() -> None:
    """Others do not become more than they are."""
    for port in both(max_message_size=100):
        port.receive(to(port, BINARY, bytes(101)))
        assert messages(port) == [(bytes(101), True)]


@pytest.mark.parametrize("by_pieces", [True, False])
def test_streams_are_told_inflated(by_pieces: bool) -> None:
    """By frames and by pieces, with a hold in the middle of one piece that inflates to much."""
    for port in (
        opened(RecordingServer(extension=server_side()), by_pieces),
        opened(RecordingClient(extension=client_side()), by_pieces),
    ):
        sender = Sender()
        octets = sender.message(bytes(MIB))
        connection = port.connection
        held: list[int] = []

        def hold(payload: bytes, connection: Any = connection, held: list[int] = held) -> None:
            held.append(len(payload))
            connection.hold(1)

        port.hooks["frame_data"] = port.hooks["frame"] = hold
        port.receive(to(port, BINARY_PART | RSV1, octets[:500]) + to(port, CONTINUATION, octets[500:]) + to(port, PING))
        while connection.held:
            count = len(held)
            port.receive(b"")
            assert len(held) == count
            connection.release(1)
        assert sum(held) == MIB
        assert len(held) == (17 if by_pieces else 2)
        assert port.upcalls[-2:] == [("message_end",), ("ping", b"")]
        assert connection.messages_received == 1


# Contexts.


def exchanged(
    port: RecordingServer | RecordingClient, sender: Sender, receiver: Receiver, payload: bytes = PROSE
) -> int:
    """A message either way, right at both ends; how many octets they took."""
    port.take()
    port.take_sent()
    octets = sender.message(payload)
    port.receive(to(port, BINARY | RSV1, octets))
    assert messages(port) == [(payload, True)]
    port.connection.send_message(payload, True)
    assert inflated(port.sent, receiver) == [(2, payload)]
    return len(port.take_sent())


def test_contexts_come_with_the_first_message_and_go_with_the_connection() -> None:
    """An idle connection takes no memory for them."""
    for port in both():
        connection = port.connection
        assert not connection.has_contexts
        connection.send_message(b"short", True)
        port.receive(to(port, TEXT, b"plain"))
        assert not connection.has_contexts
        connection.send_message(PROSE, True)
        assert connection.has_contexts
        connection.release_contexts()
        assert not connection.has_contexts
        port.receive(to(port, TEXT | RSV1, ONE_BLOCK))
        assert connection.has_contexts
        port.lose()
        assert not connection.has_contexts
        connection.release_contexts()
        assert not connection.has_contexts


@both_takeovers
def test_releasing_never_corrupts(takes_over: bool) -> None:
    """Between any two messages, once and again."""
    for port in both(takes_over):
        sender, receiver = Sender(takes_over), Receiver(takes_over)
        for number in range(6):
            exchanged(port, sender, receiver)
            for _ in range(number % 3):
                port.connection.release_contexts()
                assert not port.connection.has_contexts


def test_releasing_in_the_middle_of_messages() -> None:
    """What a message in progress needs is kept; the other direction is released."""
    for port in (
        opened(RecordingServer(extension=server_side()), True),
        opened(RecordingClient(extension=client_side()), True),
    ):
        connection, receiver, sender = port.connection, Receiver(), Sender()
        octets = sender.message(PROSE)
        connection.begin_message(True)
        connection.send_frame(PROSE)
        port.receive(to(port, BINARY_PART | RSV1, octets[:50]))
        connection.release_contexts()
        assert connection.has_contexts
        connection.send_frame(PROSE)
        port.receive(to(port, CONTINUATION, octets[50:]))
        connection.release_contexts()
        connection.end_message()
        assert len(port.sent) < 1.5 * len(compressed(PROSE))
        assert inflated(port.sent, receiver) == [(2, PROSE * 2)]
        connection.release_contexts()
        assert not connection.has_contexts
        port.receive(to(port, BINARY | RSV1, sender.message(PROSE)))
        told = b"".join(call[1] for call in port.calls if call[0] == "frame_data" and isinstance(call[1], bytes))
        assert told == PROSE * 2


def idle_ports(release_after: float, **options: Any) -> list[RecordingServer | RecordingClient]:
    return [
        server(server_side(release_after=release_after), **options),
        client(client_side(release_after=release_after), **options),
    ]


def test_contexts_are_released_when_idle() -> None:
    """After a whole `release_after` without a message, and not before; later messages are right all the same."""
    for port in idle_ports(10, autoPingInterval=0):
        sender, receiver = Sender(), Receiver()
        port.advance(4)
        first = exchanged(port, sender, receiver)
        port.advance(9.9)
        assert port.connection.has_contexts
        port.advance(10)
        assert not port.connection.has_contexts
        # What the peer takes over is still known; what we send begins anew.
        assert exchanged(port, sender, receiver) == first
        assert exchanged(port, sender, receiver) < first // 4
        port.advance(100)
        assert not port.connection.has_contexts


@pytest.mark.parametrize("direction", ["in", "out"])
def test_messages_in_either_direction_keep_the_contexts(direction: str) -> None:
    """One in every `release_after`, compressed or not; what is no message does not count."""
    for port in idle_ports(10, autoPingInterval=0):
        exchanged(port, Sender(), Receiver())
        for _ in range(5):
            port.advance(9)
            if direction == "in":
                port.receive(to(port, TEXT, b"plain"))
            else:
                port.connection.send_message(b"short", True)
            assert port.connection.has_contexts
        for _ in range(3):
            port.advance(9)
            port.receive(to(port, PING))
        assert not port.connection.has_contexts


def test_contexts_are_kept_without_release_after() -> None:
    """0: never; and then nothing wakes an idle connection."""
    for port in idle_ports(0, autoPingInterval=0):
        exchanged(port, Sender(), Receiver())
        assert port.deadline is None
        port.advance(1e6)
        assert port.connection.has_contexts


def test_releasing_and_automatic_pings_share_the_timer() -> None:
    """Each at its own time."""
    for port in idle_ports(10, autoPingInterval=3, autoPingTimeout=0):
        exchanged(port, Sender(), Receiver())
        port.take()
        pings: list[float] = []
        released: list[float] = []
        while port.time < 40:
            assert port.deadline is not None
            before = port.connection.has_contexts
            port.advance(port.deadline - port.time)
            pings += [port.time] * len([frame for frame in split(port.take_sent()) if frame[0] == PING])
            released += [port.time] * (before and not port.connection.has_contexts)
        assert pings == [3.0 * number for number in range(1, len(pings) + 1)]
        assert len(pings) == 13
        assert released == [20]


def test_a_pong_that_is_overdue_ends_the_connection_whatever_else_is_due() -> None:
    """Releasing is no sign of life."""
    for port in idle_ports(1, autoPingInterval=3, autoPingTimeout=2):
        exchanged(port, Sender(), Receiver())
        port.advance(4.9)
        assert port.closure is None
        assert "timed_out" not in port.names()
        port.advance(0.2)
        assert ("timed_out", Cause.PING_TIMEOUT) in port.calls


@pytest.mark.parametrize("release_after", [0.25, 1, 4])
def test_releasing_and_the_check_on_a_peer_that_does_not_read(release_after: float) -> None:
    """The hold is lifted after its second, contexts are released after their time."""
    for port in idle_ports(release_after, autoPingInterval=0, sendHighWaterMark=100):
        port.connection.send_message(PROSE, True)
        port.peer_reads = False
        port.connection.send_message(noise(200), True)
        port.connection.send_message(noise(201), True)
        assert port.connection.held == HOLD_SENDING
        port.advance(0.999)
        assert port.connection.held == HOLD_SENDING
        port.advance(0.001)
        assert port.connection.held == 0
        port.advance(2 * release_after)
        assert not port.connection.has_contexts
        port.drain()
        assert inflated(port.sent, Receiver()) == [(2, PROSE), (2, noise(200)), (2, noise(201))]


def test_a_closing_connection_has_other_timers() -> None:
    """The check for idle contexts does not move the deadline of the closing handshake."""
    for port in idle_ports(1, autoPingInterval=0, closeHandshakeTimeout=5):
        exchanged(port, Sender(), Receiver())
        port.advance(0.5)
        port.connection.send_close(1000, None)
        port.advance(4.9)
        assert "timed_out" not in port.names()
        port.advance(0.2)
        assert ("timed_out", Cause.CLOSING_TIMEOUT) in port.calls


def test_a_stream_that_is_still_coming_keeps_its_context() -> None:
    """However long it takes."""
    port = opened(RecordingServer(extension=server_side(release_after=10), autoPingInterval=0), True)
    octets = compressed(PROSE)
    port.receive(from_client(BINARY_PART | RSV1, octets[:60]))
    port.advance(100)
    assert port.connection.has_contexts
    port.receive(from_client(CONTINUATION, octets[60:]))
    port.advance(100)
    assert not port.connection.has_contexts
    told = b"".join(call[1] for call in port.calls if call[0] == "frame_data" and isinstance(call[1], bytes))
    assert told == PROSE


# Both ends.


@dataclass(frozen=True)
class Move:
    """Something that one end does."""

    by_server: bool
    kind: str
    payload: bytes
    fragment_size: int


kinds = ["message", "message", "plain", "prepared", "stream", "release", "release"]
moves = st.builds(
    Move,
    st.booleans(),
    st.sampled_from(kinds),
    st.integers(0, 4000).map(text_of) | st.integers(0, 400).map(noise) | st.integers(0, 100_000).map(bytes),
    st.sampled_from([0, 0, 1000, 50]),
)


def make(port: RecordingPort, move: Move) -> None:
    connection = port.connection
    if move.kind == "release":
        connection.release_contexts()
    elif move.kind == "prepared":
        connection.send_prepared(Prepared(move.payload, True, True))
    elif move.kind == "stream":
        connection.begin_message(True)
        half = len(move.payload) // 2
        connection.send_frame(move.payload[:half])
        connection.release_contexts()
        connection.begin_frame(len(move.payload) - half)
        connection.send_ping(b"between")
        connection.send_frame_data(move.payload[half : half + 10])
        connection.send_frame_data(move.payload[half + 10 :])
        connection.end_message()
    else:
        connection.send_message(move.payload, True, move.fragment_size, move.kind == "message")


@settings(max_examples=100)
@given(
    st.lists(moves, max_size=10),
    st.sampled_from(AGREEMENTS),
    st.tuples(st.sampled_from(LIBRARIES), st.sampled_from(LIBRARIES)),
    st.integers(9, 15),
    st.integers(0, 3),
    st.sampled_from([0, 100]),
    st.sampled_from([0, 1, 100]),
)
def test_whatever_one_end_sends_the_other_receives(
    script: list[Move],
    agreement: tuple[bool, bool],
    libraries: tuple[str, str],
    bits: int,
    level: int,
    threshold: int,
    size: int,
) -> None:
    """Whole, split, by parts, prepared, compressed or not, whatever was released when, by any pair of libraries."""
    knobs: dict[str, Any] = {"compression_level": level, "threshold": threshold}
    offer = PerMessageDeflateOffer(request_no_context_takeover=not agreement[0], request_max_window_bits=bits)
    accepted = PerMessageDeflateOfferAccept(
        offer,
        request_no_context_takeover=not agreement[1],
        request_max_window_bits=bits,
        library=libraries[0],
        **knobs,
    ).settle()
    response = PerMessageDeflateResponse.parse(
        {name: [value] for name, value in parse_extensions(str(accepted))[0].params}
    )
    one = server(accepted)
    other = client(PerMessageDeflateResponseAccept(response, library=libraries[1], **knobs).settle())
    sent: dict[bool, list[tuple[object, object]]] = {True: [], False: []}
    for move in script:
        sender, receiver = (one, other) if move.by_server else (other, one)
        make(sender, move)
        octets = sender.take_sent()
        receiver.receive(octets, size if len(octets) < 3000 else 0)
        if move.kind != "release":
            sent[move.by_server].append((move.payload, True))
    assert messages(other) == sent[True]
    assert messages(one) == sent[False]
    for sender, receiver in ((one, other), (other, one)):
        assert sender.connection.payload_sent == receiver.connection.payload_received
        assert sender.connection.frame_payload_sent == receiver.connection.frame_payload_received
        assert sender.connection.messages_sent == receiver.connection.messages_received


def test_many_connections_share_a_deflater() -> None:
    """Without takeover; messages of one do not get into those of another, nor does one that sends by parts."""
    settled = server_side(server=False)
    shared = Deflater(settled.compression, takes_over=False)
    ports = []
    for _ in range(4):
        port = opened(RecordingServer())
        port.connection.extend(settled, shared)
        ports.append(port)
    ports[0].connection.begin_message(True)
    for number in range(3):
        ports[0].connection.send_frame(PROSE)
        for port in ports[1:]:
            port.connection.send_message(text_of(2000, number), True)
            assert inflated(port.take_sent(), Receiver(False)) == [(2, text_of(2000, number))]
            assert not port.connection.has_contexts
    assert ports[0].connection.has_contexts
    ports[0].connection.end_message()
    assert not ports[0].connection.has_contexts
    assert inflated(ports[0].take_sent(), Receiver(False)) == [(2, PROSE * 3)]


def test_hooks_that_answer_with_compressed_messages() -> None:
    """From inside of `onMessage`, in order, gathered into one write."""
    for port in both():
        port.hooks["message"] = port.connection.send_message
        sender = Sender()
        payloads = [text_of(500, seed) for seed in range(5)]
        port.receive(b"".join(to(port, BINARY | RSV1, sender.message(payload)) for payload in payloads))
        assert inflated(port.sent, Receiver()) == [(2, payload) for payload in payloads]
        assert port.names("write") == ["write"]


def test_sending_from_inside_of_a_write_keeps_the_order() -> None:
    """The transport calls back: what is compressed later is sent later, also between the frames of a message."""
    sends: list[Callable[[Any], None]] = [
        lambda c: c.send_message(PROSE, True),
        lambda c: c.send_message(PROSE, True, 100),
        lambda c: c.send_prepared(Prepared(PROSE, True, True)),
    ]
    for send in sends:
        for port in (server(sendHighWaterMark=10), client(sendHighWaterMark=10)):
            connection = port.connection
            port.peer_reads = False
            port.hooks["sending_paused"] = lambda c=connection: c.send_message(PROSE[:1000], True)
            send(connection)
            connection.send_message(PROSE, False)
            port.drain()
            assert inflated(port.sent, Receiver()) == [(2, PROSE), (2, PROSE[:1000]), (1, PROSE)]


def test_work_for_another_thread_that_is_done_at_once() -> None:
    """Its message is sent before the next one, which does not have to wait."""
    for port in both(offload_above=1000):
        port.hooks["offload"] = lambda *_, port=port: port.work_off()
        for payload in (PROSE, PROSE[:500], PROSE):
            port.connection.send_message(payload, True)
        assert inflated(port.sent, Receiver()) == [(2, PROSE), (2, PROSE[:500]), (2, PROSE)]
        assert port.names("offload") == ["offload"] * 2
