"""Measures this project and its peers on this machine.

python -m benchmarks.run                            everything, a quarter of an hour
python -m benchmarks.run --quick                    a minute or two
python -m benchmarks.run --scenario echo-32x1-128 --peer wsframework-asyncio raw-asyncio
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from benchmarks.bench import Bench, Times
from benchmarks.environment import describe
from benchmarks.generator import build
from benchmarks.peers import PEERS, Peer
from benchmarks.processes import Cores
from benchmarks.report import number, show_environment, show_scenario, show_targets
from benchmarks.results import Report, Result
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.targets import judge

__all__ = ["main"]


def main(words: Sequence[str] | None = None) -> int:
    """The program. Its status is 1 when something of this project could not be measured, and after Ctrl-C."""
    options = read_command_line(words)
    if options.list:
        show_list()
        return 0
    if options.source:
        report = Report.read(options.source)
        report.by_cpu = options.cpu
        for scenario in report.scenarios():
            print(show_scenario(report, scenario), end="\n\n")
    else:
        report = measure_all(options)
    verdicts = judge(report)
    print(show_targets(verdicts))
    if options.json:
        report.write(options.json, [verdict.row() for verdict in verdicts])
    if options.plots:
        from benchmarks.plots import draw

        print(f"{len(draw(report, options.plots))} plots in {options.plots}")
    if options.page:
        from benchmarks.page import PAGE, PICTURES, update_page
        from benchmarks.plots import draw

        draw(report, PAGE.parent / "performance", PICTURES)
        update_page(report, verdicts)
    has_failed = any(result.failure for result in report.results if result.peer.startswith("wsframework"))
    return int(has_failed or report.settings.get("interrupted", False))


def read_command_line(words: Sequence[str] | None) -> argparse.Namespace:
    """What is wanted, with the defaults of --quick or without."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenario", nargs="+", metavar="NAME", help="those of --list, also by patterns: 'echo-*'")
    parser.add_argument("--peer", nargs="+", metavar="NAME", help="the same for peers")
    parser.add_argument("--quick", action="store_true", help="fewer scenarios and peers, shorter, once each")
    parser.add_argument("--seconds", type=float, metavar="S", help="of each run: 0.5; 0.3 with --quick")
    parser.add_argument("--repeat", type=int, metavar="N", help="runs, of which the median counts: 3; 1 with --quick")
    parser.add_argument(
        "--cpu", action="store_true", help="compare by time on the core instead of the clock: on a busy machine"
    )
    parser.add_argument("--list", action="store_true", help="say what there is, and measure nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything into it")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw pictures into it")
    parser.add_argument("--page", action="store_true", help="write the figures into the documentation")
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="FILE", help="measure nothing: show what --json wrote"
    )
    options = parser.parse_args(words)
    if options.seconds is None:
        options.seconds = 0.3 if options.quick else 0.5
    if options.repeat is None:
        options.repeat = 1 if options.quick else 3
    if options.seconds <= 0 or options.repeat < 1:
        parser.error("--seconds and --repeat must be positive")
    try:
        options.scenarios = chosen_scenarios(options.scenario, options.quick)
        options.peers = chosen_peers(options.peer, options.quick)
    except ValueError as error:
        parser.error(str(error))
    return options


def chosen_scenarios(patterns: Sequence[str] | None, quick: bool) -> list[Scenario]:
    """Those whose names match, or the default ones. `ValueError` when a pattern matches none."""
    if patterns is None:
        return [scenario for scenario in SCENARIOS if (scenario.quick if quick else scenario.default)]
    names = _matching(patterns, [scenario.name for scenario in SCENARIOS])
    return [scenario for scenario in SCENARIOS if scenario.name in names]


def chosen_peers(patterns: Sequence[str] | None, quick: bool) -> list[Peer]:
    """Those whose names match, or the default ones. `ValueError` when a pattern matches none."""
    if patterns is None:
        return [peer for peer in PEERS if peer.quick or not quick]
    names = _matching(patterns, [peer.name for peer in PEERS])
    return [peer for peer in PEERS if peer.name in names]


def _matching(patterns: Sequence[str], names: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        matches = {name for name in names if fnmatchcase(name, pattern)}
        if not matches:
            raise ValueError(f"nothing is called {pattern}; see --list")
        found |= matches
    return found


def show_list() -> None:
    """Scenarios and peers, and what is missing here."""
    print("scenarios (+ with --quick, - only when named)")
    for scenario in SCENARIOS:
        mark = "+" if scenario.quick else " " if scenario.default else "-"
        print(f"  {mark} {scenario.name:<24} {scenario.sentence}")
    print("peers (+ with --quick)")
    for peer in PEERS:
        missing = peer.missing()
        print(
            f"  {'+' if peer.quick else ' '} {peer.name:<26}{f'not installed: {missing}' if missing else ''}".rstrip()
        )


def measure_all(options: argparse.Namespace) -> Report:
    """Measure what was chosen; tables are printed as they are complete, progress goes to the standard error."""
    try:
        generator = build()
    except RuntimeError as error:
        sys.exit(str(error))
    peers = []
    for peer in options.peers:
        missing = peer.missing()
        if missing:
            say(f"without {peer.name}: {missing} is not installed")
        else:
            peers.append(peer)
    cores = Cores.available()
    times = Times(options.seconds, warmup=min(0.2, options.seconds / 2))
    settings = {"seconds": times.seconds, "warmup": times.warmup, "repeat": options.repeat, "quick": options.quick}
    report = Report(describe(cores), settings, by_cpu=options.cpu)
    print(show_environment(report), end="\n\n", flush=True)
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Bench(generator, Path(folder), cores, times) as bench:
        try:
            measure_scenarios(bench, report, options, peers)
        except KeyboardInterrupt:
            report.settings["interrupted"] = True
            say("interrupted: only complete scenarios count")
    say(f"measured for {time.monotonic() - began_at:.0f} s")
    return report


def measure_scenarios(bench: Bench, report: Report, options: argparse.Namespace, peers: Sequence[Peer]) -> None:
    """Add the results of one after the other to the report, and show them."""
    for position, scenario in enumerate(options.scenarios):
        able = [peer for peer in peers if peer.can(scenario)]
        if not able:
            continue
        title = f"[{position + 1}/{len(options.scenarios)}] {scenario.name}"
        report.results += measure_scenario(bench, scenario, able, options.repeat, title)
        print(show_scenario(report, scenario.name), end="\n\n", flush=True)


def measure_scenario(bench: Bench, scenario: Scenario, peers: Sequence[Peer], repeat: int, title: str) -> list[Result]:
    """Peer after peer, and again: what slows the machine down for a while slows down all."""
    results = {peer.name: Result(scenario.name, peer.name, scenario.unit) for peer in peers}
    for turn in range(repeat):
        for peer in peers:
            result = results[peer.name]
            if result.failure:
                continue
            try:
                sample = bench.run(scenario, peer)
                result.add(sample)
                said = f"{number(sample.figure)} {scenario.unit}" + (f", {sample.busy:.0%} busy" if sample.busy else "")
            except (RuntimeError, OSError) as error:
                said = result.failure = str(error)
            say(f"{title}, {turn + 1} of {repeat}: {peer.name} {said}")
    return list(results.values())


def say(sentence: str) -> None:
    """How it goes on."""
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
