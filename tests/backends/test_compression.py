"""Agreeing on permessage-deflate: options, policies and functions at both ends, and what they must not do."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.backends.compressed import JSON, NAME, Pair, assert_talks, pair
from tests.backends.programs import Backend, note_taker
from wsframework.websocket import Router
from wsframework.websocket.compress import (
    DeflatePolicy,
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

DEFAULT_OFFER = f"{NAME}; client_max_window_bits"
DEFAULT_ANSWER = f"{NAME}; server_max_window_bits=12; client_max_window_bits=12"


def accept_first(offers: list[PerMessageDeflateOffer]) -> PerMessageDeflateOfferAccept:
    """As Autobahn's users write it."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    raise AssertionError("called without an offer")


def accept_answer(response: PerMessageDeflateResponse) -> PerMessageDeflateResponseAccept:
    """As Autobahn's users write it."""
    assert isinstance(response, PerMessageDeflateResponse)
    return PerMessageDeflateResponseAccept(response)


ACCEPTS: list[Any] = [False, True, accept_first, DeflatePolicy.large()]
OFFERS: list[Any] = [[], True, [PerMessageDeflateOffer()], DeflatePolicy.small().offers()]
CLIENT_ACCEPTS: list[Any] = [None, True, accept_answer, DeflatePolicy.small(window_bits=9)]


@pytest.mark.parametrize("accepts", ACCEPTS, ids=["False", "True", "function", "policy"])
@pytest.mark.parametrize("offers", OFFERS, ids=["none", "True", "list", "policy"])
def test_it_is_in_use_when_the_client_offers_and_the_server_accepts(
    backend: Backend, accepts: Any, offers: Any
) -> None:
    """However either of them says so."""
    for client_accept in CLIENT_ACCEPTS:
        ends = pair(backend, accepts, offers, client_accept)
        assert ends.is_open
        expected = bool(accepts and offers)
        assert len(ends.in_use) == (2 if expected else 0)
        assert_talks(ends, expected)


def test_the_sensible_pair(backend: Backend) -> None:
    """True and True."""
    ends = pair(backend)
    assert ends.offered == DEFAULT_OFFER
    assert ends.answered == DEFAULT_ANSWER
    assert ends.in_use == [DEFAULT_ANSWER] * 2
    assert [str(offer) for offer in ends.one.websocket_extensions] == [DEFAULT_OFFER]


def test_nothing_is_said_by_default(backend: Backend) -> None:
    """Compression has to be asked for, at both ends."""
    ends = pair(backend, None, None)
    assert ends.offered is ends.answered is None
    assert ends.one.websocket_extensions == ends.in_use == []
    ends = pair(backend, True, None, True)
    assert ends.offered is ends.answered is None
    ends = pair(backend, None, True)
    assert ends.offered == DEFAULT_OFFER
    assert ends.answered is None


def test_what_is_in_use_is_shown(backend: Backend) -> None:
    """The same agreement, from both ends."""
    seen: list[Any] = []

    class Client(note_taker(backend, "client")):  # type: ignore[misc]
        def onConnect(self, response: Any) -> None:
            seen.append((response.extensions, response.compression, self.websocket_extensions_in_use))

    policy = DeflatePolicy.small(window_bits=10, request_max_window_bits=11)
    ends = pair(backend, policy, policy.offers(), DeflatePolicy.large(), client=Client)
    text = (
        f"{NAME}; server_no_context_takeover; server_max_window_bits=10; "
        "client_no_context_takeover; client_max_window_bits=11"
    )
    ((one,), (other,)) = (end.websocket_extensions_in_use for end in (ends.one, ends.other))
    assert isinstance(one, PerMessageDeflate)
    assert str(one) == str(other) == text
    assert one.__json__() == {
        "extension": NAME,
        "is_server": True,
        "server_no_context_takeover": True,
        "client_no_context_takeover": True,
        "server_max_window_bits": 10,
        "client_max_window_bits": 11,
        "mem_level": 5,
    }
    assert other.__json__() == {**one.__json__(), "is_server": False, "mem_level": 8}
    # The client decides after onConnect.
    ((extensions, compression, in_use),) = seen
    assert [str(extension) for extension in extensions] == [text]
    assert compression == PerMessageDeflateResponse(11, True, 10, True)
    assert in_use == []


# Where the options can be set.


def test_a_protocol_class_can_have_its_own_options(backend: Backend) -> None:
    """As class attributes: also a plain function, which is not taken for a method."""
    for accepts in (True, accept_first, DeflatePolicy()):
        server = type("Server", (note_taker(backend),), {"perMessageCompressionAccept": accepts})
        client = type(
            "Client",
            (note_taker(backend, "client"),),
            {
                "perMessageCompressionOffers": [PerMessageDeflateOffer(False, False, True)],
                "perMessageCompressionAccept": accept_answer,
            },
        )
        ends = pair(backend, None, None, server=server, client=client)
        assert ends.offered == f"{NAME}; server_no_context_takeover"
        assert_talks(ends, True)
    off = type("Off", (note_taker(backend),), {"perMessageCompressionAccept": False})
    assert pair(backend, True, True, server=off).in_use == []


def test_an_instance_can_have_its_own_options(backend: Backend) -> None:
    """Set in __init__."""

    class Server(note_taker(backend)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.perMessageCompressionAccept = DeflatePolicy(window_bits=9)

    assert pair(backend, None, server=Server).answered == (
        f"{NAME}; server_max_window_bits=9; client_max_window_bits=12"
    )


def test_a_factory_can_have_it_as_an_attribute(backend: Backend) -> None:
    """As Autobahn's factories have; for connections to come."""
    server, client = backend.make_server(), backend.make_client(url="ws://localhost/")
    server.perMessageCompressionAccept = True
    client.perMessageCompressionOffers = True
    before = Pair(backend, server, client)
    server.resetProtocolOptions()
    after = Pair(backend, server, client)
    assert (len(before.in_use), after.in_use) == (2, [])


def test_a_route_can_have_its_own_options(backend: Backend) -> None:
    """One path compresses, the other does not."""
    router = Router()
    router.add("/plain", note_taker(backend))
    router.add("/small", note_taker(backend), perMessageCompressionAccept=DeflatePolicy.small())
    router.add("/off", note_taker(backend), perMessageCompressionAccept=False)
    expected = {
        "/plain": DEFAULT_ANSWER,
        "/small": f"{NAME}; server_no_context_takeover; server_max_window_bits=12; "
        "client_no_context_takeover; client_max_window_bits=12",
        "/off": None,
    }
    server = backend.make_server()
    server.router = router
    server.setProtocolOptions(perMessageCompressionAccept=True)
    for path, answer in expected.items():
        client = backend.make_client(note_taker(backend, "client"), url=f"ws://localhost{path}")
        client.setProtocolOptions(perMessageCompressionOffers=True)
        ends = Pair(backend, server, client)
        assert ends.answered == answer
        protocol = server.connections[-1]
        protocol.sendMessage(JSON)
        assert ends.messages("client") == [JSON]
        assert ends.frames("server")[0].compressed is bool(answer)
        ends.other.sendMessage(JSON)
        ends.exchange()
        assert protocol.events[-1] == JSON


def test_each_connection_of_a_factory_begins_anew(backend: Backend) -> None:
    """A client that comes back is no worse off, and does not refer to what was said before."""
    server = backend.make_server(note_taker(backend))
    server.setProtocolOptions(perMessageCompressionAccept=True)
    client = backend.make_client(note_taker(backend, "client"), url="ws://localhost/")
    client.setProtocolOptions(perMessageCompressionOffers=True)
    firsts = []
    for _ in range(3):
        ends = Pair(backend, server, client)
        assert_talks(ends, True)
        firsts.append(ends.one.trafficStats.outgoingOctetsWebSocketLevel)
        ends.client.cut()
        ends.server.cut()
        assert backend.pending_timers() == 0
    assert len(set(firsts)) == 1


def test_both_ends_may_use_each_others_windows(backend: Backend) -> None:
    """All combinations of window bits and takeover, and every message arrives."""
    bits = (9, 12, 15)
    for ours, theirs, takeover in itertools.product(bits, bits, (False, True)):
        server = DeflatePolicy(window_bits=ours, request_max_window_bits=theirs, no_context_takeover=takeover)
        client = DeflatePolicy(window_bits=theirs, request_max_window_bits=ours, request_no_context_takeover=takeover)
        ends = pair(backend, server, client.offers(), client)
        assert_talks(ends, True)
        long = JSON * 70
        for end in (ends.one, ends.other):
            end.sendMessage(long)
            end.sendMessage(long)
        ends.exchange(piece=1000)
        assert ends.messages("server") == ends.messages("client") == [long, long]
