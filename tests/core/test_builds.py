"""The compiled build does what the pure one does: the same octets in the same pieces, the same upcalls and errors."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsframework._core import _codec_py, _octets_py, _outgoing_py
from wsframework._core.constants import LARGEST
from wsframework._core.deflate import Compression, Deflater, Inflater, find_library
from wsframework._core.violation import ProtocolViolation
from wsframework.build import COMPILED
from wsframework.exceptions import PayloadExceededError, SequenceError
from wsframework.options import CommonOptions
from wsframework.testing import RecordingPort

# A process of the other build may have them and still not run them: what they import is what that build has.
pytestmark = pytest.mark.skipif(not COMPILED, reason="the extension modules are not built, or not wanted")

RSV1 = 4
LIBRARY = find_library("zlib")
COMPRESSION = Compression(15, 8, 6, "zlib")


def compiled(name: str) -> ModuleType:
    return import_module(f"wsframework._core.{name}_c")


class Listener:
    """Writes down the upcalls; every `pauses`-th pauses the reader."""

    def __init__(self, pauses: int = 0) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.pauses = pauses
        self.reader: Any = None

    def _add(self, *call: object) -> None:
        self.calls.append(call)
        if self.pauses and len(self.calls) % self.pauses == 0:
            self.reader.paused = True

    def message(self, payload: bytes, is_binary: bool) -> None:
        assert type(payload) is bytes
        self._add("message", payload, bool(is_binary))

    def ping(self, payload: bytes) -> None:
        self._add("ping", payload)

    def pong(self, payload: bytes) -> None:
        self._add("pong", payload)

    def close(self, code: int | None, reason: bytes) -> None:
        self._add("close", code, reason)

    def message_begin(self, is_binary: bool) -> None:
        self._add("begin", bool(is_binary))

    def frame_begin(self, length: int) -> None:
        self._add("frame begin", length)

    def frame_data(self, payload: bytes) -> None:
        self._add("data", payload)

    def frame_end(self) -> None:
        self._add("frame end")

    def frame(self, payload: bytes) -> None:
        self._add("frame", payload)

    def message_end(self) -> None:
        self._add("end")


payloads = st.one_of(
    st.binary(max_size=140),
    st.text(max_size=60).map(str.encode),
    st.sampled_from(
        [b"", b"\xce\xba\xe1\xbd\xb9\xcf\x83", b"\xed\xa0\x80", b"\xf4\x90", b"\xc3", b"\x03\xe8", b"\x00"]
    ),
    st.integers(126, 300).map(lambda size: b"\xe4\xb8\xad" * (size // 3)),
    st.just(b"x" * 500),
)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """One frame, most often a legal one."""
    opcode = draw(st.sampled_from([0, 1, 1, 2, 2, 8, 9, 10, 0, 0, 3, 11]))
    payload = draw(payloads)
    if opcode > 7:
        payload = payload[:126]
    rsv = draw(st.sampled_from([0, 0, 0, 0, RSV1, 1, 2]))
    if rsv == RSV1 and draw(st.booleans()):
        payload = Deflater(COMPRESSION, takes_over=False).message(payload)
    key = draw(st.one_of(st.none(), st.binary(min_size=4, max_size=4)))
    return _octets_py.encode_frame(opcode, payload, key, draw(st.sampled_from([True, True, False])), rsv)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Frames and sometimes noise, cut anywhere."""
    octets = b"".join(draw(st.lists(frames(), max_size=6))) + draw(
        st.sampled_from([b"", b"\x82\x7f\xff", b"\x81\xfe\x00"])
    )
    cuts = sorted(draw(st.lists(st.integers(0, len(octets)), max_size=8)))
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


def read(module: Any, pieces: list[bytes], setup: dict[str, Any], pauses: int, place: bool) -> list[object]:
    """What a reader of this build says to the pieces, and what it counts."""
    listener = Listener(pauses)
    reader = module.FrameReader(
        listener,
        setup["require_mask"],
        setup["apply_mask"],
        setup["max_frame"],
        setup["max_message"],
        setup["max_fragments"],
        setup["validate"],
    )
    listener.reader = reader
    if setup["streaming"] is not None:
        reader.stream_to(listener, setup["streaming"])
    if setup["inflates"]:
        reader.inflate_with(Inflater(LIBRARY, 15, True), setup["max_message"], "the limit")
    found: list[object] = []
    try:
        for piece in pieces:
            rest = piece
            view = reader.room() if place else None
            if view is not None:
                size = min(len(view), len(rest))
                view[:size] = rest[:size]
                rest = rest[size:]
                reader.placed(size)
                del view
            reader.feed(rest)
            while reader.paused:
                reader.paused = False
                reader.feed(b"")
            found.append(reader.buffered)
    except ProtocolViolation as violation:
        found.append((violation.code, violation.reason))
    counters = (reader.messages, reader.frames, reader.payload_octets, reader.inflation, reader.buffered)
    return [listener.calls, found, counters]


setups = st.fixed_dictionaries(
    {
        "require_mask": st.sampled_from([0, 1, 2, 2, 2]),
        "apply_mask": st.sampled_from([True, True, False]),
        "max_frame": st.sampled_from([0, 100, 2**70]),
        "max_message": st.sampled_from([0, 50, 200, 66000, 2**70]),
        "max_fragments": st.sampled_from([0, 2, 2**70]),
        "validate": st.booleans(),
        "streaming": st.sampled_from([None, None, False, True]),
        "inflates": st.booleans(),
    }
)


@settings(max_examples=400)
@given(streams(), setups, st.integers(0, 3), st.booleans())
def test_readers_say_the_same(pieces: list[bytes], setup: dict[str, Any], pauses: int, place: bool) -> None:
    """Whatever a peer sends, and however it arrives."""
    assert read(compiled("_codec"), pieces, setup, pauses, place) == read(_codec_py, pieces, setup, pauses, False)


@pytest.mark.parametrize("key", [b"", b"abcd"])
@pytest.mark.parametrize("size", [70_000, 200_000, 1 << 20])
def test_payload_is_received_into_its_place(size: int, key: bytes) -> None:
    """Only the compiled reader offers memory; what is put there is the message, not copied again."""
    listener = Listener()
    reader = compiled("_codec").FrameReader(listener, 2, True, 0, 0, 0, True)
    payload = ("grüße " * size)[: size // 2].encode()
    wire = _octets_py.encode_frame(1, payload, key or None)
    reader.feed(wire[:20_000])
    rest = memoryview(wire)[20_000:]
    places = 0
    while rest:
        view = reader.room()
        if view is None:
            reader.feed(bytes(rest[:5000]))
            rest = rest[5000:]
            continue
        places += 1
        count = min(len(view), len(rest))
        view[:count] = rest[:count]
        rest = rest[count:]
        # Event loops hold the view until `placed` has returned.
        reader.placed(count)
        del view
    assert listener.calls == [("message", payload, False)]
    assert places > 0


def test_memory_that_was_lent_outlives_the_reader() -> None:
    """An event loop may write into it when the connection is gone already."""
    listener = Listener()
    reader = compiled("_codec").FrameReader(listener, 2, True, 0, 0, 0, True)
    reader.feed(_octets_py.encode_frame(2, bytes(100_000), None)[:50_000])
    view = reader.room()
    reader.stop()
    reader.placed(10)
    del reader, listener
    view[:] = b"x" * len(view)
    assert bytes(view) == b"x" * len(view)


def test_nothing_is_lent_that_could_move() -> None:
    """While a view is out, what comes by another way is refused rather than written over."""
    assembly = compiled("_octets").Assembly()
    assembly.append(b"x" * 1000, None)
    view = assembly.room(100_000)
    assert assembly.room(100_000) is None
    with pytest.raises(BufferError):
        assembly.append(b"y" * 100_000, None)
    with pytest.raises(IndexError):
        assembly.added(len(view) + 1, b"", 0, None)
    view[:3] = b"abc"
    assert assembly.added(3, b"", 0, None)
    assert assembly.take() == b"x" * 1000 + b"abc"


@pytest.mark.parametrize("pair", [(3, 2), (0, 4), (-1, 0)])
def test_compiled_leaves_look_at_what_they_are_given(pair: tuple[int, int]) -> None:
    """No octet is read that is not there."""
    octets = compiled("_octets")
    with pytest.raises(IndexError):
        octets.take_payload(b"abc", *pair, False)
    with pytest.raises(IndexError):
        octets.take_payload(b"abcdef", 3, 6, True)
    with pytest.raises(IndexError):
        octets.Assembly().add(b"abc", *pair, b"", 0, None, 0)
    with pytest.raises(ValueError, match="4 octets"):
        octets.encode_frame(1, b"", b"abc")


@given(
    st.sampled_from([0, 1, 2, 8, 9, 10]),
    payloads,
    st.one_of(st.none(), st.binary(min_size=4, max_size=4)),
    st.booleans(),
    st.integers(0, 7),
)
def test_frames_are_encoded_the_same(opcode: int, payload: bytes, key: bytes | None, fin: bool, rsv: int) -> None:
    """Section 5.2, octet for octet."""
    ours, pure = compiled("_octets"), _octets_py
    assert ours.encode_frame(opcode, payload, key, fin, rsv) == pure.encode_frame(opcode, payload, key, fin, rsv)
    size = len(payload) << 20
    assert ours.encode_header(opcode, size, key, fin, rsv) == pure.encode_header(opcode, size, key, fin, rsv)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
@pytest.mark.parametrize("key", [None, b"abcd"])
def test_every_form_of_length_is_encoded_the_same(size: int, key: bytes | None) -> None:
    """7, 16 and 64 bits."""
    payload = bytes(range(256)) * 256
    ours = compiled("_octets").encode_frame(2, payload[:size], key)
    assert ours == _octets_py.encode_frame(2, payload[:size], key)


steps = st.one_of(
    st.tuples(st.just("message"), payloads, st.booleans(), st.sampled_from([0, 0, 7, LARGEST]), st.booleans()),
    st.tuples(st.just("control"), st.sampled_from([8, 9, 10]), st.binary(max_size=125)),
    st.tuples(st.just("begin_message"), st.booleans(), st.booleans()),
    st.tuples(st.just("begin_frame"), st.integers(0, 50)),
    st.tuples(st.just("frame_data"), st.binary(max_size=60)),
    st.tuples(st.just("frame"), st.binary(max_size=60)),
    st.tuples(st.just("end_message")),
    st.tuples(st.just("cork")),
    st.tuples(st.just("uncork")),
    st.tuples(st.just("flush")),
    st.tuples(st.just("discard")),
)


def send(module: Any, actions: list[tuple[Any, ...]], options: CommonOptions, masks: bool) -> list[object]:
    """What a writer of this build writes, returns and raises."""
    # It never says that it has enough: there is no connection to tell.
    port = RecordingPort(1 << 30)
    port.peer_reads = False
    overflows: list[int] = []
    keys = iter(range(1 << 30))
    out = module.Outgoing(
        port,
        options,
        (lambda: next(keys).to_bytes(4, "big")) if masks else None,
        lambda: overflows.append(len(port.waiting)),
        lambda: overflows.append(-1),
    )
    found: list[object] = []
    for name, *arguments in actions:
        try:
            found.append(getattr(out, name)(*arguments))
        except (SequenceError, PayloadExceededError) as error:
            found.append(str(error))
        out.paused = len(port.waiting) > 2000
    counters = (out.messages, out.frames, out.payload_octets, out.octets, out.buffered, out.taken)
    return [found, port.calls, overflows, counters]


@settings(max_examples=300)
@given(
    st.lists(steps, max_size=12),
    st.fixed_dictionaries(
        {
            "autoFragmentSize": st.sampled_from([0, 0, 50, 2**70]),
            "maxMessagePayloadSize": st.sampled_from([0, 100, 2**70]),
            "maxSendBuffer": st.sampled_from([0, 3000, 2**70]),
            "logFrames": st.booleans(),
        }
    ),
    st.booleans(),
)
def test_writers_write_the_same(actions: list[tuple[Any, ...]], options: dict[str, Any], masks: bool) -> None:
    """Whatever an application does, in whatever order."""
    chosen = CommonOptions(**options)
    assert send(compiled("_outgoing"), actions, chosen, masks) == send(_outgoing_py, actions, chosen, masks)


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_octets_that_were_written_into_free_memory_are_taken(size: int) -> None:
    """However much of it was used, and whether or not whoever wrote still has it."""
    octets = bytes(range(250)) * 4
    for is_released in (True, False):
        assembly = compiled("_octets").Assembly()
        room = assembly.space(len(octets))
        assert len(room) == len(octets)
        room[:size] = octets[:size]
        if is_released:
            room.release()
        else:
            assert assembly.space(1) is None, "the memory cannot be another while somebody has it"
        assert assembly.added(size, b"", 0, None)
        assert assembly.take() == octets[:size]
    with pytest.raises(IndexError):
        assembly.added(1, b"", 0, None)


@pytest.mark.parametrize("module", ["_octets_py", "_octets_c"])
def test_the_first_octets_are_a_copy(module: str) -> None:
    """What is received next into the same memory does not change them."""
    memory = bytearray(b"abcdef")
    first_octets = import_module(f"wsframework._core.{module}").first_octets
    found = [first_octets(memoryview(memory), size) for size in (0, 3, 6)]
    memory[:] = b"------"
    assert found == [b"", b"abc", b"abcdef"]


@pytest.mark.parametrize("size", [-1, 7])
def test_there_are_no_octets_beside_the_memory(size: int) -> None:
    """C would read them all the same."""
    with pytest.raises(IndexError):
        compiled("_octets").first_octets(memoryview(b"abcdef"), size)
