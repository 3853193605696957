"""The directives `lifecycle-diagram` and `lifecycle-table`: the table in `wsframework._core.lifecycle`, drawn.

Every move leads onwards in the order of the states, so the diagram is a column of boxes: a move to the next state is a
straight arrow, a longer one an arc beside the column.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from wsframework._core.constants import State
from wsframework._core.lifecycle import TABLE, Action

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STATES = list(State)
BOX_WIDTH, BOX_HEIGHT, STEP = 130, 36, 110
CENTRE, WIDTH = 330, 660
SILENT = frozenset({Action.IGNORE, Action.IMPOSSIBLE})


def moves() -> dict[tuple[State, State], list[str]]:
    """The inputs that lead from one state to another, by both states."""
    found: dict[tuple[State, State], list[str]] = {}
    for (state, happened), (following, _) in TABLE.items():
        if following is not state:
            found.setdefault((state, following), []).append(happened.value)
    return found


def top_of(state: State) -> int:
    return 10 + STATES.index(state) * STEP


def box(state: State) -> str:
    left, top = CENTRE - BOX_WIDTH // 2, top_of(state)
    return (
        f'<rect x="{left}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" class="state"/>'
        f'<text x="{CENTRE}" y="{top + 23}" text-anchor="middle" class="name">{state.name}</text>'
    )


def labels(x: float, y: float, anchor: str, words: list[str]) -> str:
    first = y - 8 * (len(words) - 1) + 4
    return "".join(
        f'<text x="{x:g}" y="{first + 16 * line:g}" text-anchor="{anchor}" class="input">{escape(word)}</text>'
        for line, word in enumerate(words)
    )


def straight(source: State, target: State, words: list[str]) -> str:
    start, end = top_of(source) + BOX_HEIGHT, top_of(target)
    path = f'<path d="M{CENTRE} {start}V{end - 2}" class="move"/>'
    return path + labels(CENTRE + 8, (start + end) / 2, "start", words)


def arc(source: State, target: State, words: list[str], side: int, reach: int) -> str:
    edge = CENTRE + side * BOX_WIDTH // 2
    start, end = top_of(source) + BOX_HEIGHT // 2 + 6, top_of(target) + BOX_HEIGHT // 2 - 6
    bend = edge + side * reach
    path = f'<path d="M{edge} {start}C{bend} {start} {bend} {end} {edge + side * 2} {end}" class="move"/>'
    # The curve's own middle is three quarters of the way out.
    anchor = "start" if side > 0 else "end"
    return path + labels(edge + side * (reach * 0.75 + 6), (start + end) / 2, anchor, words)


def diagram() -> str:
    """The whole drawing. What ends in CLOSED stands on the left, the rest on the right."""
    parts = [box(state) for state in STATES]
    for (source, target), words in moves().items():
        span = STATES.index(target) - STATES.index(source)
        if span == 1:
            parts.append(straight(source, target, words))
        else:
            # The words on the right are longer, so the arcs there keep more of a distance.
            side, distance = (-1, 55) if target is State.CLOSED else (1, 125)
            parts.append(arc(source, target, words, side, 95 + distance * (span - 2)))
    height = top_of(STATES[-1]) + BOX_HEIGHT + 10
    return (
        f'<svg class="lifecycle" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="States of a connection">'
        "<style>.lifecycle{max-width:660px;width:100%;font-size:13px;fill:currentColor}"
        ".lifecycle .state,.lifecycle .move{fill:none;stroke:currentColor;stroke-width:1.5}"
        ".lifecycle .move{marker-end:url(#lifecycle-tip)}.lifecycle .name{font-weight:bold}"
        ".lifecycle .input{font-style:italic}</style>"
        '<marker id="lifecycle-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker>' + "".join(parts) + "</svg>"
    )


class LifecycleDiagram(SphinxDirective):
    """Draws the moves between the states."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", diagram(), format="html")]


class LifecycleTable(SphinxDirective):
    """Lists every state and input with what is done; left out is what changes nothing."""

    has_content = False
    headings: ClassVar = ("State", "Input", "Next state", "What is done")

    def run(self) -> list[nodes.Node]:
        group = nodes.tgroup(cols=len(self.headings))
        group += [nodes.colspec(colwidth=width) for width in (16, 16, 16, 52)]
        group += nodes.thead("", self.row(self.headings))
        body = nodes.tbody()
        for (state, happened), (following, action) in TABLE.items():
            if action not in SILENT:
                body += self.row((state.name, happened.value, following.name, action.value))
        group += body
        return [nodes.table("", group)]

    def row(self, cells: tuple[str, ...]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            row += nodes.entry("", nodes.paragraph("", cell))
        return row


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("lifecycle-diagram", LifecycleDiagram)
    app.add_directive("lifecycle-table", LifecycleTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
