"""What a Twisted transport tells about itself."""

from __future__ import annotations

from typing import Any

from twisted.internet import task
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.tcp import Connection

from wsframework.websocket.types import TransportDetails

__all__ = ["is_network", "is_tls", "peer2str", "sleep", "transport_details"]


def sleep(delay: float, reactor: Any = None) -> Deferred[None]:
    """A Deferred that has its result (None) in `delay` seconds; `reactor` None: the global one."""
    if reactor is None:
        from twisted.internet import reactor
    return task.deferLater(reactor, delay, lambda: None)


def peer2str(transport: Any) -> str:
    """The other end of a transport as text: `tcp4:192.0.2.1:80`, `tcp6:2001:db8::1:80`, `unix:/path` or `unknown`."""
    # A unix client has no name of its own; the name that counts is the server's.
    return _address(transport.getPeer()) or _address(transport.getHost()) or "unknown"


def transport_details(transport: Any, is_server: bool) -> TransportDetails:
    """What is known about a transport that is connected."""
    is_secure = is_tls(transport)
    host = transport.getHost()
    channel = "null"
    if isinstance(host, UNIXAddress):
        channel = "unix"
    elif isinstance(host, (IPv4Address, IPv6Address)):
        channel = "tcp"
    return TransportDetails(
        is_server=is_server,
        is_secure=is_secure,
        own=_address(host),
        peer=peer2str(transport),
        channel_type="tls" if is_secure else channel,
    )


def is_tls(transport: Any) -> bool:
    """True when the transport encrypts."""
    return bool(ISSLTransport.providedBy(transport))


def is_network(transport: Any) -> bool:
    """True for sockets, False for what only behaves like one, in tests and inside of other protocols."""
    return isinstance(transport, Connection)


def _address(address: object) -> str | None:
    if isinstance(address, IPv4Address):
        return f"tcp4:{address.host}:{address.port}"
    if isinstance(address, IPv6Address):
        return f"tcp6:{address.host}:{address.port}"
    if isinstance(address, UNIXAddress) and address.name:
        name = address.name
        return f"unix:{name.decode('utf8', 'replace') if isinstance(name, bytes) else name}"
    return None
