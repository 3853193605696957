"""One of our backends and another implementation, connected, in either role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.interop.homes import Home
from tests.interop.ours import OurEnd, OurSide
from tests.interop.sides import Address, End, Message, Setup, Side

__all__ = ["Meeting", "Pair", "exchange"]


@dataclass
class Pair:
    """Our end and theirs of one connection, and the side that they are on."""

    ours: OurEnd
    theirs: End
    peer: Side


@dataclass
class Meeting:
    """Who meets whom, and which of the two listens."""

    home: Home
    peer: Callable[[], Side]
    we_listen: bool

    @property
    def peer_writes_ipv6_hosts(self) -> bool:
        """False where the peer breaks RFC 3986 section 3.2.2."""
        return getattr(self.peer, "writes_ipv6_hosts", True)

    @asynccontextmanager
    async def open(
        self,
        address: Address = Address(),  # noqa: B008  # frozen
        ours: Setup = Setup(),  # noqa: B008
        theirs: Setup = Setup(),  # noqa: B008
    ) -> AsyncIterator[Pair]:
        """An open connection between the two."""
        async with self.peer() as peer, OurSide(self.home) as our_side:
            if self.we_listen:
                listener = await our_side.listen(address, ours)
                their_end = await peer.connect(listener.address, theirs)
                our_end = await listener.accept()
            else:
                listener = await peer.listen(address, theirs)
                our_end = await our_side.connect(listener.address, ours)
                their_end = await listener.accept()
            assert isinstance(our_end, OurEnd), "it is ours"
            yield Pair(our_end, their_end, peer)


async def exchange(pair: Pair, messages: list[Message]) -> None:
    """Each message goes to the peer and comes back."""
    for message in messages:
        await pair.ours.send(message)
        there = await pair.theirs.receive()
        # Compared outside of the assertion: pytest would explain how 200 kB differ.
        same = there == message
        assert same
        await pair.theirs.send(there)
        same = await pair.ours.receive() == message
        assert same
