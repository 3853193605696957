"""permessage-deflate between options and connection: what is offered, and what becomes of offers and responses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from wsframework._core.headers import ExtensionOffer
from wsframework._core.negotiation import (
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
    parse_offers,
)
from wsframework.options import ClientOptions, CommonOptions
from wsframework.websocket.compress import DeflatePolicy

__all__ = ["accept_offers", "accept_response", "client_offers"]

_DEFAULT: Final = DeflatePolicy()


def _acceptance(options: CommonOptions, offered: bool) -> Callable[[Any], object] | None:
    accept = options.perMessageCompressionAccept
    if accept is True or (accept is False and offered):
        # A client that offers something without saying how it would accept it means the sensible way.
        return _DEFAULT
    return None if accept is False else accept


def client_offers(options: ClientOptions) -> tuple[PerMessageDeflateOffer, ...]:
    """What the option perMessageCompressionOffers offers; `TypeError` for anything but offers in it."""
    if options.perMessageCompressionOffers is True:
        return (PerMessageDeflateOffer(accept_no_context_takeover=False),)
    offers = []
    for offer in options.perMessageCompressionOffers:
        if not isinstance(offer, PerMessageDeflateOffer):
            raise TypeError(
                "perMessageCompressionOffers must be a list of PerMessageDeflateOffer or True; one of its items is "
                f"{type(offer).__name__}"
            )
        offers.append(offer)
    return tuple(offers)


def accept_offers(options: CommonOptions, extensions: Iterable[ExtensionOffer]) -> PerMessageDeflate | None:
    """What a server with these options makes of a client's offers. `TypeError` or `ValueError` for what its function
    must not return.
    """
    accept = _acceptance(options, offered=False)
    offers = parse_offers(extensions) if accept is not None else []
    if accept is None or not offers:
        return None
    accepted = accept(offers)
    if accepted is None:
        return None
    if not isinstance(accepted, PerMessageDeflateOfferAccept):
        raise TypeError(
            "perMessageCompressionAccept must return a PerMessageDeflateOfferAccept or None, "
            f"not {type(accepted).__name__}"
        )
    if accepted.offer not in offers:
        raise ValueError("perMessageCompressionAccept accepted an offer that is none of the client's")
    return accepted.settle()


def accept_response(options: CommonOptions, response: PerMessageDeflateResponse) -> PerMessageDeflate | None:
    """What a client with these options makes of the server's response, None for a refusal; `TypeError` likewise."""
    accept = _acceptance(options, offered=True)
    accepted = None if accept is None else accept(response)
    if accepted is None:
        return None
    if not isinstance(accepted, PerMessageDeflateResponseAccept):
        raise TypeError(
            "perMessageCompressionAccept must return a PerMessageDeflateResponseAccept or None, "
            f"not {type(accepted).__name__}"
        )
    return accepted.settle()
