"""Compressed messages between our servers and browsers, which only are clients and compress as they please."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.interop.browsers import BROWSERS, Visitor, missing, visiting
from tests.interop.homes import Home
from tests.interop.ours import OurEnd, OurSetup, OurSide
from tests.interop.sides import Address, Deflate, Message, bounded
from tests.interop.test_compression import MIB, NOISE, SIZES, agreed, expect, expect_compressed, text, traffic

pytestmark = [pytest.mark.interop, pytest.mark.browser]

# As our server has it by itself, and what it can ask for.
AGREEMENTS: list[Deflate | None] = [None, Deflate(True, False), Deflate(False, True, 9), Deflate(False, False, 12, 12)]


@pytest.fixture(scope="session")
def visitors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Visitor]]:
    """What starts browsers, each once, also if that fails."""
    started: dict[str, Visitor | None] = {}
    with ExitStack() as stack:

        def start(name: str) -> Visitor:
            if name not in started:
                started[name] = None
                started[name] = stack.enter_context(visiting(name, Path(tmp_path_factory.mktemp(name))))
            visitor = started[name]
            assert visitor is not None, f"{name} has failed to come before"
            return visitor

        yield start


@pytest.fixture(params=list(BROWSERS))
def visitor(request: pytest.FixtureRequest, visitors: Callable[[str], Visitor]) -> Visitor:
    """A browser that is on our page."""
    reason = missing(request.param)
    if reason is not None:
        pytest.skip(reason)
    return visitors(request.param)


@asynccontextmanager
async def visit(home: Home, visitor: Visitor, setup: OurSetup) -> AsyncIterator[OurEnd]:
    """Our end of a connection that the browser has opened, and that it says is compressed."""
    async with OurSide(home) as side:
        listener = await side.listen(Address(), setup)
        await visitor.visit(listener.address.url)
        end = await listener.accept()
        assert isinstance(end, OurEnd), "it is ours"
        # `socket.extensions`: Chromium says it with the parameters, Firefox without.
        said = await end.receive()
        assert said in (str(await agreed(end)), "permessage-deflate")
        yield end


async def echo(end: OurEnd, messages: list[Message]) -> None:
    """Each message goes to the browser and comes back."""
    for message in messages:
        await end.send(message)
        await expect(end, message)


@pytest.mark.parametrize("wanted", AGREEMENTS, ids=str)
@bounded
async def test_a_browser_and_a_server_compress_for_each_other(
    home: Home, visitor: Visitor, wanted: Deflate | None
) -> None:
    """Text and binary of any size, with and without context takeover: the browser does what my server asks for."""
    setup = OurSetup(deflate=wanted or True, max_size=MIB, policy={"threshold": 0})
    async with visit(home, visitor, setup) as end:
        extension = await agreed(end)
        assert extension is not None
        asked = wanted or Deflate()
        taken_over = [not extension.server_no_context_takeover, not extension.client_no_context_takeover]
        assert taken_over == [asked.server_takeover, asked.client_takeover]
        assert await second_is_shorter(end) == taken_over
        await echo(end, [kind for size in (*SIZES, MIB) for kind in (text(size), text(size).encode())])
        await expect_compressed(end)
        await echo(end, [NOISE.randbytes(size) for size in SIZES])


async def second_is_shorter(end: OurEnd) -> list[bool]:
    """For what goes out and for what comes in: whether noise compresses when it comes again."""
    noise = NOISE.randbytes(200)
    lengths = []
    for _ in range(2):
        before = await traffic(end)
        await echo(end, [noise])
        after = await traffic(end)
        names = ("outgoingOctetsWebSocketLevel", "incomingOctetsWebSocketLevel")
        lengths.append([after[name] - before[name] for name in names])
    return [second < first / 2 for first, second in zip(*lengths, strict=True)]


@pytest.mark.slow
@bounded
async def test_a_browser_gets_and_sends_eight_mebibytes(home: Home, visitor: Visitor) -> None:
    """By messages, in fragments, and by the calls that are for more than that; noise too."""
    size = 8 * MIB
    async with visit(home, visitor, OurSetup(deflate=True, max_size=size)) as end:
        compressible = text(size)
        await echo(end, [compressible, NOISE.randbytes(size)])
        await end.send_fragmented(compressible, 1000)
        await expect(end, compressible)
        await end.send_in_pieces(compressible, size // 3, size // 20)
        await expect(end, compressible)


@bounded
async def test_a_browser_sends_to_callbacks_by_pieces(home: Home, visitor: Visitor) -> None:
    """Many messages at once are in order, and pings between fragments are answered."""
    messages: list[Message] = [f"{number} {'x' * (number % 300)}" for number in range(1000)]
    async with visit(home, visitor, OurSetup(deflate=True, api="pieces")) as end:
        sending = asyncio.create_task(end.send_all(messages))
        echoes = [await end.receive() for _ in messages]
        await sending
        in_order = echoes == messages
        assert in_order
        await end.send_fragmented(text(10_000), 3000, pings=True)
        await expect(end, text(10_000))
        assert [await end.pong() for _ in range(4)] == [b"0", b"1", b"2", b"3"]
