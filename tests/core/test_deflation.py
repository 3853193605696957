"""`_core.deflation` and `_core.prepared`: what becomes of the messages that one end sends (RFC 7692 section 7.2.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.deflated import LIBRARIES, TAIL, Receiver, noise, text_of
from tests.core.wire import from_server
from wsframework._core.deflate import Compression, Deflater
from wsframework._core.deflation import Deflation
from wsframework._core.negotiation import (
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from wsframework._core.prepared import Prepared

TEXT = text_of(1000)
NOISE = noise(1000)

both_takeovers = pytest.mark.parametrize("takes_over", [True, False])


def agreed(takes_over: bool = True, **knobs: Any) -> PerMessageDeflate:
    return PerMessageDeflateOfferAccept(PerMessageDeflateOffer(), no_context_takeover=not takes_over, **knobs).settle()


def deflation_for(settings: PerMessageDeflate, shared: Deflater | None = None) -> Deflation:
    return Deflation(settings, shared or Deflater(settings.compression, takes_over=False))


def test_short_messages_are_not_worth_it() -> None:
    """`threshold`: from so many octets on; by default 64, or 256 where each message is compressed for itself."""
    for settings, threshold in (
        (agreed(), 64),
        (agreed(False), 256),
        (agreed(threshold=10), 10),
        (agreed(False, threshold=1), 1),
        (agreed(threshold=0), 0),
    ):
        deflation = deflation_for(settings)
        assert deflation.wants(threshold)
        assert deflation.wants(threshold + 1)
        assert not threshold or not deflation.wants(threshold - 1)


def test_a_window_that_cannot_be_used_is_not_used() -> None:
    """The server asks a client for 8 bits: its messages go as they are."""
    settings = PerMessageDeflateResponseAccept(PerMessageDeflateResponse(8, False, 0, False)).settle()
    deflation = deflation_for(settings)
    assert not any(deflation.wants(size) for size in (0, 64, 1 << 20))


@both_takeovers
def test_contexts_are_made_when_they_are_needed(takes_over: bool) -> None:
    """Without takeover a connection has none, as long as it sends whole messages."""
    deflation = deflation_for(agreed(takes_over))
    assert not deflation.has_context
    assert deflation.message(TEXT) is not None
    assert deflation.has_context == takes_over
    deflation.release()
    assert not deflation.has_context
    deflation.release()


def test_takeover_pays() -> None:
    """The second message is a reference to the first; released, the next one stands for itself again."""
    deflation, receiver = deflation_for(agreed()), Receiver()
    sizes = []
    for number in range(4):
        if number == 2:
            deflation.release()
        octets = deflation.message(TEXT)
        assert octets is not None
        assert receiver.message(octets) == TEXT
        sizes.append(len(octets))
    assert sizes[0] == sizes[2] > 10 * sizes[1]


def test_what_does_not_become_shorter_goes_as_it_is() -> None:
    """Where it is compressed for itself; with takeover the next message may refer to it."""
    assert deflation_for(agreed(False)).message(NOISE) is None
    assert deflation_for(agreed(False)).message(b"abc") is None
    deflation, receiver = deflation_for(agreed()), Receiver()
    for size in (len(NOISE) + 20, 40):
        octets = deflation.message(NOISE)
        assert octets is not None
        assert len(octets) < size
        assert receiver.message(octets) == NOISE


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_noise_that_fills_the_window_goes_as_it_is(in_a_thread: bool) -> None:
    """With takeover, too: no message is longer on the wire for being compressed, and the next ones still inflate."""
    settings = agreed(window_bits=9)
    deflation = Deflation(settings, Deflater(settings.compression, takes_over=False))
    receiver = Receiver(bits=9)

    def send(payload: bytes) -> bytes | None:
        if in_a_thread:
            return deflation.worked(payload, deflation.work(payload)())
        return deflation.message(payload)

    for payload in (text_of(2000), noise(512), text_of(2000), noise(511), text_of(2000)):
        compressed = send(payload)
        assert (compressed is None) is (payload == noise(512))
        if compressed is not None:
            assert receiver.message(compressed) == payload


def test_connections_without_takeover_share_one_context() -> None:
    """And each message stands for itself."""
    settings = agreed(False)
    shared = Deflater(settings.compression, takes_over=False)
    deflations = [deflation_for(settings, shared) for _ in range(10)]
    for deflation in deflations:
        octets = deflation.message(TEXT)
        assert octets is not None
        assert Receiver().message(octets) == TEXT
        assert not deflation.has_context
    assert shared.has_context


# Messages by parts.


@both_takeovers
def test_a_flush_makes_all_of_it_known(takes_over: bool) -> None:
    """What was added before can be inflated at the other end."""
    deflation, receiver = deflation_for(agreed(takes_over)), Receiver()
    for number in range(5):
        part = text_of(3000, number + 1)
        octets = deflation.add(part[:1000]) + deflation.add(part[1000:]) + deflation.flush()
        assert octets.endswith(TAIL)
        assert receiver.so_far(octets) == part
    assert receiver.so_far(deflation.add(b"end") + deflation.end() + TAIL) == b"end"


def test_a_message_by_parts_has_a_context_of_its_own() -> None:
    """The shared one is for others in the meantime; without takeover it is given back at the end."""
    settings = agreed(False)
    shared = Deflater(settings.compression, takes_over=False)
    one, other = deflation_for(settings, shared), deflation_for(settings, shared)
    first = one.add(TEXT) + one.flush()
    assert one.has_context
    between = other.message(TEXT)
    second = one.add(TEXT) + one.end()
    assert not one.has_context
    assert between is not None
    assert Receiver().message(between) == TEXT
    assert Receiver().message(first + second) == TEXT * 2
    again = one.add(TEXT) + one.end()
    assert Receiver().message(again) == TEXT


def test_messages_by_parts_and_whole_ones_share_the_window() -> None:
    """With takeover there is one context for both."""
    deflation, receiver = deflation_for(agreed()), Receiver()
    whole = deflation.message(TEXT)
    parts = deflation.add(TEXT) + deflation.flush() + deflation.end()
    again = deflation.message(TEXT)
    assert whole is not None
    assert again is not None
    assert [receiver.message(octets) for octets in (whole, parts, again)] == [TEXT] * 3
    assert max(len(parts), len(again)) < len(whole) // 4


@pytest.mark.parametrize("library", LIBRARIES)
@both_takeovers
def test_a_message_of_no_parts_is_an_empty_one(takes_over: bool, library: str) -> None:
    """Section 7.2.3.6 asks for at least an octet."""
    deflation, receiver = deflation_for(agreed(takes_over, library=library, compression_level=1)), Receiver(takes_over)
    for _ in range(3):
        octets = deflation.end()
        assert octets
        assert receiver.message(octets) == b""


# Messages that are prepared once.


def test_a_prepared_message_is_compressed_once_for_all_who_agreed_on_the_same() -> None:
    """With takeover or without; for other windows, levels or libraries again, once for each."""
    message = Prepared(TEXT, False, True)
    same = [agreed(), agreed(False), agreed(threshold=1), agreed(release_after=1), agreed(False, threshold=1)]
    results = {deflation_for(settings).prepared(message) for settings in same * 10}
    assert message.compressions == 1
    (octets,) = results
    assert octets is not None
    assert Receiver().message(octets) == TEXT
    others = [agreed(window_bits=9), agreed(mem_level=1), agreed(compression_level=9), agreed(False, window_bits=9)]
    for settings in others * 2:
        octets = deflation_for(settings).prepared(message)
        assert octets is not None
        assert Receiver(bits=settings.compression.window_bits).message(octets) == TEXT
    assert message.compressions == 4


def test_ordinary_messages_after_a_prepared_one_do_not_refer_to_before() -> None:
    """With takeover: the receiver's window is not what our context has seen, so it begins anew."""
    deflation, receiver = deflation_for(agreed()), Receiver()
    message = Prepared(text_of(500, 7), True, True)
    for _ in range(3):
        ordinary = deflation.message(TEXT)
        assert ordinary is not None
        assert receiver.message(ordinary) == TEXT
        prepared = deflation.prepared(message)
        assert prepared is not None
        assert receiver.message(prepared) == message.payload
        assert not deflation.has_context


def test_a_prepared_message_that_does_not_become_shorter_goes_as_it_is() -> None:
    """The context stays what it was: nothing that the window takes in was sent."""
    deflation = deflation_for(agreed())
    assert deflation.message(TEXT) is not None
    message = Prepared(NOISE, True, True)
    assert deflation.prepared(message) is None
    assert deflation.prepared(message) is None
    assert message.compressions == 1
    assert deflation.has_context


def test_frames_of_prepared_messages() -> None:
    """As it is and compressed, each encoded once; RSV1 says which."""
    for is_binary, first in ((False, 0x81), (True, 0x82)):
        message = Prepared(TEXT, is_binary, True)
        assert message.frame == from_server(first, TEXT)
        assert message.frame is message.frame
        compression = Compression(15, 8, 3, "zlib")
        octets = message.compressed(compression)
        assert octets is not None
        frame = message.compressed_frame(compression, octets)
        assert frame == from_server(first | 0x40, octets)
        assert message.compressed_frame(compression, octets) is frame


# In another thread.


@both_takeovers
def test_work_is_what_message_does(takes_over: bool) -> None:
    """Wherever it is done, it says the same, and the next message goes on from there."""
    settings = agreed(takes_over, offload_above=500)
    here, there = deflation_for(settings), deflation_for(settings)
    receiver = Receiver(takes_over)
    for payload in (TEXT, TEXT, TEXT[:300], TEXT):
        expected = here.message(payload)
        found = there.worked(payload, there.work(payload)()) if there.offloads(len(payload)) else there.message(payload)
        assert found == expected
        assert found is not None
        assert receiver.message(found) == payload


def test_what_is_offloaded() -> None:
    """From `offload_above` octets on; 0 is never."""
    deflation = deflation_for(agreed(offload_above=500))
    assert [deflation.offloads(size) for size in (0, 499, 500, 501)] == [False, False, True, True]
    assert not any(deflation_for(agreed()).offloads(size) for size in (0, 1, 1 << 30))


def test_work_without_takeover_does_not_touch_what_is_shared() -> None:
    """Another connection may use it at the same time; and what does not become shorter goes as it is."""
    settings = agreed(False)
    shared = Deflater(settings.compression, takes_over=False)
    deflation = deflation_for(settings, shared)
    assert deflation.worked(NOISE, deflation.work(NOISE)()) is None
    found = deflation.worked(TEXT, deflation.work(TEXT)())
    assert not shared.has_context
    assert found == deflation.message(TEXT)
    assert shared.has_context


def test_work_that_failed_gives_the_context_back() -> None:
    """Nobody knows what it has seen; the message goes as it is, and the next one begins anew."""
    deflation, receiver = deflation_for(agreed()), Receiver()
    octets = deflation.message(TEXT)
    assert octets is not None
    receiver.message(octets)
    deflation.work(NOISE)()
    assert deflation.worked(NOISE, None) is None
    assert not deflation.has_context
    octets = deflation.message(TEXT)
    assert octets is not None
    assert receiver.message(octets) == TEXT
