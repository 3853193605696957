"""The life of a connection as one table: (state, input) -> (next state, action).

`Connection` looks moves up here and carries the action out; the docs draw the diagram from it and a test walks the full
product. RFC 6455 section 7 is where the rules come from; every wait in it has a deadline (see `Input.EXPIRED`).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from wsframework._core.constants import State

__all__ = ["TABLE", "Action", "Input", "step"]


class Input(Enum):
    """What can happen to a connection."""

    # See `State`.
    __hash__ = object.__hash__

    ACCEPTED = "accepted"
    SEND_CLOSE = "send_close"
    RECV_CLOSE = "recv_close"
    VIOLATION = "violation"
    EXPIRED = "timer"
    LOST = "lost"


class Action(Enum):
    """What is to be done about it, after the state has changed."""

    IGNORE = "nothing"
    MISUSE = "raise: the application must wait for onOpen"
    IMPOSSIBLE = "cannot happen"
    OPEN = "call onOpen, start the pings"
    REFUSE = "server: answer with an HTTP error and close TCP; client: abort"
    SEND_CLOSE = "write Close, arm the close timeout"
    REPLY_CLOSE = "write Close; server: close TCP; arm the drop timeout"
    FINISH_CLOSE = "server: close TCP; arm the drop timeout"
    TIME_OUT = "server, application still deciding: answer 503 and close TCP; else abort"
    FAIL = "failByDrop: abort; else write Close(code), close TCP, arm the drop timeout"
    KEEP_ALIVE = "ping due: write Ping; pong overdue: abort"
    ABORT = "abort TCP"
    REPORT = "call onClose"


_S = State
_I = Input
_A = Action

TABLE: Final[dict[tuple[State, Input], tuple[State, Action]]] = {
    (_S.CONNECTING, _I.ACCEPTED): (_S.OPEN, _A.OPEN),
    (_S.CONNECTING, _I.SEND_CLOSE): (_S.CONNECTING, _A.MISUSE),
    (_S.CONNECTING, _I.RECV_CLOSE): (_S.CONNECTING, _A.IMPOSSIBLE),
    (_S.CONNECTING, _I.VIOLATION): (_S.DRAINING, _A.REFUSE),
    (_S.CONNECTING, _I.EXPIRED): (_S.DRAINING, _A.TIME_OUT),
    (_S.CONNECTING, _I.LOST): (_S.CLOSED, _A.REPORT),
    (_S.OPEN, _I.ACCEPTED): (_S.OPEN, _A.IMPOSSIBLE),
    (_S.OPEN, _I.SEND_CLOSE): (_S.CLOSING, _A.SEND_CLOSE),
    (_S.OPEN, _I.RECV_CLOSE): (_S.DRAINING, _A.REPLY_CLOSE),
    (_S.OPEN, _I.VIOLATION): (_S.DRAINING, _A.FAIL),
    (_S.OPEN, _I.EXPIRED): (_S.OPEN, _A.KEEP_ALIVE),
    (_S.OPEN, _I.LOST): (_S.CLOSED, _A.REPORT),
    (_S.CLOSING, _I.ACCEPTED): (_S.CLOSING, _A.IMPOSSIBLE),
    (_S.CLOSING, _I.SEND_CLOSE): (_S.CLOSING, _A.IGNORE),
    (_S.CLOSING, _I.RECV_CLOSE): (_S.DRAINING, _A.FINISH_CLOSE),
    (_S.CLOSING, _I.VIOLATION): (_S.DRAINING, _A.ABORT),
    (_S.CLOSING, _I.EXPIRED): (_S.DRAINING, _A.ABORT),
    (_S.CLOSING, _I.LOST): (_S.CLOSED, _A.REPORT),
    (_S.DRAINING, _I.ACCEPTED): (_S.DRAINING, _A.IGNORE),
    (_S.DRAINING, _I.SEND_CLOSE): (_S.DRAINING, _A.IGNORE),
    (_S.DRAINING, _I.RECV_CLOSE): (_S.DRAINING, _A.IGNORE),
    (_S.DRAINING, _I.VIOLATION): (_S.DRAINING, _A.IGNORE),
    (_S.DRAINING, _I.EXPIRED): (_S.DRAINING, _A.ABORT),
    (_S.DRAINING, _I.LOST): (_S.CLOSED, _A.REPORT),
    (_S.CLOSED, _I.ACCEPTED): (_S.CLOSED, _A.IGNORE),
    (_S.CLOSED, _I.SEND_CLOSE): (_S.CLOSED, _A.IGNORE),
    (_S.CLOSED, _I.RECV_CLOSE): (_S.CLOSED, _A.IGNORE),
    (_S.CLOSED, _I.VIOLATION): (_S.CLOSED, _A.IGNORE),
    (_S.CLOSED, _I.EXPIRED): (_S.CLOSED, _A.IGNORE),
    (_S.CLOSED, _I.LOST): (_S.CLOSED, _A.IGNORE),
}


def step(state: State, happened: Input) -> tuple[State, Action]:
    """Look one move up."""
    return TABLE[state, happened]
