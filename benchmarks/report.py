"""Tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.results import PERCENTILES, Report, Result
from benchmarks.scenarios import SCENARIOS
from benchmarks.targets import Verdict

__all__ = ["SENTENCES", "number", "show_environment", "show_scenario", "show_targets", "speed_unit"]

SENTENCES = {scenario.name: scenario.sentence for scenario in SCENARIOS}


def show_environment(report: Report) -> str:
    """Where it ran."""
    facts = report.environment
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return "\n".join(
        [
            f"{facts['cpu']}, {facts['cores']} cores ({facts['pinning']}), load {facts['load_average']:.2f}",
            f"{facts['system']}, {facts['python']}, codec of wsframework: {facts['codec']}",
            versions,
        ]
    )


def show_scenario(report: Report, scenario: str) -> str:
    """A table: one row for each peer, medians, with the ratio to the raw protocol on the same loop."""
    results = report.of(scenario)
    has_latency = any(result.latencies for result in results)
    heads = [
        "",
        speed_unit(report, scenario),
        "x raw",
        "spread",
        "busy",
        *(f"{name} us" for name in PERCENTILES if has_latency),
    ]
    rows = [_row(report, result, has_latency) for result in results]
    notes = [f"  {result.peer}: {result.note}" for result in results if result.note and not result.failure]
    title = f"{scenario}: {SENTENCES.get(scenario, '')}"
    return "\n".join([title, *_aligned([heads, *rows]), *notes])


def speed_unit(report: Report, scenario: str) -> str:
    """What the figures of a scenario are in."""
    unit = report.of(scenario)[0].unit
    return unit.replace("/s", "/CPU s") if report.by_cpu else unit


def _row(report: Report, result: Result, has_latency: bool) -> list[str]:
    figure, spread = result.median(report.by_cpu), result.spread(report.by_cpu)
    if figure is None:
        return [result.peer, f"failed: {result.failure}"]
    ratio, busy = report.ratio_to_raw(result), median(result.busy)
    cells = [
        result.peer,
        number(figure),
        "" if ratio is None else f"{ratio:.2f}",
        "" if spread is None else f"{spread:.0%}",
        f"{busy:.0%}" if busy else "",
    ]
    if has_latency:
        cells += [number(result.latency[name]) if name in result.latency else "" for name in PERCENTILES]
    return cells


def number(value: float) -> str:
    """Three digits or more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def show_targets(verdicts: Sequence[Verdict]) -> str:
    """A table: each target of which both sides were measured."""
    words = {True: "met", False: "MISSED", None: ""}
    rows = [["target", "scenario", "ours", "reference", "wanted", "measured", ""]]
    measured_ones = [verdict for verdict in verdicts if verdict.measured is not None]
    if not measured_ones:
        return "no target was measured"
    for verdict in measured_ones:
        target = verdict.target
        wanted = f">= {target.least:g} x" if target.least is not None else ""
        if target.most is not None:
            wanted = f"<= {target.most:g}"
        names = [target.figure, target.scenario, target.ours.removeprefix("wsframework-"), target.reference]
        rows.append([*names, wanted, f"{verdict.measured:.2f}", words[verdict.met]])
    known = [verdict for verdict in verdicts if verdict.met is not None]
    total = f"{sum(verdict.met is True for verdict in known)} of {len(known)} targets are met"
    if len(measured_ones) < len(verdicts):
        total += f"; {len(verdicts) - len(measured_ones)} were not measured"
    return "\n".join([*_aligned(rows, left=4), total])


def _aligned(rows: Sequence[Sequence[str]], left: int = 1) -> Iterator[str]:
    """The first `left` columns begin, the others end below each other. A short row's last cell takes what it needs."""
    width = max(map(len, rows))
    full = [row for row in rows if len(row) == width]
    sizes = [max(len(row[column]) for row in full) for column in range(width)]
    sizes[0] = max(len(row[0]) for row in rows)
    for row in rows:
        if len(row) < width:
            yield "  " + "  ".join([row[0].ljust(sizes[0]), *row[1:]])
            continue
        cells = [
            cell.ljust(size) if column < left else cell.rjust(size)
            for column, (cell, size) in enumerate(zip(row, sizes, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()
