"""The published run: `results.json` holds what came out, with which versions, and the page shows it as tables.

`python -m tests.conformance.record` writes the tables into the page, with `--check` it only says whether they are those
of `results.json`. A run with `--record` does both, see `run.py`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.conformance.matrix import GROUPS, Combination, combinations
from wsframework import __version__

__all__ = ["PAGE", "RESULTS", "Record", "Result", "current_versions", "render", "with_tables"]

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"

_BEGIN = "<!-- Written by tests/conformance/record.py from results.json; not by hand. -->\n"
_END = "<!-- End of what is written by tests/conformance/record.py. -->\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of one combination: how many cases with which verdict by group, and what was not as expected.

    `form` is that of the run, long or short.
    """

    combination: Combination
    form: str
    date: str
    seconds: int
    verdicts: Mapping[str, Mapping[str, int]]
    differences: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """Results of runs, all with the same versions."""

    versions: Mapping[str, str]
    results: Sequence[Result]

    @classmethod
    def read(cls, path: Path = RESULTS) -> Record:
        """From the file."""
        contents = json.loads(path.read_text(encoding="utf-8"))
        results = [Result(**{**row, "combination": Combination(**row["combination"])}) for row in contents["results"]]
        return cls(contents["versions"], results)

    def write(self, path: Path = RESULTS) -> None:
        """Into the file."""
        contents = {"versions": self.versions, "results": [asdict(row) for row in self.results]}
        path.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")

    def updated(self, new: Record) -> Record:
        """Ours with the new results in the place of those they repeat; the new alone if the versions are others.

        A short run that passed takes nothing away from a long one: what it ran is a part of that.
        """
        results = {row.combination: row for row in self.results} if self.versions == new.versions else {}
        for row in new.results:
            old = results.get(row.combination)
            if old is None or old.form != "long" or row.form == "long" or row.differences:
                results[row.combination] = row
        return Record(new.versions, [results[parts] for parts in combinations() if parts in results])


def current_versions(suite: str) -> dict[str, str]:
    """What a run depends on: `suite` is that of the suite, the rest is asked here."""
    return {
        "wsframework": __version__,
        "Autobahn|Testsuite": suite,
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Twisted": _installed("twisted"),
        "uvloop": _installed("uvloop"),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "System": f"{platform.system()} {platform.machine()}",
    }


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def render(record: Record) -> str:
    """The tables of the page."""
    versions = [(name.replace("|", r"\|"), text) for name, text in record.versions.items()]
    headings = ("Role", "Backend", "API", "Codec", "Form", *GROUPS, "Date")
    lines = _table(headings, map(_row, record.results))
    for row in record.results:
        lines += [f"\n`{row.combination}`, case {case}: {text}.\n" for case, text in row.differences.items()]
    return "\n".join([*lines, "", *_table(("With", "Version"), versions), ""])


def _row(result: Result) -> list[str]:
    parts = result.combination
    cells = [_verdicts(result.verdicts.get(group, {})) for group in GROUPS]
    return [parts.role, parts.backend, parts.api, parts.codec, result.form, *cells, result.date]


def _verdicts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {verdict if verdict == 'OK' else verdict.lower()}" for verdict, count in counts.items())


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(cell or '-' for cell in line)} |" for line in lines]


def with_tables(page: str, tables: str) -> str:
    """The page with these tables between its two marks; `ValueError` for a page without them."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError("the page has lost the marks between which the tables are written")
    return f"{before}{begin}\n{tables}\n{end}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something were to be written")
    args = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    wanted = with_tables(page, render(Record.read()))
    if args.check:
        if page != wanted:
            print(f"{PAGE.name} does not show results.json: run python -m tests.conformance.record")
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
