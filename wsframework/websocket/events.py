"""Handlers beside the callbacks: `on("message", handler)` without a subclass."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from wsframework.websocket.hints import Event

__all__ = ["EVENTS", "Observable"]

# The events, in the order in which they happen, and what their handlers are called with.
EVENTS: Final = {
    "connect": "the ConnectionRequest or ConnectionResponse",
    "open": "nothing",
    "message": "the payload, and is_binary by keyword",
    "ping": "the payload",
    "pong": "the payload",
    "close": "wasClean, code and reason",
}

Handler = Callable[..., Any]
HandlerT = TypeVar("HandlerT", bound=Handler)


class Observable:
    """See `WebSocketProtocol`, which this is a part of."""

    # None, so that a connection without handlers pays one look at an attribute.
    _handlers: dict[str, list[Handler]] | None = None
    _observed = False

    def on(self, event: Event, handler: HandlerT) -> HandlerT:
        """Call `handler` at each `event` from now on, after the callback of that name; returns it.

        Events and what handlers are called with: "connect" (the request or response), "open" (nothing), "message"
        (`payload, is_binary=...`), "ping" and "pong" (the payload), "close" (`wasClean, code, reason`). Later results
        and errors are treated as those of the callback. "connect" handlers cannot decide about the connection.
        """
        _check_event(event)
        if not callable(handler):
            raise TypeError(f"handler must be callable, not {type(handler).__name__}")
        if self._handlers is None:
            self._handlers = {}
        self._handlers.setdefault(event, []).append(handler)
        self._observed = True
        return handler

    def off(self, event: Event | None = None, handler: Handler | None = None) -> None:
        """Call no longer: this `handler`, all of this `event`, this handler at any event, or none at all."""
        if event is not None:
            _check_event(event)
        for name, handlers in (self._handlers or {}).items():
            if event is None or name == event:
                handlers[:] = [other for other in handlers if handler is not None and other != handler]

    def _handlers_of(self, event: str) -> list[Handler]:
        """The handlers to call now; a list of its own."""
        return [] if self._handlers is None else list(self._handlers.get(event, ()))


def _check_event(event: object) -> None:
    if not isinstance(event, str):
        raise TypeError(f"event must be a str, not {type(event).__name__}")
    if event not in EVENTS:
        close = get_close_matches(event, EVENTS, 1)
        hint = f"; did you mean {close[0]!r}?" if close else f": it is one of {', '.join(EVENTS)}"
        raise ValueError(f"there is no event {event!r}{hint}")
