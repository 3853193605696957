"""Which combinations and cases a run of the suite has."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from itertools import permutations

import pytest

from tests.conformance.matrix import (
    CODECS,
    FORMS,
    GROUPS,
    Combination,
    available_codecs,
    combinations,
    group_of,
    thinned,
)
from tests.conformance.verdicts import EXPECTED

ALL_CASES = list(json.loads(EXPECTED.read_text(encoding="utf-8"))["cases"])


def chosen(form: str) -> list[str]:
    return [case for case in ALL_CASES if any(fnmatchcase(case, pattern) for pattern in FORMS[form])]


def test_the_long_form_leaves_nothing_out() -> None:
    """I want every case that the suite has."""
    assert chosen("long") == ALL_CASES


def test_the_short_form_leaves_out_performance() -> None:
    """The short form is for every change: it must not take long."""
    assert "9" not in {group_of(case) for case in chosen("short")}


@pytest.mark.parametrize("chapter", ["12", "13"])
def test_the_short_form_has_a_sample_of_every_section_about_compression(chapter: str) -> None:
    """A mistake with one set of parameters is found by the short form too."""
    sections = {case.rpartition(".")[0] for case in ALL_CASES if case.startswith(f"{chapter}.")}
    assert {case.rpartition(".")[0] for case in chosen("short") if group_of(case) == chapter} == sections


def test_every_pattern_names_a_case() -> None:
    """A mistyped pattern is not a smaller run."""
    for patterns in FORMS.values():
        for pattern in patterns:
            assert any(fnmatchcase(case, pattern) for case in ALL_CASES), pattern


def test_every_case_has_its_column() -> None:
    """No case is lost between the columns of the published table."""
    assert {group_of(case) for case in ALL_CASES} == set(GROUPS)
    assert [group_of(case) for case in ("1.1.1", "7.13.2", "9.1.1", "10.1.1", "12.1.1")] == [
        "1 to 7",
        "1 to 7",
        "9",
        "10",
        "12",
    ]


def test_the_combinations_are_the_full_product() -> None:
    """Both roles, three loops, two APIs, two codecs: nothing is left out, nothing is there twice."""
    assert len(set(map(str, combinations()))) == len(combinations()) == 2 * 3 * 2 * 2
    assert [str(parts) for parts in combinations(["client"], ["uvloop"], ["streaming"], ["pure"])] == [
        "client-uvloop-streaming-pure"
    ]


@pytest.mark.parametrize("codecs", [CODECS, ("pure",)])
def test_every_two_values_meet_in_half_of_the_combinations(codecs: tuple[str, ...]) -> None:
    """In half the time, a mistake of uvloop with streams, or of compiled clients, is still found."""
    chosen = combinations(codecs=codecs)
    half = thinned(chosen)
    assert len(half) * 2 == len(chosen)

    def meetings(of: list[Combination]) -> set[tuple[str, ...]]:
        return {pair for parts in of for pair in permutations((parts.role, parts.backend, parts.api, parts.codec), 2)}

    assert meetings(half) == meetings(chosen)


def test_the_codec_is_said_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever my shell says, a combination runs with the codec in its name."""
    monkeypatch.setenv("WSFRAMEWORK_PURE", "1")
    assert "WSFRAMEWORK_PURE" not in Combination("server", "asyncio", "message", "compiled").environment()
    monkeypatch.delenv("WSFRAMEWORK_PURE")
    assert Combination("server", "asyncio", "message", "pure").environment()["WSFRAMEWORK_PURE"] == "1"


def test_which_codecs_there_are_is_not_what_my_shell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pure one always is; the compiled one if it is installed, even while my shell forbids it."""
    monkeypatch.delenv("WSFRAMEWORK_PURE", raising=False)
    free = available_codecs()
    monkeypatch.setenv("WSFRAMEWORK_PURE", "1")
    assert free == available_codecs()
    assert free[0] == "pure"
