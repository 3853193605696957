"""The option table: what `setProtocolOptions` takes, one row for each option.

A row is a field of a frozen dataclass: name, type, default, check and the sentence that the documentation prints. The
checks run whenever an options object is made, so one that exists is valid and can be shared by all connections.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Final, Generic, Literal, Self, TypeAlias, TypeVar

__all__ = [
    "ClientOptions",
    "CommonOptions",
    "OptionRow",
    "ServerOptions",
    "closest_hint",
    "describe",
    "option_hint",
    "option_names",
    "option_role",
]

T = TypeVar("T")
Item = TypeVar("Item")

KIB: Final = 1024
MIB: Final = 1024 * KIB

# What `perMessageCompressionAccept` may be: a function of the offers or of the response, or all or nothing.
CompressionAccept: TypeAlias = Callable[..., object] | bool
CompressionOffers: TypeAlias = tuple[object, ...] | Literal[True]


class Check(ABC, Generic[T]):
    """Decides what values an option may have; `type_text` and `range_text` are the same decision in words."""

    type_text: str
    range_text: str

    @abstractmethod
    def check(self, name: str, value: object) -> T:
        """The value to store; `TypeError` or `ValueError` naming the option."""

    def wrong_type(self, name: str, value: object) -> TypeError:
        """The error for a value of another type."""
        return TypeError(f"{name} must be {self.type_text}, not {type(value).__name__}")

    def wrong_range(self, name: str, value: object) -> ValueError:
        """The error for a value out of range."""
        return ValueError(f"{name} must be {self.range_text}, not {value!r}")

    def items(self, name: str, value: object, kind: type[Item]) -> tuple[Item, ...]:
        """A list or tuple, all of whose items are of type `kind`; a copy, so that the caller may go on with theirs."""
        if not isinstance(value, (list, tuple)):
            raise self.wrong_type(name, value)
        for item in value:
            if not isinstance(item, kind) or (kind is not object and isinstance(item, bool)):
                raise TypeError(f"{name} must be {self.type_text}; one of its items is {type(item).__name__}")
        return tuple(value)


class Flag(Check[bool]):
    """True or False, and nothing that only behaves so."""

    type_text = "bool"
    range_text = "True or False"

    def check(self, name: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise self.wrong_type(name, value)
        return value


class FlagOrNeither(Check[bool | None]):
    """True or False, and None as long as neither is given."""

    type_text = "bool"
    range_text = "True or False; None, the default, follows other options"

    def check(self, name: str, value: object) -> bool | None:
        return None if value is None else FLAG.check(name, value)


class WholeNumber(Check[int]):
    """An int from `low` to `high`, None meaning no upper end. True and False are no numbers here."""

    type_text = "int"

    def __init__(self, unit: str, low: int = 0, high: int | None = None) -> None:
        self.low = low
        self.high = high
        numbers = f"{low} or more" if high is None else f"{low} to {high}"
        self.range_text = f"{numbers} {unit}".rstrip()

    def check(self, name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong_type(name, value)
        if value < self.low or (self.high is not None and value > self.high):
            raise self.wrong_range(name, value)
        return value


class Seconds(Check[float]):
    """A time that a timer can take: an int or a float, neither negative nor infinite nor NaN."""

    type_text = "float"
    range_text = "0 or more seconds"

    def wrong_type(self, name: str, value: object) -> TypeError:
        return TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")

    def check(self, name: str, value: object) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self.wrong_type(name, value)
        # NaN compares as False; an int may be larger than any float.
        if not 0 <= value <= sys.float_info.max:
            raise self.wrong_range(name, value)
        return value


class ProtocolVersions(Check[tuple[int, ...]]):
    """A choice of the protocol versions that the framework speaks."""

    type_text = "list of int"
    range_text = "one or both of 8 and 13"

    def check(self, name: str, value: object) -> tuple[int, ...]:
        versions = self.items(name, value, int)
        if not versions or not set(versions) <= {8, 13}:
            raise self.wrong_range(name, value)
        return tuple(dict.fromkeys(versions))


class Patterns(Check[tuple[str, ...]]):
    """A list of texts. What an origin pattern may look like is known to the core's `OriginPatterns`."""

    type_text = "list of str"
    range_text = "patterns such as https://*.example.com:8443, or *"

    def check(self, name: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str) and value != "same":
            raise TypeError(f"{name} must be list of str, not str; write [{value!r}]")
        if value == "same" or (isinstance(value, (list, tuple)) and "same" in value):
            raise TypeError(
                f'{name} has no "same": serve(..., origins="same") is for pages of the server\'s own address'
            )
        return self.items(name, value, str)


class PolicyText(Check[str]):
    """The text of a Flash socket policy. The NUL that ends it on the wire is no part of it, but may be given."""

    type_text = "str"
    range_text = "the text of a policy file"

    def check(self, name: str, value: object) -> str:
        if not isinstance(value, str):
            raise self.wrong_type(name, value)
        return value.removesuffix("\x00")


class Acceptor(Check[CompressionAccept]):
    """A function, or True for sensible defaults, or False for no compression."""

    type_text = "callable or bool"
    range_text = "a function of one argument, True or False"

    def check(self, name: str, value: object) -> CompressionAccept:
        if not isinstance(value, bool) and not callable(value):
            raise self.wrong_type(name, value)
        return value


class Offers(Check[CompressionOffers]):
    """A list of offers, or True for one sensible offer."""

    type_text = "list or True"
    range_text = "offers, best first"

    def check(self, name: str, value: object) -> CompressionOffers:
        if value is True:
            return True
        return self.items(name, value, object)


FLAG: Final = Flag()
OCTETS: Final = WholeNumber("octets")
COUNT: Final = WholeNumber("")
SECONDS: Final = Seconds()


def option(default: T, check: Check[T], sentence: str) -> T:
    """One row of the table."""
    return field(default=default, metadata={"check": check, "sentence": sentence})


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """The options that servers and clients have in common.

    Making one raises `TypeError` or `ValueError` for a bad value, naming the option and what is allowed.
    """

    logOctets: bool = option(False, FLAG, "Log every octet received and sent, for debugging.")
    logFrames: bool = option(False, FLAG, "Log every frame received and sent, for debugging.")
    trackTimings: bool = option(False, FLAG, "Keep timing marks of each connection in `trackedTimings`.")
    utf8validateIncoming: bool = option(
        True,
        FLAG,
        "Fail the connection with 1007 when a text message is not UTF-8; close reasons are always validated.",
    )
    applyMask: bool = option(True, FLAG, "Really XOR the payload when the mask bit is set; False is for measurements.")
    maxFramePayloadSize: int = option(0, OCTETS, "Largest frame accepted; 0 means no limit of its own.")
    maxMessagePayloadSize: int = option(
        16 * MIB, OCTETS, "Largest message accepted, after inflation, and largest message sent; 0 means no limit."
    )
    maxHandshakeSize: int = option(32 * KIB, OCTETS, "Longest opening handshake accepted; 0 means no limit.")
    maxHandshakeHeaders: int = option(
        128, COUNT, "Most header lines accepted in an opening handshake; 0 means no limit."
    )
    maxMessageFragments: int = option(4096, COUNT, "Most data frames accepted in one message; 0 means no limit.")
    sendHighWaterMark: int = option(
        64 * KIB, OCTETS, "Octets waiting to be sent from which on sending counts as paused: `onSendingPaused`."
    )
    maxSendBuffer: int = option(
        64 * MIB, OCTETS, "Octets waiting to be sent above which a peer that does not read is dropped; 0 means never."
    )
    maxConcurrentMessages: int = option(
        1, COUNT, "Asynchronous `onMessage` results that may be pending at once; 0 means no limit."
    )
    autoFragmentSize: int = option(
        0, OCTETS, "Split messages sent into frames of at most this size; 0 means one frame each."
    )
    failByDrop: bool = option(
        True, FLAG, "Drop TCP on a protocol violation; False sends Close and finishes the closing handshake."
    )
    echoCloseCodeReason: bool = option(False, FLAG, "Answer a Close with the peer's own code and reason.")
    openHandshakeTimeout: float = option(
        5, SECONDS, "Time for the opening handshake to be complete, without `onConnect`; 0 means no limit."
    )
    onConnectTimeout: float = option(30, SECONDS, "Time for an asynchronous `onConnect` to finish; 0 means no limit.")
    closeHandshakeTimeout: float = option(1, SECONDS, "Time for the peer to answer our Close; 0 means no limit.")
    tcpNoDelay: bool = option(True, FLAG, "Send small packets at once: no Nagle algorithm.")
    autoPingInterval: float = option(0, SECONDS, "Time between two automatic pings; 0 means none.")
    autoPingTimeout: float = option(0, SECONDS, "Time after which an automatic ping counts as lost; 0 means never.")
    autoPingSize: int = option(4, WholeNumber("octets", 4, 125), "Random octets in an automatic ping.")
    autoPingRestartOnAnyTraffic: bool = option(
        True, FLAG, "Any octet received counts as a sign of life, as a pong does."
    )
    # RUF009 fears that the default is mutable where it cannot look through the annotation.
    perMessageCompressionAccept: CompressionAccept = option(  # noqa: RUF009
        False,
        Acceptor(),
        "Decides on compression: a function of the offers (server) or of the response (client), True for sensible "
        "defaults. A client without it accepts what it offered.",
    )

    def __post_init__(self) -> None:
        for row in fields(self):
            check: Check[object] = row.metadata["check"]
            object.__setattr__(self, row.name, check.check(row.name, getattr(self, row.name)))

    def changed(self, **changes: object) -> Self:
        """These options with some of them changed; a value of None leaves the option as it is.

        `TypeError` for a name that is no option, with the closest one that is; `TypeError` or `ValueError` for a value
        that the option cannot have. Either all changes are made or none.
        """
        names = option_names(type(self))
        for name in changes:
            if name not in names:
                raise TypeError(f"unknown option {name}{option_hint(name, names)}")
        # Any: the checks of `__post_init__` are what decides on the types.
        values: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **values)


def option_hint(name: str, known: Sequence[str]) -> str:
    """What to add to an error about a name that is no option here: whose it is, or what of `known` is like it."""
    role = option_role(name)
    return closest_hint(name, known) if role is None else f"; it is an option of {role}"


def closest_hint(name: str, known: Sequence[str]) -> str:
    """What to add to an error about an unknown name: the closest one of `known`, if any is close."""
    return "".join(f"; did you mean {match}?" for match in get_close_matches(name, known, n=1))


def option_role(name: str) -> str | None:
    """`servers` or `clients`, if only they have this option."""
    if name in option_names(CommonOptions):
        return None
    if name in option_names(ServerOptions):
        return "servers"
    return "clients" if name in option_names(ClientOptions) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions(CommonOptions):
    """The options of a server."""

    versions: tuple[int, ...] = option((8, 13), ProtocolVersions(), "Protocol versions spoken.")
    webStatus: bool = option(True, FLAG, "Answer a plain GET with an HTML page instead of 426.")
    requireMaskedClientFrames: bool = option(True, FLAG, "Fail the connection when a client's frame is not masked.")
    maskServerFrames: bool = option(False, FLAG, "Mask the frames sent, which no client expects.")
    allowedOrigins: tuple[str, ...] = option(
        ("*",), Patterns(), "Origins that may connect, as patterns of scheme://host:port; `*` alone means every origin."
    )
    allowNullOrigin: bool | None = option(
        None,
        FlagOrNeither(),
        "Let origin `null` and `file:` connect; if not set, only where `allowedOrigins` is `*`, because any page can "
        "have the origin `null`.",
    )
    maxConnections: int = option(0, COUNT, "Most connections at once, 503 above; 0 means no limit.")
    trustXForwardedFor: int = option(
        0, COUNT, "Number of trusted proxies in front that append to X-Forwarded-For; 0 means the header is ignored."
    )
    serveFlashSocketPolicy: bool = option(False, FLAG, "Answer a Flash policy file request and close.")
    flashSocketPolicy: str = option(
        '<cross-domain-policy><allow-access-from domain="*" to-ports="*"/></cross-domain-policy>',
        PolicyText(),
        "The Flash socket policy to answer with; the NUL that ends it is added.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions(CommonOptions):
    """The options of a client."""

    version: int = option(
        18,
        WholeNumber("(a draft's number)", 10, 18),
        "Draft whose protocol is spoken: 10 to 12 mean protocol version 8, 13 to 18 mean version 13.",
    )
    acceptMaskedServerFrames: bool = option(False, FLAG, "Accept masked frames from the server.")
    maskClientFrames: bool = option(True, FLAG, "Mask the frames sent, as servers require.")
    serverConnectionDropTimeout: float = option(
        1, SECONDS, "Time for the server to close TCP after the closing handshake; 0 means no limit."
    )
    perMessageCompressionOffers: CompressionOffers = option(  # noqa: RUF009
        (), Offers(), "Compression offers, best first, True for one sensible offer; none by default."
    )


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One row of the table, as the documentation prints it; `allowed` is the range in words."""

    name: str
    type: str
    default: object
    allowed: str
    sentence: str


def option_names(cls: type[CommonOptions]) -> tuple[str, ...]:
    """The names of the options of `cls`, in the order of the table."""
    return tuple(row.name for row in fields(cls))


def describe(cls: type[CommonOptions]) -> list[OptionRow]:
    """The rows of the table of `cls`, for documentation."""
    return [
        OptionRow(row.name, check.type_text, row.default, check.range_text, row.metadata["sentence"])
        for row in fields(cls)
        for check in [row.metadata["check"]]
    ]
