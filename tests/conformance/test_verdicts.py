"""What the suite said against what it was expected to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.verdicts import Expectations, Verdict, counts, differences, read_report

OK = Verdict("OK", "OK")
NO_OPINION = Verdict("INFORMATIONAL", "INFORMATIONAL")


def test_the_committed_expectations_are_ok_where_the_suite_has_an_opinion() -> None:
    """What we promise is in the repository, and it promises everything."""
    expected = Expectations.read().of("server-asyncio-message-pure")
    assert {case for case, verdict in expected.items() if verdict != OK} == {"7.1.6", "7.13.1", "7.13.2"}
    assert set(expected.values()) == {OK, NO_OPINION}


@pytest.mark.parametrize("word", ["NON-STRICT", "UNIMPLEMENTED", "FAILED", "WRONG CODE", "UNCLEAN", "FAILED BY CLIENT"])
def test_a_failure_cannot_be_expected(word: str) -> None:
    """Nobody gets the run green by writing down that it is red."""
    with pytest.raises(ValueError, match=r"cases, 6\.4\.1: .*cannot be expected"):
        Expectations({"6.4.1": Verdict(word, "OK")}, {})
    with pytest.raises(ValueError, match="cannot be expected"):
        Expectations({"6.4.1": OK}, {"some-combination": {"6.4.1": Verdict("OK", word)}})


def test_a_combination_may_differ_in_a_known_case_only() -> None:
    """An exception is for one combination, and a mistyped case is told."""
    expectations = Expectations({"1.1.1": OK, "7.1.6": NO_OPINION}, {"client-uvloop": {"7.1.6": OK}})
    assert expectations.of("client-uvloop") == {"1.1.1": OK, "7.1.6": OK}
    assert expectations.of("client-asyncio") == {"1.1.1": OK, "7.1.6": NO_OPINION}
    with pytest.raises(ValueError, match=r"no such case"):
        Expectations({"1.1.1": OK}, {"client-uvloop": {"1.1.2": OK}})


def test_expectations_are_read_from_their_file(tmp_path: Path) -> None:
    """The file is the place to look and to write."""
    path = tmp_path / "expected.json"
    path.write_text('{"cases": {"1.1.1": ["OK", "OK"]}, "overrides": {"a": {"1.1.1": ["OK", "INFORMATIONAL"]}}}')
    assert Expectations.read(path).of("a") == {"1.1.1": Verdict("OK", "INFORMATIONAL")}


def test_whatever_is_not_as_expected_is_named() -> None:
    """I see which case it was, what it was, and what it should have been."""
    expected = {"1": OK, "2": OK, "3": NO_OPINION, "4": OK, "5": OK}
    found = {"1": OK, "2": Verdict("NON-STRICT", "OK"), "3": OK, "4": Verdict("OK", "UNCLEAN"), "6": OK}
    assert differences(list("123456"), expected, found) == {
        "2": "NON-STRICT, close OK; expected OK",
        "3": "OK; expected INFORMATIONAL",
        "4": "OK, close UNCLEAN; expected OK",
        "5": "no result",
        "6": "OK; expected.json does not know this case",
    }


def test_cases_that_were_not_asked_for_do_not_matter() -> None:
    """A run of some cases is judged by these."""
    assert differences(["1"], {"1": OK, "2": OK}, {"1": OK}) == {}


def test_verdicts_are_read_from_the_suites_report(tmp_path: Path) -> None:
    """The suite reports on each agent; only ours counts, and no report means no verdicts."""
    assert read_report(tmp_path, "ours") == {}
    case = {"behavior": "OK", "behaviorClose": "INFORMATIONAL", "duration": 2, "reportfile": "x.json"}
    (tmp_path / "index.json").write_text(json.dumps({"ours": {"7.1.6": case}, "other": {"1.1.1": case}}))
    assert read_report(tmp_path, "ours") == {"7.1.6": Verdict("OK", "INFORMATIONAL")}
    assert read_report(tmp_path, "nobody") == {}


def test_verdicts_are_counted_by_column() -> None:
    """The table says how many of what."""
    found = {"1.1.1": OK, "7.1.6": NO_OPINION, "7.1.5": OK, "12.1.1": Verdict("OK", "UNCLEAN")}
    assert counts(found) == {"1 to 7": {"OK": 2, "INFORMATIONAL": 1}, "12": {"OK, close UNCLEAN": 1}}
