"""Docstrings as the API reference shows them."""

from __future__ import annotations

import pytest

pytest.importorskip("sphinx")

from docstrings import escaped  # found by conftest.py


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("takes *args and name_", r"takes \*args and name\_"),
        ("a `*b` c|d", r"a `*b` c\|d"),
        ("* an item of a list", "* an item of a list"),
        ("  some_name stays", "  some_name stays"),
    ],
)
def test_docstrings_are_plain_text(line: str, shown: str) -> None:
    """What Sphinx would take for markup is escaped, but not in backticks."""
    assert escaped([line]) == [shown]


def test_a_code_span_may_go_on_in_the_next_line() -> None:
    """Only what is around it is escaped."""
    assert escaped(["`{1: a,", "2: b}` and *this"]) == ["`{1: a,", r"2: b}` and \*this"]


@pytest.mark.parametrize(
    "block",
    [
        ["    server.listen(*arguments)"],
        ["async for message in ws:", "    await ws.send(message)"],
        ["async def echo(ws):          async with connect(url) as ws:", "    await ws.send(1)"],
    ],
)
def test_code_stays_code(block: list[str]) -> None:
    """An example in a docstring is not run together into a paragraph."""
    assert escaped(["So:", "", *block]) == ["So:", "", "::", "", *(f"    {line}" for line in block)]


def test_items_of_a_list_may_have_several_lines() -> None:
    """They are no code, although their lines are indented."""
    items = ["* the first item", "  goes on here", "* the second item"]
    assert escaped(items) == items
