"""Compressed messages between our backends and other implementations, in both roles (RFC 7692).

What goes over the wire is seen in the counters of our end: less than the messages have means that it was compressed,
and the second copy of a message shows whether, and how far, it refers to the first.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from typing import Any

import pytest

from tests.interop.meetings import Meeting, Pair, exchange
from tests.interop.ours import OurEnd, OurSetup
from tests.interop.sides import Deflate, End, Message, Setup, bounded, fragments
from wsframework.websocket.compress import PerMessageDeflate

pytestmark = pytest.mark.interop

MIB = 1 << 20
# The lengths around which the header's form changes, of the messages; compressed they have others.
SIZES = (0, 1, 125, 126, 1000, 65535, 65536)
HOMES = ["twisted", "asyncio", "uvloop"]
PEERS = ["websockets", "aiohttp", "node", "autobahn"]
FRAGMENTING = ["websockets", "node", "autobahn"]

# For every two of the four, every two values meet in one of these.
AGREEMENTS = [
    Deflate(True, True, 15, 15),
    Deflate(True, True, 9, 12),
    Deflate(False, True, 12, 9),
    Deflate(False, False, 9, 9),
    Deflate(True, False, 12, 12),
    Deflate(True, False, 9, 15),
    Deflate(False, True, 15, 12),
    Deflate(True, False, 15, 9),
    Deflate(False, True, 12, 15),
]

# So much noise, repeated, is within reach of any window, and so much of all but the smallest. (zlib's own reach is 262
# octets less than the window.)
NEAR, FAR = 200, 1000

SENTENCE = "Grüße aus 世界, and so on. "
NOISE = random.Random(7)


def spread(choices: Sequence[object], peers: Sequence[str] = PEERS) -> pytest.MarkDecorator:
    """Each choice with each peer in each role; our backends take turns, so that each has met all of them in the end."""
    cases = []
    for turn, (peer, role) in enumerate(product(peers, ("server", "client"))):
        for number, choice in enumerate(choices):
            cases.append((HOMES[(turn + number) % len(HOMES)], peer, role, choice))
    names = ("home", "peer", "meeting", "choice")
    return pytest.mark.parametrize(names, cases, indirect=names[:3], ids=lambda value: str(value).replace(" ", ""))


def text(size: int) -> str:
    """Text of so many octets that compresses well."""
    octets = (SENTENCE * (size // len(SENTENCE.encode()) + 1)).encode()[:size]
    whole = octets.decode(errors="ignore")
    return whole + "?" * (size - len(whole.encode()))


def noisy_text(size: int) -> str:
    """Text that hardly compresses."""
    return "".join(map(chr, NOISE.choices(range(32, 127), k=size)))


async def traffic(end: OurEnd) -> dict[str, Any]:
    """The counters of our end."""
    counters: dict[str, Any] = await end.tell(lambda protocol: protocol.trafficStats.__json__())
    return counters


async def agreed(end: OurEnd) -> PerMessageDeflate | None:
    """What our end says is in use."""
    extensions: list[PerMessageDeflate] = await end.tell(lambda protocol: protocol.websocket_extensions_in_use)
    return extensions[0] if extensions else None


async def expect_compressed(end: OurEnd, *directions: str) -> None:
    """The frames had less than half of the octets of the messages in them."""
    counters = await traffic(end)
    for direction in directions or ("outgoing", "incoming"):
        frames, messages = (counters[f"{direction}Octets{level}Level"] for level in ("WebSocket", "App"))
        assert 0 < frames < messages / 2


async def expect(end: End, message: Message) -> None:
    """Compared outside of the assertion: pytest would explain how megabytes differ."""
    same = await end.receive() == message
    assert same


async def expect_pongs(end: End, message: Message, size: int) -> None:
    """The Pings behind the fragments of that size were answered."""
    for number, _ in enumerate(fragments(message, size)):
        assert await end.pong() == b"%d" % number


@bounded
async def test_messages_of_any_size_arrive_as_they_were_sent(meeting: Meeting) -> None:
    """I said True, they said that they like compression, and nobody noticed anything but the octets that were saved."""
    async with meeting.open(ours=OurSetup(deflate=True), theirs=Setup(deflate=True)) as pair:
        await exchange(pair, [kind for size in SIZES for kind in (text(size), text(size).encode())])
        await expect_compressed(pair.ours)
        await exchange(pair, [kind for size in SIZES for kind in (noisy_text(size), NOISE.randbytes(size))])


@spread(AGREEMENTS)
@bounded
async def test_what_was_agreed_on_is_what_is_done(meeting: Meeting, choice: Deflate) -> None:
    """With or without context takeover, either way, with windows of any size: both ends say so, and both keep to it."""
    ours = OurSetup(deflate=choice, policy={"threshold": 0})
    async with meeting.open(ours=ours, theirs=Setup(deflate=choice)) as pair:
        await expect_agreement(pair, meeting.we_listen, choice)
        directions = {True: "outgoing", False: "incoming"}
        for is_server in (True, False):
            takes_over = choice.server_takeover if is_server else choice.client_takeover
            bits = choice.server_bits if is_server else choice.client_bits
            we_send = is_server == meeting.we_listen
            sender, receiver = (pair.ours, pair.theirs) if we_send else (pair.theirs, pair.ours)
            reached = [await second_is_shorter(pair, sender, receiver, directions[we_send], s) for s in (NEAR, FAR)]
            assert reached == [takes_over, takes_over and bits > 9]
        # Longer than the windows.
        await exchange(pair, [text(100_000), b"x" * 100_000, NOISE.randbytes(100_000)])


async def expect_agreement(pair: Pair, we_listen: bool, wanted: Deflate) -> None:
    """Our end says that it is what was wanted, and what our server says reaches the client."""
    extension = await agreed(pair.ours)
    assert extension is not None
    offer_or_response = pair.ours.headers["sec-websocket-extensions"]
    if we_listen:
        response = pair.theirs.headers["sec-websocket-extensions"]
        assert str(extension) == response
        if f"client_max_window_bits={wanted.client_bits}" in offer_or_response:
            # What it does by itself it is not asked for.
            wanted = replace(wanted, client_bits=15)
    else:
        response = offer_or_response
        if not pair.peer.limits_clients:
            # Then our client limits itself.
            wanted = replace(wanted, client_takeover=True, client_bits=15)
    assert wanted == Deflate(
        not extension.server_no_context_takeover,
        not extension.client_no_context_takeover,
        extension.server_max_window_bits,
        extension.client_max_window_bits,
    ), response


async def second_is_shorter(pair: Pair, sender: End, receiver: End, direction: str, size: int) -> bool:
    """Whether the same octets, which do not compress, compress when they come again."""
    message = NOISE.randbytes(size)
    lengths: list[int] = []
    for _ in range(2):
        before: int = (await traffic(pair.ours))[f"{direction}OctetsWebSocketLevel"]
        await sender.send(message)
        assert await receiver.receive() == message
        lengths.append((await traffic(pair.ours))[f"{direction}OctetsWebSocketLevel"] - before)
    assert lengths[0] >= size
    return lengths[1] < size / 2


@pytest.mark.parametrize("meeting", ["server"], indirect=True)
@pytest.mark.parametrize("peer", FRAGMENTING[:2], indirect=True)
@bounded
async def test_a_client_that_needs_little_is_not_asked_for_more(meeting: Meeting) -> None:
    """It offered a window smaller than the one that I ask for, and kept to it."""
    theirs = Setup(deflate=Deflate(client_bits=9))
    async with meeting.open(ours=OurSetup(deflate=True), theirs=theirs) as pair:
        assert await agreed(pair.ours) is not None
        reached = [await second_is_shorter(pair, pair.theirs, pair.ours, "incoming", size) for size in (NEAR, FAR)]
        assert reached == [True, False]
        await exchange(pair, [text(100_000)])


@spread([True, False])
@bounded
async def test_only_one_end_wants_compression(meeting: Meeting, choice: bool) -> None:
    """Then there is none, and everything else works."""
    async with meeting.open(ours=OurSetup(deflate=choice), theirs=Setup(deflate=not choice)) as pair:
        assert await agreed(pair.ours) is None
        await exchange(pair, [text(1000)])
        counters = await traffic(pair.ours)
        for direction in ("outgoing", "incoming"):
            assert counters[f"{direction}OctetsWebSocketLevel"] == 1000


@spread(["messages", "frames", "pieces"], FRAGMENTING)
@bounded
async def test_what_the_peer_fragments_arrives_whole(meeting: Meeting, choice: str) -> None:
    """They compress a message and send it in pieces, with pings between; I take it by messages, frames or pieces."""
    async with meeting.open(ours=OurSetup(deflate=True, api=choice), theirs=Setup(deflate=True)) as pair:
        for message, size in ((text(5000), 700), (text(70_000).encode(), 9000), (NOISE.randbytes(70_000), 30_000)):
            await pair.theirs.send_fragmented(message, size)
            await expect(pair.ours, message)
            await pair.theirs.send_fragmented(message, size, pings=True)
            await expect(pair.ours, message)
            await expect_pongs(pair.theirs, message, size)
        # What follows is understood too.
        await exchange(pair, ["short", text(50_000)])


@bounded
async def test_what_we_fragment_arrives_whole(meeting: Meeting) -> None:
    """Whether by fragmentSize, frame by frame with pings between, or in pieces, the peer has one message."""
    async with meeting.open(ours=OurSetup(deflate=True), theirs=Setup(deflate=True)) as pair:
        for message in (text(9000), text(70_000).encode()):
            await pair.ours.send_fragmented(message, 7)
            await expect(pair.theirs, message)
            await pair.ours.send_fragmented(message, 3000, pings=True)
            await expect(pair.theirs, message)
            await expect_pongs(pair.ours, message, 3000)
            await pair.ours.send_in_pieces(message, 3000, 100)
            await expect(pair.theirs, message)
        await expect_compressed(pair.ours, "outgoing")
        await exchange(pair, ["short", text(50_000)])


@spread([1000])
@bounded
async def test_what_is_fragmented_by_itself_arrives_whole(meeting: Meeting, choice: int) -> None:
    """I set autoFragmentSize; it counts what goes, not what I send."""
    ours = OurSetup(deflate=True, auto_fragment_size=choice)
    async with meeting.open(ours=ours, theirs=Setup(deflate=True)) as pair:
        await exchange(pair, [text(900), text(50_000), NOISE.randbytes(10_500)])
        assert (await traffic(pair.ours))["outgoingWebSocketFrames"] == 1 + 1 + 11


@spread([True, Deflate(False, False)])
@bounded
async def test_messages_go_compressed_prepared_and_as_they_are_in_any_order(
    meeting: Meeting, choice: Deflate | bool
) -> None:
    """The peer understood them all, though some refer to others, some stand for themselves and some are plain."""
    async with meeting.open(ours=OurSetup(deflate=choice), theirs=Setup(deflate=choice)) as pair:
        # Few of them, so that they come again, but not always at the same distance.
        messages = [noisy_text(500) for _ in range(3)]
        ways: list[Callable[[Any, str], object]] = [
            lambda protocol, message: protocol.sendMessage(message),
            lambda protocol, message: protocol.sendPreparedMessage(protocol.factory.prepareMessage(message)),
            lambda protocol, message: protocol.sendMessage(message, doNotCompress=True),
        ]
        for number in range(60):
            way, message = NOISE.choice(ways), NOISE.choice(messages)
            await pair.ours.tell(way, message)
            await expect(pair.theirs, message)
            await pair.theirs.send(message)
            await expect(pair.ours, message)
            if number % 7 == 0:
                await pair.ours.tell(lambda protocol: protocol.releaseCompression())


@spread([2000])
@bounded
async def test_many_compressed_messages_at_once_keep_their_order(meeting: Meeting, choice: int) -> None:
    """Some are compressed in another thread, some are not; none was lost or overtaken."""
    messages: list[Message] = [f"{number} {'x' * (number % 30 * 100)}" for number in range(600)]
    ours = OurSetup(deflate=True, policy={"offload_above": choice})
    async with meeting.open(ours=ours, theirs=Setup(deflate=True)) as pair:
        for sender, receiver in ((pair.ours, pair.theirs), (pair.theirs, pair.ours)):
            sending = asyncio.create_task(sender.send_all(messages))
            received = [await receiver.receive() for _ in messages]
            await sending
            in_order = received == messages
            assert in_order
        await expect_compressed(pair.ours)


@spread(["zlib-ng", "isal"])
@bounded
async def test_other_libraries_say_the_same(meeting: Meeting, choice: str) -> None:
    """I chose another implementation of zlib, and nobody at the other end could tell."""
    if find_spec(choice.replace("-", "_")) is None:
        pytest.skip(f"{choice} is not installed")
    ours = OurSetup(deflate=True, policy={"library": choice})
    async with meeting.open(ours=ours, theirs=Setup(deflate=True)) as pair:
        await exchange(pair, [text(size) for size in SIZES])
        await pair.ours.send_in_pieces(text(70_000), 9000, 1000)
        await expect(pair.theirs, text(70_000))
        await expect_compressed(pair.ours)


@pytest.mark.slow
@spread([MIB, 8 * MIB])
@bounded
async def test_big_messages_go_both_ways(meeting: Meeting, choice: int) -> None:
    """As big as they get; also by the calls that are for more than that."""
    # The limits of some also count what goes over the wire, where what does not compress is longer.
    theirs = Setup(deflate=True, max_size=choice + choice // 100)
    async with meeting.open(ours=OurSetup(deflate=True, max_size=choice), theirs=theirs) as pair:
        compressible, noise = text(choice), NOISE.randbytes(choice)
        await exchange(pair, [compressible])
        await pair.ours.send_in_pieces(compressible, choice // 3, choice // 20)
        await expect(pair.theirs, compressible)
        await expect_compressed(pair.ours)
        await exchange(pair, [noise])


@pytest.mark.slow
@spread([8 * MIB], FRAGMENTING)
@bounded
async def test_big_messages_come_in_pieces(meeting: Meeting, choice: int) -> None:
    """I take them by pieces, whatever the peer makes of them."""
    ours = OurSetup(deflate=True, max_size=choice, api="pieces")
    async with meeting.open(ours=ours, theirs=Setup(deflate=True)) as pair:
        for message in (text(choice), NOISE.randbytes(choice)):
            await pair.theirs.send_fragmented(message, choice // 20)
            await expect(pair.ours, message)
