"""`bench URL`: a bounded load on an echo server, and what came of it."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

from wsframework.cli.backends import Backend, load
from wsframework.cli.calling import add_client_arguments, begin, seconds
from wsframework.cli.failures import UsageError
from wsframework.cli.findings import printable
from wsframework.cli.latencies import BLOCKS, drawn, duration
from wsframework.cli.load import Load, Plan

__all__ = ["add_arguments", "run"]

_PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)
_LONGEST_RUN: Final = 3600.0
_MOST_CONNECTIONS: Final = 10_000
_MOST_WAITING: Final = 10_000
_LARGEST: Final = 64 << 20
# On their way at a time, all connections together.
_MOST_OCTETS: Final = 1 << 30
# The largest header of a frame, and what a connection may keep without counting as full.
_FRAME: Final = 14
_LEAST_ROOM: Final = 64 * 1024
_EPILOG: Final = (
    "The server has to send every message back as it came; that is verified. A message's latency is the time from "
    "sending it to having it back. The load comes from one Python process on one core: a fast server waits for that "
    'more than the other way round, so read the throughput as "at least".\n'
    "\n"
    "exit status: 0 if nothing went wrong, else 1"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `bench` can be told."""
    parser.epilog = _EPILOG
    add_client_arguments(parser)
    kind = parser.add_argument_group("load")
    kind.add_argument(
        "-c",
        "--connections",
        type=_count(_MOST_CONNECTIONS),
        default=10,
        metavar="N",
        help="how many at once (default: 10)",
    )
    kind.add_argument(
        "--seconds", type=seconds, default=5.0, metavar="SECONDS", help="how long to measure at most (default: 5)"
    )
    kind.add_argument("-n", "--messages", type=_count(10**9), metavar="N", help="end earlier, after so many messages")
    kind.add_argument("--size", type=_size, default=128, metavar="OCTETS", help="of a message (default: 128)")
    kind.add_argument(
        "--pipeline", type=_count(_MOST_WAITING), default=1, metavar="N",
        help="messages on their way at a time, on each connection (default: 1)",
    )  # fmt: skip
    types = kind.add_mutually_exclusive_group()
    types.add_argument("--text", action="store_false", dest="binary", help="send text messages (default)")
    types.add_argument("--binary", action="store_true", help="send binary messages")
    parser.set_defaults(binary=False)
    kind.add_argument(
        "--warmup", type=seconds, default=0.5, metavar="SECONDS", help="load before measuring (default: 0.5)"
    )
    parser.add_argument("--json", action="store_true", help="the result as JSON, times in seconds")


def run(arguments: argparse.Namespace) -> int:
    """Measure and say what came of it; the exit status."""
    backend = load(arguments.backend)
    if arguments.connections * arguments.pipeline * arguments.size > _MOST_OCTETS:
        raise UsageError(f"--connections, --pipeline and --size together ask for more than {_MOST_OCTETS:,} octets")
    plan = Plan(
        arguments.connections,
        min(arguments.seconds, _LONGEST_RUN),
        arguments.messages,
        arguments.size,
        arguments.pipeline,
        arguments.binary,
        arguments.warmup,
        arguments.timeout,
    )
    return backend.run(lambda: backend.guarded(_measure(backend, arguments, plan)))


async def _measure(backend: Backend, arguments: argparse.Namespace, plan: Plan) -> int:
    # A connection that is full reads nothing either, and the server may wait for just that before it reads on.
    room = 2 * plan.pipeline * (plan.size + _FRAME)
    options = {"maxMessagePayloadSize": 2 * _LARGEST, "sendHighWaterMark": max(room, _LEAST_ROOM), "maxSendBuffer": 0}
    measured = Load(backend, plan, lambda: begin(backend, arguments, **options))
    with _progress() as progress:
        await measured.run(progress)
    if arguments.json:
        print(json.dumps(_as_json(backend, arguments, plan, measured), indent=2))
    else:
        print("\n".join(_as_text(backend, arguments, plan, measured)))
    return 1 if measured.errors or not measured.latencies.count else 0


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """A bar on a terminal, where rich is installed; it is no part of the result, so it goes to stderr."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ModuleNotFoundError:
        yield lambda share: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    # Drawn when it is told something: a thread of its own would take time from what is measured.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("warming up", total=1.0)

        def show(share: float) -> None:
            bar.update(task, completed=share, description="measuring" if share else "warming up", refresh=True)

        yield show


def _as_text(backend: Backend, arguments: argparse.Namespace, plan: Plan, measured: Load) -> list[str]:
    latencies = measured.latencies
    kind = "binary" if plan.is_binary else "text"
    rate, octets = _rates(plan, measured)
    lines = [
        f"{printable(arguments.url)}, {backend.name}",
        f"  {plan.connections:,} connections, {plan.pipeline:,} at a time, {plan.size:,} octets {kind}",
        "",
        f"  {latencies.count:,} messages in {measured.seconds:.2f} s",
        f"  {rate:,.0f} messages/s, {octets / 1e6:,.2f} MB/s each way",
        "",
    ]
    if latencies.count:
        times = [(f"p{percent:g}", latencies.percentile(percent)) for percent in _PERCENTILES]
        times += [("max", latencies.longest)]
        lines += ["  latency", *(f"  {name:>6}  {_padded(value)}" for name, value in times), ""]
        columns = min(shutil.get_terminal_size().columns, 100)
        lines += [*drawn(latencies.bars(), columns, blocks=_has_blocks()), ""]
    if measured.errors:
        lines += [f"  {count:,} times: {printable(text)}" for text, count in measured.errors.most_common(10)]
    else:
        lines.append("  no errors")
    return lines


def _as_json(backend: Backend, arguments: argparse.Namespace, plan: Plan, measured: Load) -> dict[str, Any]:
    latencies = measured.latencies
    rate, octets = _rates(plan, measured)
    asked = {"url": arguments.url, "backend": backend.name, **asdict(plan)}
    percentiles = {f"p{percent:g}": latencies.percentile(percent) for percent in _PERCENTILES}
    return {
        "asked": asked,
        "seconds": measured.seconds,
        "messages": latencies.count,
        "messages_per_second": rate,
        "octets_per_second": octets,
        "latency": {"mean": latencies.mean, **percentiles, "min": latencies.shortest, "max": latencies.longest},
        "histogram": [{"from": bar.low, "to": bar.high, "messages": bar.count} for bar in latencies.bars()],
        "errors": dict(measured.errors),
    }


def _rates(plan: Plan, measured: Load) -> tuple[float, float]:
    """Messages there and back each second, and octets of their payload."""
    rate = measured.latencies.count / measured.seconds if measured.seconds else 0.0
    return rate, rate * plan.size


def _padded(seconds: float) -> str:
    number, unit = duration(seconds).split()
    return f"{number:>5} {unit}"


def _has_blocks() -> bool:
    try:
        f"{BLOCKS}µ".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {most:,}")
        return int(text)

    return count


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _LARGEST):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of octets up to {_LARGEST:,}")
    return int(text)
