"""`_core.lifecycle`: the full product of states and inputs, and what holds on every path (RFC 6455 section 7)."""

from __future__ import annotations

from itertools import product

import pytest

from wsframework._core.constants import State
from wsframework._core.lifecycle import TABLE, Action, Input, step

# The design's table row by row, in its own words; the docs draw their diagram from the code's.
INPUTS = ("accepted", "send_close", "recv_close", "violation", "timer", "lost")
EXPECTED = {
    "connecting": (
        "open OPEN",
        "stay MISUSE",
        "stay IMPOSSIBLE",
        "draining REFUSE",
        "draining TIME_OUT",
        "closed REPORT",
    ),
    "open": (
        "stay IMPOSSIBLE",
        "closing SEND_CLOSE",
        "draining REPLY_CLOSE",
        "draining FAIL",
        "stay KEEP_ALIVE",
        "closed REPORT",
    ),
    "closing": (
        "stay IMPOSSIBLE",
        "stay IGNORE",
        "draining FINISH_CLOSE",
        "draining ABORT",
        "draining ABORT",
        "closed REPORT",
    ),
    "draining": ("stay IGNORE", "stay IGNORE", "stay IGNORE", "stay IGNORE", "draining ABORT", "closed REPORT"),
    "closed": ("stay IGNORE",) * 6,
}
ORDER = [State.CONNECTING, State.OPEN, State.CLOSING, State.DRAINING, State.CLOSED]
# Inputs that a connection never sees in these states, because there are no frames before the handshake is complete
# and the handshake completes once.
IMPOSSIBLE = {
    (State.CONNECTING, Input.RECV_CLOSE),
    (State.OPEN, Input.ACCEPTED),
    (State.CLOSING, Input.ACCEPTED),
}


@pytest.mark.parametrize(("state", "happened"), list(product(State, Input)))
def test_every_move(state: State, happened: Input) -> None:
    """Whatever happens in whatever state: the design says what comes of it."""
    move = EXPECTED[state.value][INPUTS.index(happened.value)]
    following, action = move.split()
    expected = state if following == "stay" else State(following)
    assert step(state, happened) == (expected, Action[action])


def test_the_table_is_the_full_product_and_no_more() -> None:
    """No pair is missing, none is left over, and every action has its use."""
    assert set(TABLE) == set(product(State, Input))
    assert {action for _, action in TABLE.values()} == set(Action)
    assert {pair for pair, (_, action) in TABLE.items() if action is Action.IMPOSSIBLE} == IMPOSSIBLE


def test_states_only_move_forward() -> None:
    """A connection never opens twice and never comes back."""
    for (state, _), (following, _) in TABLE.items():
        assert ORDER.index(following) >= ORDER.index(state)


@pytest.mark.parametrize("state", State)
def test_every_state_reaches_closed(state: State) -> None:
    """The loss of the transport ends everything at once; nothing that happens before can prevent it."""
    for before in product(Input, repeat=2):
        current = state
        for happened in (*before, Input.LOST):
            current, _ = step(current, happened)
        assert current is State.CLOSED


@pytest.mark.parametrize("happened", Input)
def test_nothing_leaves_closed(happened: Input) -> None:
    """Nothing comes after onClose."""
    assert step(State.CLOSED, happened) == (State.CLOSED, Action.IGNORE)


@pytest.mark.parametrize("state", [State.CONNECTING, State.CLOSING, State.DRAINING])
def test_every_wait_has_a_deadline_that_ends_tcp(state: State) -> None:
    """Only an open connection may outlive its timer."""
    following, action = step(state, Input.EXPIRED)
    assert following is State.DRAINING
    assert action in {Action.TIME_OUT, Action.ABORT}


def test_on_every_path_open_and_close_are_told_once() -> None:
    """onOpen at most once and before onClose; one Close frame at most; onClose exactly once if the transport goes."""
    closes = {Action.SEND_CLOSE, Action.REPLY_CLOSE, Action.FAIL}
    for path in product(Input, repeat=5):
        state, actions = State.CONNECTING, []
        for happened in path:
            state, action = step(state, happened)
            actions.append(action)
        assert actions.count(Action.REPORT) == (Input.LOST in path)
        assert actions.count(Action.OPEN) <= 1
        assert sum(action in closes for action in actions) <= 1
        if Action.REPORT in actions:
            assert set(actions[actions.index(Action.REPORT) + 1 :]) <= {Action.IGNORE}
        if Action.OPEN not in actions:
            assert not closes & set(actions)
