"""Both backends in one process, talking to each other."""

from __future__ import annotations

import pytest

from tests.interop.processes import running

pytestmark = pytest.mark.interop


def test_the_two_backends_talk_to_each_other_in_one_process() -> None:
    """An asyncio server with a Twisted client, and the reverse; nowhere was one of the backends chosen."""
    with running("cross_backends") as program:
        reports = [program.report(30), program.report(30)]
    right = {"right": True, "clean": True, "code": 1000}
    assert reports == [
        {"client": "wsframework.twisted.websocket", **right},
        {"client": "wsframework.asyncio.websocket", **right},
    ]
