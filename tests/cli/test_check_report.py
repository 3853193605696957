"""How `wsframework check` shows what it found: for people, and for programs."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.cli.observed import FACTS, TALK, accepted, answered, secure, tried
from wsframework._core.uri import parse_uri
from wsframework.cli.diagnosis import diagnose
from wsframework.cli.explanations import Code
from wsframework.cli.facts import Facts, Limits, Question, Reaction, Stage, Trust
from wsframework.cli.findings import Level, Section, printable
from wsframework.cli.json_report import json_report
from wsframework.cli.report import report_lines, show

LIMITS = Limits(
    echoes=True,
    accepted=1 << 20,
    refused=1 << 21,
    refusal=tried(Reaction.CLOSED, 1009, expected=(1009,), reason="too \x1b[2J big"),
    in_fragments=tried(Reaction.ACCEPTED),
    experiments=(tried(Reaction.ACCEPTED), tried(Reaction.ACCEPTED, expected=(1002,))),
)
EVIL = "\x1b]0;owned\x07 \u202eabc \x9b31m"


class Terminal(io.StringIO):
    """What rich takes for a terminal."""

    def isatty(self) -> bool:
        return True


def text_of(facts: Facts, width: int = 100) -> str:
    return "\n".join("".join(text for text, _ in line) for line in report_lines(facts, diagnose(facts), width))


def shown(facts: Facts, stream: io.StringIO) -> str:
    show(facts, diagnose(facts), stream)
    return stream.getvalue()


def test_a_good_server_is_reported_section_by_section() -> None:
    """What I look at first."""
    lines = text_of(replace(FACTS, tls=secure().tls, limits=LIMITS)).splitlines()
    titles = [line for line in lines if line in {section.value for section in Section}]
    assert titles == [section.value for section in Section]
    for expected in (
        "  ok       name                   x.example is 192.0.2.1 (1.0 ms)",
        "  ok       connect                192.0.2.1 port 80 in 10.0 ms",
        "  ok       version                TLSv1.3, TLS_AES_256_GCM_SHA384, ALPN none, in 30.0 ms",
        "  ok       certificate            valid until 2024-08-15 (90 days left)",
        "  ok       status                 HTTP/1.1 101 Switching Protocols (20.0 ms)",
        "  ok       Sec-WebSocket-Accept   answers the key",
        "           offered                permessage-deflate; client_max_window_bits",
        "  ok       agreed                 none",
        "  ok       ping                   median 2.0 ms of 3",
        "  ok       close                  answered with 1000 after 1.0 ms",
        "  ok       TCP end                by the server",
        "           echo                   text comes back",
        "  ok       tried                  some frame: the server goes on",
        "  warning  tried                  some frame: the server goes on",
        "Verdict: a usable WebSocket, 1 warning.",
    ):
        assert expected in lines


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("ws://127.0.0.1:1/", "127.0.0.1 is an address, nothing to look up"),
        ("ws://[::1]:1/", "::1 is an address, nothing to look up"),
        ("ws://unix:/tmp/s", "a unix socket, nothing to look up"),
    ],
)
def test_what_is_no_name_was_not_looked_up(url: str, text: str) -> None:
    """ "127.0.0.1 is 127.0.0.1" told me nothing."""
    facts = replace(FACTS, question=Question(url, parse_uri(url)))
    assert f"  ok       name                   {text}" in text_of(facts).splitlines()


@pytest.mark.parametrize(
    ("days", "left"), [(-2, "2 days ago"), (-1, "1 day ago"), (0, "0 days left"), (1, "1 day left"), (2, "2 days left")]
)
def test_one_day_is_not_days(days: int, left: str) -> None:
    """A certificate that ends tomorrow."""
    facts = secure(days=days)
    assert f"({left})" in text_of(facts)
    assert ("UTC: 1 day." in text_of(facts)) is (days == 1)
    expired = secure(days=days, trust=Trust.EXPIRED, verification="no")
    assert ("UTC, 1 day ago." in text_of(expired)) is (days == -1)


def test_a_problem_is_marked_in_its_section_and_explained_at_the_end() -> None:
    """I see where it is, and what to do."""
    facts = accepted(accept="x", upgrade=None)
    text = text_of(facts)
    assert "\n  problem  Upgrade                missing\n" in text
    assert "\n  problem  Sec-WebSocket-Accept   x\n" in text
    assert "\n  ok       Connection             Upgrade\n" in text
    _, _, verdict = text.partition("Verdict: ")
    assert verdict.startswith(
        "no usable WebSocket, 2 problems.\n\nproblem   UPGRADE_HEADER\n  Seen:   The answer has no"
    )
    assert " ".join(Code.ACCEPT_WRONG.value.advice.split()) in " ".join(verdict.split())


def test_problems_come_before_warnings() -> None:
    """The order of what to look at."""
    facts = replace(FACTS, conversation=replace(TALK, stage=Stage.CLOSING, close_answered=False, ping_was_ignored=True))
    text = text_of(facts)
    assert text.index("PING_UNANSWERED") < text.index("CLOSE_UNANSWERED")
    assert "1 problem, 1 warning" in text


@pytest.mark.parametrize("width", [34, 40, 60, 80, 110])
def test_lines_fit_the_terminal(width: int) -> None:
    """Also in half of a narrow window. The first line, which has the URL, may be longer."""
    facts = replace(accepted(accept="x"), conversation=None, limits=LIMITS)
    for line in text_of(facts, width).splitlines()[1:]:
        assert len(line) <= width, line


def test_a_long_line_of_the_wire_stays_whole_where_it_finds_room() -> None:
    """I can copy a header from the report of a terminal with 80 columns."""
    facts = accepted(more=[f"X-Long: {'x' * 60}"])
    assert f"\n    < X-Long: {'x' * 60}\n" in text_of(facts, 80)


def test_in_a_narrow_terminal_texts_stand_below() -> None:
    """Every word could be read."""
    text = text_of(accepted(accept="x"), 40)
    assert "  ok       connect\n    192.0.2.1 port 80 in 10.0 ms\n" in text
    assert "  problem  Sec-WebSocket-Accept\n    x\n" in text


def hostile() -> list[Facts]:
    line = EVIL.encode("latin-1", "replace").decode("latin-1")
    certificate = secure().tls
    assert certificate is not None
    assert certificate.certificate is not None
    evil = replace(certificate.certificate, subject=EVIL, issuer=EVIL, names=(EVIL,))
    return [
        answered(f"HTTP/1.1 200 {line}\r\nServer: {line}\r\nX: {line}\r\n\r\n".encode("latin-1"), body=line.encode()),
        answered(line.encode("latin-1")),
        accepted(
            accept=line, upgrade=line, more=[f"Sec-WebSocket-Protocol: {line}", f"Sec-WebSocket-Extensions: {line}"]
        ),
        secure(certificate=evil),
        replace(FACTS, conversation=replace(TALK, stage=Stage.PINGING, close_reason=EVIL), limits=LIMITS),
        replace(FACTS, conversation=replace(TALK, stage=Stage.OPENING, failure=EVIL)),
    ]


@pytest.mark.parametrize("facts", hostile())
def test_nothing_the_server_says_steers_the_terminal(facts: Facts) -> None:
    """Escape sequences and marks that turn the direction of writing are shown as such."""
    for line in text_of(facts).splitlines():
        assert line.isprintable(), line
    assert json_report(facts, diagnose(facts)).isascii()


@pytest.mark.parametrize("make", [text_of, lambda facts: json_report(facts, diagnose(facts))], ids=["text", "json"])
def test_credentials_are_not_shown(make: Any) -> None:
    """I paste the report into an issue."""
    report = make(accepted(more=["Set-Cookie: session=secret"]))
    assert "Authorization: ***" in report
    assert "Set-Cookie: ***" in report
    assert "secret" not in report


def test_a_server_that_takes_no_text_is_told_so() -> None:
    """Its limits are not known then."""
    refusal = tried(Reaction.CLOSED, 1003, expected=(1009,))
    text = text_of(replace(FACTS, limits=replace(LIMITS, accepted=0, refusal=refusal, in_fragments=None)))
    assert "\n  warning  large message          at the first message the server closes with 1003\n" in text


def test_json_has_all_of_it() -> None:
    """For a monitoring script."""
    facts = replace(FACTS, tls=secure().tls, limits=LIMITS)
    report = json.loads(json_report(facts, diagnose(facts)))
    assert report["url"] == "ws://x.example/"
    assert report["usable"] is True
    assert [found["code"] for found in report["findings"]] == ["VIOLATION_TOLERATED"]
    assert report["findings"][0].keys() == {"code", "level", "section", "subject", "seen", "meaning", "advice"}
    assert report["tcp"] == [{"address": "192.0.2.1", "result": "CONNECTED", "seconds": 0.01}]
    assert report["tls"]["certificate"]["days_left"] == 90
    assert report["handshake"]["status"] == 101
    assert report["handshake"]["response"][0] == "HTTP/1.1 101 Switching Protocols"
    assert report["conversation"]["ping_seconds"] == [0.001, 0.002, 0.003]
    assert report["limits"]["smallest_refused"] == 1 << 21
    assert report["limits"]["refusal"]["code"] == 1009


def test_json_of_a_check_that_did_not_come_far() -> None:
    """The keys are there all the same."""
    facts = replace(FACTS, lookup=None, attempts=(), answer=None, conversation=None)
    report = json.loads(json_report(facts, ()))
    assert [report[key] for key in ("address", "tcp", "tls", "handshake", "conversation", "limits")] == [
        None, [], None, None, None, None,
    ]  # fmt: skip


def test_a_pipe_gets_plain_text() -> None:
    """`wsframework check ... > report.txt`."""
    text = shown(FACTS, io.StringIO())
    assert "\x1b" not in text
    assert text.endswith("\nVerdict: a usable WebSocket.\n")


def test_what_a_stream_cannot_encode_is_escaped() -> None:
    """A header with an umlaut, and a terminal in ASCII."""
    octets = io.BytesIO()
    stream = io.TextIOWrapper(octets, encoding="ascii")
    show(accepted(more=["X: \xfc"]), (), stream)
    stream.flush()
    assert rb"< X: \xfc" in octets.getvalue()


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """With rich installed."""
    pytest.importorskip("rich")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    facts = accepted(accept="[bold]:smile:")
    text = shown(facts, Terminal())
    assert "\x1b[1;31mproblem" in text
    assert "[bold]:smile:" in text


@pytest.mark.parametrize("without", ["colour", "rich"])
def test_a_terminal_without(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR, or no rich: the words say it."""
    if without == "colour":
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setitem(__import__("sys").modules, "rich.console", None)
    text = shown(accepted(accept="x"), Terminal())
    assert "\x1b" not in text
    assert "  problem  Sec-WebSocket-Accept   x\n" in text


def test_printable_keeps_what_can_be_read() -> None:
    """Letters of all scripts, but no control characters."""
    assert printable("gr\u00fc\u00df \u65e5\u672c") == "gr\u00fc\u00df \u65e5\u672c"
    assert printable(b"a\xfc\r\n") == r"aü\r\n"
    assert printable("\u202e\u2028\ufeff") == r"\u202e\u2028\ufeff"


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.name)
def test_every_explanation_is_made_of_sentences(code: Code) -> None:
    """And says something."""
    explanation = code.value
    for text in (explanation.meaning, explanation.advice):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
        assert len(text) > 20
    assert explanation.level is not Level.OK
