"""Agreeing on permessage-deflate (RFC 7692 section 7.1) as values and pure functions.

Strategy: four values, with the names that Autobahn gave them: the client's offer, the server's acceptance of one, the
response that says so to the client, and the client's acceptance of that. Both acceptances `settle` into the same: what
this end has to do. An offer that is malformed, or wants what cannot be done, is declined as if it were not there; a
response like that fails the handshake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Any, ClassVar, Final

from wsframework._core.deflate import Compression, find_library
from wsframework._core.headers import ExtensionOffer

__all__ = [
    "DEFAULT_LEVEL",
    "EXTENSION_NAME",
    "CompressionKnobs",
    "PerMessageDeflate",
    "PerMessageDeflateOffer",
    "PerMessageDeflateOfferAccept",
    "PerMessageDeflateResponse",
    "PerMessageDeflateResponseAccept",
    "check_agreed",
    "parse_offers",
]

EXTENSION_NAME: Final = "permessage-deflate"

MAX_WINDOW_BITS: Final = 15
# zlib's raw deflate has no window of 8 bits. Section 7.1.2 allows it, so it can be read but not asked for or used.
MIN_WINDOW_BITS: Final = 9
_WINDOW_BITS: Final = re.compile(r"[89]|1[0-5]", re.ASCII)

DEFAULT_LEVEL: Final = 3
"""Two thirds of the time of zlib's own default, for about a seventh more octets (of JSON)."""
_DEFAULT_MEM_LEVEL: Final = 8
# Below this many octets compression takes time and gains little: with what came before as context, and without.
_DEFAULT_THRESHOLDS: Final = {True: 64, False: 256}

_SERVER_NO_TAKEOVER: Final = "server_no_context_takeover"
_CLIENT_NO_TAKEOVER: Final = "client_no_context_takeover"
_SERVER_BITS: Final = "server_max_window_bits"
_CLIENT_BITS: Final = "client_max_window_bits"


@dataclass(frozen=True, slots=True)
class PerMessageDeflate:
    """The extension as it is in use on one connection, for one end of it; `str` gives it as it stands in the response.

    The first five say what both ends agreed on. The rest is this end's own business: how it compresses
    (`compression`), without takeover even where it were allowed (`no_context_takeover`), from how many octets on
    (`threshold`), from how many in another thread (`offload_above`, 0: none), after how many idle seconds it gives its
    contexts back (`release_after`, 0: never), and the largest message it inflates (`max_message_size`, 0: the option
    maxMessagePayloadSize alone decides).
    """

    EXTENSION_NAME: ClassVar[str] = EXTENSION_NAME

    is_server: bool
    server_no_context_takeover: bool
    client_no_context_takeover: bool
    server_max_window_bits: int
    client_max_window_bits: int
    compression: Compression
    no_context_takeover: bool
    threshold: int
    offload_above: int
    release_after: float
    max_message_size: int
    # The window that the peer really uses: it may have said that it needs less than was agreed.
    peer_window_bits: int
    text: str

    @property
    def mem_level(self) -> int:
        """zlib's memory level."""
        return self.compression.mem_level

    @property
    def can_compress(self) -> bool:
        """False when the peer wants a window that zlib cannot do: then messages go as they are."""
        return self.compression.window_bits >= MIN_WINDOW_BITS

    @property
    def peer_takes_over(self) -> bool:
        """True when the peer's messages may refer to those before."""
        return not (self.client_no_context_takeover if self.is_server else self.server_no_context_takeover)

    def __str__(self) -> str:
        return self.text

    def __json__(self) -> dict[str, Any]:
        """What was agreed, for `json`."""
        names = ("is_server", _SERVER_NO_TAKEOVER, _CLIENT_NO_TAKEOVER, _SERVER_BITS, _CLIENT_BITS, "mem_level")
        return {"extension": EXTENSION_NAME, **{name: getattr(self, name) for name in names}}


class _Value:
    """What the four values have in common."""

    __slots__ = ()
    EXTENSION_NAME: ClassVar[str] = EXTENSION_NAME

    def __json__(self) -> dict[str, Any]:
        """The fields, for `json`."""
        values = {row.name: getattr(self, row.name) for row in fields(self)}  # type: ignore[arg-type]  # a dataclass
        return {
            "extension": EXTENSION_NAME,
            **{name: value.__json__() if isinstance(value, _Value) else value for name, value in values.items()},
        }


@dataclass(frozen=True, slots=True)
class PerMessageDeflateOffer(_Value):
    """What a client offers (section 7.1).

    `accept_no_context_takeover` and `accept_max_window_bits` say that the server may ask the client for no takeover and
    for a smaller window, `request_no_context_takeover` and `request_max_window_bits` (9 to 15, 0: any) ask the server
    for them. `hint_max_window_bits` (9 to 15, 0: none) says that the client uses no larger window in any case.
    """

    accept_no_context_takeover: bool = True
    accept_max_window_bits: bool = True
    request_no_context_takeover: bool = False
    request_max_window_bits: int = 0
    _: KW_ONLY
    hint_max_window_bits: int = 0

    def __post_init__(self) -> None:
        _check_flags(self, "accept_no_context_takeover", "accept_max_window_bits", "request_no_context_takeover")
        _check_bits("request_max_window_bits", self.request_max_window_bits, zero="any")
        _check_bits("hint_max_window_bits", self.hint_max_window_bits, zero="none")
        if self.hint_max_window_bits and not self.accept_max_window_bits:
            raise ValueError("hint_max_window_bits needs accept_max_window_bits")

    @classmethod
    def parse(cls, params: Mapping[str, Iterable[str | bool | None]]) -> PerMessageDeflateOffer:
        """An offer from its parameters, each with the values that it was given; `ValueError` says what is wrong."""
        values = _read_params([(name, value) for name, many in params.items() for value in many], is_offer=True)
        if values.get(_SERVER_BITS, MIN_WINDOW_BITS) < MIN_WINDOW_BITS:
            raise ValueError(f"{_SERVER_BITS} of 8 cannot be done with zlib")
        hint = values.get(_CLIENT_BITS, 0)
        return cls(
            accept_no_context_takeover=_CLIENT_NO_TAKEOVER in values,
            accept_max_window_bits=_CLIENT_BITS in values,
            request_no_context_takeover=_SERVER_NO_TAKEOVER in values,
            request_max_window_bits=values.get(_SERVER_BITS, 0),
            # A window of 8 fits into one of 9.
            hint_max_window_bits=max(hint, MIN_WINDOW_BITS) if hint else 0,
        )

    def get_extension_string(self) -> str:
        """The offer as it stands in Sec-WebSocket-Extensions."""
        client_bits = f"{_CLIENT_BITS}={self.hint_max_window_bits}" if self.hint_max_window_bits else _CLIENT_BITS
        return _join(
            {
                _CLIENT_NO_TAKEOVER: self.accept_no_context_takeover,
                client_bits: self.accept_max_window_bits,
                _SERVER_NO_TAKEOVER: self.request_no_context_takeover,
                f"{_SERVER_BITS}={self.request_max_window_bits}": self.request_max_window_bits,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressionKnobs(_Value):
    """What an end decides for itself, without asking the other.

    `compression_level` 0 to 9 (isal: 0 to 3) is the effort; messages of less than `threshold` octets are not
    compressed (None: 64, or 256 where each message is compressed for itself); `library` is one of zlib, zlib-ng, isal;
    messages of `offload_above` octets or more are compressed in another thread (0: none); contexts are given back when
    a connection was idle for `release_after` seconds (0: never).
    """

    compression_level: int = DEFAULT_LEVEL
    threshold: int | None = None
    library: str = "zlib"
    offload_above: int = 0
    release_after: float = 0.0

    def __post_init__(self) -> None:
        find_library(self.library)
        _check_number("compression_level", self.compression_level, 0, 3 if self.library == "isal" else 9)
        if self.threshold is not None:
            _check_number("threshold", self.threshold, 0, None)
        _check_number("offload_above", self.offload_above, 0, None)
        if not isinstance(self.release_after, int | float) or isinstance(self.release_after, bool):
            raise TypeError(f"release_after must be a float, not {type(self.release_after).__name__}")
        if not 0 <= self.release_after < float("inf"):
            raise ValueError(f"release_after must be 0 or more seconds, not {self.release_after}")


class _Accept(CompressionKnobs):
    """What the two acceptances share: checks of what overrides the agreement for this end, and how to settle it."""

    __slots__ = ()
    no_context_takeover: bool | None
    window_bits: int | None
    mem_level: int | None
    max_message_size: int | None

    def _check_overrides(self, must_not_take_over: bool, most_bits: int, asking: str) -> None:
        CompressionKnobs.__post_init__(self)
        if self.no_context_takeover is not None:
            _check_flags(self, "no_context_takeover")
            if must_not_take_over and not self.no_context_takeover:
                raise ValueError(f"no_context_takeover cannot be False: the {asking} asked for no context takeover")
        if self.window_bits is not None:
            _check_bits("window_bits", self.window_bits)
            if self.window_bits > most_bits:
                raise ValueError(
                    f"window_bits must be at most {most_bits}, as the {asking} asked, not {self.window_bits}"
                )
        if self.mem_level is not None:
            _check_number("mem_level", self.mem_level, 1, 9)
        if self.max_message_size is not None:
            _check_number("max_message_size", self.max_message_size, 0, None)

    def _settled(self, params: Mapping[str, int], *, is_server: bool, text: str, hint: int) -> PerMessageDeflate:
        ours, theirs = (_SERVER_BITS, _CLIENT_BITS) if is_server else (_CLIENT_BITS, _SERVER_BITS)
        bits = {name: params.get(name, MAX_WINDOW_BITS) for name in (ours, theirs)}
        no_takeover = (_SERVER_NO_TAKEOVER if is_server else _CLIENT_NO_TAKEOVER) in params
        no_takeover = no_takeover or bool(self.no_context_takeover)
        return PerMessageDeflate(
            is_server=is_server,
            server_no_context_takeover=_SERVER_NO_TAKEOVER in params,
            client_no_context_takeover=_CLIENT_NO_TAKEOVER in params,
            server_max_window_bits=bits[_SERVER_BITS],
            client_max_window_bits=bits[_CLIENT_BITS],
            compression=Compression(
                self.window_bits or bits[ours],
                self.mem_level or _DEFAULT_MEM_LEVEL,
                self.compression_level,
                self.library,
            ),
            no_context_takeover=no_takeover,
            threshold=_DEFAULT_THRESHOLDS[not no_takeover] if self.threshold is None else self.threshold,
            offload_above=self.offload_above,
            release_after=self.release_after,
            max_message_size=self.max_message_size or 0,
            peer_window_bits=min(bits[theirs], hint or MAX_WINDOW_BITS),
            text=text,
        )


@dataclass(frozen=True, slots=True)
class PerMessageDeflateOfferAccept(_Accept):
    """A server's yes to one of the offers.

    `request_no_context_takeover` and `request_max_window_bits` (9 to 15, 0: any; only if the client accepts that) are
    asked of the client. The server's own compression can be less than what it agreed to: without takeover, with smaller
    `window_bits` (9 to 15) and `mem_level` (1 to 9); the client is told, so that it can save memory too. `ValueError`
    or `TypeError` for what cannot be or contradicts the offer.
    """

    offer: PerMessageDeflateOffer
    request_no_context_takeover: bool = False
    request_max_window_bits: int = 0
    no_context_takeover: bool | None = None
    window_bits: int | None = None
    mem_level: int | None = None
    max_message_size: int | None = None

    def __post_init__(self) -> None:
        offer = self.offer
        if not isinstance(offer, PerMessageDeflateOffer):
            raise TypeError(f"offer must be a PerMessageDeflateOffer, not {type(offer).__name__}")
        _check_flags(self, "request_no_context_takeover")
        _check_bits("request_max_window_bits", self.request_max_window_bits, zero="any")
        if self.request_max_window_bits and not offer.accept_max_window_bits:
            raise ValueError("request_max_window_bits cannot be asked of a client that does not offer it")
        most_bits = offer.request_max_window_bits or MAX_WINDOW_BITS
        self._check_overrides(offer.request_no_context_takeover, most_bits, "client")

    def get_extension_string(self) -> str:
        """The response as it stands in Sec-WebSocket-Extensions."""
        return _join(
            {name if name.endswith("takeover") else f"{name}={value}": True for name, value in self._params().items()}
        )

    def settle(self) -> PerMessageDeflate:
        """What the server has to do."""
        text = self.get_extension_string()
        return self._settled(self._params(), is_server=True, text=text, hint=self.offer.hint_max_window_bits)

    def _params(self) -> dict[str, int]:
        params: dict[str, int] = {}
        if self.offer.request_no_context_takeover or self.no_context_takeover:
            params[_SERVER_NO_TAKEOVER] = 1
        server_bits = self.window_bits or self.offer.request_max_window_bits
        if server_bits and (server_bits < MAX_WINDOW_BITS or self.offer.request_max_window_bits):
            params[_SERVER_BITS] = server_bits
        if self.request_no_context_takeover:
            params[_CLIENT_NO_TAKEOVER] = 1
        # More than the client's hint must not be answered, and what it does anyway needs no asking (section 7.1.2.2).
        if self.request_max_window_bits and not 0 < self.offer.hint_max_window_bits <= self.request_max_window_bits:
            params[_CLIENT_BITS] = self.request_max_window_bits
        return params


@dataclass(frozen=True, slots=True)
class PerMessageDeflateResponse(_Value):
    """What a server answered: window bits of 0 were not mentioned, which means 15."""

    client_max_window_bits: int
    client_no_context_takeover: bool
    server_max_window_bits: int
    server_no_context_takeover: bool

    @classmethod
    def parse(cls, params: Mapping[str, Iterable[str | bool | None]]) -> PerMessageDeflateResponse:
        """A response from its parameters, each with the values that it was given; `ValueError` says what is wrong."""
        values = _read_params([(name, value) for name, many in params.items() for value in many], is_offer=False)
        return cls(
            client_max_window_bits=values.get(_CLIENT_BITS, 0),
            client_no_context_takeover=_CLIENT_NO_TAKEOVER in values,
            server_max_window_bits=values.get(_SERVER_BITS, 0),
            server_no_context_takeover=_SERVER_NO_TAKEOVER in values,
        )

    def get_extension_string(self) -> str:
        """The response as it stood in Sec-WebSocket-Extensions, in an order of our own."""
        return _join(
            {
                _SERVER_NO_TAKEOVER: self.server_no_context_takeover,
                f"{_SERVER_BITS}={self.server_max_window_bits}": self.server_max_window_bits,
                _CLIENT_NO_TAKEOVER: self.client_no_context_takeover,
                f"{_CLIENT_BITS}={self.client_max_window_bits}": self.client_max_window_bits,
            }
        )

    def answers(self, offer: PerMessageDeflateOffer) -> bool:
        """Whether a server may say this to that offer (sections 7.1.1 and 7.1.2)."""
        if offer.request_no_context_takeover and not self.server_no_context_takeover:
            return False
        if self.client_max_window_bits and not offer.accept_max_window_bits:
            return False
        most_bits = offer.request_max_window_bits
        return not most_bits or 0 < self.server_max_window_bits <= most_bits


@dataclass(frozen=True, slots=True)
class PerMessageDeflateResponseAccept(_Accept):
    """A client's yes to the response; what it overrides is its own business and the server need not know.

    `ValueError` or `TypeError` for what cannot be or contradicts the response.
    """

    response: PerMessageDeflateResponse
    no_context_takeover: bool | None = None
    window_bits: int | None = None
    mem_level: int | None = None
    max_message_size: int | None = None

    def __post_init__(self) -> None:
        response = self.response
        if not isinstance(response, PerMessageDeflateResponse):
            raise TypeError(f"response must be a PerMessageDeflateResponse, not {type(response).__name__}")
        most_bits = response.client_max_window_bits or MAX_WINDOW_BITS
        self._check_overrides(response.client_no_context_takeover, most_bits, "server")

    def settle(self) -> PerMessageDeflate:
        """What the client has to do."""
        response = self.response
        params: dict[str, int] = {}
        for name in (_SERVER_NO_TAKEOVER, _SERVER_BITS, _CLIENT_NO_TAKEOVER, _CLIENT_BITS):
            if value := getattr(response, name):
                params[name] = value
        return self._settled(params, is_server=False, text=response.get_extension_string(), hint=0)


def parse_offers(extensions: Iterable[ExtensionOffer]) -> list[PerMessageDeflateOffer]:
    """The offers of this extension that can be accepted, in order; the others are declined by not being here."""
    offers = []
    for extension in extensions:
        if extension.name == EXTENSION_NAME:
            try:
                offers.append(PerMessageDeflateOffer.parse(_gathered(extension)))
            except ValueError:
                continue
    return offers


def check_agreed(
    extensions: Iterable[ExtensionOffer], offers: Iterable[PerMessageDeflateOffer]
) -> PerMessageDeflateResponse | None:
    """What the server answered to these offers, None if nothing; `ValueError` for what it may not answer.

    What an offer says of the client itself binds it as if the server had asked for that.
    """
    offers = tuple(offers)
    found: PerMessageDeflateResponse | None = None
    for extension in extensions:
        if extension.name != EXTENSION_NAME:
            continue
        if found is not None:
            raise ValueError("it is there twice")
        found = PerMessageDeflateResponse.parse(_gathered(extension))
        answered = [offer for offer in offers if found.answers(offer)]
        if not answered:
            raise ValueError("the parameters do not fit any offer")
        # Which of several was meant is not said.
        hint = min(offer.hint_max_window_bits or MAX_WINDOW_BITS for offer in answered)
        if hint < (found.client_max_window_bits or MAX_WINDOW_BITS):
            found = replace(found, client_max_window_bits=hint)
    return found


def _gathered(extension: ExtensionOffer) -> dict[str, list[str | None]]:
    params: dict[str, list[str | None]] = {}
    for name, value in extension.params:
        params.setdefault(name, []).append(value)
    return params


def _read_params(params: Iterable[tuple[str, str | bool | None]], is_offer: bool) -> dict[str, int]:
    """The values by name: window bits, or 1 for a flag. Every reason to decline an offer is a `ValueError`.

    A parameter without a value is None; True is how Autobahn has it.
    """
    values: dict[str, int] = {}
    for name, given in params:
        value = None if given is True else given
        if name in values:
            raise ValueError(f"{name} is there twice")
        if name in (_SERVER_NO_TAKEOVER, _CLIENT_NO_TAKEOVER):
            if value is not None:
                raise ValueError(f"{name} has no value")
            values[name] = 1
        elif name not in (_SERVER_BITS, _CLIENT_BITS):
            raise ValueError(f"{EXTENSION_NAME} has no parameter of this name")
        elif value is None and name == _CLIENT_BITS and is_offer:
            values[name] = 0
        elif not isinstance(value, str) or not _WINDOW_BITS.fullmatch(value):
            raise ValueError(f"{name} must be 8 to 15")
        else:
            values[name] = int(value)
    return values


def _join(parts: Mapping[str, object]) -> str:
    return "; ".join((EXTENSION_NAME, *(text for text, is_there in parts.items() if is_there)))


def _check_flags(value: object, *names: str) -> None:
    for name in names:
        flag = getattr(value, name)
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be a bool, not {type(flag).__name__}")


def _check_number(name: str, value: object, low: int, high: int | None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < low or (high is not None and value > high):
        allowed = f"{low} or more" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be {allowed}, not {value}")


def _check_bits(name: str, value: object, zero: str | None = None) -> None:
    """Window bits that can be used; 0 where it means `zero`."""
    if zero is not None and value == 0 and isinstance(value, int) and not isinstance(value, bool):
        return
    _check_number(name, value, MIN_WINDOW_BITS, MAX_WINDOW_BITS)
