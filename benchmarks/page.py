"""The page of the documentation with the figures: tables from a run, and a few pictures beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers import PEERS
from benchmarks.results import PERCENTILES, Report
from benchmarks.targets import Verdict

__all__ = ["BEGIN", "END", "PAGE", "PICTURES", "update_page"]

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "performance.md"
PICTURES: Final = ("echo-32x1-128", "echo-32x32-128", "echo-32x1-16k", "unicode-8x1-1m", "broadcast-500", "memory")
"""The scenarios that are drawn for the page, into the folder of that name beside it."""

# The marks on the page.
BEGIN: Final = "<!-- figures: written by python -m benchmarks.run --page -->"
END: Final = "<!-- end of the figures -->"
_VERSIONS: Final = ("Twisted", "aiohttp", "autobahn", "picows", "tornado", "uvloop", "websockets", "ws (Node.js)")

# What peers are called on the page, where that is not their name.
_RAW_NAMES: Final = {"raw-asyncio": "asyncio", "raw-uvloop": "uvloop", "raw-twisted": "Twisted"}
_LOOPS: Final = {"asyncio": "asyncio", "uvloop": "uvloop", "twisted": "Twisted"}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns are heads and scenarios. Where `percentiles`, the one scenario's latencies are shown instead."""

    sentence: str
    columns: tuple[tuple[str, str], ...]
    percentiles: bool = False


TABLES: Final = (
    Table(
        'Echoed messages a second: connections x messages in flight on each, and their size. "No WebSocket" is a '
        "protocol that sends back what it receives: the limit of the loop.",
        (
            ("32 x 1, 128 B", "echo-32x1-128"),
            ("32 x 32, 128 B", "echo-32x32-128"),
            ("32 x 1, 16 KiB", "echo-32x1-16k"),
            ("8 x 1, 1 MiB", "echo-8x1-1m"),
            ("8 x 1, 1 MiB, non-ASCII text", "unicode-8x1-1m"),
        ),
    ),
    Table(
        "With TLS, with permessage-deflate (JSON text, in both directions), and in fragments:",
        (
            ("TLS, 128 B", "tls-32x1-128"),
            ("TLS, 16 KiB", "tls-32x1-16k"),
            ("deflate, 1 KiB", "deflate-32x1-1k"),
            ("deflate, 16 KiB", "deflate-32x1-16k"),
            ("16 KiB in 16 frames", "fragmented-32x1-16k"),
        ),
    ),
    Table(
        "Connections that are opened, used once and closed; messages to all of a group; and the client's end, eight "
        "connections against an echo server in C:",
        (
            ("open, echo, close", "cycles"),
            ("broadcast to 500", "broadcast-500"),
            ("broadcast to 5000", "broadcast-5000"),
            ("client, 256 B", "client-256"),
            ("client, 8 KiB", "client-8k"),
            ("client, 100 kB", "client-100k"),
        ),
    ),
    Table("Microseconds from a message to its echo, one at a time on one connection:", (("", "echo-1x1-128"),), True),
    Table(
        "Resident memory that one more idle connection takes in a server, in KiB; the second with compression agreed "
        "on and not used yet:",
        (("idle", "memory"), ("with deflate", "memory-deflate")),
    ),
)


def update_page(report: Report, verdicts: Sequence[Verdict], page: Path = PAGE) -> None:
    """Write the tables of a run between the page's two marks; `ValueError` for a page without them."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has lost the marks between which the figures are written")
    lines = [_environment(report), *_pictures(report, page.parent), *_tables(report), *_targets(verdicts)]
    page.write_text(f"{before}{begin}\n\n" + "\n".join(lines).rstrip() + f"\n\n{end}{after}", encoding="utf-8")


def _environment(report: Report) -> str:
    facts, settings = report.environment, report.settings
    versions = [f"{name} {facts['versions'][name]}" for name in _VERSIONS if name in facts["versions"]]
    clock = "for each second on the core" if report.by_cpu else "by the clock"
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['python']}, {facts['codec']}; {', '.join(versions)}. Medians "
        f"of {settings['repeat']} runs of {settings['seconds']:g} s, {clock}.\n"
    )


def _pictures(report: Report, folder: Path) -> Iterator[str]:
    for scenario in PICTURES:
        if report.of(scenario) and (folder / "performance" / f"{scenario}.svg").exists():
            yield f"![{scenario}](performance/{scenario}.svg)\n"


def _tables(report: Report) -> Iterator[str]:
    for table in TABLES:
        columns = [column for column in table.columns if report.of(column[1])]
        if not columns:
            continue
        yield f"{table.sentence}\n"
        heads = PERCENTILES if table.percentiles else [head for head, _ in columns]
        yield f"| | {' | '.join(heads)} |"
        yield f"|---|{'---:|' * len(heads)}"
        for peer in PEERS:
            cells = list(_cells(report, table, columns, peer.name))
            if any(cells):
                yield f"| {_title(peer.name)} | {' | '.join(cells)} |"
        yield ""


def _cells(report: Report, table: Table, columns: Sequence[tuple[str, str]], peer: str) -> Iterator[str]:
    for _, scenario in columns:
        result = report.find(scenario, peer)
        figure = report.figure(scenario, peer)
        if table.percentiles:
            latency = result.latency if result is not None and figure is not None else {}
            yield from (f"{latency[name]:.0f}" if name in latency else "" for name in PERCENTILES)
        else:
            yield "" if figure is None else _short(figure)


def _targets(verdicts: Sequence[Verdict]) -> Iterator[str]:
    known = [verdict for verdict in verdicts if verdict.measured is not None and verdict.met is not None]
    if not known:
        return
    met = sum(verdict.met is True for verdict in known)
    yield f"What this project wants to reach, as ratios within the run; {met} of {len(known)} are met:\n"
    yield "| | scenario | against | wanted | measured | |"
    yield "|---|---|---|---:|---:|---|"
    for verdict in known:
        target = verdict.target
        wanted = f"at least {target.least:g}" if target.least is not None else f"at most {target.most:g}"
        against = _title(target.reference) if target.reference else ""
        word = "" if verdict.met else "missed"
        yield (
            f"| {_title(target.ours)} | `{target.scenario}` | {against} | {wanted} | {verdict.measured:.2f} | {word} |"
        )
    yield ""


def _title(peer: str) -> str:
    if peer in _RAW_NAMES:
        return f"no WebSocket, {_RAW_NAMES[peer]}"
    if not peer.startswith("wsframework-"):
        return peer
    kind, _, loop = peer.removeprefix("wsframework-").rpartition("-")
    words = {"pure": ", pure", "await": ", conversations", "": ""}
    return f"**wsframework**, {_LOOPS[loop]}{words[kind]}"


def _short(figure: float) -> str:
    """Two digits or more."""
    for factor, letter in ((1e6, " M"), (1e3, " k")):
        if figure >= factor:
            scaled = figure / factor
            return f"{scaled:.0f}{letter}" if scaled >= 20 else f"{scaled:.1f}{letter}"
    return f"{figure:.0f}" if figure >= 20 else f"{figure:.1f}"
