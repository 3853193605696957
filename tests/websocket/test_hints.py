"""`hints`: what editors complete is what the table of options has."""

from __future__ import annotations

from types import NoneType
from typing import Any, Literal, Union, get_args, get_type_hints

import pytest

from wsframework.options import ClientOptions, CommonOptions, ServerOptions, option_names
from wsframework.websocket.compress import PerMessageDeflateOffer
from wsframework.websocket.events import EVENTS
from wsframework.websocket.hints import (
    ClientOptionAttributes,
    ClientOptionsDict,
    Event,
    OfferAcceptor,
    ResponseAcceptor,
    RouteOptionsDict,
    ServerOptionAttributes,
    ServerOptionsDict,
)
from wsframework.websocket.protocol import WebSocketServerProtocol
from wsframework.websocket.routing import Router

SIMPLE = (bool, int, float, str, bool | None)
# The options of other types: what may be given, as an option.
OTHERS: dict[str, dict[str, Any]] = {
    "ServerOptions": {
        "versions": list[int] | tuple[int, ...],
        "allowedOrigins": list[str] | tuple[str, ...],
        "perMessageCompressionAccept": OfferAcceptor | bool,
    },
    "ClientOptions": {
        "perMessageCompressionAccept": ResponseAcceptor | bool,
        "perMessageCompressionOffers": (
            list[PerMessageDeflateOffer] | tuple[PerMessageDeflateOffer, ...] | Literal[True]
        ),
    },
}
ROLES = [
    (ServerOptions, ServerOptionsDict, ServerOptionAttributes),
    (ClientOptions, ClientOptionsDict, ClientOptionAttributes),
]


def types_of(table: type[CommonOptions]) -> dict[str, Any]:
    """What may be given for each option."""
    others = OTHERS[table.__name__]
    return {name: others.get(name, kind) for name, kind in get_type_hints(table).items()}


@pytest.mark.parametrize(("table", "names", "_"), ROLES)
def test_an_option_may_be_given_what_the_table_says(table: type[CommonOptions], names: type, _: type) -> None:
    """The editor completes every option, and none that there is not; None leaves one as it is."""
    hints = get_type_hints(names)
    assert sorted(hints) == sorted(option_names(table))
    assert hints == {name: Union[kind, NoneType] for name, kind in types_of(table).items()}  # noqa: UP007


@pytest.mark.parametrize(("table", "_", "attributes"), ROLES)
def test_an_option_is_an_attribute_of_the_type_that_the_table_says(
    table: type[CommonOptions], _: type, attributes: type
) -> None:
    """The editor knows the options that I read from a protocol."""
    hints = get_type_hints(attributes)
    assert sorted(hints) == sorted(option_names(table))
    types = types_of(table)
    assert {name for name, kind in types.items() if kind not in SIMPLE} == set(OTHERS[table.__name__])
    assert {name: kind for name, kind in hints.items() if types[name] in SIMPLE} == {
        name: kind for name, kind in types.items() if kind in SIMPLE
    }


@pytest.mark.parametrize("name", option_names(ServerOptions))
def test_a_route_may_have_the_options_that_a_router_takes(name: str) -> None:
    """What is underlined is what would raise."""
    given: dict[str, Any] = {name: getattr(ServerOptions(), name)}
    may_have = name in get_type_hints(RouteOptionsDict)
    try:
        Router().add("/", WebSocketServerProtocol, **given)
    except ValueError:
        assert not may_have
    else:
        assert may_have


def test_events_are_those_that_there_are() -> None:
    """The editor completes the name of an event."""
    assert get_args(Event) == tuple(EVENTS)
