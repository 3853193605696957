"""Sending and receiving in a conversation, on real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.conversation.kits import Kit
from tests.interop.conversation.rawpeers import BINARY, CLOSE, TEXT, RawPeer, close_payload
from tests.interop.conversation.scenes import echo, pair, scenario
from wsframework.exceptions import ConnectionClosed, ConnectionClosedOK, PayloadExceededError
from wsframework.websocket import Broadcast

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(
    ("message", "back"),
    [
        ("hello", "hello"),
        ("", ""),
        ("Grüße, 世界 🌍", "Grüße, 世界 🌍"),
        (b"\x00\xff", b"\x00\xff"),
        (b"", b""),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abc"), b"abc"),
        (memoryview(b"a-b-c")[::2], b"abc"),
        ("x" * 300_000, "x" * 300_000),
        (b"x" * 300_000, b"x" * 300_000),
    ],
    ids=lambda value: f"{type(value).__name__}-{len(value)}",
)
@scenario
async def test_str_travels_as_text_and_all_else_as_bytes(kit: Kit, message: Any, back: str | bytes) -> None:
    """What I send as str comes as str, and what I send as bytes, bytearray or memoryview comes as bytes."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        await ws.send(message)
        received = await ws.recv()
    assert type(received) is type(back)
    same = received == back
    assert same


@pytest.mark.parametrize("message", [7, None, ["x"], {"a": 1}, object()], ids=lambda value: type(value).__name__)
@scenario
async def test_what_is_no_message_is_refused_and_the_way_out_is_named(kit: Kit, message: object) -> None:
    """I passed a dict: the error tells me about send_json, and the connection goes on."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        with pytest.raises(TypeError, match="send_json"):
            await ws.send(message)
        await ws.send("fine")
        assert await ws.recv() == "fine"


@pytest.mark.parametrize(
    ("sent", "decode", "received"),
    [
        ("grün", True, "grün"),
        ("grün", False, "grün".encode()),
        ("grün".encode(), True, "grün"),
        ("grün".encode(), False, "grün".encode()),
        ("grün".encode(), None, "grün".encode()),
        ("", False, b""),
        (b"", True, ""),
    ],
)
@scenario
async def test_recv_decodes_as_it_is_told(
    kit: Kit, sent: str | bytes, decode: bool | None, received: str | bytes
) -> None:
    """With decode=True I always get str, with decode=False always bytes."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        await ws.send(sent)
        got = await ws.recv(decode=decode)
    assert (type(got), got) == (type(received), received)


@scenario
async def test_bytes_that_are_no_text_cannot_be_decoded(kit: Kit) -> None:
    """It is the program's mistake, and not the end of the connection."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        await ws.send(b"\xff")
        await ws.send("next")
        with pytest.raises(UnicodeDecodeError):
            await ws.recv(decode=True)
        assert await ws.recv() in (b"\xff", "next")


@scenario
async def test_text_that_is_no_unicode_is_not_sent(kit: Kit) -> None:
    """Half of a surrogate pair has no UTF-8; the next message goes as ever."""
    async with kit.serve(echo) as server, kit.connect(server.url) as ws:
        with pytest.raises(ValueError, match="surrogate"):
            await ws.send("\ud800")
        await ws.send("fine")
        assert await ws.recv() == "fine"


@scenario
async def test_a_message_over_the_limit_is_not_sent(kit: Kit) -> None:
    """maxMessagePayloadSize holds for what I send too."""
    async with kit.serve(echo) as server, kit.connect(server.url, maxMessagePayloadSize=10) as ws:
        with pytest.raises(PayloadExceededError, match="maxMessagePayloadSize"):
            await ws.send("x" * 11)
        await ws.send("x" * 10)
        assert await ws.recv() == "x" * 10


@scenario
async def test_messages_come_in_the_order_in_which_they_were_sent(kit: Kit) -> None:
    """Also when nobody waits for the answer to one before sending the next."""
    async with pair(kit) as (client, server):
        sending = kit.start(_send_all(client, 500))
        assert [int(await server.recv()) for _ in range(500)] == list(range(500))
        await sending.outcome()


async def _send_all(ws: Any, number: int) -> None:
    for index in range(number):
        await ws.send(str(index))


@scenario
async def test_several_who_wait_for_messages_are_served_in_order(kit: Kit) -> None:
    """Five tasks receive from one connection: the first that asked gets the first message."""
    async with pair(kit) as (client, server):
        waiting = [kit.start(server.recv()) for _ in range(5)]
        await kit.turns(2)
        await _send_all(client, 5)
        assert [await one.outcome() for one in waiting] == ["0", "1", "2", "3", "4"]


@scenario
async def test_who_gives_up_waiting_leaves_the_message_to_the_next(kit: Kit) -> None:
    """The second of three is cancelled: the first two messages go to the first and the third."""
    async with pair(kit) as (client, server):
        waiting = [kit.start(server.recv()) for _ in range(3)]
        await kit.turns(2)
        waiting[1].cancel()
        with pytest.raises(kit.cancelled):
            await waiting[1].outcome()
        await _send_all(client, 2)
        assert await waiting[0].outcome() == "0"
        assert await waiting[2].outcome() == "1"


@scenario
async def test_giving_up_again_and_again_loses_no_message(kit: Kit) -> None:
    """I cancel recv() after different times while messages stream in, and count them."""
    number = 2000
    async with pair(kit) as (client, server):
        sending = kit.start(_send_all(client, number))
        received: list[int] = []
        given_up = 0
        while len(received) < number:
            waiting = kit.start(server.recv())
            await kit.turns((len(received) + given_up) % 4)
            waiting.cancel()
            try:
                received.append(int(await waiting.outcome()))
            except kit.cancelled:
                given_up += 1
        await sending.outcome()
        assert received == list(range(number))
        assert given_up, "some were cancelled in time"


@scenario
async def test_a_limit_of_time_loses_no_message(kit: Kit) -> None:
    """My loop looks at something else every few microseconds."""
    async with pair(kit) as (client, server):
        sending = kit.start(_send_all(client, 1000))
        received: list[int] = []
        while len(received) < 1000:
            try:
                received.append(int(await kit.within(len(received) % 3 * 0.0001, server.recv())))
            except TimeoutError:
                await kit.turns(1)
        await sending.outcome()
        assert received == list(range(1000))


@pytest.mark.parametrize(
    "value",
    [{"a": [1, 2.5, None, True], "ü": "世界 🌍"}, [], "", 0, None, {"nested": [[[{}]]]}],
    ids=lambda value: type(value).__name__,
)
@scenario
async def test_json_comes_as_it_was_sent(kit: Kit, value: object) -> None:
    """send_json on one side, recv_json on the other, in a text message without spaces."""
    async with pair(kit) as (client, server):
        await client.send_json(value)
        await client.send_json(value)
        assert await server.recv_json() == value
        message = await server.recv()
        assert isinstance(message, str)
        assert json.loads(message) == value
        assert " " not in message.replace("世界 🌍", "")


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (float("nan"), ValueError),
        ({"x": [float("inf")]}, ValueError),
        (object(), TypeError),
        (b"x", TypeError),
        (_circle(), ValueError),
    ],
    ids=["nan", "inf", "object", "bytes", "circle"],
)
@scenario
async def test_what_is_no_json_is_not_sent(kit: Kit, value: object, error: type[Exception]) -> None:
    """NaN is no JSON, whatever Python says; the connection goes on."""
    async with pair(kit) as (client, server):
        with pytest.raises(error):
            await client.send_json(value)
        await client.send_json("fine")
        assert await server.recv_json() == "fine"


@scenario
async def test_a_value_nested_too_deeply_is_not_sent(kit: Kit) -> None:
    """Deeper than Python's encoder can go is my mistake, told as the others are."""
    value: list[Any] = []
    for _ in range(200_000):
        value = [value]
    async with pair(kit) as (client, server):
        with pytest.raises(ValueError, match=r"deep|nest"):
            await client.send_json(value)
        await client.send_json("fine")
        assert await server.recv_json() == "fine"
    # Piece by piece: all at once could be too deep as well.
    while value:
        value = value.pop()


@pytest.mark.parametrize(
    "message",
    ["", "{", "nothing", '{"a":1}x', "[" * 200_000, '{"a":' * 200_000, b"\xff\xfe\xff"],
    ids=["empty", "open", "word", "more", "deep-list", "deep-dict", "octets"],
)
@scenario
async def test_what_is_no_json_is_told_and_the_next_message_comes(kit: Kit, message: str | bytes) -> None:
    """Whatever the peer sends, recv_json gives a value or raises ValueError."""
    async with pair(kit) as (client, server):
        await client.send(message)
        await client.send_json(["next"])
        with pytest.raises(ValueError):  # noqa: PT011  # whatever the words: it is of this type
            await server.recv_json()
        assert await server.recv_json() == ["next"]


@scenario
async def test_half_of_a_surrogate_pair_in_json_is_sent_whole_or_not_at_all(kit: Kit) -> None:
    """It can be escaped in JSON, or refused; what may not happen is that the connection breaks."""
    async with pair(kit) as (client, server):
        try:
            await client.send_json("\ud800")
        except ValueError:
            await client.send_json("fine")
            assert await server.recv_json() == "fine"
        else:
            assert await server.recv_json() == "\ud800"


@scenario
async def test_an_escaped_half_of_a_surrogate_pair_is_received(kit: Kit) -> None:
    """Other people's encoders write it, and it is JSON."""
    async with pair(kit) as (client, server):
        await client.send('"\\ud800"')
        assert await server.recv_json() == "\ud800"
        with pytest.raises(ValueError, match="surrogate"):
            await server.send("\ud800")


@pytest.mark.parametrize("compression", [False, True])
@scenario
async def test_both_sides_agree_on_compression(kit: Kit, compression: bool) -> None:
    """compression=True on both sides: what can be shorter is, unless I say doNotCompress."""
    text = "again and " * 1000
    async with kit.serve(echo, compression=True) as server, kit.connect(server.url, compression=compression) as ws:
        assert bool(ws.websocket_extensions_in_use) is compression
        await ws.send(text)
        assert await ws.recv() == text
        sent, received = ws.trafficStats.outgoingOctetsWireLevel, ws.trafficStats.incomingOctetsWireLevel
        assert (sent < 2000, received < 2000) == (compression, compression)
        await ws.send(text, doNotCompress=True)
        assert await ws.recv() == text
        assert ws.trafficStats.outgoingOctetsWireLevel - sent > len(text)


@scenario
async def test_the_means_of_the_callback_style_work_beside(kit: Kit) -> None:
    """It is the protocol itself: prepared messages, a Broadcast, and sending from a thread."""
    members = Broadcast()
    async with pair(kit) as (client, server):
        server.sendPreparedMessage(server.factory.prepareMessage("prepared"))
        members.add(server)
        members.send("to all")
        await kit.in_thread(server.sendMessageFromThread, "from a thread")
        assert [await client.recv() for _ in range(3)] == ["prepared", "to all", "from a thread"]
        assert client.peer.startswith("tcp4:127.0.0.1:")
        assert server.peer.startswith("tcp4:127.0.0.1:")
        assert (server.is_server, client.is_server) == (True, False)


CLOSERS: dict[str, Callable[[RawPeer], Any]] = {
    "1000": lambda peer: peer.send(CLOSE, close_payload(1000)),
    "1001": lambda peer: peer.send(CLOSE, close_payload(1001, "going")),
    "none": lambda peer: peer.send(CLOSE),
}


@pytest.mark.parametrize("how", CLOSERS)
@scenario
async def test_messages_before_an_end_in_order_come_and_then_the_loop_ends(kit: Kit, how: str) -> None:
    """The client sends three messages and closes: the loop sees the three, and then goes on behind itself."""
    seen: list[str | bytes] = []
    over = kit.signal()

    async def handler(ws: Any) -> None:
        await started.wait()
        async for message in ws:
            seen.append(message)
        with pytest.raises(ConnectionClosedOK) as caught:
            await ws.recv()
        over.set(caught.value)

    started = kit.signal()
    async with kit.serve(handler) as server:
        with await RawPeer.dial(kit, server.port) as peer:
            await peer.send(TEXT, b"one")
            await peer.send(BINARY, b"two")
            await peer.send(TEXT, b"three")
            await CLOSERS[how](peer)
            await peer.next(CLOSE)
            started.set()
            closed: ConnectionClosed = await over.wait()
    assert seen == ["one", b"two", "three"]
    assert closed.code == {"1000": 1000, "1001": 1001, "none": 1005}[how]
    assert closed.reason == ("going" if how == "1001" else "")
    assert closed.wasClean is True
