"""The directives `lifecycle-diagram` and `lifecycle-table`: the table in `wsframework._core.lifecycle`, drawn.

Strategy: every move leads onwards in the order of the states, so the diagram is a column of boxes. A move to the next
state is a straight arrow, a longer one an arc beside the column with its inputs where it begins: what ends in CLOSED on
the left, the rest on the right. What is done without a move stands in the box. A table for which that is no longer true
is not drawn wrongly but not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from wsframework._core.constants import State
from wsframework._core.lifecycle import TABLE, Action, Input

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["SILENT", "description", "diagram"]

Table: TypeAlias = Mapping[tuple[State, Input], tuple[State, Action]]

STATES = list(State)
BOX_WIDTH, BOX_HEIGHT, STEP = 124, 44, 108
CENTRE, WIDTH, MARGIN, LINE = 207, 392, 6, 15
# How far an arc reaches out: for two steps, and for every step more.
REACH, REACH_MORE = {-1: 50, 1: 75}, {-1: 45, 1: 75}
SILENT = frozenset({Action.IGNORE, Action.IMPOSSIBLE})
"""What is not shown: in these cases nothing happens."""


def moves(table: Table) -> dict[tuple[State, State], list[str]]:
    """The inputs that lead from one state to another or are acted upon where it is, by both states."""
    found: dict[tuple[State, State], list[str]] = {}
    for (state, happened), (following, action) in table.items():
        if following is not state or action not in SILENT:
            found.setdefault((state, following), []).append(happened.value)
    return found


def top_of(state: State) -> int:
    return MARGIN + STATES.index(state) * STEP


def box(state: State, inside: list[str]) -> str:
    left, top = CENTRE - BOX_WIDTH // 2, top_of(state)
    name = top + BOX_HEIGHT // 2 + (-3 if inside else 5)
    drawn = (
        f'<rect x="{left}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" class="state"/>'
        f'<text x="{CENTRE}" y="{name}" text-anchor="middle" class="name">{state.name}</text>'
    )
    return drawn + labels(CENTRE, name + 17, "middle", [f"\u21bb {', '.join(inside)}"] if inside else [])


def labels(x: float, last: float, anchor: str, words: list[str]) -> str:
    """Words one above the other, the last of them at the height `last`."""
    return "".join(
        f'<text x="{x:g}" y="{last - LINE * above:g}" text-anchor="{anchor}" class="input">{escape(word)}</text>'
        for above, word in zip(reversed(range(len(words))), words, strict=True)
    )


def straight(source: State, target: State, words: list[str]) -> str:
    start, end = top_of(source) + BOX_HEIGHT, top_of(target)
    path = f'<path d="M{CENTRE} {start}V{end - 2}" class="move"/>'
    return path + labels(CENTRE + 9, (start + end) / 2 + LINE * (len(words) - 1) / 2 + 3, "start", words)


def arc(source: State, target: State, words: list[str], side: int) -> str:
    edge = CENTRE + side * BOX_WIDTH // 2
    start, end = top_of(source) + BOX_HEIGHT // 2 + 8, top_of(target) + BOX_HEIGHT // 2 - 8
    span = STATES.index(target) - STATES.index(source)
    bend = edge + side * (REACH[side] + REACH_MORE[side] * (span - 2))
    path = f'<path d="M{edge} {start}C{bend} {start} {bend} {end} {edge + side * 2} {end}" class="move"/>'
    return path + labels(edge + side * 7, start - 5, "start" if side > 0 else "end", words)


def diagram(table: Table = TABLE) -> str:
    """The whole drawing; `ValueError` for a table that does not fit it."""
    found = moves(table)
    parts = [box(state, found.pop((state, state), [])) for state in STATES]
    taken: set[tuple[State, int]] = set()
    for (source, target), words in found.items():
        span = STATES.index(target) - STATES.index(source)
        if span == 1:
            parts.append(straight(source, target, words))
            continue
        side = -1 if target is State.CLOSED else 1
        if span < 0 or (source, side) in taken:
            raise ValueError(f"the diagram has no place for the move from {source.name} to {target.name}")
        taken.add((source, side))
        parts.append(arc(source, target, words, side))
    height = top_of(STATES[-1]) + BOX_HEIGHT + MARGIN
    return (
        f'<svg class="lifecycle" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="lifecycle-title"'
        f' aria-describedby="lifecycle-text"><title id="lifecycle-title">States of a connection</title>'
        f'<desc id="lifecycle-text">{escape(description(table))}</desc>'
        '<marker id="lifecycle-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" class="tip"/></marker>' + "".join(parts) + "</svg>"
    )


def description(table: Table = TABLE) -> str:
    """The drawing in words, for those who do not see it."""
    sentences = [
        f"{source.name} {'stays' if source is target else 'becomes ' + target.name} on {', '.join(words)}."
        for (source, target), words in moves(table).items()
    ]
    return " ".join(sentences)


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
        return [nodes.table("", group, classes=["stacking"])]

    def row(self, cells: tuple[str, ...]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            row += nodes.entry("", nodes.paragraph("", cell))
        return row


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("lifecycle-diagram", LifecycleDiagram)
    app.add_directive("lifecycle-table", LifecycleTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
