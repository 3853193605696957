"""A stream protocol wrapped in WebSocket."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.programs import KEY, Backend, close, frames, request, text
from tests.backends.streams import accept, wrapped, wrapping_factory
from wsframework._core.codec import encode_frame


def binary(data: bytes) -> bytes:
    """A client's binary message."""
    return encode_frame(2, data, KEY)


def test_octets_go_both_ways(backend: Backend) -> None:
    """My protocol knows nothing of messages."""
    link, stream = wrapped(backend)
    link.receive(binary(b"one") + binary(b"") + binary(b"two"))
    assert stream.events == [b"one", b"two"]
    stream.write(b"three")
    stream.write(bytearray(b"four"))
    stream.write(b"")
    assert frames(link.take()) == [(2, b"three"), (2, b"four")]


def test_octets_go_both_ways_as_base64(backend: Backend) -> None:
    """A browser that cannot do binary messages is served too."""
    link, stream = wrapped(backend, "base64")
    link.receive(text("b25l"))
    stream.write(b"two")
    assert stream.events == [b"one"]
    assert frames(link.take()) == [(1, b"dHdv")]


@pytest.mark.parametrize(
    ("offer", "extra", "chosen"),
    [
        (None, None, None),
        ("binary", None, "binary"),
        ("base64, binary", None, "base64"),
        ("chat, base64", None, "base64"),
        ("mqtt", "mqtt", "mqtt"),
        ("binary, mqtt", "mqtt", "binary"),
    ],
)
def test_the_first_offered_subprotocol_that_is_known_is_taken(
    backend: Backend, offer: str | None, extra: str | None, chosen: str | None
) -> None:
    """A client that says nothing gets binary messages."""
    link, stream = wrapped(backend, offer, extra)
    assert link.protocol.websocket_protocol_in_use == chosen
    stream.write(b"x")
    assert frames(link.take())[0][0] == (1 if chosen == "base64" else 2)


def test_a_client_with_unknown_subprotocols_is_refused(backend: Backend) -> None:
    """It hears which ones there are; my protocol hears nothing."""
    factory, streams = wrapping_factory(backend, subprotocol="mqtt")
    link = backend.connect(factory)
    link.receive(request("Sec-WebSocket-Protocol: chat, soap"))
    backend.settle()
    answer = link.take()
    assert answer.startswith(b"HTTP/1.1 406 ")
    assert b"mqtt, binary, base64" in answer
    link.end()
    assert streams[0].events == []


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n", request()[:40], b""])
def test_a_stream_that_was_never_there_is_never_lost(backend: Backend, octets: bytes) -> None:
    """Whatever came in place of a handshake."""
    factory, streams = wrapping_factory(backend)
    link = backend.connect(factory)
    link.receive(octets)
    backend.settle()
    link.cut()
    assert streams[0].events == []


@pytest.mark.parametrize(
    ("offer", "message", "code"),
    [
        ("binary", text("abc"), 1003),
        (None, text("abc"), 1003),
        ("base64", binary(b"abc"), 1003),
        ("base64", text("not base64"), 1007),
    ],
)
def test_a_message_that_carries_no_octets_ends_the_stream(
    backend: Backend, offer: str | None, message: bytes, code: int
) -> None:
    """With a code that says so; nothing of it, or of what comes after it, reaches my protocol."""
    link, stream = wrapped(backend, offer)
    good = text("YQ==") if offer == "base64" else binary(b"a")
    link.receive(good + message + good)
    assert stream.events == [b"a"]
    ((opcode, payload),) = frames(link.take())
    assert (opcode, payload[:2]) == (8, code.to_bytes(2, "big"))
    link.receive(good + close(code))
    link.end()
    backend.settle()
    assert stream.events == [b"a", "failed"]


@pytest.mark.parametrize(
    ("code", "outcome"), [(1000, "done"), (1001, "done"), (None, "done"), (1011, "failed"), (4000, "failed")]
)
def test_the_peers_close_ends_the_stream(backend: Backend, code: int | None, outcome: str) -> None:
    """In order, unless its code says that something went wrong."""
    link, stream = wrapped(backend)
    link.receive(binary(b"last"))
    link.receive(close(code, "bye") if code else encode_frame(8, b"", KEY))
    link.end()
    backend.settle()
    told = ["eof"] if backend.name == "asyncio" and outcome == "done" else []
    assert stream.events == [b"last", *told, outcome]
    if code == 1011:
        assert "bye (1011)" in str(stream.error)
    stream.write(b"late")
    stream.lose()
    stream.abort()
    assert stream.events[-1] == outcome


def test_a_transport_that_is_cut_ends_the_stream(backend: Backend) -> None:
    """Once, with what happened."""
    link, stream = wrapped(backend)
    link.cut()
    backend.settle()
    assert stream.events == ["failed"]
    assert "connection reset" in str(stream.error)


def test_losing_the_connection_says_goodbye_after_the_data(backend: Backend) -> None:
    """Nothing is delivered after that, nothing can be written, and the end is in order."""
    link, stream = wrapped(backend)
    stream.write(b"last")
    stream.lose()
    stream.lose()
    stream.write(b"late")
    assert frames(link.take()) == [(2, b"last"), (8, b"\x03\xe8")]
    link.receive(binary(b"unwanted") + close(1000))
    link.end()
    backend.settle()
    assert stream.events == ["done"]


def test_losing_the_connection_while_reading_is_paused(backend: Backend) -> None:
    """The peer's Close is found behind data that nobody wants any more."""
    link, stream = wrapped(backend)
    stream.pause()
    link.receive(binary(b"unread"))
    stream.lose()
    stream.pause()
    stream.resume()
    assert frames(link.take()) == [(8, b"\x03\xe8")]
    link.receive(close(1000))
    link.end()
    backend.settle()
    assert stream.events == ["done"]


def test_losing_the_connection_waits_for_a_slow_peer(backend: Backend) -> None:
    """All that was written arrives, however long it takes; only then the goodbye."""
    link, stream = wrapped(backend)
    link.stall()
    data = b"x" * 100_000
    stream.write(data)
    stream.lose()
    backend.advance(3600)
    assert stream.events == ["wait"]
    link.unstall()
    backend.settle()
    sent = link.take()
    assert sent.count(b"x") == len(data)
    assert sent.endswith(b"\x88\x02\x03\xe8")
    link.receive(close(1000))
    link.end()
    backend.settle()
    assert stream.events[-1] == "done"


def test_a_peer_that_never_says_goodbye_is_dropped(backend: Backend) -> None:
    """After half a minute."""
    link, stream = wrapped(backend)
    stream.lose()
    backend.advance(29)
    assert stream.events == []
    backend.advance(2)
    assert stream.events == ["failed"]
    assert link.aborted


def test_aborting_drops_everything(backend: Backend) -> None:
    """At once, and without a word."""
    link, stream = wrapped(backend)
    link.stall()
    stream.write(b"never sent")
    stream.abort()
    stream.abort()
    stream.write(b"late")
    backend.settle()
    assert link.aborted
    assert link.take() == b""
    assert stream.events == ["done" if backend.name == "asyncio" else "aborted"]


def test_reading_can_be_paused(backend: Backend) -> None:
    """Between two messages of one chunk."""
    link, stream = wrapped(backend)
    link.receive(binary(b"one"))
    stream.pause()
    stream.pause()
    link.receive(binary(b"two") + binary(b"three"))
    assert stream.events == [b"one"]
    assert not link.reading
    stream.resume()
    stream.resume()
    assert stream.events == [b"one", b"two", b"three"]
    assert link.reading


def test_a_full_transport_tells_the_writer_and_reading_goes_on(backend: Backend) -> None:
    """Both ends send without end, and neither waits for the other for ever."""
    link, stream = wrapped(backend, sendHighWaterMark=1000)
    link.stall()
    stream.write(b"x" * 1001)
    stream.write(b"more")
    assert stream.events == ["wait"]
    assert link.reading
    link.receive(binary(b"meanwhile"))
    assert stream.events == ["wait", b"meanwhile"]
    link.unstall()
    assert stream.events == ["wait", b"meanwhile", "go on"]
    stream.write(b"y")
    assert link.take().endswith(b"\x82\x01y")


def test_a_transport_that_is_full_from_the_beginning(backend: Backend) -> None:
    """The stream is told when it is there; of a pause that is over by then it is not."""
    factory, streams = wrapping_factory(backend)
    link = backend.connect(factory)
    # What both backends' transports call.
    connection = link.protocol._connection
    connection.pause_writing()
    connection.resume_writing()
    connection.pause_writing()
    link.receive(request())
    backend.settle()
    assert streams[0].events == ["made", "wait"]
    connection.resume_writing()
    assert streams[0].events == ["made", "wait", "go on"]


def test_pausing_both_directions_at_once(backend: Backend) -> None:
    """Neither end of a pause is taken for the other."""
    link, stream = wrapped(backend, sendHighWaterMark=1000)
    link.stall()
    stream.write(b"x" * 1001)
    stream.pause()
    assert not link.reading
    link.receive(binary(b"one"))
    link.unstall()
    assert stream.events == ["wait", "go on"]
    assert not link.reading
    link.stall()
    stream.write(b"x" * 1001)
    stream.resume()
    assert link.reading
    assert stream.events == ["wait", "go on", "wait", b"one"]


def test_a_peer_that_never_reads_is_dropped(backend: Backend) -> None:
    """Where my protocol does not listen to the transport."""
    link, stream = wrapped(backend, maxSendBuffer=2_000_000)
    link.stall()
    stream.write(b"x" * 10_000_000)
    stream.write(b"more")
    backend.settle()
    assert link.aborted
    assert stream.events == ["wait", "failed"]
    assert "maxSendBuffer" in str(stream.error)


def test_long_writes_are_cut_to_the_message_limit(backend: Backend) -> None:
    """Streams have no messages, so there is nothing that could be too long."""
    link, stream = wrapped(backend, maxMessagePayloadSize=4)
    stream.write(b"abcdefghi")
    assert frames(link.take()) == [(2, b"abcd"), (2, b"efgh"), (2, b"i")]


def test_frames_can_be_smaller_than_messages(backend: Backend) -> None:
    """As autoFragmentSize says."""
    factory, streams = wrapping_factory(backend, autoFragmentSize=2, enableCompression=False)
    link = backend.connect(factory)
    link.receive(request())
    backend.settle()
    link.take()
    streams[0].write(b"abc")
    assert frames(link.take()) == [(2, b"ab"), (0, b"c")]


def test_what_is_not_octets_cannot_be_written(backend: Backend) -> None:
    """As on any other transport."""
    link, stream = wrapped(backend)
    with pytest.raises(TypeError, match="data must be bytes, not str"):
        stream.write("text")
    assert link.take() == b""


def test_an_error_in_the_protocol_ends_the_stream(backend: Backend, errors: list[BaseException]) -> None:
    """It is logged once; the peer hears 1011."""
    link, stream = wrapped(backend)
    stream.raises_on = b"bad"
    link.receive(binary(b"good") + binary(b"bad") + binary(b"good"))
    assert [type(error) for error in errors] == [LookupError]
    assert frames(link.take()) == [(8, b"\x03\xf3")]
    link.receive(close(1011))
    link.end()
    backend.settle()
    assert stream.events == [b"good", b"bad", "failed"]


@pytest.mark.parametrize(("lines", "opcode"), [((), 2), (("binary",), 2), (("mqtt",), 2), (("base64",), 1)])
def test_a_client_takes_what_the_server_chooses(backend: Backend, lines: tuple[str, ...], opcode: int) -> None:
    """A server that says nothing gets binary messages."""
    factory, streams = wrapping_factory(backend, "client", subprotocol="mqtt")
    link = backend.connect(factory)
    backend.settle()
    assert b"\r\nSec-WebSocket-Protocol: mqtt, binary, base64\r\n" in link.sent
    assert streams[0].events == []
    accept(link, *(f"Sec-WebSocket-Protocol: {line}" for line in lines))
    backend.settle()
    assert streams[0].events == ["made"]
    streams[0].write(b"abc")
    sent = link.take()
    assert sent[0] == 0x80 | opcode
    link.receive(encode_frame(opcode, b"YWJj" if opcode == 1 else b"abc", None))
    assert streams[0].events == ["made", b"abc"]


def test_a_server_that_refuses_gives_no_stream(backend: Backend) -> None:
    """The protocol hears nothing of it."""
    factory, streams = wrapping_factory(backend, "client")
    link = backend.connect(factory)
    backend.settle()
    link.receive(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    backend.settle()
    assert streams[0].events == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"subprotocol": "a b"}, ValueError),
        ({"autoFragmentSize": -1}, ValueError),
        ({"enableCompression": 1}, None),
    ],
)
@pytest.mark.parametrize("role", ["server", "client"])
def test_a_wrapping_factory_checks_its_arguments(
    backend: Backend, role: str, arguments: dict[str, Any], error: type[Exception] | None
) -> None:
    """Where they are given."""
    with pytest.raises(error or TypeError):
        wrapping_factory(backend, role, **arguments)


@pytest.mark.parametrize("role", ["server", "client"])
def test_compression_is_wished_for_unless_told_otherwise(backend: Backend, role: str) -> None:
    """The options are set; whether they are followed is the peer's to say."""
    for wished in (True, False):
        factory, _ = wrapping_factory(backend, role, enableCompression=wished)
        protocol = factory.protocol()
        protocol.factory = factory
        assert protocol.perMessageCompressionAccept is wished
        if role == "client":
            assert bool(protocol.perMessageCompressionOffers) is wished
