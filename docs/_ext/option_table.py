"""The directive `option-table`, the links to it, and the table itself as `wsframework.options` holds it.

    ```{option-table} Limits
    ```

The argument is one of `THEMES` of `wsframework.cli.option_rows`, which `wsframework options` prints. Every option is
an anchor, found by the search and linked to with {confval}`maxSendBuffer`; an option that any page names as
`maxSendBuffer` becomes such a link by itself, once in every section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from docutils import nodes
from sphinx import addnodes
from sphinx.domains.std import StandardDomain
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective

from wsframework.cli.option_rows import THEMES, default_text, facts, rows, size_text
from wsframework.options import OptionRow

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["PAGE", "OptionTable"]

PAGE: Final = "reference/options"


class OptionTable(SphinxDirective):
    """Describes the options of one theme."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        theme = self.arguments[0]
        if theme not in THEMES:
            raise self.error(f"option-table: one of {', '.join(THEMES)}, not {theme}")
        known = rows()
        return [self.describe(*known[name]) for name in THEMES[theme]]

    def describe(self, row: OptionRow, role: str) -> nodes.Node:
        """The option's name, type and default, its sentence, and what values it may have."""
        anchor = f"option-{row.name}"
        signature = addnodes.desc_signature(row.name, "", ids=[anchor], is_multiline=False)
        signature += addnodes.desc_name(row.name, row.name)
        signature += addnodes.desc_annotation("", f": {row.type} = {default_text(row)}")
        notes = [size_text(row), role] if size_text(row) else [role]
        signature += nodes.inline("", ", ".join(notes), classes=["option-note"])
        sentence, _ = self.parse_inline(row.sentence, lineno=self.lineno)
        content = addnodes.desc_content("", nodes.paragraph("", "", *sentence))
        if row.type != "bool":
            content += nodes.paragraph("", facts(row), classes=["option-facts"])
        domain = cast(StandardDomain, self.env.get_domain("std"))
        domain.note_object("confval", row.name, anchor, location=signature)
        return addnodes.desc(
            "", signature, content, domain="std", objtype="confval", desctype="confval", classes=["option"]
        )


class OptionLinks(SphinxTransform):
    """Makes links of the options that a page names as code, the first time in each section."""

    default_priority = 500

    def apply(self, **_: Any) -> None:
        # `version` and `versions` are names of other things, too.
        known = {name for name in rows() if not name.islower()}
        done: set[tuple[int, str]] = set()
        for literal in list(self.document.findall(nodes.literal)):
            name = literal.astext()
            if name not in known or isinstance(literal.parent, nodes.reference):
                continue
            if isinstance(literal.parent, addnodes.pending_xref):
                # In a docstring: what may be a name is a link that leads nowhere if it is none.
                literal.parent.replace_self(literal)
            place = _section_of(literal)
            if isinstance(place, nodes.title) or (id(place), name) in done:
                continue
            done.add((id(place), name))
            link = addnodes.pending_xref(
                "", refdomain="std", reftype="confval", reftarget=name, refexplicit=True, refwarn=True
            )
            link["refdoc"] = self.env.docname
            literal.replace_self(link)
            link += literal


def _section_of(node: nodes.Node) -> nodes.Node | None:
    """What a link is made once in: a section, an option or a message; a title, in which there are none."""
    while node is not None and not isinstance(node, nodes.section | nodes.title | addnodes.desc):
        node = node.parent
    return node


def setup(app: Sphinx) -> dict[str, Any]:
    missing = set(rows()).symmetric_difference(name for names in THEMES.values() for name in names)
    if missing:
        raise ValueError(f"options that are in no theme, or themes with what is no option: {sorted(missing)}")
    app.add_directive("option-table", OptionTable)
    app.add_transform(OptionLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
