"""Many times in little memory: counted in buckets that are a 64th of their octave wide, about 1.1 % of the value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import frexp
from typing import Final

__all__ = ["BLOCKS", "Bar", "Latencies", "drawn", "duration"]

_PARTS: Final = 64
_STEPS: Final = (1, 2, 5)
BLOCKS: Final = " ▏▎▍▌▋▊▉█"
"""Eighths of a column."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How many were from `low` to below `high` seconds."""

    low: float
    high: float
    count: int


class Latencies:
    """Counts seconds."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.shortest = 0.0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        mantissa, exponent = frexp(seconds)
        bucket = exponent * _PARTS + int((mantissa - 0.5) * 2 * _PARTS)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        if not self.count or seconds < self.shortest:
            self.shortest = seconds
        if seconds > self.longest:
            self.longest = seconds
        self.count += 1
        self.total += seconds

    @property
    def mean(self) -> float:
        """0 without any."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """What so many percent were not above, within a bucket's width; 0 without any."""
        wanted = percent / 100 * self.count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_middle(bucket), self.longest)
        return self.longest

    def bars(self) -> list[Bar]:
        """Sums over the steps 1, 2, 5, 10 and so on, from the shortest to the longest; together they are all."""
        if not self.count:
            return []
        edges = _edges(self.shortest, self.longest)
        counts = [0] * (len(edges) - 1)
        place = 0
        for bucket in sorted(self._buckets):
            while place < len(counts) - 1 and _middle(bucket) >= edges[place + 1]:
                place += 1
            counts[place] += self._buckets[bucket]
        return [Bar(low, high, count) for low, high, count in zip(edges, edges[1:], counts, strict=False)]


def _middle(bucket: int) -> float:
    exponent, part = divmod(bucket, _PARTS)
    return float((0.5 + (part + 0.5) / (2 * _PARTS)) * 2.0**exponent)


def _edges(low: float, high: float) -> list[float]:
    power = -9
    edges = [0.0]
    while True:
        for step in _STEPS:
            edge = step * 10.0**power
            if edge <= low:
                edges = [edge]
            else:
                edges.append(edge)
                if edge > high:
                    return edges
        power += 1


def duration(seconds: float) -> str:
    """A time with its unit and three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds / size < 1000 else f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def drawn(bars: Iterable[Bar], columns: int, *, blocks: bool) -> list[str]:
    """A line for each bar, in so many columns; `blocks` False where the terminal has ASCII alone."""
    rows = [(f"{_edge(bar.low)} - {_edge(bar.high)}", f"{bar.count:,}", bar.count) for bar in bars]
    if not rows:
        return []
    left, right = (max(len(row[index]) for row in rows) for index in (0, 1))  # type: ignore[arg-type]
    width = max(columns - left - right - 6, 4)
    most = max(row[2] for row in rows)
    lines = []
    for label, number, count in rows:
        eighths = -(-8 * width * count // most)
        if blocks:
            bar = BLOCKS[8] * (eighths // 8) + (BLOCKS[eighths % 8] if eighths % 8 else "")
        else:
            bar = "#" * -(-eighths // 8)
        lines.append(f"  {label:>{left}}  {bar:<{width}}  {number:>{right}}".rstrip())
    return lines


def _edge(seconds: float) -> str:
    return "0" if not seconds else duration(seconds)
