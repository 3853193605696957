"""`connect` where it goes wrong, over TLS and unix sockets, and again and again."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.logs import Logged
from tests.interop.conversation.rawpeers import CLOSE, TEXT, RawPeer, RawServer, close_payload
from tests.interop.conversation.scenes import echo, scenario, try_to_open
from tests.interop.sides import Certificates
from wsframework.exceptions import ConnectionClosed, ConnectionClosedError, HandshakeError, HandshakeRejected
from wsframework.websocket import ConnectionDeny

pytestmark = pytest.mark.interop


@pytest.fixture
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    # How long they are is tested in tests/websocket; here seconds would be spent on it.
    monkeypatch.setattr("wsframework.websocket.reconnecting._LONGEST_PAUSE", 0.05)


comes_back = pytest.mark.usefixtures("_short_pauses")


@pytest.mark.parametrize("how", ["await", "async with", "async for"])
@scenario
async def test_a_server_that_says_no_is_told_with_all_it_says(kit: Kit, how: str) -> None:
    """Status, headers and body, in whichever way I connect; a 4xx is not tried again."""
    asked: list[str] = []

    def refuse(request: Any) -> None:
        asked.append(request.path)
        raise ConnectionDeny(403, headers={"X-Why": "no"}, body="not you")

    async with kit.serve(echo, process_request=refuse) as server:
        with pytest.raises(HandshakeRejected) as caught:
            await try_to_open(kit, server.url, how)
    assert (caught.value.status, caught.value.body, caught.value.headers["x-why"]) == (403, b"not you", "no")
    assert asked == ["/"]


@pytest.mark.parametrize("how", ["await", "async with"])
@scenario
async def test_where_nobody_listens_nothing_is_connected(kit: Kit, how: str) -> None:
    """The error of the transport, at once."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{bound.getsockname()[1]}/"
        with pytest.raises(kit.unreachable):
            await try_to_open(kit, url, how)


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", b"\0" * 1000, b""],
    ids=["ssh", "another upgrade", "noughts", "nothing"],
)
@scenario
async def test_what_is_no_websocket_server_is_told_so(kit: Kit, answer: bytes) -> None:
    """It answers something else, or hangs up: a HandshakeError."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url))
        peer = await raw.accept_only()
        await peer.head()
        await peer.send_octets(answer)
        peer.close()
        with pytest.raises(HandshakeError):
            await connecting.outcome()


@scenario
async def test_a_server_that_says_nothing_is_given_up(kit: Kit) -> None:
    """timeout is for everything until the connection is open, and it is kept."""
    with RawServer(kit) as raw:
        began = time.monotonic()
        connecting = kit.start(kit.connect(raw.url, timeout=0.2))
        await raw.accept_only()
        with pytest.raises((TimeoutError, HandshakeError)) as caught:
            await connecting.outcome()
        assert 0.15 < time.monotonic() - began < 10
        # asyncio's CancelledError and Twisted's are no answer to a timeout.
        assert "time" in type(caught.value).__name__.lower()


@scenario
async def test_a_slow_server_is_waited_for_without_a_limit(kit: Kit) -> None:
    """timeout=None; also longer than the callbacks' own openHandshakeTimeout would wait."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url, timeout=None))
        peer = await raw.accept()
        ws = await connecting.outcome()
        assert ws.openHandshakeTimeout == 0
        closing = kit.start(ws.close())
        await peer.send(CLOSE, await peer.next(CLOSE))
        peer.close()
        await closing.outcome()


@scenario
async def test_what_comes_together_with_the_handshake_is_received(kit: Kit) -> None:
    """The server's answer, a message and its Close are one piece of TCP: the message comes, then the end."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url))
        first = RawPeer.encode_as_server(TEXT, b"at once") + RawPeer.encode_as_server(CLOSE, close_payload(1001))
        peer = await raw.accept(behind=first)
        ws = await connecting.outcome()
        assert await ws.recv() == "at once"
        await peer.next(CLOSE)
        peer.close()
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
    assert caught.value.code == 1001


@scenario
async def test_giving_up_to_connect_drops_the_attempt(kit: Kit) -> None:
    """My task is cancelled while the server has not answered: its connection is gone."""
    with RawServer(kit) as raw:

        async def connecting() -> None:
            await kit.connect(raw.url)

        running = kit.start(connecting())
        peer = await raw.accept_only()
        await peer.head()
        running.cancel()
        with pytest.raises(kit.given_up):
            await running.outcome()
        assert await peer.at_end()


@scenario
async def test_over_tls(kit: Kit, certificates: Certificates) -> None:
    """A certificate of an authority that the client is told to trust."""
    async with kit.serve(echo, ssl=kit.server_tls(certificates)) as server:
        assert server.url == f"wss://127.0.0.1:{server.port}"
        async with kit.connect(f"wss://localhost:{server.port}/", ssl=kit.client_tls(certificates)) as ws:
            for message in ("x", b"y" * 300_000):
                await ws.send(message)
                same = await ws.recv() == message
                assert same
            assert ws.transport_details.is_secure
            assert await ws.ping() > 0
        assert ws.wasClean is True


@pytest.mark.parametrize("how", ["await", "async for"])
@scenario
async def test_a_certificate_that_nobody_vouches_for(kit: Kit, certificates: Certificates, how: str) -> None:
    """By default certificates are verified, and such an error is not tried again."""
    async with kit.serve(echo, ssl=kit.server_tls(certificates)) as server:
        url = f"wss://localhost:{server.port}/"
        with pytest.raises(Exception, match=r"(?i)certificate.?verify.?failed"):
            await try_to_open(kit, url, how)


@scenario
async def test_over_a_unix_socket(kit: Kit, socket_path: str) -> None:
    """By its path on both sides; the path is gone with the server."""
    async with kit.serve(echo, unix=socket_path) as server:
        assert server.addresses == []
        async with kit.connect(f"ws://unix:{socket_path}") as ws:
            await ws.send("x")
            assert await ws.recv() == "x"
            assert [str(one.peer).startswith("unix:") for one in server.connections] == [True]
    with pytest.raises(Exception, match=r"(?i)refused|no such file|cannot connect"):
        await kit.connect(f"ws://unix:{socket_path}")


@scenario
async def test_the_address_of_a_unix_socket_can_be_connected_to(kit: Kit, socket_path: str) -> None:
    """server.url is what connect() takes, whatever the server listens on."""
    async with kit.serve(echo, unix=socket_path) as server, kit.connect(server.url) as ws:
        await ws.send("x")
        assert await ws.recv() == "x"


@comes_back
@scenario
async def test_a_new_connection_whenever_the_last_one_is_over(kit: Kit) -> None:
    """`async for ws in connect(...)`: the server closes each of three, and the body runs three times."""
    numbers = iter(range(100))

    async def handler(ws: Any) -> None:
        await ws.send(str(next(numbers)))

    seen: list[Any] = []
    async with kit.serve(handler) as server:
        async for ws in kit.connect(server.url):
            seen.append([message async for message in ws])
            if len(seen) == 3:
                break
    assert seen == [["0"], ["1"], ["2"]]


@comes_back
@scenario
async def test_each_round_closes_its_connection(kit: Kit) -> None:
    """The body comes to its end, or goes on with `continue`: the server sees a Close with 1000 each time."""
    ends: list[int] = []

    async def handler(ws: Any) -> None:
        try:
            await ws.recv()
        except ConnectionClosed as closed:
            ends.append(closed.code)

    rounds = 0
    async with kit.serve(handler) as server:
        async for ws in kit.connect(server.url):
            rounds += 1
            if rounds == 1:
                continue
            if rounds == 3:
                await ws.close(4000)
                break
        await kit.until(lambda: len(ends) == 3)
    assert ends == [1000, 1000, 4000]


@comes_back
@scenario
async def test_it_comes_back_when_the_server_does(kit: Kit) -> None:
    """The server is closed, nobody listens for a while, then another one does on the same port."""
    answers: list[Any] = []
    down, up = kit.signal(), kit.signal()

    async def restart(server: Any) -> Any:
        await down.wait()
        port = server.port
        await server.close()
        with pytest.raises(kit.unreachable):
            await kit.connect(f"ws://127.0.0.1:{port}")
        again = await kit.serve(echo, port=port)
        up.set()
        return again

    server = await kit.serve(echo)
    restarting = kit.start(restart(server))
    async for ws in kit.connect(server.url):
        try:
            await ws.send("x")
            answers.append(await ws.recv())
            if up.is_set:
                await ws.close()
                break
            down.set()
            await ws.recv()
        except ConnectionClosed as closed:
            assert closed.code == 1001  # noqa: PT017  # it may come or not: the loop goes round either way
            continue
    assert answers == ["x", "x"]
    await (await restarting.outcome()).close()


@comes_back
@scenario
async def test_it_comes_back_after_the_line_was_cut(kit: Kit) -> None:
    """Twice: once in the middle of a conversation, once in the middle of a handshake."""
    rounds: list[str] = []
    with RawServer(kit) as raw:

        async def client() -> None:
            async for ws in kit.connect(raw.url):
                rounds.append("open")
                try:
                    await ws.recv()
                except ConnectionClosedError as closed:
                    rounds.append(f"{closed.code}")
                    continue
                except ConnectionClosed:
                    return

        running = kit.start(client())
        (await raw.accept()).reset()
        unfinished = await raw.accept_only()
        await unfinished.head()
        unfinished.reset()
        peer = await raw.accept()
        await peer.send(CLOSE, close_payload(1000))
        await peer.next(CLOSE)
        peer.close()
        await running.outcome()
    assert rounds == ["open", "1006", "open"]


@comes_back
@pytest.mark.parametrize("status", [503, 500, 502, 504, 429, 408])
@scenario
async def test_a_refusal_for_now_is_tried_again(kit: Kit, status: int) -> None:
    """The server is overloaded for the first two attempts."""
    asked: list[int] = []

    def refuse_twice(request: Any) -> None:
        asked.append(len(asked))
        if len(asked) <= 2:
            raise ConnectionDeny(status)

    async with kit.serve(echo, process_request=refuse_twice) as server:
        async for ws in kit.connect(server.url):
            await ws.send("x")
            assert await ws.recv() == "x"
            await ws.close()
            break
    assert asked == [0, 1, 2]


@comes_back
@scenario
async def test_a_server_that_says_nothing_is_tried_again(kit: Kit) -> None:
    """timeout holds for each attempt."""
    with RawServer(kit) as raw:

        async def client() -> None:
            async for ws in kit.connect(raw.url, timeout=0.2):
                await ws.close()
                return

        running = kit.start(client())
        await raw.accept_only()
        peer = await raw.accept()
        await peer.send(CLOSE, await peer.next(CLOSE))
        peer.close()
        await running.outcome()


@scenario
async def test_an_error_of_mine_leaves_the_loop(kit: Kit) -> None:
    """It is no reason to connect again; with `async with ws` in the body that round's connection is closed, too."""
    ends: list[int] = []

    async def handler(ws: Any) -> None:
        try:
            await ws.recv()
        except ConnectionClosed as closed:
            ends.append(closed.code)

    async def client(url: str) -> None:
        async for ws in kit.connect(url):
            async with ws:
                raise LookupError

    async with kit.serve(handler) as server:
        with pytest.raises(LookupError):
            await client(server.url)
        await kit.until(lambda: ends)
    assert ends == [1011]


@pytest.mark.parametrize("turns", [1, 2, 5, 10, 50])
@scenario
async def test_giving_up_to_connect_again_and_again(kit: Kit, turns: int, logged: Logged) -> None:
    """Nobody listens, and the client is cancelled, in an attempt or between two: it ends at once."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{bound.getsockname()[1]}/"

        running = kit.start(try_to_open(kit, url))
        await kit.turns(turns)
        assert not running.is_done
        running.cancel()
        with pytest.raises(kit.given_up):
            await kit.within(5, running.outcome())
    assert logged.errors == []


@scenario
async def test_the_path_of_a_unix_socket_is_free_afterwards(kit: Kit, socket_path: str) -> None:
    """A second server can take it."""
    for _ in range(2):
        async with kit.serve(echo, unix=socket_path):
            assert os.path.exists(socket_path)
