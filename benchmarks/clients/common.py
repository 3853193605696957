"""What the clients have in common: their command line, what they send, and how their messages are counted."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from benchmarks.servers.common import HOST, settle_memory

__all__ = ["HOST", "Settings", "Tally", "run_asyncio", "run_twisted"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a client is to be: `size` in octets, times in seconds."""

    loop: str
    package: str
    port: int
    connections: int
    size: int
    seconds: float
    warmup: float

    @classmethod
    def from_command_line(cls) -> Settings:
        """Those of this program."""
        settle_memory()
        parser = argparse.ArgumentParser()
        parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
        parser.add_argument("--package", choices=["wsframework", "autobahn"], default="wsframework")
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--connections", type=int, default=8)
        parser.add_argument("--size", type=int, default=256)
        parser.add_argument("--seconds", type=float, default=1.0)
        parser.add_argument("--warmup", type=float, default=0.2)
        return cls(**vars(parser.parse_args()))

    @property
    def url(self) -> str:
        """Of the server."""
        return f"ws://{HOST}:{self.port}/"

    @property
    def payload(self) -> bytes:
        """What is sent, binary."""
        return os.urandom(self.size)


class Clock(Protocol):
    """What both frameworks' timers look like."""

    def __call__(self, delay: float, call: Callable[[], object], /) -> object: ...


class Tally:
    """Counts replies. The timers look at the count, so counting costs a message next to nothing."""

    def __init__(self, settings: Settings) -> None:
        self.count = 0
        self._settings = settings
        self._began_at = 0.0
        self._on_core_before = 0.0
        self._counted_before = 0

    def start(self, call_later: Clock) -> None:
        """All are connected and have something in flight: warm up, measure, print, end the process."""
        call_later(self._settings.warmup, self._begin)
        call_later(self._settings.warmup + self._settings.seconds, self._end)

    def _begin(self) -> None:
        self._began_at = time.perf_counter()
        self._on_core_before = time.process_time()
        self._counted_before = self.count

    def _end(self) -> None:
        seconds = time.perf_counter() - self._began_at
        messages = self.count - self._counted_before
        figures = {
            "messages": messages,
            "seconds": seconds,
            "messages_per_second": messages / seconds,
            "client_seconds": time.process_time() - self._on_core_before,
        }
        print(json.dumps(figures), flush=True)
        # In the middle of everything: the ways in which peers say goodbye are not what is measured here.
        os._exit(0)


def run_asyncio(connect: Callable[[Settings, Tally], Awaitable[object]]) -> None:
    """Run a client on the loop that was asked for. `connect` makes one connection and is called for each."""
    settings = Settings.from_command_line()

    async def main() -> None:
        tally = Tally(settings)
        kept = [await connect(settings, tally) for _ in range(settings.connections)]
        tally.start(asyncio.get_running_loop().call_later)
        await asyncio.Event().wait()
        del kept

    factory = import_module("uvloop").new_event_loop if settings.loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def run_twisted(connect: Callable[[Any, Settings, Tally], object]) -> None:
    """Run a client on Twisted's default reactor. `connect` begins all connections."""
    settings = Settings.from_command_line()
    reactor: Any = import_module("twisted.internet.reactor")
    tally = Tally(settings)
    for _ in range(settings.connections):
        connect(reactor, settings, tally)
    reactor.callWhenRunning(tally.start, reactor.callLater)
    reactor.run()
