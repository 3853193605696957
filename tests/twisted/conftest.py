"""Fixtures: a reactor, and kinds of sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.twisted.sockets import REACTORS, Bench, benches


@pytest.fixture(params=list(REACTORS))
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each reactor that there is here."""
    yield from benches(request.param)


@pytest.fixture
def one() -> Iterator[Bench]:
    """One reactor, for what is the same on all."""
    yield from benches("select")


@pytest.fixture(params=[socket.AF_INET, socket.AF_UNIX], ids=["tcp", "unix"])
def family(request: pytest.FixtureRequest) -> int:
    """Each kind of sockets."""
    kind: int = request.param
    return kind
