"""Through HTTP proxies to a server that is not ours, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.interop import proxies
from tests.interop.homes import Home
from tests.interop.proxies import YES, Behaviour, Proxy, carry, proxying
from tests.interop.sides import Address, Certificates, bounded
from tests.interop.test_connecting import Received, agent_of, ask, client_tls
from wsframework.exceptions import HandshakeError, HandshakeRejected, ProxyError

pytestmark = pytest.mark.interop

ECHOED = Received([b"hello"], [(True, 1000)])
WAYS = pytest.mark.parametrize("way", ["agent", "connectWS"])


@asynccontextmanager
async def echoing(certificates: Certificates | None = None) -> AsyncIterator[tuple[int, list[dict[str, str]]]]:
    """The port of an echo server made by `websockets`, and the headers of the requests that came there."""
    seen: list[dict[str, str]] = []

    async def echo(connection: ServerConnection) -> None:
        assert connection.request is not None, "the handshake is complete"
        seen.append({name.lower(): value for name, value in connection.request.headers.raw_items()})
        async for message in connection:
            await connection.send(message)

    context = None if certificates is None else certificates.server
    async with serve(echo, "127.0.0.1", 0, ssl=context, max_size=None) as server:
        yield next(iter(server.sockets)).getsockname()[1], seen


def connecting(home: Home, way: str, url: str, proxy: Any, **arguments: Any) -> Callable[[Any], Any]:
    """What connects a protocol through `proxy`, in one of two ways, and gives it when it is open."""
    if way == "agent":
        options = {"proxy": proxy, "headers": {"Authorization": "token"}}
        return lambda protocol: agent_of(home).open(url, options, protocol, **arguments)

    async def connect(protocol: Any) -> Any:
        module = home.module
        given = {"headers": {"Authorization": "token"}, "proxy": proxy, **home.factory_arguments()}
        if module.__name__.startswith("wsframework.asyncio"):
            factory = module.WebSocketClientFactory(url, **given)
            factory.protocol = protocol
            return await (await module.connectWS(factory, **arguments)).is_open
        return await twisted_connecting(module, url, given, protocol, arguments)

    return connect


async def twisted_connecting(module: Any, url: str, given: Any, protocol: Any, arguments: Any) -> Any:
    """A connector tells nobody when it is connected; the protocol knows, and the factory when it fails."""
    from twisted.internet.defer import Deferred

    outcome: Deferred[Any] = Deferred()

    class Factory(module.WebSocketClientFactory):  # type: ignore[misc]
        def clientConnectionFailed(self, connector: Any, reason: Any) -> None:
            outcome.errback(reason)

    class Telling(protocol):  # type: ignore[misc]
        def onConnecting(self, transport_details: object) -> None:
            outcome.callback(self)

    factory = Factory(url, **given)
    factory.protocol = Telling
    module.connectWS(factory, **arguments)
    return await (await outcome).is_open


def tls_for(home: Home, certificates: Certificates | None, name: str) -> dict[str, Any]:
    """What makes a client trust the test's authority, for a wss URL."""
    return {} if certificates is None else client_tls(home, certificates, name)


@WAYS
@pytest.mark.parametrize("scheme", ["ws", "wss"])
@bounded
async def test_a_conversation_through_a_proxy(home: Home, certificates: Certificates, way: str, scheme: str) -> None:
    """With credentials; neither the proxy nor the server learns what the other one is told."""
    secure = certificates if scheme == "wss" else None
    # Only the proxy could know where the name of the plain one leads to.
    host = "localhost" if secure else "server.invalid"
    async with echoing(secure) as (port, seen), proxying() as proxy:
        settings = {"host": "127.0.0.1", "port": proxy.port, "username": "user", "password": "secret"}
        settings["headers"] = {"X-Team": "a"}
        connect = connecting(home, way, f"{scheme}://{host}:{port}/chat", settings, **tls_for(home, secure, host))
        assert await ask(home, connect) == ECHOED
    assert proxy.heads == [
        f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nX-Team: a\r\n"
        "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n".encode()
    ]
    (headers,) = seen
    assert (headers["host"], headers["authorization"]) == (f"{host}:{port}", "token")
    assert not {"proxy-authorization", "x-team"} & set(headers)
    assert proxy.carried.startswith(b"GET /chat HTTP/1.1\r\n") == (secure is None)
    assert b"Proxy-Authorization" not in proxy.carried


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@bounded
async def test_long_messages_through_a_proxy(home: Home, certificates: Certificates, scheme: str) -> None:
    """In both directions."""
    secure = certificates if scheme == "wss" else None
    message = bytes(range(256)) * 12_000
    async with echoing(secure) as (port, _), proxying() as proxy:
        arguments = tls_for(home, secure, "localhost")
        connect = connecting(home, "agent", f"{scheme}://localhost:{port}", proxy.url, **arguments)
        assert await ask(home, connect, message) == Received([message], [(True, 1000)])


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@bounded
async def test_an_ipv6_address_through_a_proxy(home: Home, certificates: Certificates, scheme: str) -> None:
    """In brackets, and the certificate has it without."""
    secure = certificates if scheme == "wss" else None
    async with echoing(secure) as (port, _), proxying() as proxy:
        connect = connecting(home, "agent", f"{scheme}://[::1]:{port}", proxy.url, **tls_for(home, secure, "::1"))
        assert await ask(home, connect) == ECHOED
    assert proxy.heads == [f"CONNECT [::1]:{port} HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n".encode()]


@WAYS
@pytest.mark.parametrize("scheme", ["ws", "wss"])
@bounded
async def test_tls_to_the_proxy_itself(
    home: Home, certificates: Certificates, way: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default it is verified, too; here the test's authority is one of the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority_file))
    secure = certificates if scheme == "wss" else None
    async with echoing(secure) as (port, seen), proxying(context=certificates.server) as proxy:
        url = f"https://user:secret@localhost:{proxy.port}"
        assert await ask(home, connecting(home, way, f"{scheme}://127.0.0.1:{port}", url)) == ECHOED
    assert b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in proxy.heads[0]
    assert len(seen) == 1


@WAYS
@bounded
async def test_tls_to_the_proxy_with_an_authority_of_my_own(home: Home, certificates: Certificates, way: str) -> None:
    """Its context has nothing to do with that for the server."""
    (context,) = client_tls(home, certificates).values()
    async with echoing() as (port, _), proxying(context=certificates.server) as proxy:
        settings = {"scheme": "https", "host": "localhost", "port": proxy.port, "tls": context}
        assert await ask(home, connecting(home, way, f"ws://127.0.0.1:{port}", settings)) == ECHOED


@WAYS
@bounded
async def test_a_proxy_without_a_certificate_is_told_nothing(home: Home, certificates: Certificates, way: str) -> None:
    """Nobody knows this one's authority: my password does not go there."""
    async with proxying(context=certificates.server) as proxy:
        url = f"https://user:secret@localhost:{proxy.port}"
        with pytest.raises(Exception, match=r"(?i)certificate.?verify.?failed"):
            await ask(home, connecting(home, way, "ws://127.0.0.1:9", url))
    assert proxy.heads == []


@WAYS
@bounded
async def test_the_certificate_must_be_the_servers(home: Home, certificates: Certificates, way: str) -> None:
    """Not that of the proxy, whose name this one has."""
    arguments = client_tls(home, certificates, "server.invalid")
    async with echoing(certificates) as (port, seen), proxying() as proxy:
        settings = f"http://localhost:{proxy.port}"
        with pytest.raises(Exception, match=r"(?i)hostname mismatch|VerificationError"):
            await ask(home, connecting(home, way, f"wss://server.invalid:{port}", settings, **arguments))
    assert len(proxy.heads) == 1
    assert seen == []


def timeout_error(home: Home) -> type[Exception]:
    """What each backend says when connecting takes too long."""
    if home.module.__name__.startswith("wsframework.asyncio"):
        return TimeoutError
    from twisted.internet.error import TimeoutError as TwistedTimeoutError

    return TwistedTimeoutError


REFUSALS: list[tuple[Behaviour, int | None, bytes, str]] = [
    (proxies.answer(proxies.WANTS_CREDENTIALS), 407, b"", "wants credentials"),
    (proxies.answer(proxies.REFUSED), 403, b"not you", "HTTP 403 Forbidden"),
    (proxies.answer(b"HTTP/1.0 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), 502, b"", "HTTP 502"),
    (proxies.answer(b"220 mail.example ESMTP\r\n"), None, b"", "cannot be understood"),
    (proxies.answer(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), None, b"", "cannot be understood"),
    (proxies.close, None, b"", "ended before it answered"),
]


@WAYS
@pytest.mark.parametrize("number", range(len(REFUSALS)), ids=["407", "403", "502", "garbage", "huge", "closes"])
@bounded
async def test_a_proxy_that_gives_no_way(home: Home, certificates: Certificates, way: str, number: int) -> None:
    """I am told why, it is over, and the server never hears of it."""
    behave, status, body, words = REFUSALS[number]
    for scheme in ("ws", "wss"):
        async with echoing() as (port, seen), proxying(behave) as proxy:
            with pytest.raises(ProxyError, match=words) as caught:
                await ask(home, connecting(home, way, f"{scheme}://localhost:{port}", proxy.url))
            await proxy.ended.get()
        assert (caught.value.status, caught.value.body) == (status, body)
        assert len(proxy.heads) == 1
        assert seen == []


@WAYS
@bounded
async def test_a_proxy_where_nobody_listens(home: Home, way: str) -> None:
    """I do not go to the server without it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        async with echoing() as (port, seen):
            settings = {"host": "127.0.0.1", "port": bound.getsockname()[1]}
            with pytest.raises(Exception, match=r"(?i)refused|connect call failed|111"):
                await ask(home, connecting(home, way, f"ws://127.0.0.1:{port}", settings))
    assert seen == []


@WAYS
@pytest.mark.parametrize("behave", [proxies.say_nothing, proxies.answer(b"HTTP/1.1 200 OK\r\n")], ids=["mute", "half"])
@bounded
async def test_a_slow_proxy_has_the_time_to_connect(home: Home, way: str, behave: Behaviour) -> None:
    """The argument timeout is for all of the way, and the proxy sees the end of it."""
    async with proxying(behave) as proxy:
        with pytest.raises(timeout_error(home)):
            await ask(home, connecting(home, way, "ws://server.invalid", proxy.url, timeout=0.2))
        await proxy.ended.get()


@WAYS
@bounded
async def test_a_refusal_whose_body_never_ends_is_a_refusal(home: Home, way: str) -> None:
    """With what there is of it when the time is over."""
    behave = proxies.answer(b"HTTP/1.1 403 Forbidden\r\n\r\nbecause")
    async with proxying(behave) as proxy:
        with pytest.raises(ProxyError, match="403") as caught:
            await ask(home, connecting(home, way, "ws://server.invalid", proxy.url, timeout=0.2))
        await proxy.ended.get()
    assert caught.value.body == b"because"


@WAYS
@bounded
async def test_octets_behind_the_answer_are_the_servers(home: Home, way: str) -> None:
    """They came in one piece with it."""
    behave = proxies.answer(YES + b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno")
    async with proxying(behave) as proxy:
        with pytest.raises(HandshakeRejected) as caught:
            await ask(home, connecting(home, way, "ws://server.invalid", proxy.url))
    assert (caught.value.status, caught.value.body) == (503, b"no")


@WAYS
@bounded
async def test_nobody_speaks_before_tls(home: Home, certificates: Certificates, way: str) -> None:
    """What the proxy says there is not the server's."""
    async with proxying(proxies.answer(YES + b"HTTP/1.1 101 ")) as proxy:
        with pytest.raises(ProxyError, match="sent something into the tunnel"):
            await ask(home, connecting(home, way, "wss://server.invalid", proxy.url))


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@bounded
async def test_cancelling_drops_the_attempt(home: Home, scheme: str) -> None:
    """While the proxy says nothing, or while TLS is waited for behind it."""
    asked = asyncio.Event()

    async def behave(proxy: Proxy, head: bytes, streams: proxies.Streams) -> None:
        if scheme == "wss":
            streams[1].write(YES)
            # The beginning of TLS.
            await streams[0].readexactly(5)
        asked.set()
        await proxies.say_nothing(proxy, head, streams)

    async with proxying(behave) as proxy:
        opening = await home.call(lambda: agent_of(home).open(f"{scheme}://server.invalid", {"proxy": proxy.url}))
        await asked.wait()

        async def cancel() -> str:
            opening.cancel()
            try:
                await opening
            except BaseException as error:
                return type(error).__name__
            return "opened"

        assert await home.run(cancel()) == "CancelledError"
        await proxy.ended.get()


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@bounded
async def test_a_transport_that_i_connect_to_the_proxy(
    home: Home, certificates: Certificates, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ported programs do: the factory has a proxy, and they connect to that."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority_file))
    secure = certificates if scheme == "wss" else None
    message = bytes(range(256)) * 4000
    async with echoing(secure) as (port, seen), proxying() as proxy:

        async def connect(protocol: Any) -> Any:
            settings = {"host": "127.0.0.1", "port": proxy.port}
            url = f"{scheme}://localhost:{port}"
            factory = home.module.WebSocketClientFactory(url, proxy=settings, **home.factory_arguments())
            factory.protocol = protocol
            return await (await home.connect(Address(port=proxy.port), factory)).is_open

        assert await ask(home, connect, message) == Received([message], [(True, 1000)])
    assert proxy.heads == [f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()]
    assert len(seen) == 1


@pytest.mark.parametrize("behave", [proxies.answer(proxies.REFUSED), carry], ids=["refused", "no-tls"])
@bounded
async def test_a_transport_of_mine_that_leads_nowhere(home: Home, behave: Behaviour) -> None:
    """is_open tells, and onClose; the second server does not speak TLS."""
    async with echoing() as (port, seen), proxying(behave) as proxy:
        lost: list[Any] = []

        async def connect(protocol: Any) -> Any:
            class Telling(protocol):  # type: ignore[misc]
                def onClose(self, *arguments: Any) -> None:
                    lost.append(arguments)

            url = f"wss://localhost:{port}"
            factory = home.module.WebSocketClientFactory(url, proxy=proxy.url, **home.factory_arguments())
            factory.protocol = Telling
            websocket = await home.connect(Address(port=proxy.port), factory)
            try:
                return await websocket.is_open
            finally:
                await websocket.is_closed

        with pytest.raises(HandshakeError) as caught:
            await ask(home, connect)
        await proxy.ended.get()
    assert caught.value.status == (None if behave is carry else 403)
    assert [arguments[:2] for arguments in lost] == [(False, 1006)]
    assert seen == []
