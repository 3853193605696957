"""Whole messages with permessage-deflate: what is compressed, what is counted, what is given back, what is refused."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.backends.compressed import (
    JSON,
    LARGE,
    MEDIUM,
    NAME,
    NOISE,
    ROLES,
    SMALL,
    compressed,
    end_of,
    message_of,
    other,
    pair,
    with_policy,
)
from tests.backends.programs import KEY, Backend, text
from wsframework._core.codec import encode_frame
from wsframework.exceptions import PayloadExceededError
from wsframework.websocket.compress import DeflatePolicy, PerMessageDeflateOffer, PerMessageDeflateOfferAccept

# Back and forth.


@pytest.mark.parametrize("library", ["zlib", "zlib-ng", "isal"])
@pytest.mark.parametrize("preset", [DeflatePolicy.small, DeflatePolicy.medium, DeflatePolicy.large])
def test_messages_of_all_sizes_arrive(backend: Backend, preset: Any, library: str) -> None:
    """Text and octets, what can be compressed and what cannot, in any pieces."""
    pytest.importorskip({"zlib": "zlib", "zlib-ng": "zlib_ng", "isal": "isal"}[library])
    ends = with_policy(backend, preset(library=library, threshold=0))
    texts = [(JSON * 140)[:size] for size in (0, 1, 63, 64, 255, 256, 1000, 65535, 65536, 140_000)] + ["grün" * 9]
    octets = [b"", b"\0", NOISE, NOISE * 70, bytes(300_000)]
    for role in ROLES:
        for piece in (0, 997):
            for message in texts:
                end_of(ends, role).sendMessage(message)
            for payload in octets:
                end_of(ends, role).sendMessage(payload, isBinary=True)
            ends.exchange(piece)
            assert ends.messages(other(role)) == [*texts, *octets]


@pytest.mark.parametrize("role", ROLES)
def test_a_message_may_refer_to_those_before(backend: Backend, role: str) -> None:
    """The second time it takes a few octets, unless the policy says that each stands for itself."""
    for policy, refers in ((SMALL, False), (MEDIUM, True), (LARGE, True)):
        ends = with_policy(backend, policy)
        for _ in range(3):
            end_of(ends, role).sendMessage(JSON)
        first, second, third = (len(frame.payload) for frame in ends.frames(role))
        assert first < len(JSON) / 3
        assert (second < first / 4) is (third < first / 4) is refers
        assert ends.messages(other(role)) == [JSON] * 3


@pytest.mark.parametrize(
    ("policy", "threshold"),
    [(MEDIUM, 64), (SMALL, 256), (DeflatePolicy(threshold=500), 500), (DeflatePolicy(threshold=0), 0)],
)
def test_short_messages_are_sent_as_they_are(backend: Backend, policy: DeflatePolicy, threshold: int) -> None:
    """Compression would cost time and gain nothing."""
    ends = with_policy(backend, policy)
    if threshold:
        ends.one.sendMessage("x" * (threshold - 1))
        assert compressed(ends.frames("server")) == [False]
    ends.one.sendMessage("x" * threshold)
    assert compressed(ends.frames("server")) == [True]


def test_what_does_not_become_shorter_is_sent_as_it_is(backend: Backend) -> None:
    """Where nothing refers to it: photographs, for example."""
    for policy, expected in ((SMALL, False), (MEDIUM, True)):
        ends = with_policy(backend, policy)
        ends.one.sendMessage(NOISE, isBinary=True)
        assert compressed(ends.frames("server")) == [expected]
        assert ends.messages("client") == [NOISE]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("policy", [SMALL, MEDIUM], ids=["small", "medium"])
def test_a_message_can_be_left_out(backend: Backend, role: str, policy: DeflatePolicy) -> None:
    """doNotCompress: secrets, and what is compressed already. Nothing after it refers to it."""
    ends = with_policy(backend, policy)
    end = end_of(ends, role)
    prepared = [end.factory.prepareMessage(JSON, doNotCompress=choice) for choice in (False, True)]
    for choice in (False, True, False):
        end.sendMessage(JSON, doNotCompress=choice)
        end.sendPreparedMessage(prepared[choice])
        end.beginMessage(doNotCompress=choice)
        end.sendMessageFrame(JSON.encode())
        end.endMessage()
    assert compressed(ends.frames(role)) == [True] * 3 + [False] * 3 + [True] * 3
    assert ends.messages(other(role)) == [JSON] * 9


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("how", ["fragmentSize", "autoFragmentSize"])
def test_fragments_are_cut_after_compression(backend: Backend, role: str, how: str) -> None:
    """The first says that the message is compressed; what is sent uncompressed is cut, too."""
    options = {"autoFragmentSize": 50} if how == "autoFragmentSize" else {}
    ends = with_policy(backend, MEDIUM, **options)
    end = end_of(ends, role)
    for choice in (False, True):
        end.sendMessage(JSON, fragmentSize=None if options else 50, doNotCompress=choice)
        frames = ends.frames(role)
        assert [len(frame.payload) for frame in frames[:-1]] == [50] * (len(frames) - 1)
        message = message_of(frames)
        assert message.compressed is not choice
        assert (len(message.payload) == len(JSON)) is choice
    assert ends.messages(other(role)) == [JSON, JSON]
    if options:
        end.sendPreparedMessage(end.factory.prepareMessage(JSON))
        frames = ends.frames(role)
        assert len(frames) > 2
        assert message_of(frames).compressed
        assert ends.messages(other(role)) == [JSON]


def test_frames_in_the_log_show_it(backend: Backend, debug_lines: list[str]) -> None:
    """And their octets as they are on the wire."""
    ends = with_policy(backend, MEDIUM, logFrames=True)
    ends.one.sendMessage(JSON)
    (frame,) = ends.frames("server")
    shown = [line.partition(" ")[2] for line in debug_lines if " TEXT " in line]
    octets = f"{len(frame.payload)} octets {frame.payload[:16].hex(' ')} ... {len(frame.payload) - 16} more"
    assert shown == [f"> TEXT {octets} [compressed]", f"< TEXT {octets} [compressed]"]


# What is refused.


@pytest.mark.parametrize(
    ("limit", "accepts", "words"),
    [
        (5000, True, "maxMessagePayloadSize (5000)"),
        (
            9000,
            lambda offers: PerMessageDeflateOfferAccept(offers[0], max_message_size=5000),
            "max_message_size (5",
        ),
        (5000, lambda offers: PerMessageDeflateOfferAccept(offers[0], max_message_size=9000), "maxMessage"),
        (0, lambda offers: PerMessageDeflateOfferAccept(offers[0], max_message_size=5000), "max_message_size (5"),
    ],
)
@pytest.mark.parametrize("fragment", [None, 10])
def test_a_message_that_inflates_to_more_than_the_limit_is_refused(
    backend: Backend, limit: int, accepts: Any, words: str, fragment: int | None
) -> None:
    """With 1009; the limit counts what my program would get."""
    ends = pair(backend, accepts, server_options={"maxMessagePayloadSize": limit, "failByDrop": False})
    for size in (5000, 5001):
        ends.other.sendMessage("x" * size, fragmentSize=fragment)
        ends.exchange()
    assert ends.one.events[2:] == ["x" * 5000, ("close", False, 1009)]
    assert words in ends.one.closure.reason
    assert ends.other.remoteCloseCode == 1009
    assert len(ends.sent("client")) < 500


def test_sending_is_limited_before_compression(backend: Backend) -> None:
    """And a message that was refused has left no trace in the next one."""
    ends = pair(backend, server_options={"maxMessagePayloadSize": len(JSON)})
    for message in (JSON + "x", JSON):
        if message is not JSON:
            with pytest.raises(PayloadExceededError):
                ends.one.sendMessage(message)
            with pytest.raises(PayloadExceededError):
                ends.one.sendPreparedMessage(ends.one.factory.prepareMessage(message))
            assert ends.sent("server") == b""
        else:
            ends.one.sendMessage(message)
            ends.one.sendMessage(message)
    assert ends.messages("client") == [JSON, JSON]


@pytest.mark.parametrize(
    ("accepts", "frame", "code"),
    [
        (False, encode_frame(1, b"x", KEY, rsv=4), 1002),
        (True, encode_frame(1, b"x", KEY, rsv=2), 1002),
        (True, encode_frame(9, b"x", KEY, rsv=4), 1002),
        (True, encode_frame(1, b"\xff\xff\xff", KEY, rsv=4), 1007),
        # The octet FF in a stored block.
        (True, encode_frame(1, b"\x00\x01\x00\xfe\xff\xff\x00", KEY, rsv=4), 1007),
    ],
)
def test_what_a_peer_must_not_send(backend: Backend, accepts: bool, frame: bytes, code: int) -> None:
    """The connection fails with the right code, whatever came before."""
    ends = pair(backend, accepts, server_options={"failByDrop": False})
    ends.server.receive(text("before") + frame + text("after"))
    ends.exchange()
    assert ends.one.events[2:] == ["before", ("close", False, code)]
    assert ends.other.remoteCloseCode == code


# From other threads.


@pytest.mark.parametrize("role", ROLES)
def test_messages_from_threads_are_compressed_in_order(backend: Backend, role: str) -> None:
    """In the loop's own thread, between those of the loop."""
    ends = with_policy(backend, MEDIUM)
    end = end_of(ends, role)

    def work() -> None:
        for number in range(50):
            end.sendMessageFromThread(f"{number} {JSON}")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    end.sendMessage(JSON)
    ends.exchange()
    end.sendMessageFromThread(JSON)
    assert compressed(ends.frames(role)) == [True] * 52
    assert ends.messages(other(role)) == [JSON, *(f"{number} {JSON}" for number in range(50)), JSON]


def test_what_was_offered_is_what_is_used(backend: Backend) -> None:
    """A client that uses smaller windows than it had to; the server inflates with what was agreed on."""
    offer = PerMessageDeflateOffer(hint_max_window_bits=9)
    ends = pair(backend, LARGE, [offer], DeflatePolicy(window_bits=9))
    assert ends.offered == f"{NAME}; client_no_context_takeover; client_max_window_bits=9"
    for message in (JSON * 30, JSON, JSON * 30):
        ends.other.sendMessage(message)
        ends.one.sendMessage(message)
    assert ends.messages("server") == ends.messages("client") == [JSON * 30, JSON, JSON * 30]
