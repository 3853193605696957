"""The guide's page about `wsframework check`: the sample is what the program prints, and all findings are there."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

from tests.cli.observed import answered
from wsframework._core.uri import parse_uri
from wsframework.cli.check import LARGEST, add_arguments
from wsframework.cli.diagnosis import diagnose
from wsframework.cli.facts import Question
from wsframework.cli.findings import Section
from wsframework.cli.report import report_lines

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "check.md"
URL = "ws://x.example/feed"
REQUEST = b"GET /feed HTTP/1.1\r\nHost: x.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nServer: nginx/1.24.0\r\nContent-Type: text/html\r\nContent-Length: 31\r\n\r\n"


def sample() -> str:
    """The report about a server behind a proxy that was not told to pass upgrades."""
    facts = answered(RESPONSE, body=b"<html><body>Feed</body></html>\n")
    assert facts.answer is not None
    key = b"Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    facts = replace(facts, question=Question(URL, parse_uri(URL)), answer=replace(facts.answer, request=REQUEST + key))
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in report_lines(facts, diagnose(facts)))


def test_the_sample_is_what_is_printed() -> None:
    """The page shows what I get."""
    (block,) = re.findall(r"^```text\n(.*?)^```", PAGE.read_text("utf8"), re.DOTALL | re.MULTILINE)
    assert block == sample()


def test_every_section_has_its_table() -> None:
    """Nothing that can be found is missing."""
    tables = re.findall(r"^```\{finding-table\} (\w+)$", PAGE.read_text("utf8"), re.MULTILINE)
    assert tables == [section.value for section in Section]


def test_the_page_names_options_that_exist() -> None:
    """I typed what the page says."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = set(re.findall(r"--[a-z]+", PAGE.read_text("utf8")))
    assert options <= {option for action in parser._actions for option in action.option_strings}
    assert parser.get_default("timeout") == 10
    assert LARGEST == 16 * 1024 * 1024
