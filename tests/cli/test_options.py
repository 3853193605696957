"""`wsframework options`."""

from __future__ import annotations

import re

import pytest

from wsframework.cli.main import main
from wsframework.cli.option_rows import THEMES, rows
from wsframework.cli.options import _matching


@pytest.fixture(autouse=True)
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of the usual width."""
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["options", *arguments]) == 0
    return capsys.readouterr().out


def names_in(text: str) -> list[str]:
    return re.findall(r"^  (\w+) = ", text, re.MULTILINE)


def test_all_of_them_are_listed_by_theme(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, default, who has it and what it is for, without building the documentation."""
    text = shown(capsys)
    assert names_in(text) == [name for names in THEMES.values() for name in names]
    assert [line for line in text.splitlines() if line and not line.startswith(" ")] == list(THEMES)
    assert all(len(line) <= 80 for line in text.splitlines())
    words = " ".join(text.split())
    for row, _ in rows().values():
        assert row.sentence.replace("`", "") in words, row.name


def test_one_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """As I remembered its name, in whatever case."""
    for name in ("maxMessagePayloadSize", "maxmessagepayloadsize"):
        assert shown(capsys, name).splitlines() == [
            "Limits",
            "  maxMessagePayloadSize = 16777216  (servers and clients; 16 MiB)",
            "      Largest message accepted, after inflation, and largest message sent; 0",
            "      means no limit. Unit: octets. Range: 0 or more.",
        ]


def test_the_defaults_of_conversations_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """`serve` pings by itself, which the table alone does not say."""
    assert "In serve and connect: 20." in shown(capsys, "autoPingTimeout")
    assert "In serve and connect" not in shown(capsys, "autoPingSize")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version", ["version"]),
        ("Origin", ["allowedOrigins", "allowNullOrigin"]),
        ("pings", list(THEMES["Pings"])),
        ("nagle", ["tcpNoDelay"]),
    ],
)
def test_a_part_a_theme_or_a_word_will_do(text: str, expected: list[str]) -> None:
    """The whole name goes before parts of names, and names before what stands in the sentences."""
    assert sorted(_matching(text)) == sorted(expected)


@pytest.mark.parametrize(("name", "hint"), [("maxSendBuffr", "; did you mean maxSendBuffer?"), ("qqqqq", "")])
def test_what_there_is_not_is_wrong_usage(name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the closest name."""
    with pytest.raises(SystemExit) as caught:
        main(["options", name])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f"wsframework options: error: there is no option '{name}'{hint}\n")
