"""Thousands of idle connections in one process, and a goodbye to all of them.

2,000 unless the environment variable WSFRAMEWORK_CONNECTIONS says otherwise; 10,000 is what the framework promises.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import pytest

from tests.interop.processes import file_limit, running

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

WANTED = int(os.environ.get("WSFRAMEWORK_CONNECTIONS", "2000"))
OPENING = 60.0
DEADLINE = 20.0


@pytest.mark.parametrize("backend", ["twisted", "asyncio", "uvloop"])
def test_a_server_holds_many_idle_connections_and_says_goodbye_to_all(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All open within a minute; on shutdown each gets Close 1001 and the process is done before the deadline."""
    if backend == "uvloop" and find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    # Both ends are processes of their own; each needs some files for itself.
    count = min(WANTED, file_limit() - 200)
    with running("server_process", backend) as server:
        port = server.report()["port"]
        before = server.memory()
        with running("client_swarm", str(port), str(count)) as clients:
            opening = clients.report(OPENING)["seconds"]
            memory = (server.memory() - before) / count
            server.tell(f"shutdown {DEADLINE}")
            goodbye = server.report(DEADLINE + 5)
            ends = clients.report()
    with capsys.disabled():
        print(
            f"\n{backend}: {count} connections opened in {opening:.1f} s, closed in {goodbye['seconds']:.1f} s, "
            f"{memory / 1024:.1f} KiB each"
        )
    assert ends == {"1001 in order": count}
    assert (goodbye["closed"], goodbye["aborted"]) == (count, 0)
    assert goodbye["seconds"] < DEADLINE
