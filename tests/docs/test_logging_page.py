"""The code of the guide's page about logging: each block sets up what the text says, in a program of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guide" / "logging.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ASYNCIO_TEXT, ASYNCIO_JSON, TWISTED_TEXT, TWISTED_JSON, TWISTED_BRIDGE, FRAMES = BLOCKS

# One port scan, one refusal, one error of the application's.
VISITS = """
from tests.backends.programs import opened, request, text
from wsframework.{module}.testing import {kind} as Backend

backend = Backend()


class Fails(backend.server_protocol):
    def onMessage(self, payload, isBinary):
        self.log.info("{{user}} says something", user="Ada")
        raise RuntimeError("my mistake")


backend.connect(backend.make_server()).end()
backend.settle()
link = backend.connect(backend.make_server())
link.receive(b"POST /chat HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n")
link.end()
backend.settle()
opened(backend, Fails).receive(text("hello"))
backend.settle()
backend.close()
"""
KINDS = {"asyncio": "AsyncioMemoryBackend", "twisted": "TwistedMemoryBackend"}


def logged(module: str, block: str) -> list[str]:
    """The lines that a program with this block writes."""
    program = f"{block}\nset_up_logging()\n" + VISITS.format(module=module, kind=KINDS[module])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    return done.stderr.splitlines()


@pytest.mark.parametrize(("module", "block"), [("asyncio", ASYNCIO_TEXT), ("twisted", TWISTED_BRIDGE)])
def test_lines_have_the_fields_of_the_format(module: str, block: str) -> None:
    """I asked for the path in every line."""
    lines = [line for line in logged(module, block) if "Ada" in line or "ws-" in line]
    assert [re.search(r" (INFO|ERROR|CRITICAL) /chat ", line) is not None for line in lines] == [True] * 3
    assert " for /chat was refused: answered with HTTP 405: " in lines[0]
    assert "onMessage raised" in lines[2]


def test_twisted_writes_what_the_filter_lets_through() -> None:
    """And nothing of the port scan."""
    lines = [line for line in logged("twisted", TWISTED_TEXT) if "Ada" in line or "ws-" in line]
    assert len(lines) == 3
    assert "[wsframework.twisted#info] ws-" in lines[0]
    assert "[__main__.Fails#info] Ada says something" in lines[1]
    assert "[wsframework.twisted#critical] ws-" in lines[2]


@pytest.mark.parametrize(("module", "block"), [("asyncio", ASYNCIO_JSON), ("twisted", TWISTED_JSON)])
def test_json_lines(module: str, block: str) -> None:
    """Each line is an object, with the fields, and with the traceback of an error."""
    entries = [json.loads(line) for line in logged(module, block)]
    entries = [entry for entry in entries if "ws_id" in entry]
    assert len(entries) == 3
    assert [entry["ws_path"] for entry in entries] == ["/chat"] * 3
    assert entries[1]["ws_id"] == entries[2]["ws_id"] != entries[0]["ws_id"]
    assert {entry["ws_peer"] for entry in entries} == {"tcp4:192.0.2.1:54321"}
    assert ["my mistake" in entry.get("traceback", "") for entry in entries] == [False, False, True]


def test_the_option_is_one() -> None:
    """The line that switches frames on."""
    names: dict[str, Any] = {}
    exec(FRAMES, names)
    assert names["factory"]._options.logFrames
