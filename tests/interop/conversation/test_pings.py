"""ping(): the round trip, which Pong answers which Ping, and what happens when none comes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.rawpeers import CLOSE, PING, PONG, RawPeer, RawServer, close_payload
from tests.interop.conversation.scenes import echo, scenario
from wsframework.exceptions import ConnectionClosedError, ConnectionClosedOK

pytestmark = pytest.mark.interop


@scenario
async def test_a_ping_gives_the_round_trip(kit: Kit) -> None:
    """In seconds, and one for each of several at once, also with equal payloads."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        trip = await ws.ping()
        assert isinstance(trip, float)
        assert 0 < trip < 20
        assert all(trip > 0 for trip in await kit.gather(*(ws.ping() for _ in range(10))))
        assert all(trip > 0 for trip in await kit.gather(ws.ping(b"same"), ws.ping(b"same"), ws.ping(b"")))
        assert await ws.ping(b"x" * 125) > 0


@scenario
async def test_a_ping_carries_the_payload_that_it_is_given(kit: Kit) -> None:
    """Only the Pong with the same payload answers it."""
    arrived = kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(await ws.ping(b"mine"))

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            assert await peer.next(PING) == b"mine"
            await peer.send(PONG, b"another")
            await peer.send(PONG)
            await kit.turns()
            assert not arrived.is_set
            await peer.send(PONG, b"mine")
            assert await arrived.wait() > 0
            await peer.next(CLOSE)


@scenario
async def test_one_pong_answers_the_pings_before_it(kit: Kit) -> None:
    """A peer that was busy answers only the last Ping, which RFC 6455 section 5.5.3 allows."""
    arrived = kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(await kit.gather(ws.ping(b"1"), ws.ping(b"2"), ws.ping(b"3")))

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            assert [await peer.next(PING) for _ in range(3)] == [b"1", b"2", b"3"]
            await peer.send(PONG, b"3")
            assert len(await arrived.wait()) == 3
            await peer.next(CLOSE)


@pytest.mark.parametrize("how", ["close", "cut"])
@scenario
async def test_a_ping_whose_pong_never_comes_ends_with_the_connection(kit: Kit, how: str) -> None:
    """Instead of waiting for ever."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url))
        peer = await raw.accept()
        ws = await connecting.outcome()
        pinging = [kit.start(ws.ping()) for _ in range(3)]
        await peer.next(PING)
        if how == "close":
            await peer.send(CLOSE, close_payload(1001))
            await peer.next(CLOSE)
        peer.close()
        for one in pinging:
            with pytest.raises(ConnectionClosedOK if how == "close" else ConnectionClosedError) as caught:
                await one.outcome()
            assert caught.value.code == (1001 if how == "close" else 1006)


@pytest.mark.parametrize(
    ("payload", "error", "words"),
    [(b"x" * 126, ValueError, "125"), ("text", TypeError, "payload"), (7, TypeError, "payload")],
)
@scenario
async def test_a_ping_holds_125_octets(kit: Kit, payload: Any, error: type[Exception], words: str) -> None:
    """More, or something else than octets, is an error of mine, and the connection goes on."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        with pytest.raises(error, match=words):
            await ws.ping(payload)
        assert await ws.ping() > 0


@scenario
async def test_a_ping_that_was_given_up_disturbs_no_other(kit: Kit) -> None:
    """Its Pong comes late, and the next ping gets its own."""
    with RawServer(kit) as raw:
        connecting = kit.start(kit.connect(raw.url))
        peer = await raw.accept()
        ws = await connecting.outcome()
        given_up = kit.start(ws.ping(b"1"))
        other = kit.start(ws.ping(b"2"))
        assert [await peer.next(PING), await peer.next(PING)] == [b"1", b"2"]
        given_up.cancel()
        with pytest.raises(kit.cancelled):
            await given_up.outcome()
        await peer.send(PONG, b"1")
        await kit.turns()
        assert not other.is_done
        await peer.send(PONG, b"2")
        assert await other.outcome() > 0
        closing = kit.start(ws.close())
        await peer.send(CLOSE, await peer.next(CLOSE))
        peer.close()
        await closing.outcome()
