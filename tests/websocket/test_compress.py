"""The public classes of permessage-deflate: as users of Autobahn|Python know them, and what is added to them."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from wsframework._core.headers import parse_extensions
from wsframework._core.negotiation import check_agreed, parse_offers
from wsframework.websocket import compress
from wsframework.websocket.compress import (
    PERMESSAGE_COMPRESSION_EXTENSION,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
)

autobahn = pytest.importorskip("autobahn.websocket.compress", reason="Autobahn is what this is compared with")

NAME = "permessage-deflate"
BOTH = (False, True)
# All offers and responses there are, but for window bits that differ in their number alone.
OFFERS = list(itertools.product(BOTH, BOTH, BOTH, (0, 9, 12, 15)))
RESPONSES = list(itertools.product((0, 9, 15), BOTH, (0, 9, 15), BOTH))

# Values as a class, the arguments of what it accepts (None: it accepts nothing), and its own arguments.
Recipe = tuple[str, tuple[Any, ...] | None, tuple[Any, ...]]
PARENTS = {"OfferAccept": "Offer", "ResponseAccept": "Response"}
ACCEPTS: list[Recipe] = [
    *(("OfferAccept", offer, ()) for offer in OFFERS),
    *(("OfferAccept", offer, (offer[0], 9 if offer[1] else 0)) for offer in OFFERS),
    ("OfferAccept", (), (True, 10, True, 11, 4)),
    ("OfferAccept", (True, True, True, 12), (True, 15, True, 9, 1, 5)),
    *(("ResponseAccept", response, ()) for response in RESPONSES),
    ("ResponseAccept", (12, True, 0, False), (True, 11, 9, 7)),
]
ALL_VALUES: list[Recipe] = [
    *(("Offer", None, offer) for offer in OFFERS),
    *(("Response", None, response) for response in RESPONSES),
    *ACCEPTS,
]


def made(package: Any, recipe: Recipe) -> Any:
    """The value, of one of the packages."""
    name, parent, arguments = recipe
    if parent is not None:
        arguments = (made(package, (PARENTS[name], None, parent)), *arguments)
    return getattr(package, f"PerMessageDeflate{name}")(*arguments)


def pairs_of(recipes: list[Recipe]) -> list[tuple[Any, Any]]:
    """The values of both packages, ours first."""
    return [(made(compress, recipe), made(autobahn, recipe)) for recipe in recipes]


def assert_contains(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """All that Autobahn says, maybe among more."""
    for key, value in wanted.items():
        if isinstance(value, dict):
            assert_contains(found[key], value)
        else:
            assert found[key] == value, key


# As Autobahn has it.


def test_the_registry_has_the_same_entry() -> None:
    """My program looks the classes up by the extension's name."""
    ours, theirs = PERMESSAGE_COMPRESSION_EXTENSION[NAME], autobahn.PERMESSAGE_COMPRESSION_EXTENSION[NAME]
    assert {key: cls.__name__ for key, cls in ours.items()} == {key: cls.__name__ for key, cls in theirs.items()}
    for cls in ours.values():
        assert vars(compress)[cls.__name__] is cls
        found: Any = cls
        assert found.EXTENSION_NAME == NAME


def test_only_what_is_standardised_is_there() -> None:
    """bzip2, snappy and brotli were never registered as extensions."""
    assert list(PERMESSAGE_COMPRESSION_EXTENSION) == [NAME]


def test_all_names_exist() -> None:
    """`from wsframework.websocket.compress import *` works, and the names are Autobahn's."""
    assert all(hasattr(compress, name) for name in compress.__all__)
    assert set(compress.__all__) - set(autobahn.__all__) == {"DeflatePolicy"}


@pytest.mark.parametrize("name", ["Offer", "OfferAccept", "Response", "ResponseAccept"])
def test_constructors_take_the_same_arguments(name: str) -> None:
    """By position or by name; whatever is new is optional, and by name only."""
    ours, theirs = (
        list(inspect.signature(getattr(package, f"PerMessageDeflate{name}")).parameters.values())
        for package in (compress, autobahn)
    )
    known = [(parameter.name, parameter.kind, parameter.default) for parameter in theirs]
    assert [(parameter.name, parameter.kind, parameter.default) for parameter in ours][: len(known)] == known
    for parameter in ours[len(known) :]:
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default is not inspect.Parameter.empty


def test_attributes_are_the_same() -> None:
    """I read in my function what the client offers, and log what was accepted."""
    for ours, theirs in pairs_of(ALL_VALUES):
        for attribute, value in vars(theirs).items():
            found = getattr(ours, attribute)
            if hasattr(value, "__json__"):
                assert_contains(found.__json__(), value.__json__())
            else:
                assert found == value, (ours, attribute)


def test_json_says_the_same() -> None:
    """And maybe more; all of it can be encoded."""
    for ours, theirs in pairs_of(ALL_VALUES):
        assert_contains(ours.__json__(), theirs.__json__())
        assert json.loads(json.dumps(ours.__json__())) == ours.__json__()


def test_what_is_sent_is_the_same() -> None:
    """The same octets on the wire, for offers and for acceptances that override nothing."""
    recipes = [("Offer", None, offer) for offer in OFFERS] + [
        recipe for recipe in ACCEPTS if recipe[0] == "OfferAccept" and len(recipe[2]) <= 2
    ]
    assert len(recipes) == 3 * len(OFFERS)
    for ours, theirs in pairs_of(recipes):
        assert ours.get_extension_string() == theirs.get_extension_string()


def test_what_a_server_overrides_is_told_to_the_client() -> None:
    """Autobahn's server keeps it for itself; then the client cannot save the memory."""
    ((ours, theirs),) = pairs_of([("OfferAccept", (), (False, 0, True, 9))])
    assert theirs.get_extension_string() == NAME
    assert ours.get_extension_string() == f"{NAME}; server_no_context_takeover; server_max_window_bits=9"


def test_the_agreement_reads_the_same() -> None:
    """`websocket_extensions_in_use[0]` at either end. (Autobahn shows what a client overrides as if it were agreed.)"""
    for ours, theirs in pairs_of([recipe for recipe in ACCEPTS if recipe != ACCEPTS[-1]]):
        settle = autobahn.PerMessageDeflate
        is_server = isinstance(ours, PerMessageDeflateOfferAccept)
        settle = settle.create_from_offer_accept if is_server else settle.create_from_response_accept
        agreed, wanted = ours.settle(), settle(is_server, theirs)
        assert agreed.__json__() == wanted.__json__()
        assert str(agreed).startswith(NAME)
        for name in vars(wanted):
            if not name.startswith("_") and name != "max_message_size":
                assert getattr(agreed, name) == getattr(wanted, name)


def test_repr_can_be_evaluated() -> None:
    """What the log shows can be pasted."""
    for recipe in ALL_VALUES:
        value = made(compress, recipe)
        assert eval(repr(value), vars(compress).copy()) == value


def test_values_are_values() -> None:
    """Equal when they say the same, and nobody changes them after they were checked."""
    one, same, other = (PerMessageDeflateOffer(True, True, True, bits) for bits in (10, 10, 11))
    assert len({one, same, other}) == 2
    with pytest.raises(FrozenInstanceError):
        one.request_max_window_bits = 9  # type: ignore[misc]


# What the other end said. Parameters are as Autobahn passes them: lists of values, True for none.

GOOD_PARAMETERS: list[dict[str, list[Any]]] = [
    {},
    {"client_no_context_takeover": [True]},
    {"client_max_window_bits": ["10"]},
    {"server_no_context_takeover": [True]},
    {"server_max_window_bits": ["9"]},
    {
        "client_no_context_takeover": [True],
        "client_max_window_bits": ["15"],
        "server_no_context_takeover": [True],
        "server_max_window_bits": ["15"],
    },
]
BAD_PARAMETERS: list[tuple[dict[str, list[Any]], str]] = [
    ({"client_no_context_takeover": ["1"]}, "client_no_context_takeover has no value"),
    ({"server_no_context_takeover": ["true"]}, "server_no_context_takeover has no value"),
    ({"server_max_window_bits": ["7"]}, "server_max_window_bits must be 8 to 15"),
    ({"server_max_window_bits": ["16"]}, "server_max_window_bits must be 8 to 15"),
    ({"server_max_window_bits": ["x"]}, "server_max_window_bits must be 8 to 15"),
    ({"client_max_window_bits": ["16"]}, "client_max_window_bits must be 8 to 15"),
    ({"client_max_window_bits": ["9", "9"]}, "client_max_window_bits is there twice"),
    ({"server_no_context_takeover": [True, True]}, "server_no_context_takeover is there twice"),
    ({"window": [True]}, "no parameter of this name"),
]


@pytest.mark.parametrize("params", [*GOOD_PARAMETERS, {"client_max_window_bits": [True]}], ids=str)
def test_offers_are_read_the_same(params: dict[str, list[Any]]) -> None:
    """But for one thing: Autobahn reads every offer as if client_no_context_takeover were in it."""
    ours, theirs = (package.PerMessageDeflateOffer.parse(params) for package in (compress, autobahn))
    wanted = {**theirs.__json__(), "accept_no_context_takeover": "client_no_context_takeover" in params}
    assert_contains(ours.__json__(), wanted)


@pytest.mark.parametrize("params", GOOD_PARAMETERS, ids=str)
def test_responses_are_read_the_same(params: dict[str, list[Any]]) -> None:
    """All that a server may answer."""
    ours, theirs = (package.PerMessageDeflateResponse.parse(params) for package in (compress, autobahn))
    assert_contains(ours.__json__(), theirs.__json__())


@pytest.mark.parametrize("name", ["Offer", "Response"])
@pytest.mark.parametrize(("params", "words"), BAD_PARAMETERS, ids=str)
def test_malformed_parameters_are_refused(name: str, params: dict[str, list[Any]], words: str) -> None:
    """By both, and we say which one it is."""
    with pytest.raises(ValueError, match=words):
        getattr(compress, f"PerMessageDeflate{name}").parse(params)
    with pytest.raises(Exception, match=r"illegal|multiple"):
        getattr(autobahn, f"PerMessageDeflate{name}").parse(params)


@pytest.mark.parametrize("name", ["Offer", "Response"])
@pytest.mark.parametrize("number", ["09", "+9", " 9", "1_0", "٩", ""])
def test_numbers_are_as_the_rfc_writes_them(name: str, number: str) -> None:
    """Decimal, without leading zeroes and what else Python's `int` takes (RFC 7692 section 7.1.2)."""
    for parameter in ("server_max_window_bits", "client_max_window_bits"):
        with pytest.raises(ValueError, match=f"{parameter} must be 8 to 15"):
            getattr(compress, f"PerMessageDeflate{name}").parse({parameter: [number]})


def test_a_window_of_8_bits_cannot_be_asked_of_zlib() -> None:
    """An offer that wants it of the server is declined; a peer that only uses so little itself is welcome."""
    with pytest.raises(ValueError, match="server_max_window_bits of 8 cannot be done"):
        PerMessageDeflateOffer.parse({"server_max_window_bits": ["8"]})
    assert PerMessageDeflateOffer.parse({"client_max_window_bits": ["8"]}).hint_max_window_bits == 9
    assert PerMessageDeflateResponse.parse({"server_max_window_bits": ["8"]}).server_max_window_bits == 8


def test_what_is_written_is_read() -> None:
    """Offers and responses there and back."""
    for arguments in OFFERS:
        offer = PerMessageDeflateOffer(*arguments)
        assert parse_offers(parse_extensions(offer.get_extension_string())) == [offer]
        if offer.accept_max_window_bits:
            hinted = replace(offer, hint_max_window_bits=10)
            assert parse_offers(parse_extensions(hinted.get_extension_string())) == [hinted]
    for values in RESPONSES:
        response = PerMessageDeflateResponse(*values)
        offers = [PerMessageDeflateOffer()]
        assert check_agreed(parse_extensions(response.get_extension_string()), offers) == response
