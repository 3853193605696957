"""The published run: what is kept of it, and how the page shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.matrix import Combination
from tests.conformance.record import PAGE, Record, Result, current_versions, render, with_tables

VERSIONS = {"wsframework": "1.0", "Autobahn|Testsuite": "25.10.1"}
SERVER = Combination("server", "twisted", "message", "pure")
CLIENT = Combination("client", "uvloop", "streaming", "compiled")


def result(
    combination: Combination, form: str = "long", *, seconds: int = 9, wrong: dict[str, str] | None = None
) -> Result:
    verdicts = {"1 to 7": {"OK": 243, "INFORMATIONAL": 3}, "12": {"OK": 90}}
    return Result(combination, form, "2030-01-31", seconds, verdicts, wrong or {})


def test_the_page_shows_the_committed_results() -> None:
    """The documentation cannot claim what did not come out: `python -m tests.conformance.record` mends it."""
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page, render(Record.read())) == page


def test_what_is_published_has_passed_in_every_combination() -> None:
    """A run that failed is not what I want to read about."""
    record = Record.read()
    assert not [row for row in record.results if row.differences]
    parts = [row.combination for row in record.results]
    assert {(row.role, row.backend, row.api) for row in parts} == {
        (role, backend, api)
        for role in ("server", "client")
        for backend in ("twisted", "asyncio", "uvloop")
        for api in ("message", "streaming")
    }


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    """What is read is what was written."""
    record = Record(VERSIONS, [result(SERVER, wrong={"6.4.1": "NON-STRICT; expected OK"}), result(CLIENT)])
    record.write(tmp_path / "results.json")
    assert Record.read(tmp_path / "results.json") == record


def test_new_results_replace_those_of_the_same_combination() -> None:
    """The long form can be run and recorded in parts."""
    old = Record(VERSIONS, [result(SERVER, seconds=1), result(CLIENT, seconds=2)])
    new = Record(VERSIONS, [result(SERVER, seconds=3)])
    assert [(row.combination, row.seconds) for row in old.updated(new).results] == [(SERVER, 3), (CLIENT, 2)]


@pytest.mark.parametrize(
    ("before", "after", "wrong", "kept"),
    [
        ("short", "long", {}, "after"),
        ("long", "short", {}, "before"),
        ("short", "short", {}, "after"),
        ("long", "short", {"6.4.1": "NON-STRICT; expected OK"}, "after"),
    ],
)
def test_a_short_run_takes_nothing_away_from_a_long_one(
    before: str, after: str, wrong: dict[str, str], kept: str
) -> None:
    """Unless it found something."""
    old = Record(VERSIONS, [result(SERVER, before, seconds=1)])
    new = Record(VERSIONS, [result(SERVER, after, seconds=2, wrong=wrong)])
    assert old.updated(new) == (new if kept == "after" else old)


def test_one_table_never_mixes_versions() -> None:
    """All rows of the table were made with what stands below it."""
    old = Record(VERSIONS, [result(SERVER)])
    new = Record({**VERSIONS, "wsframework": "1.1"}, [result(CLIENT)])
    assert old.updated(new) == new


def test_the_versions_say_what_a_run_depends_on() -> None:
    """Whoever gets something else can see what was different."""
    versions = current_versions("25.10.1 on Python 2.7.18")
    assert list(versions) == ["wsframework", "Autobahn|Testsuite", "Python", "Twisted", "uvloop", "zlib", "System"]
    assert all(versions.values())


def test_the_tables_name_numbers_versions_and_failures() -> None:
    """I read off what came out of which combination, with what, and what went wrong."""
    tables = render(Record(VERSIONS, [result(SERVER, wrong={"6.4.1": "NON-STRICT; expected OK"})]))
    assert (
        "| server | twisted | message | pure | long | 243 OK, 3 informational | - | - | 90 OK | - | 2030-01-31 |"
        in tables
    )
    assert r"| Autobahn\|Testsuite | 25.10.1 |" in tables
    assert "`server-twisted-message-pure`, case 6.4.1: NON-STRICT; expected OK." in tables


def test_tables_are_written_between_their_marks_again_and_again() -> None:
    """The rest of the page is mine, and writing the same twice changes nothing."""
    page = PAGE.read_text(encoding="utf-8")
    changed = with_tables(page, "new tables\n")
    assert "new tables\n" in changed
    assert with_tables(changed, render(Record.read())) == with_tables(page, render(Record.read()))
    assert changed.splitlines()[0] == page.splitlines()[0]
    assert changed.splitlines()[-1] == page.splitlines()[-1]


def test_a_page_without_marks_is_told() -> None:
    """If somebody deletes the marks, nothing is overwritten."""
    with pytest.raises(ValueError, match="lost the marks"):
        with_tables("# Conformance\n", "tables")
