"""Clients that say in the TLS handshake what they speak (ALPN), as browsers, curl and aiohttp do."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import twisted
from tests.backends.programs import REQUEST
from tests.interop.homes import Home
from tests.interop.sides import Certificates, bounded

pytestmark = pytest.mark.interop

Listen = Callable[[Home, Any], Coroutine[Any, Any, tuple[int, Callable[[], Any]]]]


def is_asyncio(home: Home) -> bool:
    """On either of its loops."""
    return bool(home.module.__name__.startswith("wsframework.asyncio"))


def agrees(home: Home) -> bool:
    """Whether the server has a say in it: Twisted's before 26.4 and the contexts of `ssl` leave it open."""
    return not is_asyncio(home) and int(twisted.__version__.partition(".")[0]) >= 26


def server_context(home: Home, certificates: Certificates) -> Any:
    """As the documentation says to make one."""
    if is_asyncio(home):
        return certificates.server
    from twisted.internet.ssl import PrivateCertificate

    pem = certificates.key_file.read_bytes() + certificates.chain_file.read_bytes()
    options = PrivateCertificate.loadPEM(pem).options()  # type: ignore[no-untyped-call]
    # Twisted hands over what pyOpenSSL would rather have from elsewhere; made once, it stays.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        options.getContext()
    return options


async def listen_with(home: Home, context: Any, factory: Any) -> tuple[int, Callable[[], Any]]:
    """As the system's own calls for TLS do."""
    if is_asyncio(home):
        server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=context)
        return server.sockets[0].getsockname()[1], server.close
    from twisted.protocols.tls import TLSMemoryBIOFactory

    reactor = home.factory_arguments()["reactor"]
    port = reactor.listenTCP(0, TLSMemoryBIOFactory(context, False, factory, clock=reactor), interface="127.0.0.1")
    return port.getHost().port, port.stopListening


async def listen_messages(home: Home, context: Any) -> tuple[int, Callable[[], Any]]:
    """A factory of WebSocket protocols."""
    return await listen_with(home, context, home.module.WebSocketServerFactory(**home.factory_arguments()))


async def listen_wrapped(home: Home, context: Any) -> tuple[int, Callable[[], Any]]:
    """A factory of streams, as the endpoints have one."""
    from twisted.internet.protocol import Factory, Protocol

    below: Any = asyncio.Protocol if is_asyncio(home) else Factory.forProtocol(Protocol)
    factory = home.module.WrappingWebSocketServerFactory(below, **home.factory_arguments())
    return await listen_with(home, context, factory)


async def listen_conversation(home: Home, context: Any) -> tuple[int, Callable[[], Any]]:
    """`serve`."""
    from wsframework.asyncio import serve as serve_on_asyncio
    from wsframework.twisted import serve as serve_on_twisted

    async def handler(ws: Any) -> None:
        await ws.wait_closed()

    if is_asyncio(home):
        server: Any = await serve_on_asyncio(handler, "127.0.0.1", 0, ssl=context)
    else:
        server = await serve_on_twisted(handler, "127.0.0.1", 0, ssl=context, **home.factory_arguments())
    return server.port, server.close


@pytest.fixture(params=[listen_messages, listen_wrapped, listen_conversation], ids=["messages", "wrapped", "serve"])
def listen(request: pytest.FixtureRequest) -> Listen:
    """The ways to listen with TLS."""
    way: Listen = request.param
    return way


async def knock(port: int, certificates: Certificates, offered: list[str]) -> tuple[str | None, bytes]:
    """What TLS agrees on with a client that offers this, and the beginning of the answer that it gets."""
    context = ssl.create_default_context(cafile=str(certificates.authority_file))
    if offered:
        context.set_alpn_protocols(offered)

    def ask() -> tuple[str | None, bytes]:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as below,
            context.wrap_socket(below, server_hostname="127.0.0.1") as client,
        ):
            client.sendall(REQUEST + b"\r\n")
            return client.selected_alpn_protocol(), client.recv(12)

    return await asyncio.to_thread(ask)


@bounded
@pytest.mark.parametrize("offered", [["http/1.1"], ["h2", "http/1.1"], []], ids=["http1", "browser", "silent"])
async def test_a_client_may_say_what_it_speaks(
    home: Home, listen: Listen, certificates: Certificates, offered: list[str]
) -> None:
    """My browser connects by wss:// as my script does."""
    port, stop = await home.run(listen(home, server_context(home, certificates)))
    try:
        agreed, answer = await knock(port, certificates, offered)
    finally:
        await home.call(stop)
    assert answer == b"HTTP/1.1 101"
    # Where nothing is agreed on it is HTTP/1.1, too.
    assert agreed == ("http/1.1" if agrees(home) and offered else None)


@bounded
async def test_a_client_that_speaks_http2_only_gets_no_http1(
    home: Home, listen: Listen, certificates: Certificates
) -> None:
    """It is told so in the TLS handshake, or nothing is agreed and it may end the connection itself."""
    port, stop = await home.run(listen(home, server_context(home, certificates)))
    try:
        if agrees(home):
            with pytest.raises(ssl.SSLError, match="alert"):
                await knock(port, certificates, ["h2"])
        else:
            assert (await knock(port, certificates, ["h2"]))[0] is None
        # Nothing is broken for the next one.
        assert (await knock(port, certificates, ["http/1.1"]))[1] == b"HTTP/1.1 101"
    finally:
        await home.call(stop)
