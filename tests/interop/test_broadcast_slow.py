"""A broadcast to thousands of connections of which some never read: the others get every message, memory is bounded.

2,000 connections unless the environment variable WSFRAMEWORK_CONNECTIONS says otherwise, on each backend once: what
else the policies say is about the few that do not read, and seen with a quarter of the others.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from tests.interop.broadcast_process import KEYS, MAX_OCTETS, SIZE
from tests.interop.processes import Program, file_limit, running

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

WANTED = int(os.environ.get("WSFRAMEWORK_CONNECTIONS", "2000"))
DEAF = 20
MESSAGES = 60
MIB = 1 << 20
HIGH_WATER_MARK = 65536
# For each that does not read: what its transport keeps, one message more, and what may wait in the group. All of them
# wait for the same objects, but that is not promised.
BOUND = DEAF * (HIGH_WATER_MARK + SIZE + MAX_OCTETS)
# What the allocator keeps, and what lies with the transports of the others at some moment.
SLACK = 24 * MIB
PATIENCE = 20.0


class Show:
    """The server, the clients, and what was seen of them."""

    def __init__(self, server: Program, audience: Program) -> None:
        self.server = server
        self.audience = audience
        self.seconds: list[float] = []
        self.taken: list[int] = []
        self.memory = 0

    def publish(self) -> int:
        """One message; how many of those that listen have had all messages up to it."""
        self.server.tell("publish")
        report = self.server.report()
        self.seconds.append(report["seconds"])
        self.taken.append(report["taken"])
        self.audience.tell(f"expect {report['number']}")
        complete: int = self.audience.report()["complete"]
        self.memory = max(self.memory, self.server.memory())
        return complete

    def counts(self) -> dict[str, int]:
        """What has become of the messages."""
        self.server.tell("counts")
        return self.server.report()

    def counts_when(self, wanted: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        """The same as soon as they are as `wanted`, or when it has been waited for that long enough."""
        deadline = time.monotonic() + PATIENCE
        while not wanted(counts := self.counts()) and time.monotonic() < deadline:
            pass
        return counts

    def let_the_deaf_listen(self) -> None:
        """Until nothing waits for them."""
        self.audience.tell("listen")
        self.audience.report()
        self.counts_when(lambda counts: not counts["waiting"])

    def heard(self, number: int) -> list[dict[str, Any]]:
        """What the deaf have had in the end."""
        self.audience.tell(f"heard {number}")
        heard: list[dict[str, Any]] = self.audience.report()["heard"]
        return heard


def what_the_policy_says(policy: str, heard: dict[str, Any], queue: int) -> bool:
    """Whether one that was deaf, and then listened, has had what it should have."""
    numbers = heard["numbers"]
    if policy == "disconnect":
        return numbers == list(range(len(numbers))) and len(numbers) < MESSAGES and heard["ended"]
    *before, last = numbers
    assert not heard["ended"]
    assert last == MESSAGES
    # What went out before it stopped reading is the beginning of it all; then comes what had waited.
    if policy == "drop newest":
        return bool(before == list(range(len(before))))
    waited = queue if policy == "drop oldest" else KEYS
    return bool(
        sorted(before[-waited:]) == list(range(MESSAGES - waited, MESSAGES))
        and before[:-waited] == list(range(len(before) - waited))
    )


POLICIES = ["disconnect", "drop newest", "drop oldest", "latest per key"]


@pytest.mark.parametrize(
    ("backend", "policy"),
    # The policies are the same code on all of them, which tests/backends goes through in memory.
    [
        *(("asyncio", policy) for policy in POLICIES),
        ("twisted", "disconnect"),
        ("twisted", "drop oldest"),
        ("uvloop", "disconnect"),
    ],
)
def test_a_broadcast_of_which_some_receivers_never_read(
    backend: str, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others get every message at once; memory stays within the bound; the deaf get what the policy says."""
    if backend == "uvloop" and find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    count = min(WANTED if policy == POLICIES[0] else WANTED // 4, file_limit() - 200)
    with running("broadcast_process", backend, policy) as server:
        port = server.report()["port"]
        with running("audience", str(port), str(count), str(DEAF)) as audience:
            assert audience.report()["open"] == count
            show = Show(server, audience)
            assert show.publish() == count - DEAF
            before = server.memory()
            show.memory = 0
            assert [show.publish() for _ in range(MESSAGES - 1)] == [count - DEAF] * (MESSAGES - 1)
            counts = show.counts()
            show.let_the_deaf_listen()
            assert show.publish() == count - DEAF
            heard = show.heard(MESSAGES)
            gone = DEAF if policy == "disconnect" else 0
            end = show.counts_when(lambda counts: counts["receivers"] == count - gone)
    growth = show.memory - before
    first, last = (sum(part) / len(part) for part in (show.seconds[1:6], show.seconds[-21:-1]))
    with capsys.disabled():
        print(
            f"\n{backend}, {policy}: {count} connections, {1e3 * first:.1f} ms of processor time for a message while "
            f"all took it, {1e3 * last:.1f} while {count - show.taken[-2]} did not, memory grew by "
            f"{growth / MIB:.1f} MiB (bound {BOUND / MIB:.1f}), {counts}"
        )
    assert show.taken[-2] == count - DEAF
    assert growth < BOUND + SLACK
    assert all(what_the_policy_says(policy, story, MAX_OCTETS // SIZE) for story in heard)
    assert (end["disconnected"], end["receivers"]) == (gone, count - gone)
    assert (end["dropped"] > 0, end["waiting"]) == (True, 0)
