"""What the suite says of each case, and what it was expected to say.

`expected.json` names all cases of the suite with two verdicts each, of the behaviour and of the closing handshake. A
combination may differ only where it has an entry of its own there. Nothing but OK and INFORMATIONAL (the suite has no
opinion) can be expected.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.conformance.matrix import group_of

__all__ = ["EXPECTED", "PASSING", "Expectations", "Verdict", "counts", "differences", "read_report"]

EXPECTED = Path(__file__).with_name("expected.json")
PASSING = frozenset({"OK", "INFORMATIONAL"})


class Verdict(NamedTuple):
    """The suite's words, as OK, INFORMATIONAL, NON-STRICT, FAILED, UNIMPLEMENTED."""

    behavior: str
    close: str

    def __str__(self) -> str:
        return self.behavior if self.behavior == self.close else f"{self.behavior}, close {self.close}"


class Expectations:
    """The contents of `expected.json`: `cases` for everybody, `overrides` by the name of a combination."""

    def __init__(self, cases: Mapping[str, Verdict], overrides: Mapping[str, Mapping[str, Verdict]]) -> None:
        for name, verdicts in {"cases": cases, **overrides}.items():
            for case, verdict in verdicts.items():
                if not PASSING.issuperset(verdict):
                    raise ValueError(f"{name}, {case}: {verdict} cannot be expected, it is a failure")
                if case not in cases:
                    raise ValueError(f"{name}, {case}: there is no such case under cases")
        self._cases = cases
        self._overrides = overrides

    @classmethod
    def read(cls, path: Path = EXPECTED) -> Expectations:
        """From the file; `ValueError` if it expects a failure."""
        contents = json.loads(path.read_text(encoding="utf-8"))
        overrides = {name: _verdicts(cases) for name, cases in contents["overrides"].items()}
        return cls(_verdicts(contents["cases"]), overrides)

    def of(self, combination: str) -> dict[str, Verdict]:
        """What is expected of a combination, by case."""
        return {**self._cases, **self._overrides.get(combination, {})}


def _verdicts(cases: Mapping[str, Sequence[str]]) -> dict[str, Verdict]:
    return {case: Verdict(*words) for case, words in cases.items()}


def read_report(reports: Path, agent: str) -> dict[str, Verdict]:
    """The verdicts that the suite has left in its folder; none if it has not come that far."""
    index = reports / "index.json"
    if not index.exists():
        return {}
    results = json.loads(index.read_text(encoding="utf-8")).get(agent, {})
    return {case: Verdict(result["behavior"], result["behaviorClose"]) for case, result in results.items()}


def differences(cases: Sequence[str], expected: Mapping[str, Verdict], found: Mapping[str, Verdict]) -> dict[str, str]:
    """What is wrong, by case: another verdict than the expected one, none at all, or a case that nobody expected."""
    wrong = {}
    for case in cases:
        if case not in found:
            wrong[case] = "no result"
        elif case not in expected:
            wrong[case] = f"{found[case]}; expected.json does not know this case"
        elif found[case] != expected[case]:
            wrong[case] = f"{found[case]}; expected {expected[case]}"
    return wrong


def counts(found: Mapping[str, Verdict]) -> dict[str, dict[str, int]]:
    """How many cases have which verdict, by the groups of the published table."""
    counters: dict[str, Counter[str]] = {}
    for case, verdict in found.items():
        counters.setdefault(group_of(case), Counter())[str(verdict)] += 1
    return {group: dict(counter.most_common()) for group, counter in counters.items()}
