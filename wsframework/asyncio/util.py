"""What an asyncio transport tells about itself."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from wsframework.websocket.types import TransportDetails

__all__ = ["is_network", "peer2str", "sleep", "transport_details"]


async def sleep(delay: float) -> None:
    """Wait `delay` seconds; the name that the Twisted backend has too."""
    await asyncio.sleep(delay)


def peer2str(transport: asyncio.BaseTransport) -> str:
    """The other end of a transport as text: `tcp4:192.0.2.1:80`, `tcp6:2001:db8::1:80`, `unix:/path` or `unknown`."""
    return _address(transport, "peername") or _address(transport, "sockname") or "unknown"


def transport_details(transport: asyncio.BaseTransport, is_server: bool) -> TransportDetails:
    """What is known about a transport that is connected."""
    ssl_object = transport.get_extra_info("ssl_object")
    own = _address(transport, "sockname")
    kind = "null" if own is None else own.partition(":")[0]
    channel = {"tcp4": "tcp", "tcp6": "tcp"}.get(kind, kind)
    return TransportDetails(
        is_server=is_server,
        is_secure=ssl_object is not None,
        own=own,
        peer=peer2str(transport),
        channel_type=channel if ssl_object is None else "tls",
    )


def is_network(transport: asyncio.BaseTransport) -> bool:
    """True for sockets, False for what only behaves like one, in tests and inside of other protocols."""
    return transport.get_extra_info("socket") is not None


def _address(transport: asyncio.BaseTransport, which: str) -> str | None:
    address: Any = transport.get_extra_info(which)
    if isinstance(address, tuple) and len(address) >= 2:
        # An IPv6 address comes as host, port, flow and scope.
        return f"tcp{4 if len(address) == 2 else 6}:{address[0]}:{address[1]}"
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family != getattr(socket, "AF_UNIX", None) or address is None:
        return None
    # A unix client's own end has no name; the name that counts is the server's.
    path = address.decode("utf8", "replace") if isinstance(address, bytes) else str(address)
    return f"unix:{path}" if path else None
