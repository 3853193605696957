"""The directive `option-table`: the options as `wsframework.options` holds them, so that the pages cannot be wrong.

    ```{option-table} common
    ```

The argument is `common`, `server` or `client`; the latter two leave out what they have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from wsframework.options import ClientOptions, CommonOptions, OptionRow, ServerOptions, describe, option_names

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HEADINGS = ("Option", "Default", "Allowed", "Meaning")
WIDTHS = (24, 14, 20, 42)
TABLES: dict[str, type[CommonOptions]] = {"common": CommonOptions, "server": ServerOptions, "client": ClientOptions}


def rows_of(which: str) -> list[OptionRow]:
    """The options that stand in one of the three tables."""
    common = () if which == "common" else option_names(CommonOptions)
    return [row for row in describe(TABLES[which]) if row.name not in common]


def default_text(row: OptionRow) -> str:
    """The default as it would be written in a program, or a size in its unit."""
    value = row.default
    if isinstance(value, tuple):
        return repr(list(value))
    if isinstance(value, int) and row.allowed.endswith("octets"):
        for unit, name in ((1024 * 1024, "MiB"), (1024, "KiB")):
            if value and value % unit == 0:
                return f"{value // unit} {name}"
    return repr(value)


class OptionTable(SphinxDirective):
    """Draws one of the three tables."""

    required_arguments = 1
    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        which = self.arguments[0]
        if which not in TABLES:
            raise self.error(f"option-table: one of {', '.join(TABLES)}, not {which}")
        group = nodes.tgroup(cols=len(HEADINGS))
        group += [nodes.colspec(colwidth=width) for width in WIDTHS]
        group += nodes.thead("", self.row([[nodes.Text(heading)] for heading in HEADINGS]))
        body = nodes.tbody()
        for option in rows_of(which):
            body += self.option_row(option)
        group += body
        return [nodes.table("", group, classes=["option-table"])]

    def option_row(self, option: OptionRow) -> nodes.row:
        name = nodes.literal("", option.name)
        default = default_text(option)
        allowed = nodes.Text(option.type if option.type == "bool" else f"{option.type}: {option.allowed}")
        sentence, _ = self.parse_inline(option.sentence, lineno=self.lineno)
        row = self.row([[name], [nodes.literal("", default)], [allowed], sentence])
        row["ids"].append(f"option-{option.name}")
        return row

    def row(self, cells: list[list[nodes.Node]]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            row += nodes.entry("", nodes.paragraph("", "", *cell))
        return row


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("option-table", OptionTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
