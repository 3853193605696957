"""What was measured, and the arithmetic on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers import PEERS, RAW_OF

__all__ = ["PERCENTILES", "Report", "Result", "Sample", "median_of_each"]

PERCENTILES = ("p50", "p99", "p99.9")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: the figure, and latencies in microseconds by percentile, if there are any.

    `busy` is for which part of the time what was measured was on a core; 0 when that means nothing.
    """

    figure: float
    busy: float = 0.0
    latency: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(slots=True)
class Result:
    """All runs of one peer in one scenario. `failure` says why there are no more."""

    scenario: str
    peer: str
    unit: str
    figures: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    latencies: list[dict[str, float]] = field(default_factory=list)
    note: str = ""
    failure: str = ""

    def add(self, sample: Sample) -> None:
        """One more run."""
        self.figures.append(sample.figure)
        self.busy.append(sample.busy)
        if sample.latency:
            self.latencies.append(dict(sample.latency))
        self.note = sample.note or self.note

    def runs(self, by_cpu: bool = False) -> list[float]:
        """The figures; `by_cpu`: for each second on a core instead of each second, where that is known.

        A run that never got onto a core then says nothing, and is left out.
        """
        if not by_cpu or not any(self.busy):
            return self.figures
        return [figure / busy for figure, busy in zip(self.figures, self.busy, strict=True) if busy]

    def median(self, by_cpu: bool = False) -> float | None:
        """That of the runs; None when there are none, or when one failed."""
        return median(self.runs(by_cpu)) if self.figures and not self.failure else None

    def spread(self, by_cpu: bool = False) -> float | None:
        """How far the runs are apart: largest minus smallest, as a part of the median."""
        middle = self.median(by_cpu)
        if not middle:
            return None
        runs = self.runs(by_cpu)
        return (max(runs) - min(runs)) / middle

    @property
    def latency(self) -> dict[str, float]:
        """The medians of each percentile."""
        return median_of_each(self.latencies)


def median_of_each(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """For each key that all rows have, the median of its values."""
    if not rows:
        return {}
    return {key: median(row[key] for row in rows) for key in rows[0] if all(key in row for row in rows)}


@dataclass(slots=True)
class Report:
    """A whole run: where, how, what.

    `by_cpu`: whether speeds are for each second on a core. On a machine where other work runs, that is what can be
    compared; on a quiet one it makes no difference where the core is the limit.
    """

    environment: dict[str, Any]
    settings: dict[str, Any]
    results: list[Result] = field(default_factory=list)
    by_cpu: bool = False

    def find(self, scenario: str, peer: str) -> Result | None:
        """That of one peer in one scenario."""
        return next((each for each in self.results if (each.scenario, each.peer) == (scenario, peer)), None)

    def figure(self, scenario: str, peer: str) -> float | None:
        """Its median, if it has one."""
        result = self.find(scenario, peer)
        return None if result is None else result.median(self.by_cpu)

    def ratio(self, scenario: str, peer: str, reference: str) -> float | None:
        """The figure of one as a multiple of another's; None unless both were measured."""
        ours, theirs = self.figure(scenario, peer), self.figure(scenario, reference)
        return None if ours is None or not theirs else ours / theirs

    def ratio_to_raw(self, result: Result) -> float | None:
        """To the protocol without WebSocket on the same loop."""
        loop = next((peer.loop for peer in PEERS if peer.name == result.peer), None)
        raw = RAW_OF.get(loop) if loop else None
        return None if raw is None else self.ratio(result.scenario, result.peer, raw)

    def scenarios(self) -> list[str]:
        """Their names, in the order in which they were measured."""
        return list(dict.fromkeys(result.scenario for result in self.results))

    def of(self, scenario: str) -> list[Result]:
        """Those of one scenario."""
        return [result for result in self.results if result.scenario == scenario]

    def write(self, path: Path, targets: Iterable[Mapping[str, Any]]) -> None:
        """As JSON, with what can be worked out from it worked out."""
        results = [
            asdict(result)
            | {
                "median": result.median(),
                "median_by_cpu": result.median(by_cpu=True),
                "latency_us": result.latency,
                "ratio_to_raw": self.ratio_to_raw(result),
            }
            for result in self.results
        ]
        document = {
            "environment": self.environment,
            "by_cpu": self.by_cpu,
            "settings": self.settings,
            "targets": list(targets),
            "results": results,
        }
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Report:
        """What `write` wrote. `ValueError` if it is something else."""
        try:
            document = json.loads(path.read_text())
            names = Result.__slots__
            results = [Result(**{name: row[name] for name in names}) for row in document["results"]]
            return cls(document["environment"], document["settings"], results)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} was not written by a run of these benchmarks: {error!r}") from error
