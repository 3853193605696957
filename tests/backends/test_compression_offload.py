"""Large messages that are compressed in another thread: in order with everything else, and to the end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.compressed import JSON, NOISE, ROLES, Pair, compressed, end_of, other, with_policy
from tests.backends.programs import Backend
from wsframework.websocket import Broadcast
from wsframework.websocket.compress import DeflatePolicy

LARGE_TEXT = JSON * 100
POLICIES = pytest.mark.parametrize("preset", [DeflatePolicy.small, DeflatePolicy.medium], ids=["small", "medium"])


def offloading(backend: Backend, preset: Any = DeflatePolicy.medium, **options: Any) -> Pair:
    """Both ends have messages of 10,000 octets or more compressed in another thread."""
    return with_policy(backend, preset(offload_above=10_000), **options)


@POLICIES
@pytest.mark.parametrize("role", ROLES)
def test_all_ways_to_send_keep_their_order(backend: Backend, preset: Any, role: str) -> None:
    """Small ones do not overtake large ones, whatever they are sent by."""
    ends = offloading(backend, preset)
    end = end_of(ends, role)
    group: Any = Broadcast()
    group.add(end)
    prepared = end.factory.prepareMessage(f"prepared {LARGE_TEXT}")
    for number in range(3):
        end.sendMessage(f"{number} {LARGE_TEXT}")
        end.sendMessage(f"{number} small")
        end.sendMessage(f"{number} {JSON}")
        end.sendMessage(NOISE * 20, isBinary=True)
        end.sendPreparedMessage(prepared)
        end.sendMessage(f"{number} {LARGE_TEXT}", doNotCompress=True)
        end.sendMessage(f"{number} {LARGE_TEXT}", fragmentSize=1000)
        assert group.send(f"{number} for all") == 1
        if number == 1:
            end.beginMessage()
            end.sendMessageFrame(LARGE_TEXT.encode())
            end.endMessage()
    expected: list[Any] = []
    for number in range(3):
        large = f"{number} {LARGE_TEXT}"
        expected += [large, f"{number} small", f"{number} {JSON}", NOISE * 20, f"prepared {LARGE_TEXT}", large, large]
        expected += [f"{number} for all"] + ([LARGE_TEXT] if number == 1 else [])
    ends.exchange(piece=10_000)
    assert ends.messages(other(role)) == expected


def test_the_loop_goes_on_meanwhile(backend: Backend) -> None:
    """What is being compressed counts as buffered; `sync` waits for it."""
    ends = offloading(backend)
    for sync in (False, True):
        ends.one.sendMessage(LARGE_TEXT, sync=sync)
        assert bool(ends.server.sent) is sync
        assert ends.one.bufferedAmount == (0 if sync else len(LARGE_TEXT))
        ends.exchange()
        assert ends.one.bufferedAmount == 0
    assert compressed(ends.frames("server")) == [True, True]
    assert ends.messages("client") == [LARGE_TEXT] * 2


def test_a_close_comes_behind_it(backend: Backend) -> None:
    """Nothing that I sent before is lost."""
    ends = offloading(backend)
    for _ in range(3):
        ends.one.sendMessage(LARGE_TEXT)
    ends.one.sendClose(1000)
    ends.exchange()
    assert ends.other.events[2:] == [LARGE_TEXT] * 3 + [("close", True, 1000)]
    assert backend.pending_timers() == 0


@pytest.mark.parametrize("how", ["cut", "drop"])
def test_the_end_meanwhile(backend: Backend, how: str, errors: list[BaseException]) -> None:
    """The thread's result comes too late, and nobody minds."""
    ends = offloading(backend)
    for _ in range(3):
        ends.one.sendMessage(LARGE_TEXT)
    if how == "cut":
        ends.server.cut()
    else:
        ends.one.dropConnection(abort=True)
    ends.exchange()
    backend.advance(1)
    assert ends.messages("client") == []
    assert errors == []
    assert ends.one.events[-1:] == [("close", False, 1006)]


@POLICIES
def test_giving_contexts_back_meanwhile(backend: Backend, preset: Any) -> None:
    """That has to wait for another time."""
    ends = offloading(backend, preset)
    for _ in range(3):
        ends.one.sendMessage(LARGE_TEXT)
        ends.one.releaseCompression()
        ends.one.sendMessage(JSON)
        ends.exchange()
        ends.one.releaseCompression()
        assert not ends.one._connection.has_contexts
    assert ends.messages("client") == [LARGE_TEXT, JSON] * 3


def test_what_is_too_much_to_wait_goes_at_once(backend: Backend) -> None:
    """maxSendBuffer bounds what is in line, and loses nothing while the peer reads."""
    ends = offloading(backend, maxSendBuffer=3 * len(LARGE_TEXT))
    for number in range(10):
        ends.one.sendMessage(f"{number} {LARGE_TEXT}")
        assert ends.one.bufferedAmount <= 3 * len(LARGE_TEXT)
    assert ends.messages("client") == [f"{number} {LARGE_TEXT}" for number in range(10)]
