"""The page of options: every option once, and every theme in its place."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("sphinx")

from option_table import PAGE  # found by conftest.py

from wsframework.cli.option_rows import THEMES, facts, rows
from wsframework.options import ClientOptions, ServerOptions

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_option_is_in_one_theme() -> None:
    """And what is in a theme is an option."""
    listed = [name for names in THEMES.values() for name in names]
    assert sorted(listed) == sorted({row.name for kind in (ServerOptions, ClientOptions) for row in fields(kind)})


def test_every_theme_is_on_the_page() -> None:
    """In the order of the table of themes."""
    page = (DOCS / f"{PAGE}.md").read_text("utf-8")
    assert re.findall(r"^```\{option-table\} (.+)$", page, re.MULTILINE) == list(THEMES)


@pytest.mark.parametrize(
    ("name", "role", "text"),
    [
        ("maxSendBuffer", "servers and clients", "Unit: octets. Range: 0 or more."),
        ("autoPingSize", "servers and clients", "Unit: octets. Range: 4 to 125."),
        ("openHandshakeTimeout", "servers and clients", "Unit: seconds. Range: 0 or more."),
        ("maxConnections", "servers", "Range: 0 or more."),
        ("version", "clients", "Range: 10 to 18 (a draft's number)."),
    ],
)
def test_unit_range_and_role_are_said(name: str, role: str, text: str) -> None:
    """In words, from the option's own check."""
    row, who = rows()[name]
    assert (who, facts(row)) == (role, text)
