"""The kits, and what was logged: every error that a scenario does not ask for is a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.interop.conversation.kits import AsyncioKit, Kit, TwistedKit
from tests.interop.conversation.logs import Logged, watching
from tests.interop.homes import AsyncioHome


@pytest.fixture(params=["asyncio", "uvloop", "twisted"])
def kit(request: pytest.FixtureRequest) -> Kit:
    """Where a scenario runs."""
    if request.param == "twisted":
        return TwistedKit(request.param)
    if request.param == "uvloop":
        return AsyncioKit(request.param, pytest.importorskip("uvloop").new_event_loop)
    return AsyncioKit(request.param, asyncio.new_event_loop)


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[AsyncioHome]:
    """A thread with an asyncio loop, where other people's libraries run."""
    home = AsyncioHome("elsewhere", asyncio.new_event_loop)
    yield home
    home.stop()


@pytest.fixture
def logged() -> Iterator[Logged]:
    """The warnings and errors that either backend logs."""
    with watching() as logged:
        yield logged


@pytest.fixture(autouse=True)
def _no_errors_logged(logged: Logged) -> Iterator[None]:
    """In place of the fixture of that name that is for all of interop: here some errors are wanted."""
    yield
    assert logged.errors == [], "logged, and not asked for"
