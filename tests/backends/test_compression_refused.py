"""Functions that decide on permessage-deflate, what goes wrong in them, and what the other end must not say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.compressed import NAME, Pair, assert_talks, pair
from tests.backends.programs import Backend, note_taker, request
from tests.backends.streams import accept
from wsframework.exceptions import HandshakeError, HandshakeRejected
from wsframework.websocket import ConnectionDeny
from wsframework.websocket.compress import (
    DeflatePolicy,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

# Functions.


def test_a_server_is_asked_with_all_offers_in_order(backend: Backend) -> None:
    """And without those that are malformed or cannot be done, or of other extensions."""
    asked: list[list[PerMessageDeflateOffer]] = []

    def choose(offers: list[PerMessageDeflateOffer]) -> PerMessageDeflateOfferAccept:
        asked.append(offers)
        return PerMessageDeflateOfferAccept(offers[1], request_max_window_bits=13)

    factory = backend.make_server(note_taker(backend))
    factory.setProtocolOptions(perMessageCompressionAccept=choose)
    link = backend.connect(factory)
    link.receive(
        request(
            f"Sec-WebSocket-Extensions: x-frames, {NAME}; server_max_window_bits=8, {NAME}; server_max_window_bits=10",
            f"Sec-WebSocket-Extensions: {NAME}; nonsense, {NAME}; client_max_window_bits=14",
        )
    )
    backend.settle()
    assert asked == [
        [
            PerMessageDeflateOffer(False, False, False, 10),
            PerMessageDeflateOffer(False, True, hint_max_window_bits=14),
        ]
    ]
    assert f"\r\nSec-WebSocket-Extensions: {NAME}; client_max_window_bits=13\r\n".encode() in link.take()


@pytest.mark.parametrize(
    "offer",
    [
        None,
        "x-other",
        f"{NAME}; server_max_window_bits=8",
        f"{NAME}; server_max_window_bits=16, {NAME}; client_no_context_takeover=1",
        f"{NAME}; server_max_window_bits",
        f"{NAME}; x=1; x=2",
        f"{NAME};;",
    ],
)
def test_offers_that_cannot_be_accepted_are_declined(backend: Backend, offer: str | None) -> None:
    """The handshake goes on without compression, and no function of mine is asked."""
    asked: list[Any] = []
    for accepts in (True, lambda offers: asked.append(offers)):
        factory = backend.make_server(note_taker(backend))
        factory.setProtocolOptions(perMessageCompressionAccept=accepts)
        link = backend.connect(factory)
        link.receive(request(*([] if offer is None else [f"Sec-WebSocket-Extensions: {offer}"])))
        backend.settle()
        response = link.take()
        assert response.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Extensions" not in response
    assert asked == []


def test_a_server_may_say_no(backend: Backend) -> None:
    """None: the connection is opened without compression."""
    ends = pair(backend, lambda offers: None)
    assert ends.is_open
    assert ends.answered is None
    assert_talks(ends, False)


def test_a_client_may_say_no(backend: Backend) -> None:
    """None: there is no connection, since the server has agreed already."""
    ends = pair(backend, True, True, lambda response: None)
    assert "perMessageCompressionAccept refused" in str(failure_of(ends))
    assert ends.client.aborted
    assert ends.other.events == ["connect", ("close", False, 1006)]
    assert ends.one.events == ["connect", "open", ("close", False, 1006)]


def failure_of(ends: Pair) -> HandshakeError:
    """Why the client did not open."""
    kind, error = ends.backend.outcome(ends.other.is_open)
    assert kind == "error"
    assert isinstance(error, HandshakeError)
    return error


def raising(_: Any) -> Any:
    raise KeyError("secret")


FOREIGN = PerMessageDeflateOfferAccept(PerMessageDeflateOffer(True, False, True, 13))
WRONG: list[tuple[Any, type[Exception], str]] = [
    (raising, KeyError, "secret"),
    (lambda _: "permessage-deflate", TypeError, "not str"),
    (lambda _: True, TypeError, "not bool"),
    (lambda offered: offered, TypeError, "must return a PerMessageDeflate"),
    (lambda: None, TypeError, "argument"),
]


@pytest.mark.parametrize(
    ("accepts", "error", "words"),
    [
        *WRONG,
        (lambda _: FOREIGN, ValueError, "none of the client's"),
        (
            lambda _: PerMessageDeflateResponseAccept(PerMessageDeflateResponse(0, False, 0, False)),
            TypeError,
            "not Per",
        ),
        (lambda offers: PerMessageDeflateOfferAccept(offers[0], window_bits=7), ValueError, "window_bits"),
    ],
)
def test_a_mistake_of_the_servers_function_is_500_and_logged(
    backend: Backend, accepts: Any, error: type[Exception], words: str, errors: list[BaseException]
) -> None:
    """Nobody waits for an answer, and nobody is shown my mistake."""
    ends = pair(backend, accepts)
    assert ends.response.startswith(b"HTTP/1.1 500 ")
    assert words.encode() not in ends.response
    refused = failure_of(ends)
    assert isinstance(refused, HandshakeRejected)
    assert refused.status == 500
    ((kind, text),) = [(type(found), str(found)) for found in errors]
    assert kind is error
    assert words in text
    assert ends.one.events == ["connect", ("close", False, 1006)]
    assert backend.pending_timers() == 0


@pytest.mark.parametrize(
    ("accepts", "error", "words"),
    [
        *WRONG,
        (lambda _: FOREIGN, TypeError, "must return a PerMessageDeflateResponseAccept"),
        (lambda response: PerMessageDeflateResponseAccept(response, window_bits=13), ValueError, "at most 12"),
    ],
)
def test_a_mistake_of_the_clients_function_fails_its_handshake(
    backend: Backend, accepts: Any, error: type[Exception], words: str, errors: list[BaseException]
) -> None:
    """The error that I wait for says which function, and leads to what it raised."""
    ends = pair(backend, True, True, accepts)
    failure = failure_of(ends)
    assert str(failure) == f"perMessageCompressionAccept raised {error.__name__}"
    assert isinstance(failure.__cause__, error)
    assert words in str(failure.__cause__)
    assert [type(found) for found in errors] == [error]
    assert ends.client.aborted
    assert ends.other.events == ["connect", ("close", False, 1006)]
    assert backend.pending_timers() == 0


def test_the_log_says_which_function_failed(backend: Backend, debug_lines: list[str]) -> None:
    """Not onConnect, which has returned long since."""
    pair(backend, raising)
    pair(backend, True, True, raising)
    names = [line.split()[1] for line in debug_lines if " failed for " in line]
    assert names == ["perMessageCompressionAccept"] * 2


def test_a_function_may_refuse_the_connection(backend: Backend, errors: list[BaseException]) -> None:
    """As onConnect may: who does not compress is not served."""

    def demand(offers: list[PerMessageDeflateOffer]) -> Any:
        raise ConnectionDeny(403, "only without")

    ends = pair(backend, demand)
    assert ends.response.startswith(b"HTTP/1.1 403 ")
    assert ends.response.endswith(b"only without\n")
    assert errors == []


def test_the_function_is_asked_after_on_connect(backend: Backend) -> None:
    """And only if that takes the client."""
    asked: list[str] = []

    class Server(note_taker(backend)):  # type: ignore[misc]
        async def onConnect(self, request: Any) -> None:
            asked.append("onConnect")
            await self.decision

    for denied in (False, True):
        Server.decision = decision = backend.later()
        ends = pair(backend, lambda offers: asked.append("function"), server=Server)
        assert asked == ["onConnect"]
        assert ends.response == b""
        if denied:
            backend.fail(decision, ConnectionDeny(403))
        else:
            backend.resolve(decision)
        ends.exchange()
        assert ends.is_open is not denied
        assert asked == (["onConnect"] if denied else ["onConnect", "function"])
        asked.clear()


# What a client must not take, and must not say.


@pytest.mark.parametrize("items", [["x"], [PerMessageDeflateOffer(), None], [PerMessageDeflateOffer], [True]])
def test_a_list_of_offers_has_offers_in_it(backend: Backend, items: list[Any]) -> None:
    """I am told at once, and nothing is changed."""
    factory = backend.make_client(url="ws://localhost/")
    factory.setProtocolOptions(perMessageCompressionOffers=True)
    words = "perMessageCompressionOffers must be a list of PerMessageDeflateOffer or True; one of its items is "
    with pytest.raises(TypeError, match=words):
        factory.setProtocolOptions(perMessageCompressionOffers=items, autoPingInterval=7)
    assert factory.perMessageCompressionOffers is True
    assert factory.autoPingInterval == 0


@pytest.mark.parametrize("value", [False, "permessage-deflate", PerMessageDeflateOffer(), DeflatePolicy()])
def test_offers_are_a_list_or_true(backend: Backend, value: Any) -> None:
    """A policy has a method for them."""
    factory = backend.make_client(url="ws://localhost/")
    with pytest.raises(TypeError, match="perMessageCompressionOffers must be list or True"):
        factory.setProtocolOptions(perMessageCompressionOffers=value)


def test_wrong_offers_of_a_class_fail_its_handshakes(backend: Backend, errors: list[BaseException]) -> None:
    """There is no earlier moment to say so."""
    client = type("Client", (note_taker(backend, "client"),), {"perMessageCompressionOffers": ["x"]})
    ends = pair(backend, client=client, offers=None)
    assert ends.request == b""
    failure = failure_of(ends)
    assert "one of its items is str" in str(failure.__cause__)
    assert [type(error) for error in errors] == [TypeError]


MISFIT = "the parameters do not fit any offer"


@pytest.mark.parametrize(
    ("offers", "answer", "words"),
    [
        ([], NAME, "an extension that was not offered"),
        (True, "x-other", "an extension that was not offered"),
        (True, f"{NAME}, {NAME}", "twice"),
        (True, f"{NAME}; nonsense", "no parameter of this name"),
        (True, f"{NAME}; client_max_window_bits", "client_max_window_bits must be 8 to 15"),
        (True, f"{NAME}; server_max_window_bits=16", "server_max_window_bits must be 8 to 15"),
        ([PerMessageDeflateOffer(accept_max_window_bits=False)], f"{NAME}; client_max_window_bits=12", MISFIT),
        ([PerMessageDeflateOffer(request_no_context_takeover=True)], NAME, MISFIT),
        ([PerMessageDeflateOffer(request_max_window_bits=10)], f"{NAME}; server_max_window_bits=11", MISFIT),
        ([PerMessageDeflateOffer(request_max_window_bits=10)], NAME, MISFIT),
    ],
)
def test_an_answer_that_fits_no_offer_fails_the_handshake(
    backend: Backend, offers: Any, answer: str, words: str
) -> None:
    """The error says what was wrong with it; my function is not even asked."""
    asked: list[Any] = []
    factory = backend.make_client(note_taker(backend, "client"), url="ws://localhost/")
    factory.setProtocolOptions(perMessageCompressionOffers=offers, perMessageCompressionAccept=asked.append)
    link = backend.connect(factory)
    backend.settle()
    accept(link, f"Sec-WebSocket-Extensions: {answer}")
    backend.settle()
    kind, error = backend.outcome(link.protocol.is_open)
    assert kind == "error"
    assert isinstance(error, HandshakeError)
    assert words in str(error)
    assert link.aborted
    assert link.protocol.events == [("close", False, 1006)]
    assert asked == []
