"""One compressed message for many connections, and a stream protocol inside of compressed messages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.compressed import JSON, LARGE, MEDIUM, NOISE, SMALL, Pair, end_of, pair
from tests.backends.programs import Backend, note_taker
from tests.backends.streams import wrapping_factory
from wsframework.websocket import Broadcast, Overflow
from wsframework.websocket.compress import (
    DeflatePolicy,
    PerMessageDeflateOffer,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

# Clients by what they offer, and in how many ways a server with the default policy has to compress for them.
CLIENTS: dict[str, Any] = {
    "takeover": [PerMessageDeflateOffer()],
    "no takeover": [PerMessageDeflateOffer(request_no_context_takeover=True)],
    "window of 10": [PerMessageDeflateOffer(request_max_window_bits=10)],
    "window of 15": [PerMessageDeflateOffer(request_max_window_bits=15)],
    "nothing": [],
}


class Crowd:
    """Connections of one server factory to clients that are not all alike."""

    def __init__(self, backend: Backend, accept: Any, offers: list[Any], **options: Any) -> None:
        self.factory = backend.make_server(note_taker(backend))
        self.factory.setProtocolOptions(perMessageCompressionAccept=accept, **options)
        self.pairs = []
        for offered in offers:
            client = backend.make_client(note_taker(backend, "client"), url="ws://localhost/")
            client.setProtocolOptions(perMessageCompressionOffers=offered)
            self.pairs.append(Pair(backend, self.factory, client))

    @property
    def servers(self) -> list[Any]:
        return [ends.one for ends in self.pairs]

    def sent(self) -> list[bytes]:
        """What each connection was sent."""
        return [ends.sent("server") for ends in self.pairs]

    def received(self) -> list[list[Any]]:
        """What each client has got."""
        return [ends.messages("client") for ends in self.pairs]


def test_a_prepared_message_is_compressed_once_for_each_way(backend: Backend) -> None:
    """Three clients of each kind; takeover or not makes no difference to it."""
    crowd = Crowd(backend, True, [*CLIENTS.values()] * 3)
    # What comes again is too far away for the smallest window.
    message = (NOISE + JSON.encode()) * 3
    prepared = crowd.factory.prepareMessage(message, isBinary=True)
    assert prepared.compressions == 0
    for number in range(1, 4):
        for server in crowd.servers:
            server.sendPreparedMessage(prepared)
        # A window of 15 is accepted with the policy's own 12.
        assert prepared.compressions == 2
        sent = crowd.sent()
        assert len(set(sent)) == 3
        assert sent[0] == sent[1] == sent[3] != sent[2]
        assert crowd.received() == [[message]] * len(crowd.pairs), number
    assert prepared.frame.endswith(message)


def test_all_transports_are_given_the_same_bytes_object(backend: Backend) -> None:
    """Also compressed: copied by nobody on the way."""
    crowd = Crowd(backend, True, [CLIENTS["takeover"], CLIENTS["no takeover"]] * 2)
    written: list[bytes] = []
    for ends in crowd.pairs:
        setattr(ends.server, "wrote", written.append)  # noqa: B010  # mypy: a method
    group: Any = Broadcast()
    for server in crowd.servers:
        group.add(server)
    assert group.send(JSON) == 4
    assert len(written) == 4
    assert len(written[0]) < len(JSON) / 2
    assert all(octets is written[0] for octets in written)


@pytest.mark.parametrize("policy", [SMALL, MEDIUM, LARGE], ids=["small", "medium", "large"])
def test_ordinary_messages_and_prepared_ones_in_any_order(backend: Backend, policy: DeflatePolicy) -> None:
    """No message refers to what another receiver has seen."""
    crowd = Crowd(backend, policy, [*CLIENTS.values()])
    group: Any = Broadcast()
    for server in crowd.servers:
        group.add(server)
    expected: list[list[Any]] = [[] for _ in crowd.pairs]
    for number in range(6):
        for index, (server, heard) in enumerate(zip(crowd.servers, expected, strict=True)):
            own = f"{index} {number} {JSON}"
            for message in [own] * (number % 3):
                server.sendMessage(message)
                heard.append(message)
        assert group.send(f"{number} for all: {JSON}") == len(crowd.pairs)
        assert group.send(NOISE, isBinary=True) == len(crowd.pairs)
        for heard in expected:
            heard += [f"{number} for all: {JSON}", NOISE]
    assert crowd.received() == expected


def test_a_prepared_message_does_not_cost_the_others_their_context_for_nothing(backend: Backend) -> None:
    """Only where it goes compressed; one that is too short or must not be leaves everything as it was."""
    ends = pair(backend)
    prepare = ends.one.factory.prepareMessage

    def size_of(message: Any) -> int:
        ends.frames("server")
        ends.one.sendMessage(message)
        return len(ends.frames("server")[0].payload)

    first = size_of(JSON)
    for prepared in (prepare("short"), prepare(NOISE, isBinary=True), prepare(JSON, doNotCompress=True)):
        ends.one.sendPreparedMessage(prepared)
        assert size_of(JSON) < first / 4
        assert prepared.compressions == (1 if prepared.payload == NOISE else 0)
    ends.one.sendPreparedMessage(prepare(JSON))
    assert size_of(JSON) == first


@pytest.mark.parametrize("role", ["server", "client"])
def test_clients_can_send_prepared_messages_too(backend: Backend, role: str) -> None:
    """Each frame has a mask of its own, but the payload is compressed once."""
    server = pair(backend)
    end = end_of(server, role)
    prepared = end.factory.prepareMessage(JSON)
    sent = []
    for _ in range(3):
        end.sendPreparedMessage(prepared)
        sent.append(server.sent(role))
    assert prepared.compressions == 1
    assert len(set(sent)) == (3 if role == "client" else 1)
    assert server.messages("client" if role == "server" else "server") == [JSON] * 3


def test_a_prepared_message_for_a_peer_that_zlib_cannot_compress_for(backend: Backend) -> None:
    """A server that allows the client a window of 8 bits: it goes as it is."""

    def accept(response: PerMessageDeflateResponse) -> PerMessageDeflateResponseAccept:
        narrow = PerMessageDeflateResponse(8, False, response.server_max_window_bits, False)
        return PerMessageDeflateResponseAccept(narrow)

    ends = pair(backend, True, True, accept)
    prepared = ends.other.factory.prepareMessage(JSON)
    ends.other.sendPreparedMessage(prepared)
    ends.other.sendMessage(JSON)
    ends.other.beginMessage()
    ends.other.sendMessageFrame(JSON.encode())
    ends.other.endMessage()
    assert not any(frame.compressed for frame in ends.frames("client"))
    assert prepared.compressions == 0
    assert ends.messages("server") == [JSON] * 3


def test_a_slow_receiver_gets_what_waited_for_it(backend: Backend) -> None:
    """Compressed when it goes out, with what is in between."""
    crowd = Crowd(backend, True, [True, True], sendHighWaterMark=50)
    group: Any = Broadcast(Overflow.DROP_OLDEST, max_messages=3)
    for server in crowd.servers:
        group.add(server)
    slow = crowd.pairs[0]
    slow.server.stall()
    slow.one.sendMessage(NOISE, isBinary=True)
    messages = [f"{number} {JSON}" for number in range(5)]
    for message in messages:
        assert group.send(message) == 1
    assert crowd.received() == [[], messages]
    slow.server.unstall()
    slow.one.sendMessage(JSON)
    assert slow.messages("client") == [NOISE, *messages[2:], JSON]


# A stream protocol inside.


@pytest.mark.parametrize("server_wishes", [True, False])
@pytest.mark.parametrize("client_wishes", [True, False])
def test_a_wrapped_stream_is_compressed_when_both_wish_so(
    backend: Backend, server_wishes: bool, client_wishes: bool
) -> None:
    """enableCompression, which is the default; what arrives is the same."""
    server, ours = wrapping_factory(backend, enableCompression=server_wishes)
    client, theirs = wrapping_factory(backend, "client", **({} if client_wishes else {"enableCompression": False}))
    ends = Pair(backend, server, client)
    is_compressed = server_wishes and client_wishes
    assert len(ends.in_use) == (2 if is_compressed else 0)
    assert (ends.offered is not None) is client_wishes
    data = JSON.encode() * 20
    for stream in (ours[0], theirs[0]):
        stream.events.clear()
        stream.write(data)
        stream.write(NOISE)
    for role in ("server", "client"):
        frames = ends.frames(role)
        assert [frame.compressed for frame in frames] == [is_compressed] * 2
        assert (len(frames[0].payload) < len(data) / 2) is is_compressed
    assert ours[0].events == theirs[0].events == [data, NOISE]


def test_a_wrapped_stream_as_base64(backend: Backend) -> None:
    """Which compression makes good for, in part."""
    server, ours = wrapping_factory(backend)
    client, theirs = wrapping_factory(backend, "client")
    server.protocols = client.protocols = ["base64"]
    ends = Pair(backend, server, client)
    theirs[0].write(NOISE)
    (frame,) = ends.frames("client")
    assert len(frame.payload) < len(NOISE) * 1.1
    assert ours[0].events == ["made", NOISE]


def test_options_of_a_wrapping_factory_can_be_changed(backend: Backend) -> None:
    """A policy of my own in place of the default."""
    server, _ = wrapping_factory(backend)
    server.setProtocolOptions(perMessageCompressionAccept=DeflatePolicy(window_bits=9))
    client, _ = wrapping_factory(backend, "client")
    ends = Pair(backend, server, client)
    assert ends.one.websocket_extensions_in_use[0].server_max_window_bits == 9


def test_a_long_stream_both_ways(backend: Backend) -> None:
    """Cut into messages on the way, which may refer to those before."""
    server, ours = wrapping_factory(backend)
    client, theirs = wrapping_factory(backend, "client")
    ends = Pair(backend, server, client)
    data = (JSON.encode() + NOISE) * 400
    for stream in (ours[0], theirs[0]):
        stream.events.clear()
        stream.write(data)
    ends.exchange(piece=5000)
    for stream in (ours[0], theirs[0]):
        assert b"".join(event for event in stream.events if isinstance(event, bytes)) == data
