"""Docstrings for autodoc: they are plain text with code in backticks, and are not written for Sphinx.

What reStructuredText would take for markup (`*args`, `name_`, `|`) is escaped, so that any docstring can be shown.
Backticks are left alone: `default_role` makes links of the names in them that the reference describes.
"""

from __future__ import annotations

import re
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["escaped"]

CODE = re.compile(r"(`[^`]+`)")
BULLET = re.compile(r"\s*[*-] ")
COLUMNS = re.compile(r"\S {3,}\S")


def escaped(lines: list[str]) -> list[str]:
    """The lines, in which nothing is markup but what stands in backticks, list items and blocks of code."""
    shown: list[str] = []
    for is_blank, group in groupby(lines, lambda line: not line.strip()):
        paragraph = list(group)
        if is_blank:
            shown += paragraph
        elif is_code(paragraph):
            shown += ["::", "", *(f"    {line}" for line in paragraph)]
        else:
            shown += map(escaped_line, paragraph)
    return shown


def is_code(paragraph: list[str]) -> bool:
    """Code is indented, in itself or as a whole, or stands in columns; the lines of a list item are not."""
    first = paragraph[0]
    if BULLET.match(first):
        return False
    indents = [len(line) - len(line.lstrip()) for line in paragraph]
    return indents[0] >= 4 or max(indents) > indents[0] or any(COLUMNS.search(line) for line in paragraph)


def escaped_line(line: str) -> str:
    """One line of prose."""
    start = BULLET.match(line) or re.match(r"\s*", line)
    bullet = start.group() if start else ""
    pieces = CODE.split(line[len(bullet) :])
    escapes = (re.sub(r"([*|\\]|_(?!\w))", r"\\\1", piece) for piece in pieces[::2])
    return bullet + "".join(text for pair in zip_longest(escapes, pieces[1::2], fillvalue="") for text in pair)


def escape_docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """What Sphinx calls with every docstring."""
    lines[:] = escaped(lines)


def readable_signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """What Sphinx calls with every signature: a default that is made anew each time has no value to show."""
    return arguments and arguments.replace("<factory>", "..."), returned


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", escape_docstring)
    app.connect("autodoc-process-signature", readable_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
