"""`VirtualTimeLoop`: what `settle` runs, and where it stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from wsframework.asyncio.testing import VirtualTimeLoop


@pytest.fixture
def loop() -> Iterator[VirtualTimeLoop]:
    loop = VirtualTimeLoop()
    yield loop
    loop.close()


Way = Callable[[VirtualTimeLoop, Callable[[], None]], object]
WAYS: dict[str, Way] = {
    "soon": lambda loop, work: loop.call_soon(work),
    "from a thread": lambda loop, work: loop.call_soon_threadsafe(work),
    "at once": lambda loop, work: loop.call_later(0, work),
    "now": lambda loop, work: loop.call_at(loop.time(), work),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("rounds", [1, 2, 8])
def test_settle_runs_what_follows_for_so_many_rounds(loop: VirtualTimeLoop, rounds: int, way: Way) -> None:
    """However it was asked for, and no further: what asks for itself again does not keep my test from going on."""
    calls: list[float] = []

    def work() -> None:
        calls.append(loop.time())
        way(loop, work)

    way(loop, work)
    loop.settle(rounds)
    assert calls == [0.0] * rounds


def test_settle_leaves_alone_what_is_not_due(loop: VirtualTimeLoop) -> None:
    """A timer of mine waits for `advance`, also one that was set by what `settle` ran."""
    calls: list[float] = []
    loop.call_soon(lambda: loop.call_later(2, lambda: calls.append(loop.time())))
    loop.settle()
    assert calls == []
    loop.advance(1.5)
    assert calls == []
    loop.advance(1.5)
    assert calls == [2.0]
