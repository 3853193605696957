"""The directive `finding-table`: what `wsframework check` can find, from `wsframework.cli.explanations`.

    ```{finding-table} Handshake
    ```

The argument is a section of the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from wsframework.cli.explanations import Code
from wsframework.cli.findings import Level, Section

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HEADINGS = ("Finding", "What it means", "What to do")
WIDTHS = (24, 38, 38)


def codes_of(section: Section) -> list[Code]:
    """What can be found in one section, problems first."""
    found = [code for code in Code if code.value.section is section]
    return sorted(found, key=lambda code: code.value.level is not Level.PROBLEM)


class FindingTable(SphinxDirective):
    """Draws the table of one section."""

    required_arguments = 1
    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        names = {section.value: section for section in Section}
        section = names.get(self.arguments[0])
        if section is None:
            raise self.error(f"finding-table: one of {', '.join(names)}, not {self.arguments[0]}")
        group = nodes.tgroup(cols=len(HEADINGS))
        group += [nodes.colspec(colwidth=width) for width in WIDTHS]
        group += nodes.thead("", row([[nodes.Text(heading)] for heading in HEADINGS]))
        body = nodes.tbody()
        for code in codes_of(section):
            body += finding_row(code)
        group += body
        return [nodes.table("", group, classes=["finding-table"])]


def finding_row(code: Code) -> nodes.row:
    explanation = code.value
    name: list[nodes.Node] = [nodes.literal("", code.name)]
    if explanation.level is not Level.PROBLEM:
        name.append(nodes.Text(f" ({explanation.level.value})"))
    found = row([name, [nodes.Text(explanation.meaning)], [nodes.Text(explanation.advice)]])
    found["ids"].append(f"finding-{code.name}")
    return found


def row(cells: list[list[nodes.Node]]) -> nodes.row:
    found = nodes.row()
    for cell in cells:
        found += nodes.entry("", nodes.paragraph("", "", *cell))
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("finding-table", FindingTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
