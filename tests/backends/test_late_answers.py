"""Callbacks that send when the connection is closing already, which they need not know."""

from __future__ import annotations

from typing import Any

from tests.backends.programs import Backend, close, frames, note_taker, opened, text
from wsframework.exceptions import Disconnected


def test_an_answer_after_our_close_is_no_error(backend: Backend, errors: list[BaseException]) -> None:
    """I closed the connection while my echo server was busy with it, and the log was full of tracebacks."""

    class Echo(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            super().onMessage(payload, isBinary)
            self.sendMessage(payload, isBinary)

    link = opened(backend, Echo)
    link.protocol.sendClose(1000)
    link.take()
    link.receive(text("a") + text("b") + close(1000))
    link.end()
    assert link.protocol.events[2:] == ["a", "b", ("close", True, 1000)]
    assert errors == []


def test_an_answer_that_was_ready_too_late_is_no_error(backend: Backend, errors: list[BaseException]) -> None:
    """The client had gone before I had the answer for it."""
    found = backend.later()

    class Slow(note_taker(backend)):  # type: ignore[misc]
        async def onMessage(self, payload: bytes, isBinary: bool) -> None:
            await found
            self.sendMessage(payload, isBinary)

    link = opened(backend, Slow)
    link.receive(text("a"))
    backend.settle()
    link.cut()
    backend.resolve(found)
    backend.settle()
    assert link.protocol.events[2:] == [("close", False, 1006)]
    assert errors == []


def test_sending_to_another_connection_that_is_closed_is_an_error(
    backend: Backend, errors: list[BaseException]
) -> None:
    """My relay did not notice that the other end was gone: that is a mistake of mine, and I am told."""
    gone = opened(backend, None)
    gone.cut()
    backend.settle()

    class Relay(note_taker(backend)):  # type: ignore[misc]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            gone.protocol.sendMessage(payload, isBinary)

    link = opened(backend, Relay)
    link.receive(text("a"))
    assert frames(link.take()) == [(8, (1011).to_bytes(2, "big"))]
    assert [type(error) for error in errors] == [Disconnected]


def test_other_errors_are_reported_while_closing_too(backend: Backend, errors: list[BaseException]) -> None:
    """My callback has a bug, and I want to know."""

    def fail(self: Any, payload: bytes, isBinary: bool) -> None:
        raise KeyError("x")

    link = opened(backend, type("Failing", (note_taker(backend),), {"onMessage": fail}))
    link.protocol.sendClose(1000)
    link.receive(text("a"))
    assert [type(error) for error in errors] == [KeyError]
