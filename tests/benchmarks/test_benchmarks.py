"""The benchmarks: their arithmetic, what they send, and that the load generator measures what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench import Bench, Times
from benchmarks.blobs import Kind, Message, frame
from benchmarks.environment import codec_in_use
from benchmarks.generator import SOURCE, Generator, build
from benchmarks.page import BEGIN, END, PAGE, update_page
from benchmarks.peers import PEERS
from benchmarks.processes import Cores, Program
from benchmarks.report import show_scenario, show_targets
from benchmarks.results import Report, Result, Sample, median_of_each
from benchmarks.run import chosen_peers, chosen_scenarios, main
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.targets import TARGETS, judge
from tests.core.wire import from_client

needs_compiler = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="the load generator needs Linux and a C compiler"
)
PEER = {peer.name: peer for peer in PEERS}
SCENARIO = {scenario.name: scenario for scenario in SCENARIOS}


# What is sent.


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_frame_is_a_clients(size: int) -> None:
    """What the load generator sends is what any client sends."""
    payload = bytes(index % 251 for index in range(size))
    assert frame(0x82, payload, b"\x01\x02\x03\x04") == from_client(0x82, payload, b"\x01\x02\x03\x04")


@pytest.mark.parametrize("kind", ["binary", "ascii", "unicode", "json"])
@pytest.mark.parametrize("size", [1, 2, 3, 128, 1000])
def test_a_payload_has_exactly_the_size_that_was_asked_for(kind: Kind, size: int) -> None:
    """128 octets are 128 octets, whatever they are."""
    payload = Message(size, kind).payload()
    assert len(payload) == size
    assert kind == "binary" or payload.decode()
    assert payload == Message(size, kind).payload()


def test_text_that_is_not_ascii_is_mostly_not() -> None:
    """That text costs something to validate."""
    payload = Message(10_000, "unicode").payload()
    assert sum(octet > 127 for octet in payload) > 8_000


def test_fragments_make_up_the_message() -> None:
    """The first has the opcode, the last FIN."""
    blob = Message(1000, "ascii", fragments=3).blob()
    payload = Message(1000, "ascii").payload()
    parts = [payload[:334], payload[334:668], payload[668:]]
    assert blob == b"".join(frame(first, part) for first, part in zip([0x01, 0x00, 0x80], parts, strict=True))


def test_a_deflated_message_may_be_sent_again_and_again() -> None:
    """It inflates to the same each time, with the context of those before it."""
    message = Message(5000, "json", is_deflated=True)
    blob = message.blob()
    assert blob[0] == 0xC1
    size = int.from_bytes(blob[2:4], "big")
    compressed = frame(0, blob[8:], blob[4:8])[-size:]
    inflater = zlib.decompressobj(-15)
    for _ in range(3):
        assert inflater.decompress(compressed + b"\x00\x00\xff\xff") == message.payload()


def test_a_message_has_no_empty_frames() -> None:
    """A typing mistake in the table is found when it is loaded."""
    with pytest.raises(ValueError, match="1 to 3 frames"):
        Message(3, fragments=4)


# The arithmetic.


def result(peer: str, *figures: float, scenario: str = "echo-32x1-128", busy: float = 0.0) -> Result:
    made = Result(scenario, peer, "messages/s")
    for figure in figures:
        made.add(Sample(figure, busy))
    return made


def test_the_median_of_the_runs_counts() -> None:
    """One run that was disturbed says nothing."""
    assert result("aiohttp", 10, 1, 12).median() == 10
    assert result("aiohttp", 10, 20).median() == 15
    assert result("aiohttp").median() is None


def test_the_spread_is_a_part_of_the_median() -> None:
    """How much the runs can be trusted."""
    assert result("aiohttp", 9, 10, 12).spread() == pytest.approx(0.3)


def test_a_peer_that_failed_once_has_no_figure() -> None:
    """What came before the failure is not to be compared with anything."""
    failed = result("aiohttp", 10)
    failed.failure = "it ended"
    assert failed.median() is None


def test_by_cpu_a_disturbed_run_counts_as_much_as_another() -> None:
    """On a busy machine: half the time on the core, half the messages, the same speed."""
    made = Result("echo-32x1-128", "aiohttp", "messages/s")
    made.add(Sample(100, busy=1.0))
    made.add(Sample(50, busy=0.5))
    assert made.runs(by_cpu=True) == [100, 100]
    assert made.runs() == [100, 50]


def test_by_cpu_a_run_without_time_on_the_core_is_left_out() -> None:
    """One answer of a process that was not there is no speed."""
    made = Result("echo-32x1-128", "aiohttp", "messages/s")
    made.add(Sample(100, busy=0.5))
    made.add(Sample(1, busy=0.0))
    assert made.runs(by_cpu=True) == [200]


def test_without_times_on_the_core_the_clock_counts() -> None:
    """Memory has no speed."""
    assert result("aiohttp", 10, 20).runs(by_cpu=True) == [10, 20]


def test_latencies_have_medians_of_their_own() -> None:
    """For each percentile."""
    rows = [{"p50": 1.0, "p99": 9.0}, {"p50": 3.0, "p99": 7.0}, {"p50": 2.0, "p99": 8.0}]
    assert median_of_each(rows) == {"p50": 2.0, "p99": 8.0}
    assert median_of_each([]) == {}


def test_the_ratio_is_to_the_raw_protocol_on_the_same_loop() -> None:
    """uvloop is compared with uvloop, Twisted with Twisted; Node.js with nothing."""
    report = Report({}, {}, [result("raw-uvloop", 200), result("raw-asyncio", 100), result("node-ws", 50)])
    ours, node = result("wsframework-uvloop", 50), report.results[2]
    report.results.append(ours)
    assert report.ratio_to_raw(ours) == 0.25
    assert report.ratio_to_raw(node) is None
    assert report.ratio("echo-32x1-128", "node-ws", "aiohttp") is None


def test_a_report_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    """Tables and plots can be made again without measuring again."""
    report = Report({"cpu": "fast"}, {"repeat": 2}, [result("aiohttp", 1, 2, busy=0.5)])
    report.write(tmp_path / "report.json", [])
    assert Report.read(tmp_path / "report.json") == report


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    """With a sentence."""
    (tmp_path / "other.json").write_text('{"name": "something else"}')
    with pytest.raises(ValueError, match="was not written by"):
        Report.read(tmp_path / "other.json")


# The tables.


def test_targets_speak_of_what_there_is() -> None:
    """Scenarios and peers that can do them."""
    for target in TARGETS:
        scenario = SCENARIO[target.scenario]
        assert scenario.default
        assert PEER[target.ours].can(scenario)
        assert not target.reference or PEER[target.reference].can(scenario)


def test_targets_are_judged_by_their_ratio() -> None:
    """Enough, not enough, and not known."""
    report = Report(
        {}, {}, [result("wsframework-asyncio", 96), result("raw-asyncio", 100), result("picows-asyncio", 97)]
    )
    verdicts = {
        verdict.target.reference: verdict.met
        for verdict in judge(report)
        if (verdict.target.scenario, verdict.target.ours) == ("echo-32x1-128", "wsframework-asyncio")
    }
    assert verdicts == {"raw-asyncio": True, "picows-asyncio": False}
    assert all(verdict.met is None for verdict in judge(Report({}, {})))


def test_memory_is_judged_by_its_figure() -> None:
    """Less is better."""
    memory = [
        result("wsframework-asyncio", 3.9, scenario="memory"),
        result("wsframework-twisted", 4.1, scenario="memory"),
    ]
    met = {
        verdict.target.ours: verdict.met for verdict in judge(Report({}, {}, memory)) if verdict.measured is not None
    }
    assert met == {"wsframework-asyncio": True, "wsframework-twisted": False}


def test_tables_show_figures_and_failures() -> None:
    """One line each."""
    failed = result("aiohttp")
    failed.failure = "it ended"
    report = Report({}, {}, [result("wsframework-asyncio", 12_345), result("raw-asyncio", 24_690), failed])
    table = show_scenario(report, "echo-32x1-128").splitlines()
    assert table[2].split()[:3] == ["wsframework-asyncio", "12,345", "0.50"]
    assert table[4].split() == ["aiohttp", "failed:", "it", "ended"]
    assert "MISSED" in show_targets(judge(report))


def test_names_may_be_patterns_and_must_match() -> None:
    """A typing mistake does not measure nothing."""
    assert {scenario.name for scenario in chosen_scenarios(["client-*"], quick=False)} == {
        "client-256",
        "client-8k",
        "client-100k",
    }
    assert [peer.name for peer in chosen_peers(["aiohttp", "raw-twisted"], quick=False)] == ["raw-twisted", "aiohttp"]
    with pytest.raises(ValueError, match="nothing is called echo"):
        chosen_scenarios(["echo"], quick=False)


def test_the_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """What can be given to --scenario and --peer."""
    assert main(["--list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in [*SCENARIO, *PEER])


# The load generator, for real.


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("build"))


@pytest.fixture
def bench(generator: Path, tmp_path: Path) -> Iterator[Bench]:
    with Bench(generator, tmp_path, Cores(None, None), Times(seconds=0.1, warmup=0.02)) as bench:
        yield bench


@pytest.mark.slow
@needs_compiler
def test_the_load_generator_builds_without_a_warning(tmp_path: Path) -> None:
    """With all of them on."""
    command = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(tmp_path / "load"), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("peer", ["wsframework-asyncio", "raw-asyncio"])
@pytest.mark.parametrize(
    "scenario",
    [
        replace(SCENARIO["echo-32x1-128"], name="one", connections=1),
        replace(SCENARIO["echo-32x32-128"], name="many", connections=4),
        replace(SCENARIO["echo-8x1-1m"], name="large", connections=2),
        replace(SCENARIO["fragmented-32x1-16k"], name="fragments", connections=2),
        replace(SCENARIO["unicode-32x1-1k"], name="text", connections=2),
        replace(SCENARIO["tls-32x1-128"], name="tls", connections=2),
        replace(SCENARIO["cycles"], name="cycles", connections=2),
        replace(SCENARIO["broadcast-500"], name="broadcast", connections=20),
        replace(SCENARIO["client-256"], name="client", connections=2),
    ],
    ids=lambda scenario: scenario.name if isinstance(scenario, Scenario) else scenario,
)
def test_every_measure_gives_a_figure(bench: Bench, scenario: Scenario, peer: str) -> None:
    """With WebSocket and without."""
    sample = bench.run(scenario, PEER[peer])
    assert sample.figure > 10
    assert 0 < sample.busy < 1.5
    if scenario.measure != "client":
        assert 0 < sample.latency["p50"] <= sample.latency["p99"] <= sample.latency["p99.9"] < 10e6


@pytest.mark.slow
@needs_compiler
def test_memory_of_a_connection_is_measured(bench: Bench) -> None:
    """An idle one takes some, and not much."""
    sample = bench.run(replace(SCENARIO["memory"], connections=300), PEER["wsframework-asyncio"])
    assert 0.5 < sample.figure < 100


@pytest.fixture
def server(generator: Path) -> Iterator[tuple[Generator, int]]:
    """The echo server in C."""
    load = Generator(generator, None)
    program = load.serve()
    try:
        yield load, int(program.line())
    finally:
        program.end()


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("size", [1, 125, 126, 65536, 1 << 20])
def test_the_servers_echo_has_the_size_of_the_message(server: tuple[Generator, int], tmp_path: Path, size: int) -> None:
    """Its own two ends measure each other, with three messages in flight."""
    load, port = server
    (tmp_path / "blob").write_bytes(Message(size).blob())
    words = ["--blob", tmp_path / "blob", "--reply-size", size, "--connections", 2, "--in-flight", 3]
    report = load.measure("echo", port, *words, seconds=0.05, warmup=0)
    assert report["messages"] > 0
    assert report["octets_per_second"] * report["seconds"] == pytest.approx(report["messages"] * size, rel=1e-3)


@pytest.mark.slow
@needs_compiler
def test_a_wrong_reply_ends_the_run(server: tuple[Generator, int], tmp_path: Path) -> None:
    """A server that does not echo has no figure."""
    load, port = server
    (tmp_path / "blob").write_bytes(Message(10).blob())
    with pytest.raises(RuntimeError, match="a reply has 10 octets instead of 11"):
        load.measure("echo", port, "--blob", tmp_path / "blob", "--reply-size", 11)


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["echo"], "--port is needed"),
        (["juggle", "--port", "1"], 'no mode "juggle"'),
        (["echo", "--port", "1"], "--blob is needed"),
        (["echo", "--port", "1", "--connections", "0"], "--connections must be a number from 1"),
        (["hold", "--port", "1"], "Connection refused"),
        ([], "one mode is needed"),
    ],
)
def test_what_is_wrong_is_said(generator: Path, words: list[str], complaint: str) -> None:
    """In one sentence, and the status is not zero."""
    done = subprocess.run([generator, *words], capture_output=True, text=True)
    assert done.returncode == 1
    assert complaint in done.stderr


@pytest.mark.slow
@needs_compiler
def test_a_server_that_cannot_start_says_why() -> None:
    """The last line of what it complained about."""
    program = Program([sys.executable, "-c", "raise SystemExit('there is no such loop')"], None)
    with pytest.raises(RuntimeError, match="there is no such loop"):
        program.line()


@pytest.mark.slow
def test_the_codec_is_known() -> None:
    """A figure without it means nothing."""
    assert codec_in_use() in ("compiled", "pure")
    assert codec_in_use({"WSFRAMEWORK_PURE": "1"}) == "pure"


@pytest.mark.slow
@needs_compiler
def test_a_run_writes_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the command line to the JSON."""
    words = ["--scenario", "echo-1x1-128", "--peer", "raw-asyncio", "wsframework-asyncio", "--seconds", "0.05"]
    assert main([*words, "--repeat", "2", "--json", str(tmp_path / "report.json")]) == 0
    document: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    ours, raw = document["results"]
    assert (ours["peer"], len(ours["figures"]), raw["ratio_to_raw"]) == ("wsframework-asyncio", 2, 1)
    assert document["environment"]["versions"]["wsframework"]
    assert "2 of 2: raw-asyncio" in capsys.readouterr().err


# The documentation.


def a_report() -> Report:
    """Of four measurements."""
    alone = Result(
        "echo-1x1-128", "wsframework-asyncio", "messages/s", [20_000.0], [1.0], [{"p50": 11, "p99": 22, "p99.9": 33}]
    )
    broken = Result("cycles", "aiohttp", "cycles/s", failure="it ended")
    environment = {"cpu": "fast", "cores": 2, "python": "CPython", "codec": "pure", "versions": {"Twisted": "1.2.3"}}
    results = [alone, result("wsframework-asyncio", 90_000), result("raw-asyncio", 100_000), broken]
    return Report(environment, {"repeat": 1, "seconds": 0.5}, results)


def page_of(report: Report, folder: Path) -> str:
    """The page after it was written twice, which must not matter."""
    page = folder / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    update_page(report, judge(report), page)
    once = page.read_text()
    update_page(report, judge(report), page)
    assert page.read_text() == once
    return once


def test_the_page_shows_what_was_measured(tmp_path: Path) -> None:
    """Each peer has a row, each scenario a column, and a target that was missed is called that."""
    report = a_report()
    text = page_of(report, tmp_path)
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| **wsframework**, asyncio | 90 k |" in text
    assert "| no WebSocket, asyncio | 100 k |" in text
    assert (
        "| **wsframework**, asyncio | `echo-32x1-128` | no WebSocket, asyncio | at least 0.95 | 0.90 | missed |" in text
    )
    assert "| **wsframework**, asyncio | 11 | 22 | 33 |" in text
    assert "tls" not in text.lower(), "nothing of what was not measured"
    # Every row of a table has as many cells as its head.
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1, block


def test_a_page_without_its_marks_stays_as_it_is(tmp_path: Path) -> None:
    """Rather than to lose what somebody has written."""
    page = tmp_path / "performance.md"
    page.write_text("text")
    with pytest.raises(ValueError, match="has lost the marks"):
        update_page(a_report(), [], page)
    assert page.read_text() == "text"


def test_the_published_page_has_its_marks() -> None:
    """`--page` has somewhere to write."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
