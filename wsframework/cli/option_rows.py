"""The options by theme and in words, as the documentation and `wsframework options` have them."""

from __future__ import annotations

from typing import Final

from wsframework.options import ClientOptions, CommonOptions, OptionRow, ServerOptions, describe, option_names

__all__ = ["THEMES", "default_text", "facts", "rows", "size_text"]

THEMES: Final[dict[str, tuple[str, ...]]] = {
    "Limits": (
        "maxMessagePayloadSize",
        "maxFramePayloadSize",
        "maxMessageFragments",
        "maxHandshakeSize",
        "maxHandshakeHeaders",
        "maxConnections",
        "maxConcurrentMessages",
    ),
    "Sending": ("sendHighWaterMark", "maxSendBuffer", "autoFragmentSize", "tcpNoDelay"),
    "Timeouts": (
        "openHandshakeTimeout",
        "onConnectTimeout",
        "closeHandshakeTimeout",
        "serverConnectionDropTimeout",
    ),
    "Pings": ("autoPingInterval", "autoPingTimeout", "autoPingSize", "autoPingRestartOnAnyTraffic"),
    "Who may connect": ("allowedOrigins", "allowNullOrigin", "trustXForwardedFor"),
    "Compression": ("perMessageCompressionAccept", "perMessageCompressionOffers"),
    "Protocol": (
        "versions",
        "version",
        "failByDrop",
        "echoCloseCodeReason",
        "utf8validateIncoming",
        "requireMaskedClientFrames",
        "maskServerFrames",
        "maskClientFrames",
        "acceptMaskedServerFrames",
        "applyMask",
    ),
    "Plain requests": ("webStatus", "serveFlashSocketPolicy", "flashSocketPolicy"),
    "Debugging": ("logFrames", "logOctets", "trackTimings"),
}
"""Every option, once."""

_UNITS: Final = ("octets", "seconds")
_BOTH: Final = "servers and clients"


def rows() -> dict[str, tuple[OptionRow, str]]:
    """Every option with the role that has it."""
    common = option_names(CommonOptions)
    found = {row.name: (row, _BOTH if row.name in common else "servers") for row in describe(ServerOptions)}
    return found | {row.name: (row, "clients") for row in describe(ClientOptions) if row.name not in common}


def default_text(row: OptionRow) -> str:
    """The default as it would be written in a program."""
    return repr(list(row.default) if isinstance(row.default, tuple) else row.default)


def size_text(row: OptionRow) -> str:
    """A default that is a size, in its unit."""
    value = row.default
    if isinstance(value, int) and value and row.allowed.endswith("octets"):
        for unit, name in ((1024 * 1024, "MiB"), (1024, "KiB")):
            if value % unit == 0:
                return f"{value // unit} {name}"
    return ""


def facts(row: OptionRow) -> str:
    """Unit and range in words."""
    unit = next((unit for unit in _UNITS if row.allowed.endswith(unit)), "")
    allowed = row.allowed.removesuffix(unit).strip()
    return f"Unit: {unit}. Range: {allowed}." if unit else f"Range: {allowed}."
