"""How long a client waits before it connects again."""

from __future__ import annotations

import pytest

from wsframework.websocket.reconnecting import pause_before


@pytest.mark.parametrize(("failures", "most"), [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (100, 60)])
def test_the_pause_is_random_and_doubles_up_to_a_minute(failures: int, most: float) -> None:
    """A thousand clients of a server that comes back do not come all at once, and none stays away for long."""
    pauses = [pause_before(failures) for _ in range(1000)]
    assert min(pauses) >= 0
    assert min(pauses) < most * 0.1
    assert most * 0.9 < max(pauses) <= most
