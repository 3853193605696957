"""A server as a whole: where it is, who is there, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.logs import Logged
from tests.interop.conversation.rawpeers import CLOSE, RawPeer, close_payload
from tests.interop.conversation.scenes import echo, scenario
from wsframework.exceptions import ConnectionClosed, ConnectionClosedOK

pytestmark = pytest.mark.interop


@scenario
async def test_the_server_tells_where_it_is_and_who_is_there(kit: Kit) -> None:
    """Port 0 became a port; connections are the conversations that are open."""
    async with kit.serve(echo) as server:
        assert server.url == f"ws://127.0.0.1:{server.port}"
        assert server.addresses == [("127.0.0.1", server.port)]
        assert server.connections == []
        async with kit.connect(server.url) as one, kit.connect(server.url) as two:
            await kit.until(lambda: len(server.connections) == 2)
            for ws in server.connections:
                await ws.send("to all")
            assert [await one.recv(), await two.recv()] == ["to all", "to all"]
            assert server.factory.getConnectionCount() == 2
        await kit.until(lambda: server.connections == [])


@scenario
async def test_awaiting_serve_and_connect_does_without_blocks(kit: Kit) -> None:
    """`server = await serve(...)`, `ws = await connect(...)`; the program closes them itself."""
    server = await kit.serve(echo)
    ws = await kit.connect(server.url)
    await ws.send("x")
    assert await ws.recv() == "x"
    await ws.close()
    await server.close()
    await server.wait_closed()
    await server.close()


@scenario
async def test_closing_says_goodbye_and_lets_nobody_in(kit: Kit) -> None:
    """Open connections get 1001 and a reason; from that moment on new ones are refused."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        forever = kit.start(server.serve_forever())
        waiting = kit.start(server.wait_closed())
        closing = kit.start(server.close(reason="maintenance"))
        with pytest.raises(kit.unreachable):
            await kit.connect(server.url)
        with pytest.raises(ConnectionClosedOK) as caught:
            await ws.recv()
        assert (caught.value.code, caught.value.reason) == (1001, "maintenance")
        await closing.outcome()
        assert server.connections == []
        await waiting.outcome()
        await forever.outcome()


@scenario
async def test_closing_with_a_code_of_ones_own(kit: Kit) -> None:
    """1012 is "service restart"."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        closing = kit.start(server.close(code=1012))
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.code == 1012
        await closing.outcome()


@pytest.mark.parametrize("arguments", [{"code": 1006}, {"code": "x"}, {"reason": 7}, {"deadline": -1}])
@scenario
async def test_unfit_arguments_of_close_close_nothing(kit: Kit, arguments: dict[str, Any]) -> None:
    """The server goes on."""
    async with kit.serve(echo) as server:
        with pytest.raises((TypeError, ValueError)):
            await server.close(**arguments)
        async with kit.connect(server.url) as ws:
            await ws.send("x")
            assert await ws.recv() == "x"


@scenario
async def test_closing_waits_for_handlers_to_come_to_their_end(kit: Kit) -> None:
    """What a handler does after its connection is closed, saving for example, is waited for."""
    arrived, go, saved = kit.signal(), kit.signal(), kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set()
        async for _ in ws:
            pass
        await go.wait()
        saved.set()

    async with kit.serve(handler) as server, kit.connect(server.url) as ws:
        await arrived.wait()
        closing = kit.start(server.close())
        await ws.wait_closed()
        await kit.turns()
        assert not closing.is_done
        go.set()
        await closing.outcome()
        assert saved.is_set


@scenario
async def test_a_handler_that_ignores_the_end_is_cancelled_at_the_deadline(kit: Kit, logged: Logged) -> None:
    """It is told so by a cancellation, may still tidy up, and the log names it; closing then is done."""
    arrived, cancelled = kit.signal(), kit.signal()

    async def stubborn(ws: Any) -> None:
        arrived.set()
        try:
            await kit.never()
        except kit.cancelled:
            cancelled.set()
            raise

    async with kit.serve(stubborn) as server, kit.connect(server.url) as ws:
        await arrived.wait()
        await kit.within(10, server.close(deadline=0.1))
        assert cancelled.is_set
        await ws.wait_closed()
        await kit.turns(1)
    assert any("stubborn" in text for text in logged.texts)


@scenario
async def test_a_handler_may_close_its_server(kit: Kit, logged: Logged) -> None:
    """An administrator says so over a connection; the handler that waits for that too is over at the deadline."""
    ended = kit.signal()

    async def handler(ws: Any) -> None:
        assert await ws.recv() == "shut down"
        try:
            await server.close(deadline=0.1)
        finally:
            ended.set()

    async with kit.serve(handler) as server:
        async with kit.connect(server.url) as ws:
            await ws.send("shut down")
            with pytest.raises(ConnectionClosedOK) as caught:
                await ws.recv()
            assert caught.value.code == 1001
        await kit.within(10, server.wait_closed())
        assert ended.is_set
    assert logged.errors == []


@scenario
async def test_a_peer_that_ignores_the_goodbye_is_dropped_at_the_deadline(kit: Kit, logged: Logged) -> None:
    """It never answers the Close: the server does not wait longer than it was told."""
    arrived = kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        async for _ in ws:
            pass

    async with kit.serve(handler, closeHandshakeTimeout=0, close_timeout=0.1) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            ws = await arrived.wait()
            await kit.within(10, server.close())
            assert ws.wasClean is False
            assert (await peer.next(CLOSE))[:2] == close_payload(1001)


@scenario
async def test_leaving_the_block_because_of_an_error_closes_too(kit: Kit) -> None:
    """The error goes on its way, and the port is free."""
    urls: list[str] = []

    async def failing() -> None:
        async with kit.serve(echo) as server:
            urls.append(server.url)
            raise LookupError

    with pytest.raises(LookupError):
        await failing()
    with pytest.raises(kit.unreachable):
        await kit.connect(urls[0])


@scenario
async def test_a_port_that_is_taken_is_told_by_awaiting(kit: Kit) -> None:
    """The error of the system, whatever the backend calls it."""
    async with kit.serve(echo) as server:
        with pytest.raises(Exception, match=r"(?i)in use") as caught:
            await kit.serve(echo, port=server.port)
        assert not isinstance(caught.value, (TypeError, ValueError))


@scenario
async def test_a_handler_that_is_no_coroutine_function_is_told(kit: Kit, logged: Logged) -> None:
    """I forgot the `async`: the log says so, the client gets 1011, and nothing hangs."""

    def handler(ws: Any) -> None:
        ws.sendMessage("x")

    async with kit.serve(handler) as server, kit.connect(server.url) as ws:
        assert await ws.recv() == "x"
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.code == 1011
    assert logged.take_errors() == [TypeError]
