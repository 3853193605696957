"""How a conversation ends: in order or not, from either side, and with somebody waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.rawpeers import CLOSE, TEXT, RawPeer, RawServer, close_payload
from tests.interop.conversation.scenes import collect, pair, scenario
from wsframework.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, Disconnected

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("code", [1000, 1001])
@scenario
async def test_the_loop_over_messages_ends_when_the_server_closes_in_order(kit: Kit, code: int) -> None:
    """`async for` on the client's side, and what came before is not lost."""

    async def handler(ws: Any) -> None:
        await ws.send("one")
        await ws.send("two")
        await ws.close(code, "bye")

    async with kit.serve(handler) as server, kit.connect(server.url) as ws:
        assert [message async for message in ws] == ["one", "two"]
        with pytest.raises(ConnectionClosedOK) as caught:
            await ws.recv()
    assert (caught.value.code, caught.value.reason, caught.value.wasClean) == (code, "bye", True)


@pytest.mark.parametrize("code", [1002, 1008, 1011, 3000, 4000])
@scenario
async def test_the_loop_over_messages_raises_when_the_server_closes_for_a_reason(kit: Kit, code: int) -> None:
    """The messages before it come first; code and reason are those that the server gave."""

    async def handler(ws: Any) -> None:
        await ws.send("one")
        await ws.close(code, "because")

    seen: list[Any] = []
    async with kit.serve(handler) as server, kit.connect(server.url) as ws:
        with pytest.raises(ConnectionClosedError) as caught:
            await collect(ws, seen)
    assert seen == ["one"]
    assert (caught.value.code, caught.value.reason, caught.value.wasClean) == (code, "because", True)


@pytest.mark.parametrize("how", ["reset", "end of TCP"])
@scenario
async def test_the_loop_over_messages_raises_when_the_line_is_cut(kit: Kit, how: str) -> None:
    """No Close came: 1006, not clean; the message that came is still there."""
    ended = kit.signal()

    async def handler(ws: Any) -> None:
        assert await ws.recv() == "one"
        ready.set()
        with pytest.raises(ConnectionClosedError) as caught:
            await collect(ws, [])
        ended.set(caught.value)

    ready = kit.signal()
    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            await peer.send(TEXT, b"one")
            await ready.wait()
            if how == "reset":
                peer.reset()
        closed: ConnectionClosed = await ended.wait()
    assert (closed.code, closed.wasClean) == (1006, False)
    assert isinstance(closed.reason, str)


@scenario
async def test_a_protocol_violation_ends_the_loop_with_an_error(kit: Kit) -> None:
    """The peer sends a frame that no RFC knows: it is told so with a Close, as failByDrop is off here."""
    ended = kit.signal()

    async def handler(ws: Any) -> None:
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.recv()
        ended.set(caught.value)

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            await peer.send(3, b"?")
            assert (await peer.next(CLOSE))[:2] == (1002).to_bytes(2, "big")
        closed: ConnectionClosed = await ended.wait()
    assert closed.code == 1002
    assert closed.wasClean is False


@pytest.mark.parametrize("who", ["send", "recv", "recv_json", "send_json", "ping", "next"])
@scenario
async def test_whatever_is_done_after_the_end_tells_how_it_ended(kit: Kit, who: str) -> None:
    """A closed connection gives the same error to everybody, again and again. `Disconnected` catches it too."""
    async with pair(kit) as (client, server):
        await server.close(4001, "enough")
        await client.wait_closed()
        calls: dict[str, Any] = {
            "send": lambda: client.send("x"),
            "recv": client.recv,
            "recv_json": client.recv_json,
            "send_json": lambda: client.send_json(1),
            "ping": client.ping,
            "next": client.__anext__,
        }
        for _ in range(2):
            with pytest.raises(ConnectionClosedError) as caught:
                await calls[who]()
            assert (caught.value.code, caught.value.reason, caught.value.wasClean) == (4001, "enough", True)
            assert isinstance(caught.value, ConnectionClosed)
            assert isinstance(caught.value, Disconnected)


@scenario
async def test_misuse_is_told_also_when_the_connection_is_closed(kit: Kit) -> None:
    """A wrong type or an impossible close code is my mistake at any time."""
    async with pair(kit) as (client, _):
        calls: list[tuple[type[Exception], Callable[[], Any]]] = [
            (TypeError, lambda: client.send(7)),
            (ValueError, lambda: client.close(1006)),
            (ValueError, lambda: client.close(999)),
            (TypeError, lambda: client.close("1000")),
        ]
        for error, call in calls:
            with pytest.raises(error):
                await call()
        await client.close()
        with pytest.raises(TypeError, match="send_json"):
            await client.send(7)


@scenario
async def test_sending_while_it_is_closing_waits_for_how_it_ended(kit: Kit) -> None:
    """The server has not answered our Close yet: send() raises when it has, with the code."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url, closeHandshakeTimeout=10))
        peer = await raw.accept()
        ws = await connecting.outcome()
        closing = kit.start(ws.close(1000, "bye"))
        assert await peer.next(CLOSE) == close_payload(1000, "bye")
        sending, receiving, pinging = kit.start(ws.send("x")), kit.start(ws.recv()), kit.start(ws.ping())
        await kit.turns()
        assert not any(one.is_done for one in (sending, receiving, pinging, closing))
        await peer.send(TEXT, b"nobody asks for this any more")
        await peer.send(CLOSE, close_payload(1000, "bye yourself"))
        peer.close()
        await closing.outcome()
        for one in (sending, receiving, pinging):
            with pytest.raises(ConnectionClosedOK) as caught:
                await one.outcome()
            assert caught.value.code == 1000


@scenario
async def test_messages_that_waited_before_i_closed_can_still_be_taken(kit: Kit) -> None:
    """Two came, I took one and closed; the other one is mine."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url))
        peer = await raw.accept()
        ws = await connecting.outcome()
        await peer.send(TEXT, b"one")
        await peer.send(TEXT, b"two")
        await kit.until(lambda: ws.trafficStats.incomingWebSocketMessages == 2)
        closing = kit.start(ws.close())
        await peer.next(CLOSE)
        await peer.send(TEXT, b"late")
        await peer.send(CLOSE, close_payload(1000))
        peer.close()
        await closing.outcome()
        assert [await ws.recv(), await ws.recv()] == ["one", "two"]
        with pytest.raises(ConnectionClosedOK):
            await ws.recv()


@scenario
async def test_closing_twice_or_by_many_is_closing_once(kit: Kit) -> None:
    """Five tasks close with different codes, and one closes when all is over: one Close goes out, nobody fails."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url))
        peer = await raw.accept()
        ws = await connecting.outcome()
        closing = [kit.start(ws.close(4000 + index)) for index in range(5)]
        waiting = kit.start(ws.wait_closed())
        assert await peer.next(CLOSE) == close_payload(4000)
        await peer.send(CLOSE, close_payload(4000))
        peer.close()
        for one in (*closing, waiting):
            assert await one.outcome() is None
        await ws.close(4999, "again")
        await ws.wait_closed()
        assert ws.wasClean is True


@scenario
async def test_closing_ends_the_wait_of_another_task(kit: Kit) -> None:
    """One task is in recv() when another one closes: the first hears of it."""
    async with pair(kit) as (client, _):
        receiving = [kit.start(client.recv()) for _ in range(3)]
        iterating = kit.start(_drain(client))
        await kit.turns(2)
        await client.close()
        for one in receiving:
            with pytest.raises(ConnectionClosedOK) as caught:
                await one.outcome()
            assert caught.value.code == 1000
        assert await iterating.outcome() == []


async def _drain(ws: Any) -> list[str | bytes]:
    return [message async for message in ws]


@scenario
async def test_who_gives_up_waiting_for_the_end_ends_nobody_elses_waiting(kit: Kit) -> None:
    """wait_closed() and close() are cancelled; the others who wait are not, and the connection still ends."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url, closeHandshakeTimeout=10))
        peer = await raw.accept()
        ws = await connecting.outcome()
        given_up, waiting = kit.start(ws.wait_closed()), kit.start(ws.wait_closed())
        closing, closing_too = kit.start(ws.close()), kit.start(ws.close())
        await peer.next(CLOSE)
        given_up.cancel()
        closing.cancel()
        for one in (given_up, closing):
            with pytest.raises(kit.cancelled):
                await one.outcome()
        await kit.turns()
        assert not any(one.is_done for one in (waiting, closing_too))
        await peer.send(CLOSE, close_payload(1000))
        peer.close()
        await waiting.outcome()
        await closing_too.outcome()


@scenario
async def test_a_peer_that_never_answers_is_not_waited_for_longer_than_told(kit: Kit) -> None:
    """closeHandshakeTimeout bounds close(), which does not raise; that it was not in order can be seen."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url, closeHandshakeTimeout=0.1))
        await raw.accept()
        ws = await connecting.outcome()
        await kit.within(5, ws.close())
        assert ws.wasClean is False
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.recv()
        assert caught.value.wasClean is False
