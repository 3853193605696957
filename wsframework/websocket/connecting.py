"""What connecting and listening by URL is told, checked and taken apart before anything is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from wsframework._core.uri import parse_uri
from wsframework.exceptions import HandshakeError, HandshakeLost
from wsframework.options import ClientOptions, option_hint, option_names

__all__ = [
    "NOT_ENCRYPTED",
    "Place",
    "advising",
    "check_client_options",
    "check_factory",
    "check_transport_config",
    "place_of",
    "split_client_options",
]

# What a client factory is made with, except for the URL.
_SESSION: Final = ("origin", "protocols", "useragent", "headers", "proxy")


NOT_ENCRYPTED: Final = (
    "the URL begins with wss://, but the transport does not encrypt: nothing was sent; connectWS encrypts by the URL, "
    "create_connection and connectSSL when they are told to"
)


# What OpenSSL says of an answer that is no TLS, which depends on its first octets.
_NO_TLS: Final = re.compile("(?i)wrong.version.number|record.layer.failure|packet.length.too.long|unknown.protocol")


class _HasUrl(Protocol):
    """A factory that was made with a URL."""

    @property
    def isSecure(self) -> bool: ...
    @property
    def host(self) -> str | Any: ...
    @property
    def port(self) -> int | Any: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect to or to listen. `unix_path` is set for a unix socket, and `host` and `port` are for all others.

    `tls_name` is the name or address that the server's certificate must show; for a unix socket it is "localhost", as
    in the Host header.
    """

    is_secure: bool
    host: str
    port: int
    unix_path: str | None
    tls_name: str


def place_of(factory: _HasUrl) -> Place:
    """The place that the URL of `factory` names; `ValueError` if the factory was made without one."""
    host, port = factory.host, factory.port
    if host is None:
        raise ValueError("the factory needs a url, which says where to connect to or to listen")
    if isinstance(port, str):
        return Place(factory.isSecure, "localhost", 0, port, "localhost")
    # Neither the zone of an IPv6 address nor the dot at the end of a name is part of what certificates show.
    return Place(factory.isSecure, host, port, None, host.partition("%")[0].removesuffix("."))


def check_factory(factory: object, kind: type) -> None:
    """`TypeError` for what is no factory of this role and backend, such as the class instead of a factory."""
    if not isinstance(factory, kind):
        found = factory if isinstance(factory, type) else type(factory)
        what = "the class" if isinstance(factory, type) else "a"
        raise TypeError(
            f"factory must be a {kind.__name__} of {kind.__module__}, not {what} {found.__name__} of {found.__module__}"
        )


def check_transport_config(transport_config: str) -> None:
    """`TypeError` or `ValueError` for what is not the URL of a WebSocket server."""
    parse_uri(transport_config)


def check_client_options(options: Mapping[str, Any]) -> None:
    """`TypeError` for a key that is no option of an agent's `open`, with the closest one that is.

    The keys are `origin`, `protocols`, `useragent`, `headers` and `proxy`, as for a client factory, and the names of
    the options of `setProtocolOptions`. The values are checked by whoever takes them.
    """
    if not isinstance(options, Mapping):
        raise TypeError(f"options must be a dict, not {type(options).__name__}")
    known = (*_SESSION, *option_names(ClientOptions))
    for name in options:
        if name not in known:
            raise TypeError(f"unknown option {name}{option_hint(str(name), known)}")


@contextmanager
def advising(factory: Any) -> Iterator[None]:
    """Add a note to an error that looks like TLS on one side only. What a proxy is behind cannot be told from here."""
    try:
        yield
    except Exception as error:
        if factory._proxy is None:
            if factory.isSecure and _NO_TLS.search(str(error)):
                error.add_note("does this port speak TLS? If it does not, use ws://")
            elif not factory.isSecure and _may_want_tls(error):
                error.add_note("perhaps this port speaks TLS; if it does, use wss://")
        raise


def _may_want_tls(error: Exception) -> bool:
    """Whoever expects TLS hangs up, or sends an alert, which is no HTTP."""
    return isinstance(error, HandshakeLost) or (isinstance(error, HandshakeError) and "not HTTP" in str(error))


def split_client_options(options: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Checked by `check_client_options`, sorted into what a client factory is made with and its protocol options."""
    if options is None:
        return {}, {}
    check_client_options(options)
    session = {name: value for name, value in options.items() if name in _SESSION}
    protocol = {name: value for name, value in options.items() if name not in _SESSION}
    return session, protocol
