"""Who is fast and who is slow: what waits is bounded in both directions, and goes on when it can."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.logs import Logged
from tests.interop.conversation.rawpeers import CLOSE, TEXT, RawPeer, close_payload
from tests.interop.conversation.scenes import echo, pair, scenario

pytestmark = pytest.mark.interop

KIB = 1024


def _came(ws: Any) -> int:
    """Messages that were read from the transport, whoever has taken them."""
    number: int = ws.trafficStats.incomingWebSocketMessages
    return number


async def _take(ws: Any, number: int) -> list[str | bytes]:
    return [await ws.recv() for _ in range(number)]


@pytest.mark.parametrize("max_queue", [None, 1, 2, 5])
@scenario
async def test_only_so_many_messages_wait_to_be_received(kit: Kit, max_queue: int | None) -> None:
    """A client floods a handler that does not receive: max_queue messages are read, and no more."""
    options = {} if max_queue is None else {"max_queue": max_queue}
    bound = max_queue or 16
    async with pair(kit, **options) as (client, server):
        sending = kit.start(_send_all(client, 1000))
        await kit.until(lambda: _came(server) >= bound)
        await kit.turns(100)
        assert _came(server) == bound
        assert [int(message) for message in await _take(server, 1000)] == list(range(1000))
        await sending.outcome()


async def _send_all(ws: Any, number: int, size: int = 0) -> None:
    for index in range(number):
        await ws.send(str(index).ljust(size))


@scenario
async def test_reading_goes_on_when_half_of_the_queue_is_taken(kit: Kit) -> None:
    """Not at every message: seven of sixteen taken change nothing, the eighth does."""
    async with pair(kit) as (client, server):
        await _send_all(client, 100)
        await kit.until(lambda: _came(server) >= 16)
        await _take(server, 7)
        await kit.turns(50)
        assert _came(server) == 16
        await _take(server, 1)
        await kit.until(lambda: _came(server) > 16)
        await kit.turns(50)
        assert _came(server) == 24
        await _take(server, 92)


@scenario
async def test_a_queue_of_ones_own_size_on_the_clients_side(kit: Kit) -> None:
    """connect() has max_queue too."""

    async def handler(ws: Any) -> None:
        await _send_all(ws, 100)

    async with kit.serve(handler) as server, kit.connect(server.url, max_queue=3) as ws:
        await kit.until(lambda: _came(ws) >= 3)
        await kit.turns(50)
        assert _came(ws) == 3
        assert [int(message) async for message in ws] == list(range(100))


@scenario
async def test_the_senders_wait_is_the_slow_receivers(kit: Kit) -> None:
    """send() waits as soon as the handler at the other end does not take the messages, and all of them arrive."""
    number, size = 400, 64 * KIB
    async with pair(kit) as (client, server):
        sending = kit.start(_send_all(client, number, size))
        await kit.until(lambda: client.bufferedAmount > 0 and _came(server) > 0)
        await _until_it_stands(kit, client)
        assert not sending.is_done
        assert client.bufferedAmount <= 64 * KIB + 2 * size
        assert client.trafficStats.outgoingWebSocketMessages < number
        assert [int(message) for message in await _take(server, number)] == list(range(number))
        await sending.outcome()


async def _until_it_stands(kit: Kit, ws: Any) -> None:
    """Until nothing more was sent for many turns: what is between the two sockets is full."""
    before = -1
    while before != ws.trafficStats.outgoingWebSocketMessages:
        before = ws.trafficStats.outgoingWebSocketMessages
        await kit.turns(200)


@scenario
async def test_sending_to_a_peer_that_does_not_read_waits_and_keeps_little(kit: Kit) -> None:
    """A handler sends for ever: what waits in memory stays near sendHighWaterMark, and goes on when the peer reads."""
    sent, arrived, release = [0], kit.signal(), kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        while not release.is_set:
            await ws.send(b"x" * 16 * KIB)
            sent[0] += 1

    async with kit.serve(handler, sendHighWaterMark=32 * KIB) as server:
        with await RawPeer.dial(kit, server.port, receive_buffer=32 * KIB) as peer:
            ws = await arrived.wait()
            await _until_it_stands(kit, ws)
            stood_at = sent[0]
            assert 0 < ws.bufferedAmount <= 32 * KIB + 17 * KIB
            for _ in range(stood_at):
                await peer.frame()
            await kit.until(lambda: sent[0] > stood_at)
            release.set()
            await peer.next(CLOSE)


@scenario
async def test_a_wait_to_send_ends_when_the_peer_is_gone(kit: Kit) -> None:
    """It never read, and then it hung up: the sender hears of it, and nothing is logged."""
    arrived = kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        while True:
            await ws.send(b"x" * 64 * KIB)

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port, receive_buffer=32 * KIB) as peer:
            await _until_it_stands(kit, await arrived.wait())
            peer.reset()
            await kit.until(lambda: not server.connections)


@scenario
async def test_giving_up_a_wait_to_send_breaks_nothing(kit: Kit) -> None:
    """What was sent is sent: the message whose send() was cancelled arrives, once and whole."""
    size = 256 * KIB
    async with pair(kit, max_queue=1) as (client, server):
        number = 0
        while True:
            sending = kit.start(client.send(str(number).ljust(size)))
            number += 1
            await kit.turns(5)
            if not sending.is_done and number > 40:
                break
            if sending.is_done:
                await sending.outcome()
        sending.cancel()
        with pytest.raises(kit.cancelled):
            await sending.outcome()
        more = kit.start(client.send("the end"))
        assert [int(message) for message in await _take(server, number)] == list(range(number))
        assert await server.recv() == "the end"
        await more.outcome()


@scenario
async def test_an_echo_to_a_client_that_only_sends_is_bounded(kit: Kit) -> None:
    """The echo waits in send(), so it does not receive, so nothing more is read: no side grows."""
    arrived = kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        await echo(ws)

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port, receive_buffer=32 * KIB) as peer:
            ws = await arrived.wait()
            flood = kit.start(peer.send_octets(peer.encoded(TEXT, b"x" * 16 * KIB) * 2000))
            await kit.until(lambda: ws.bufferedAmount > 0)
            await _until_it_stands(kit, ws)
            assert not flood.is_done
            assert ws.bufferedAmount <= 64 * KIB + 64 * KIB
            assert _came(ws) - ws.trafficStats.outgoingWebSocketMessages <= 16 + 1
            peer.interrupt()
            with pytest.raises(OSError, match=r".*"):
                await flood.outcome()
            await kit.until(lambda: not server.connections)


@scenario
async def test_a_handler_may_leave_messages_behind(kit: Kit) -> None:
    """It returns while its queue is full and nothing is read: the closing handshake is still in order."""
    arrived, go = kit.signal(), kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        await go.wait()

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            await peer.send_octets(peer.encoded(TEXT, b"x" * 100) * 200)
            ws = await arrived.wait()
            await kit.until(lambda: _came(ws) >= 16)
            go.set()
            assert (await peer.next(CLOSE))[:2] == close_payload(1000)
            await peer.send(CLOSE, close_payload(1000))
            assert await peer.at_end()
            await kit.until(lambda: ws.state == ws.STATE_CLOSED)
            assert ws.wasClean is True


@scenario
async def test_a_peer_that_hangs_up_is_noticed_whatever_it_left_behind(kit: Kit) -> None:
    """My handler only sends now and then, and waits for the end; a client sends it 100 messages and hangs up.

    What it left fills the queue, so nothing is read any more; it is the pings that find out.
    """
    arrived, over = kit.signal(), kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        await ws.wait_closed()
        over.set()

    async with kit.serve(handler, close_timeout=0.1, autoPingInterval=0.1) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            await peer.send_octets(peer.encoded(TEXT, b"x") * 100)
            ws = await arrived.wait()
            await kit.until(lambda: _came(ws) >= 16)
            peer.reset()
            await kit.within(5, over.wait())


@scenario
async def test_closing_the_server_is_in_order_for_who_left_messages_unread(kit: Kit) -> None:
    """The handler waits for the end and receives nothing; the client answers the server's Close: no abort."""
    arrived = kit.signal()

    async def handler(ws: Any) -> None:
        arrived.set(ws)
        await ws.wait_closed()

    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            await peer.send_octets(peer.encoded(TEXT, b"x") * 100)
            ws = await arrived.wait()
            await kit.until(lambda: _came(ws) >= 16)
            closing = kit.start(server.close(deadline=10))
            assert (await peer.next(CLOSE))[:2] == close_payload(1001)
            await peer.send(CLOSE, close_payload(1001))
            await kit.within(5, closing.outcome())
            assert ws.wasClean is True


@scenario
async def test_a_slow_handler_stops_nobody_else(kit: Kit) -> None:
    """One handler waits for ever with its queue full: Pings and messages of the others are answered."""
    arrived, release = kit.signal(), kit.signal()

    async def slow(ws: Any) -> None:
        arrived.set(ws)
        await release.wait()

    async with (
        kit.serve({"/slow": slow, "/": echo}) as server,
        kit.connect(f"{server.url}/slow") as stuck,
        kit.connect(server.url) as other,
    ):
        await _send_all(stuck, 100)
        ws = await arrived.wait()
        await kit.until(lambda: _came(ws) >= 16)
        for _ in range(10):
            assert await other.ping() > 0
            await other.send("x")
            assert await other.recv() == "x"
        release.set()


@scenario
async def test_a_client_that_does_not_receive_still_answers_pings(kit: Kit) -> None:
    """As long as its queue has room, Pings behind messages are answered."""
    async with pair(kit) as (client, server):
        await _send_all(server, 10)
        assert await server.ping() > 0
        assert [int(message) for message in await _take(client, 10)] == list(range(10))


@scenario
async def test_many_conversations_at_once(kit: Kit, logged: Logged) -> None:
    """A hundred clients, fifty messages each: everyone gets their own back, in order, and all end in order."""

    async def client(url: str, number: int) -> None:
        async with kit.connect(url) as ws:
            for index in range(50):
                await ws.send(f"{number}/{index}")
            assert [await ws.recv() for _ in range(50)] == [f"{number}/{index}" for index in range(50)]

    async with kit.serve(echo) as server:
        await kit.gather(*(client(server.url, number) for number in range(100)))
        await kit.until(lambda: not server.connections)
    assert logged.texts == []
