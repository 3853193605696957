"""Runs Autobahn|Testsuite against our echo server and our echo client, in every combination.

The suite is a program for Python 2.7 and runs under one, as a process of its own; everything else here is Python 3. A
machine without a Python 2.7 is told so, and nothing fails. The suite is installed once, into the cache folder.

The short form leaves out 9 and takes a sample of 12 and 13; --long runs all cases. A run passes when every case that
was asked for has the verdicts that expected.json says.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from tests.conformance.matrix import APIS, BACKENDS, CODECS, FORMS, ROLES, available_codecs, combinations, thinned
from tests.conformance.record import PAGE, RESULTS, Record, Result, current_versions, render, with_tables
from tests.conformance.suite import ConformanceError, Suite, find_python27, install_suite
from tests.conformance.trial import Outcome, Trial
from tests.conformance.verdicts import Expectations, counts

CACHE = Path(__file__).parents[2] / ".cache"
CORES = os.cpu_count() or 1
# Most of the short form is the suite waiting for a second now and then; the long form computes.
JOBS = {"short": 2 * CORES, "long": CORES}
TIMEOUTS = {"short": 300.0, "long": 7200.0}
"""Seconds for one combination: several times what it takes on two cores."""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="all cases; hours of CPU time")
    parser.add_argument("--cases", nargs="+", metavar="PATTERN", help="these cases, for example 7.* 10.1.1")
    parser.add_argument("--role", choices=ROLES, nargs="+", default=ROLES)
    parser.add_argument("--backend", choices=BACKENDS, nargs="+", default=BACKENDS)
    parser.add_argument("--api", choices=APIS, nargs="+", default=APIS)
    parser.add_argument("--codec", choices=CODECS, nargs="+", default=CODECS)
    parser.add_argument("--thin", action="store_true", help="every other combination; every two values still meet")
    parser.add_argument("--package", default="wsframework", help="the package under test")
    parser.add_argument("--jobs", type=int, help="combinations at a time (default: cores; short form: twice that)")
    parser.add_argument("--timeout", type=float, help="seconds for one combination")
    parser.add_argument("--record", action="store_true", help="write results.json and the tables of the page")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for the suite, logs and reports")
    args = parser.parse_args()
    if args.record and (args.cases or args.package != "wsframework"):
        parser.error("--record is for either form of the run of wsframework")
    if args.jobs is not None and args.jobs < 1:
        parser.error("--jobs must be 1 or more")
    return args


def planned(args: argparse.Namespace, form: str, suite: Suite) -> list[Trial]:
    """The trials that the command line asks for, and that can be done here."""
    cases = suite.case_ids(args.cases or FORMS[form])
    if not cases:
        raise ConformanceError(f"no case matches {' '.join(args.cases)}")
    backends = [name for name in args.backend if name != "uvloop" or find_spec("uvloop")]
    if backends != list(args.backend):
        print("uvloop is not installed: its combinations are left out", flush=True)
    available = available_codecs() if args.package == "wsframework" else CODECS[:1]
    chosen = combinations(args.role, backends, args.api, [name for name in args.codec if name in available])
    chosen = thinned(chosen) if args.thin else chosen
    if not chosen:
        raise ConformanceError("none of these combinations can be run here")
    folder = args.cache.resolve() / "conformance" / args.package
    timeout = args.timeout or TIMEOUTS[form]
    return [Trial(suite, args.package, parts, cases, folder / str(parts), timeout) for parts in chosen]


async def run_all(trials: Sequence[Trial], jobs: int) -> list[Outcome]:
    """Run the trials, `jobs` at a time, and say what came out of each when it did."""
    places = asyncio.Semaphore(jobs)
    expectations = Expectations.read()

    async def run_one(trial: Trial) -> Outcome:
        async with places:
            outcome = await trial.outcome(expectations.of(str(trial.combination)))
        word = "passed" if outcome.passed else "FAILED"
        print(f"{trial.combination!s:<34} {word}, {len(trial.cases)} cases in {outcome.seconds:.0f} s", flush=True)
        return outcome

    task = asyncio.current_task()
    assert task is not None, "this is a coroutine"
    # The processes are ended on the way out; without this, a TERM would leave that to each of them.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run_one(trial)) for trial in trials]
    return [task.result() for task in tasks]


def complain(trial: Trial, outcome: Outcome) -> None:
    """Say what was wrong, and where the suite says more about it."""
    for line in outcome.complaints:
        print(f"{trial.combination}: {line}")
    if not outcome.found:
        print(f"{trial.combination}: no results at all")
        return
    for case, text in outcome.differences.items():
        print(f"{trial.combination} case {case}: {text}")
    if outcome.differences:
        print(f"  reports: {trial.reports / 'index.html'}")


def record(form: str, trials: Sequence[Trial], outcomes: Sequence[Outcome]) -> None:
    """Publish what came out: into results.json, and from there into the page."""
    today = datetime.now(UTC).date().isoformat()
    results = [
        Result(trial.combination, form, today, round(outcome.seconds), counts(outcome.found), outcome.differences)
        for trial, outcome in zip(trials, outcomes, strict=True)
    ]
    new = Record(current_versions(trials[0].suite.version()), results)
    old = Record.read()
    if old.results and old.versions != new.versions:
        print(f"{RESULTS.name}: the {len(old.results)} results with other versions are gone")
    merged = old.updated(new)
    merged.write()
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), render(merged)), encoding="utf-8")


def main() -> int:
    args = parse_arguments()
    form = "long" if args.long else "short"
    python = find_python27()
    if python is None:
        print("conformance: skipped. Autobahn|Testsuite needs a Python 2.7 and none was found:")
        print("put python2.7 on PATH, or name it in the variable PYTHON27.")
        return 0
    trials = planned(args, form, install_suite(python, args.cache.resolve() / "wstest"))
    outcomes = asyncio.run(run_all(trials, args.jobs or JOBS[form]))
    for trial, outcome in zip(trials, outcomes, strict=True):
        complain(trial, outcome)
    if args.record:
        record(form, trials, outcomes)
    passed = all(outcome.passed for outcome in outcomes)
    print(f"conformance: {'passed' if passed else 'FAILED'}, {len(trials)} combinations, {len(trials[0].cases)} cases")
    return 0 if passed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ConformanceError, subprocess.SubprocessError) as error:
        sys.exit(f"conformance: {error}")
    except (asyncio.CancelledError, KeyboardInterrupt):
        sys.exit("conformance: ended before it was done")
