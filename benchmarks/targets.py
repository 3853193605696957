"""What this project wants to reach: each target is a ratio to a peer in the same run, or a figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.results import Report

__all__ = ["TARGETS", "Target", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Target:
    """`ours` in `scenario` is at least `least` times `reference`, or it is at most `most` in the scenario's unit.

    Without either it is only looked at.
    """

    figure: str
    scenario: str
    ours: str
    reference: str = ""
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, what was measured (a ratio, or a figure), and whether that is enough; None for both if unknown."""

    target: Target
    measured: float | None
    met: bool | None

    def row(self) -> dict[str, Any]:
        """For JSON."""
        target = self.target
        return {
            "figure": target.figure,
            "scenario": target.scenario,
            "ours": target.ours,
            "reference": target.reference or None,
            "at_least": target.least,
            "at_most": target.most,
            "measured": self.measured,
            "met": self.met,
        }


ASYNCIO, UVLOOP, TWISTED = "wsframework-asyncio", "wsframework-uvloop", "wsframework-twisted"
DEFLATES = ("deflate-32x1-1k", "deflate-32x1-16k")
CLIENTS = ("client-256", "client-8k", "client-100k")


def _all(figure: str, scenario: str, ours: str, **least: float) -> Iterator[Target]:
    for reference, ratio in least.items():
        yield Target(figure, scenario, ours, reference.replace("_", "-"), ratio)


def _targets() -> Iterator[Target]:
    yield from _all("asyncio, 32 x 1, 128 B", "echo-32x1-128", ASYNCIO, raw_asyncio=0.95, picows_asyncio=1)
    yield from _all(
        "asyncio, 32 x 32, 128 B",
        "echo-32x32-128",
        ASYNCIO,
        picows_asyncio=10,
        aiohttp=10,
        websockets=10,
        raw_asyncio=0.4,
    )
    yield from _all("asyncio, 32 x 1, 16 KiB", "echo-32x1-16k", ASYNCIO, raw_asyncio=0.9, picows_asyncio=1)
    yield from _all("asyncio, 8 x 1, 1 MiB binary", "echo-8x1-1m", ASYNCIO, raw_asyncio=0.85, picows_asyncio=1)
    # 0.35 of raw is what uWebSockets reaches.
    yield from _all("asyncio, 8 x 1, 1 MiB text", "unicode-8x1-1m", ASYNCIO, aiohttp=3, websockets=3, raw_asyncio=0.35)
    yield from _all("Twisted, 32 x 1, 128 B", "echo-32x1-128", TWISTED, raw_twisted=1.5, autobahn_twisted=3.5)
    yield from _all("Twisted, 32 x 32, 128 B", "echo-32x32-128", TWISTED, autobahn_twisted=20)
    yield from _all("Twisted, 32 x 1, 16 KiB", "echo-32x1-16k", TWISTED, raw_twisted=1)
    yield from _all("Twisted, 8 x 1, 1 MiB binary", "echo-8x1-1m", TWISTED, raw_twisted=0.9)
    for scenario in DEFLATES:
        yield from _all("asyncio, deflate", scenario, ASYNCIO, aiohttp=1, autobahn_asyncio=2)
        yield from _all("Twisted, deflate", scenario, TWISTED, autobahn_twisted=2)
    yield from _all("asyncio, open-echo-close", "cycles", ASYNCIO, aiohttp=1, autobahn_asyncio=2.5)
    yield Target("asyncio, picows in sight", "cycles", ASYNCIO, "picows-asyncio")
    yield from _all("Twisted, open-echo-close", "cycles", TWISTED, autobahn_twisted=2.5)
    for scenario in ("broadcast-500", "broadcast-5000"):
        yield from _all("asyncio, prepared broadcast", scenario, ASYNCIO, raw_asyncio=0.95)
        yield from _all("Twisted, prepared broadcast", scenario, TWISTED, raw_twisted=0.95)
    for ours in (ASYNCIO, TWISTED):
        yield Target("idle connection, KiB", "memory", ours, most=4)
        yield Target("the same with deflate, KiB", "memory-deflate", ours, most=5)
    for scenario in CLIENTS:
        yield from _all("client on asyncio", scenario, ASYNCIO, picows_asyncio=1)
        yield from _all("client on uvloop", scenario, UVLOOP, picows_uvloop=1)
    yield from _all("pure Python, 32 x 1, 128 B", "echo-32x1-128", "wsframework-pure-asyncio", autobahn_asyncio=2)
    yield from _all("pure Python, 32 x 1, 128 B", "echo-32x1-128", "wsframework-pure-twisted", autobahn_twisted=2)


TARGETS: tuple[Target, ...] = tuple(_targets())


def judge(report: Report) -> list[Verdict]:
    """All targets, in the order of the table."""
    return [_judge_one(report, target) for target in TARGETS]


def _judge_one(report: Report, target: Target) -> Verdict:
    if target.reference:
        measured = report.ratio(target.scenario, target.ours, target.reference)
    else:
        measured = report.figure(target.scenario, target.ours)
    if measured is None:
        return Verdict(target, None, None)
    if target.least is not None:
        return Verdict(target, measured, measured >= target.least)
    return Verdict(target, measured, None if target.most is None else measured <= target.most)
