"""The code of the guide's page about compression: all of it runs, from the first block to the last."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.backends.compressed import Pair, assert_talks
from tests.backends.programs import note_taker
from wsframework.asyncio.testing import AsyncioMemoryBackend
from wsframework.options import option_names
from wsframework.websocket.compress import DeflatePolicy

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "compression.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_all_blocks_run_and_what_they_set_up_compresses() -> None:
    """I pasted one after the other; after each the two factories understand each other."""
    pytest.importorskip("isal")
    backend: Any = AsyncioMemoryBackend()
    names: dict[str, Any] = {"__name__": "page"}
    agreed = []
    for block in BLOCKS:
        exec(compile(block, "compression.md", "exec"), names)
        one, other = backend.make_server(note_taker(backend)), backend.make_client(note_taker(backend, "client"))
        for mine, theirs in ((one, names["server"]), (other, names["client"])):
            mine.setProtocolOptions(**{name: getattr(theirs, name) for name in option_names(type(theirs._options))})
        ends = Pair(backend, one, other)
        assert_talks(ends, True)
        agreed.append(ends.answered)
    backend.close()
    assert agreed[0] == "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
    assert agreed[-1] == (
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=11; client_max_window_bits=10"
    )


def test_the_table_names_every_argument_with_its_default() -> None:
    """None is missing and none is made up."""
    table = PAGE.partition("| argument | default |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1:3] for row in table.splitlines()[2:]]
    told: dict[str, str] = {}
    for arguments, values in cells:
        for name, value in zip(re.findall(r"`(\w+)`", arguments), [*values.split(", ", 1), ""], strict=False):
            told[name] = value.strip(' `"')
    defaults = {row.name: row.default for row in fields(DeflatePolicy)}
    assert told.keys() == defaults.keys()
    for name, default in defaults.items():
        if default is not None:
            assert told[name].split(",")[0] == str(default).removesuffix(".0"), name
