"""How Autobahn is set, on both of its backends."""

# It is not annotated.
# mypy: disable-error-code="import-untyped", allow-untyped-calls

from __future__ import annotations

from typing import Any

from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

from benchmarks.servers.common import Settings

__all__ = ["autobahn_note", "autobahn_options"]


def autobahn_options(settings: Settings) -> dict[str, Any]:
    """For its `setProtocolOptions`."""

    def accept(offers: list[Any]) -> Any:
        for offer in offers:
            if isinstance(offer, PerMessageDeflateOffer):
                bits = settings.window if settings.window < 15 else None
                return PerMessageDeflateOfferAccept(offer, window_bits=bits, mem_level=settings.memory_level)
        return None

    options: dict[str, Any] = {"maxMessagePayloadSize": 0, "utf8validateIncoming": settings.validate}
    if settings.deflate:
        options["perMessageCompressionAccept"] = accept
    return options


def autobahn_note(settings: Settings) -> str:
    """What could not be set."""
    return "level 6 cannot be changed" if settings.deflate else ""
