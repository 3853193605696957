"""permessage-deflate (RFC 7692) for applications: who offers and accepts what, and how messages are compressed.

    server.setProtocolOptions(perMessageCompressionAccept=True)
    client.setProtocolOptions(perMessageCompressionOffers=True)

are sensible; a `DeflatePolicy` in their place changes what it says, and functions over offers and responses, with the
classes that Autobahn has for them, decide everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self, overload

from wsframework._core.negotiation import (
    CompressionKnobs,
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

__all__ = [
    "PERMESSAGE_COMPRESSION_EXTENSION",
    "DeflatePolicy",
    "PerMessageDeflate",
    "PerMessageDeflateOffer",
    "PerMessageDeflateOfferAccept",
    "PerMessageDeflateResponse",
    "PerMessageDeflateResponseAccept",
]

PERMESSAGE_COMPRESSION_EXTENSION: Final[dict[str, dict[str, type]]] = {
    PerMessageDeflate.EXTENSION_NAME: {
        "Offer": PerMessageDeflateOffer,
        "OfferAccept": PerMessageDeflateOfferAccept,
        "Response": PerMessageDeflateResponse,
        "ResponseAccept": PerMessageDeflateResponseAccept,
        "PMCE": PerMessageDeflate,
    }
}
"""The classes of each extension by its name, as Autobahn has them."""

_NEVER_NONE: Final = {"window_bits": "an int", "mem_level": "an int", "no_context_takeover": "a bool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeflatePolicy(CompressionKnobs):
    """How to compress, for both roles: a value for perMessageCompressionAccept, and `offers` for a client.

    `window_bits` (9 to 15), `mem_level` (1 to 9) and `no_context_takeover` are for what this end sends,
    `request_max_window_bits` (9 to 15, 0: any) and `request_no_context_takeover` are asked of the peer where it can be
    asked. The classmethods `small`, `medium` (the defaults) and `large` are presets; all take the same arguments.
    """

    window_bits: int = 12
    mem_level: int = 5
    no_context_takeover: bool = False
    request_max_window_bits: int = 12
    request_no_context_takeover: bool = False

    def __post_init__(self) -> None:
        settings: dict[str, Any] = {row.name: getattr(self, row.name) for row in fields(self)}
        for name, kind in _NEVER_NONE.items():
            # To an acceptance None says "as agreed", of which nothing is known here.
            if settings[name] is None:
                raise TypeError(f"{name} must be {kind}, not NoneType")
        # What a real acceptance would not take is found here, where the caller still is.
        PerMessageDeflateOfferAccept(PerMessageDeflateOffer(), **settings)

    @classmethod
    def small(cls, **changes: Any) -> Self:
        """No memory between messages: each is compressed for itself, in both directions."""
        return cls(**{"no_context_takeover": True, "request_no_context_takeover": True, **changes})

    @classmethod
    def medium(cls, **changes: Any) -> Self:
        """Windows of 4 KiB, taken over from message to message."""
        return cls(**changes)

    @classmethod
    def large(cls, **changes: Any) -> Self:
        """What compresses best: windows of 32 KiB."""
        return cls(**{"window_bits": 15, "mem_level": 8, "request_max_window_bits": 15, **changes})

    def offers(self) -> list[PerMessageDeflateOffer]:
        """What a client with this policy offers, best first; the last asks nothing of the server.

        Takeover is not offered to be given up, unless the policy does so anyway: there are servers that take up every
        offer, whether they gain by it or not.
        """
        plain = PerMessageDeflateOffer(accept_no_context_takeover=self.no_context_takeover)
        bits = self.request_max_window_bits if self.request_max_window_bits < 15 else 0
        wished = replace(
            plain, request_no_context_takeover=self.request_no_context_takeover, request_max_window_bits=bits
        )
        return [plain] if wished == plain else [wished, plain]

    @overload
    def __call__(
        self, offers_or_response: Sequence[PerMessageDeflateOffer], /
    ) -> PerMessageDeflateOfferAccept | None: ...
    @overload
    def __call__(self, offers_or_response: PerMessageDeflateResponse, /) -> PerMessageDeflateResponseAccept: ...
    def __call__(
        self, offers_or_response: Sequence[PerMessageDeflateOffer] | PerMessageDeflateResponse, /
    ) -> PerMessageDeflateOfferAccept | PerMessageDeflateResponseAccept | None:
        """Accept the first offer (server) or the response (client)."""
        if isinstance(offers_or_response, PerMessageDeflateResponse):
            response = offers_or_response
            most_bits = response.client_max_window_bits or 15
            return PerMessageDeflateResponseAccept(
                response,
                no_context_takeover=self.no_context_takeover or response.client_no_context_takeover,
                # 8 is what the server may ask for and zlib cannot do; then there is nothing to override.
                window_bits=min(self.window_bits, most_bits) if most_bits > 8 else None,
                mem_level=self.mem_level,
                **self._knobs(),
            )
        return self._accept(offers_or_response[0]) if offers_or_response else None

    def _accept(self, offer: PerMessageDeflateOffer) -> PerMessageDeflateOfferAccept:
        return PerMessageDeflateOfferAccept(
            offer,
            request_no_context_takeover=self.request_no_context_takeover,
            request_max_window_bits=self.request_max_window_bits if offer.accept_max_window_bits else 0,
            no_context_takeover=self.no_context_takeover or offer.request_no_context_takeover,
            window_bits=min(self.window_bits, offer.request_max_window_bits or 15),
            mem_level=self.mem_level,
            **self._knobs(),
        )

    def _knobs(self) -> dict[str, Any]:
        return {row.name: getattr(self, row.name) for row in fields(CompressionKnobs)}
