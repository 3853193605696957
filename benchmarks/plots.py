"""Pictures for the documentation: a bar chart for each scenario."""

# The checks run where matplotlib is not installed, too.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from benchmarks.report import SENTENCES, number, speed_unit
from benchmarks.results import Report

__all__ = ["draw"]

OURS, RAW, OTHERS = "#2f6fde", "#9aa0a6", "#e0a030"


def draw(report: Report, folder: Path, only: Collection[str] | None = None) -> list[Path]:
    """Write an SVG for each scenario (of those in `only`) into the folder, which is made; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    scenarios = [name for name in report.scenarios() if only is None or name in only]
    return [_draw_one(report, scenario, folder / f"{scenario}.svg") for scenario in scenarios]


def _draw_one(report: Report, scenario: str, path: Path) -> Path:
    # Slow to import, and only needed here.
    import matplotlib

    matplotlib.use("svg")
    # The same input gives the same file.
    matplotlib.rcParams["svg.hashsalt"] = "wsframework"
    # Text stays text: smaller, and it can be searched.
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    found = [(result.peer, report.figure(scenario, result.peer)) for result in report.of(scenario)]
    bars = [(name, value) for name, value in found if value is not None]
    figure, axes = pyplot.subplots(figsize=(7, 0.8 + 0.3 * len(bars)))
    names = [name for name, _ in bars]
    drawn = axes.barh(names, [value for _, value in bars], color=[_colour(name) for name in names])
    axes.bar_label(drawn, [number(value) for _, value in bars], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title(SENTENCES.get(scenario, scenario), fontsize=10)
    axes.set_xlabel(speed_unit(report, scenario))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    return path


def _colour(peer: str) -> str:
    if peer.startswith("wsframework"):
        return OURS
    return RAW if peer.startswith("raw") else OTHERS
