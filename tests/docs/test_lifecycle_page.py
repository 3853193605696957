"""The lifecycle's diagram shows the whole table, or is not drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

import pytest

pytest.importorskip("sphinx")

from lifecycle_table import SILENT, description, diagram  # found by conftest.py

from wsframework._core.constants import State
from wsframework._core.lifecycle import TABLE, Action, Input

SEEN = {key: move for key, move in TABLE.items() if move[0] is not key[0] or move[1] not in SILENT}


def drawn(table: Mapping[tuple[State, Input], tuple[State, Action]] = TABLE) -> tuple[list[str], list[str], int]:
    """The states, the inputs and the number of arrows in the drawing."""
    root = ElementTree.fromstring(diagram(table))
    texts = [(element.get("class"), element.text or "") for element in root.iter("text")]
    names = [text for kind, text in texts if kind == "name"]
    inputs = [word for kind, text in texts if kind == "input" for word in re.findall(r"\w+", text)]
    return names, inputs, sum(element.get("class") == "move" for element in root.iter("path"))


def test_diagram_shows_every_state_and_every_move() -> None:
    """Each input of the table once, and an arrow for every pair of states that has any."""
    names, inputs, arrows = drawn()
    assert names == [state.name for state in State]
    assert sorted(inputs) == sorted(happened.value for _, happened in SEEN)
    assert arrows == len({(state, following) for (state, _), (following, _) in SEEN.items() if state is not following})


def test_a_new_move_is_drawn() -> None:
    """If OPEN became CLOSED by a violation, the diagram would say so."""
    changed = TABLE | {(State.CLOSING, Input.VIOLATION): (State.CLOSED, Action.ABORT)}
    assert diagram(changed) != diagram()
    assert "CLOSING becomes CLOSED on violation, lost." in description(changed)
    assert sorted(drawn(changed)[1]) == sorted(drawn()[1])


@pytest.mark.parametrize(
    ("state", "happened", "following"),
    [
        pytest.param(State.DRAINING, Input.ACCEPTED, State.OPEN, id="backwards"),
        pytest.param(State.CONNECTING, Input.SEND_CLOSE, State.CLOSING, id="a-second-arc-on-one-side"),
    ],
)
def test_a_move_that_has_no_place_is_not_drawn_wrongly(state: State, happened: Input, following: State) -> None:
    """The build fails, and somebody draws a better diagram."""
    with pytest.raises(ValueError, match=f"no place for the move from {state.name}|from CONNECTING"):
        diagram(TABLE | {(state, happened): (following, Action.OPEN)})


def test_labels_stay_inside_and_apart() -> None:
    """No word runs out of the drawing or into another."""
    root = ElementTree.fromstring(diagram())
    _, _, width, height = (float(number) for number in root.get("viewBox", "").split())
    boxes = []
    for element in root.iter("text"):
        # 14 pixels high, and no letter wider than 8.
        length, x, y = 8 * len(element.text or ""), float(element.get("x", 0)), float(element.get("y", 0))
        left = x - {"start": 0, "middle": length / 2, "end": length}[element.get("text-anchor", "start")]
        assert left >= 0
        assert left + length <= width
        assert 0 < y <= height
        boxes.append((left, left + length, y - 11, y + 3))
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]


def test_description_names_every_move() -> None:
    """The diagram's text says the same to those who do not see it."""
    text = description()
    for (state, happened), (following, _) in SEEN.items():
        verb = "stays" if state is following else f"becomes {following.name}"
        assert re.search(rf"{state.name} {verb} on [^.]*\b{happened.value}\b", text)
