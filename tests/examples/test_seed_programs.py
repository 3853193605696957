"""The programs of the guide that this API comes from, with another package name and today's way to run a loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.programs import BACKENDS, Start

pytestmark = pytest.mark.interop

PROGRAMS = Path(__file__).parent / "seed_programs"


@pytest.mark.parametrize("client_backend", BACKENDS)
@pytest.mark.parametrize("server_backend", BACKENDS)
def test_programs_of_the_guide_talk_to_each_other(start: Start, server_backend: str, client_backend: str) -> None:
    """I renamed the package in the programs that I had, and they ran; also one backend's with the other's."""
    # Not strict: they end without closing anything, of which asyncio would warn.
    server = start(PROGRAMS / f"{server_backend}_server.py", "0", strict=False)
    port = server.line_with("port ").split()[-1]
    client = start(PROGRAMS / f"{client_backend}_client.py", port, strict=False)
    client.line_with("Text message received: Hello, world!")
    client.stop()
    server.stop()
