"""How latencies are counted and drawn."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from wsframework.cli.latencies import Latencies, drawn, duration

SECONDS = st.lists(st.floats(min_value=1e-7, max_value=100.0), min_size=1, max_size=200)


def counted(seconds: list[float]) -> Latencies:
    latencies = Latencies()
    for each in seconds:
        latencies.add(each)
    return latencies


@given(SECONDS, st.sampled_from([1.0, 50.0, 90.0, 99.0, 99.9, 100.0]))
def test_percentiles_are_right_within_a_buckets_width(seconds: list[float], percent: float) -> None:
    """The p99 is what 99 of a hundred were not above, give or take 1.6 %."""
    exact = sorted(seconds)[max(ceil(percent / 100 * len(seconds) - 1e-9), 1) - 1]
    assert abs(counted(seconds).percentile(percent) - exact) <= exact / 64


@given(SECONDS)
def test_bars_hold_everything_once(seconds: list[float]) -> None:
    """The histogram adds up, its bars touch each other, and the ends are in it."""
    bars = counted(seconds).bars()
    assert sum(bar.count for bar in bars) == len(seconds)
    assert all(bar.high == after.low for bar, after in pairwise(bars))
    assert bars[0].low <= min(seconds)
    assert max(seconds) < bars[-1].high


@given(SECONDS, st.integers(30, 200), st.booleans())
def test_lines_fit_and_something_is_seen_of_everything(seconds: list[float], columns: int, blocks: bool) -> None:
    """No line is longer than the terminal is wide; a bar that is not empty is not invisible."""
    bars = counted(seconds).bars()
    lines = drawn(bars, max(columns, 50), blocks=blocks)
    assert len(lines) == len(bars)
    for bar, line in zip(bars, lines, strict=True):
        assert len(line) <= max(columns, 50)
        assert any(block in line for block in ("#▏▎▍▌▋▊▉█" if blocks else "#")) is bool(bar.count)
        assert f"{bar.count:,}" in line


def test_nothing_is_nothing() -> None:
    """No message came back in time."""
    latencies = Latencies()
    assert (latencies.count, latencies.mean, latencies.percentile(50), latencies.bars()) == (0, 0.0, 0.0, [])
    assert drawn([], 80, blocks=True) == []


def test_times_have_their_unit() -> None:
    """For people."""
    found = [duration(seconds) for seconds in (1e-6, 123e-6, 0.001, 0.01234, 1.0, 1234.5)]
    assert found == ["1 µs", "123 µs", "1 ms", "12.3 ms", "1 s", "1234 s"]
