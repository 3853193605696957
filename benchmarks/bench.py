"""One run of one peer in one scenario."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from benchmarks.generator import Generator
from benchmarks.peers import ROOT, Peer
from benchmarks.processes import Cores, Program
from benchmarks.results import Sample
from benchmarks.scenarios import Scenario

__all__ = ["Bench", "Times"]

MEMORY_WARMUP = 200
"""Connections before the first look at memory: modules, caches and free lists are not theirs."""


@dataclass(frozen=True, slots=True)
class Times:
    """Of one run, in seconds."""

    seconds: float
    warmup: float


@dataclass(slots=True)
class Server:
    """A running server."""

    program: Program
    port: int
    note: str


class Bench:
    """Measures. Servers are started when they are first needed, and idle until they are needed again.

    A context manager: what was started ends with it. `folder` is for files that the other processes read.
    """

    def __init__(self, generator: Path, folder: Path, cores: Cores, times: Times) -> None:
        self.generator = Generator(generator, cores.other)
        self._folder = folder
        self._cores = cores
        self._times = times
        self._servers: dict[tuple[str, ...], Server] = {}
        self._certificate: tuple[str, str] | None = None
        self._measures: dict[str, Callable[[Scenario, Peer], Sample]] = {
            "echo": self._echo,
            "cycles": self._cycles,
            "broadcast": self._broadcast,
            "memory": self._memory,
            "client": self._client,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end_servers()

    def end_servers(self) -> None:
        """End all of them; others start when they are needed."""
        for server in self._servers.values():
            server.program.end()
        self._servers.clear()

    def run(self, scenario: Scenario, peer: Peer) -> Sample:
        """Measure once. `RuntimeError` when something is wrong."""
        return self._measures[scenario.measure](scenario, peer)

    # The measures.

    def _echo(self, scenario: Scenario, peer: Peer) -> Sample:
        return self._load("echo", scenario, peer)

    def _cycles(self, scenario: Scenario, peer: Peer) -> Sample:
        return self._load("cycles", scenario, peer)

    def _broadcast(self, scenario: Scenario, peer: Peer) -> Sample:
        return self._load("receive", scenario, peer)

    def _load(self, mode: str, scenario: Scenario, peer: Peer) -> Sample:
        server = self._server(scenario, peer)
        message = scenario.message
        arguments: list[object] = ["--pid", server.program.pid, "--blob", self._blob(scenario)]
        arguments += ["--connections", scenario.connections]
        arguments += ["--in-flight", scenario.in_flight, *self._dialect(scenario, peer)]
        if not peer.is_raw and not message.is_deflated:
            arguments += ["--reply-size", message.size]
        times = self._times
        try:
            report = self.generator.measure(mode, server.port, *arguments, seconds=times.seconds, warmup=times.warmup)
        except RuntimeError as error:
            complaint = self._drop(server)
            raise RuntimeError(f"{error} ({complaint})" if complaint else str(error)) from error
        notes = [server.note, report["extensions"]]
        if message.is_deflated and report["compressed"] < report["messages"]:
            notes.append(f"only {report['compressed'] / report['messages']:.0%} of the answers were compressed")
        busy = report["server_seconds"] / report["seconds"]
        return Sample(report["messages_per_second"], busy, report["latency_us"], "; ".join(filter(None, notes)))

    def _memory(self, scenario: Scenario, peer: Peer) -> Sample:
        dialect = [str(word) for word in self._dialect(scenario, peer)]
        with ExitStack() as stack:
            # One of its own: what a server took for earlier runs would hide what a connection takes.
            server = self._start(self._server_command(scenario, peer), peer)
            stack.callback(server.program.end)
            first = self.generator.hold(server.port, MEMORY_WARMUP, *dialect)
            stack.callback(first.end)
            before = server.program.memory()
            second = self.generator.hold(server.port, scenario.connections, *dialect)
            stack.callback(second.end)
            after = server.program.memory()
            return Sample((after - before) / 1024 / scenario.connections, note=server.note)

    def _client(self, scenario: Scenario, peer: Peer) -> Sample:
        times = self._times
        with ExitStack() as stack:
            server = self.generator.serve(*(["--raw"] if peer.is_raw else []))
            stack.callback(server.end)
            command = [sys.executable, "-m", f"benchmarks.clients.{peer.client}", "--port", server.line()]
            command += ["--connections", str(scenario.connections), "--size", str(scenario.message.size)]
            command += ["--seconds", str(times.seconds), "--warmup", str(times.warmup)]
            command += [*peer.arguments, *peer.client_arguments]
            client = Program(command, self._cores.measured, peer.environment, ROOT)
            stack.callback(client.end)
            report = json.loads(client.line(times.seconds + times.warmup + 30))
            return Sample(report["messages_per_second"], report["client_seconds"] / report["seconds"])

    # What they need.

    def _dialect(self, scenario: Scenario, peer: Peer) -> list[object]:
        words: list[object] = ["--raw"] if peer.is_raw else []
        if scenario.tls:
            words.append("--tls")
        if scenario.offer:
            words += ["--header", f"Sec-WebSocket-Extensions: {scenario.offer}"]
        return words

    def _blob(self, scenario: Scenario) -> Path:
        path = self._folder / f"{scenario.name}.blob"
        if not path.exists():
            path.write_bytes(scenario.message.blob())
        return path

    def _server_command(self, scenario: Scenario, peer: Peer) -> tuple[str, ...]:
        program = ["-m", f"benchmarks.servers.{peer.server}"]
        if peer.loop == "node":
            program = [str(ROOT / "benchmarks" / "servers" / peer.server)]
        tls = ["--tls", *self._certificate_files()] if scenario.tls else []
        interpreter = "node" if peer.loop == "node" else sys.executable
        return (interpreter, *program, *peer.arguments, *scenario.server_arguments, *tls)

    def _server(self, scenario: Scenario, peer: Peer) -> Server:
        command = self._server_command(scenario, peer)
        key = (peer.name, *command)
        server = self._servers.get(key)
        if server is None or server.program.has_ended():
            server = self._servers[key] = self._start(command, peer)
        return server

    def _start(self, command: tuple[str, ...], peer: Peer) -> Server:
        program = Program(command, self._cores.measured, peer.environment, ROOT)
        port, _, note = program.line().partition(" ")
        return Server(program, int(port), note)

    def _drop(self, server: Server) -> str:
        """End a server that did not do well; what it said about it."""
        server.program.end()
        self._servers = {key: other for key, other in self._servers.items() if other is not server}
        return server.program.complaint()

    def _certificate_files(self) -> tuple[str, str]:
        if self._certificate is None:
            certificate = trustme.CA().issue_cert("localhost", "127.0.0.1")
            chain, key = self._folder / "chain.pem", self._folder / "key.pem"
            chain.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
            certificate.private_key_pem.write_to_path(key)
            self._certificate = str(chain), str(key)
        return self._certificate
