"""What a handler, or the block of a client, does at its end becomes the end of the connection."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.logs import Logged
from tests.interop.conversation.rawpeers import CLOSE, TEXT, RawPeer, close_payload
from tests.interop.conversation.scenes import pair, scenario
from wsframework.exceptions import ConnectionClosed, ConnectionClosedError

pytestmark = pytest.mark.interop


@scenario
async def test_a_handler_may_close_and_go_on_to_its_end(kit: Kit) -> None:
    """With its own code; what it returns to afterwards closes nothing more."""
    over = kit.signal()

    async def handler(ws: Any) -> None:
        await ws.close(4002, "by hand")
        with pytest.raises(ConnectionClosed):
            await ws.send("x")
        await ws.close()
        over.set()

    async with kit.serve(handler) as server:
        async with kit.connect(server.url) as ws:
            with pytest.raises(ConnectionClosedError) as caught:
                await ws.recv()
        await over.wait()
    assert (caught.value.code, caught.value.reason) == (4002, "by hand")


@scenario
async def test_a_handler_that_returns_closes_with_1000(kit: Kit) -> None:
    """After what it has sent."""

    async def handler(ws: Any) -> None:
        await ws.send("bye")

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            assert await peer.frame() == (TEXT, b"bye")
            opcode, payload = await peer.frame()
            assert (opcode, payload[:2]) == (CLOSE, close_payload(1000))
            await peer.send(CLOSE, close_payload(1000))
            assert await peer.at_end()


@scenario
async def test_a_handler_that_raises_closes_with_1011_and_is_logged_once(kit: Kit, logged: Logged) -> None:
    """The traceback is in the log, once, and its text does not go to the peer."""

    async def handler(ws: Any) -> None:
        raise LookupError(await ws.recv())

    async with kit.serve(handler) as server, kit.connect(server.url) as ws:
        await ws.send("the secret")
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.recv()
    assert caught.value.code == 1011
    assert "secret" not in caught.value.reason
    assert logged.take_errors() == [LookupError]


@scenario
async def test_a_cancellation_that_a_handler_lets_out_closes_too(kit: Kit, logged: Logged) -> None:
    """It waited for something that somebody cancelled: its client is not left hanging."""

    async def handler(ws: Any) -> None:
        raise kit.cancelled

    async with kit.serve(handler) as server, kit.connect(server.url) as ws:
        with pytest.raises(ConnectionClosed) as caught:
            await kit.within(5, ws.recv())
    assert caught.value.code in (1001, 1011)
    logged.take_errors()


@pytest.mark.parametrize("what", ["recv", "send", "ping"])
@scenario
async def test_that_the_peer_left_is_no_error_of_a_handler(kit: Kit, what: str, logged: Logged) -> None:
    """ConnectionClosed leaves my handler, because I did not catch it: nothing is logged."""
    ended = kit.signal()

    async def handler(ws: Any) -> None:
        try:
            if what == "recv":
                await ws.recv()
            await ws.wait_closed()
            await (ws.send("x") if what == "send" else ws.ping())
        except ConnectionClosed as closed:
            ended.set(closed)
            raise

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            peer.reset()
        closed = await ended.wait()
        await kit.until(lambda: not server.connections)
    assert (type(closed), closed.code) == (ConnectionClosedError, 1006)
    assert logged.texts == []


@scenario
async def test_another_connections_end_is_an_error_of_a_handler_or_not_but_never_a_hang(
    kit: Kit, logged: Logged
) -> None:
    """A relay's other side is gone, and ConnectionClosed of that one leaves the handler: the client is closed."""
    async with pair(kit) as (gone, _):
        await gone.close()

        async def handler(ws: Any) -> None:
            await gone.send(await ws.recv())

        async with kit.serve(handler) as server, kit.connect(server.url) as ws:
            await ws.send("to the other side")
            with pytest.raises(ConnectionClosed):
                await ws.recv()
    logged.take_errors()


@pytest.mark.parametrize(
    ("error", "code"),
    [(None, 1000), (LookupError("mine"), 1011)],
    ids=["in order", "exception"],
)
@scenario
async def test_leaving_the_block_closes(kit: Kit, error: Exception | None, code: int) -> None:
    """With 1000, or with 1011 if it is an exception that leaves it; the exception goes on its way."""
    ended = kit.signal()

    async def handler(ws: Any) -> None:
        try:
            await ws.recv()
        except ConnectionClosed as closed:
            ended.set(closed.code)

    async with kit.serve(handler) as server:
        try:
            async with kit.connect(server.url) as ws:
                if error is not None:
                    raise error
        except LookupError as caught:
            assert caught is error  # noqa: PT017  # in two of three cases there is none
        assert await ended.wait() == code
        with pytest.raises(ConnectionClosed):
            await ws.send("x")


@scenario
async def test_leaving_the_block_because_of_a_cancellation_closes_with_1001(kit: Kit) -> None:
    """The task that holds the connection is cancelled: the server hears that the client goes away."""
    inside, ended = kit.signal(), kit.signal()

    async def handler(ws: Any) -> None:
        try:
            await ws.recv()
        except ConnectionClosed as closed:
            ended.set(closed.code)

    async def client(url: str) -> None:
        async with kit.connect(url):
            inside.set()
            await kit.never()

    async with kit.serve(handler) as server:
        running = kit.start(client(server.url))
        await inside.wait()
        # On Twisted the client is still at the line that has set the signal.
        await kit.turns(2)
        running.cancel()
        with pytest.raises(kit.cancelled):
            await running.outcome()
        assert await ended.wait() == 1001
