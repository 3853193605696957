"""What is measured: the table of scenarios."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.blobs import Kind, Message

__all__ = ["SCENARIOS", "Measure", "Scenario"]

Measure = Literal["echo", "cycles", "broadcast", "memory", "client"]

SMALL = Message(128)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One measurement that all peers with `feature` are put to.

    `connections` times `in_flight` messages are on their way at any time. `role` is what the server does. `offer` is
    the client's offer of an extension. `default` scenarios run when none is named, `quick` ones with --quick.
    """

    name: str
    measure: Measure
    sentence: str
    message: Message = SMALL
    connections: int = 32
    in_flight: int = 1
    feature: str = "echo"
    role: str = "echo"
    offer: str = ""
    tls: bool = False
    validate: bool = True
    default: bool = True
    quick: bool = False

    @property
    def unit(self) -> str:
        """Of its figure."""
        return {"cycles": "cycles/s", "memory": "KiB"}.get(self.measure, "messages/s")

    @property
    def server_arguments(self) -> tuple[str, ...]:
        """For the server's command line, but for the certificate."""
        deflate = ["--deflate"] if self.offer else []
        unchecked = [] if self.validate else ["--no-utf8"]
        return (f"--role={self.role}", *deflate, *unchecked)


KIB = 1 << 10
MIB = 1 << 20
DEFLATE = "permessage-deflate"
FRESH = "permessage-deflate; server_no_context_takeover"


def _echo(name: str, size: int, connections: int, in_flight: int, sentence: str) -> Scenario:
    return Scenario(name, "echo", sentence, Message(size), connections, in_flight)


def _text(name: str, kind: Kind, size: int, connections: int, sentence: str) -> Scenario:
    return Scenario(name, "echo", sentence, Message(size, kind), connections)


def _deflate(name: str, size: int, offer: str, sentence: str) -> Scenario:
    message = Message(size, "json", is_deflated=True)
    return Scenario(name, "echo", sentence, message, feature="deflate", offer=offer)


def _broadcast(name: str, connections: int, role: str, sentence: str) -> Scenario:
    # One round at a time. Of two that come together the raw server, which knows no messages, would make one write.
    return Scenario(name, "broadcast", sentence, SMALL, connections, feature="broadcast", role=role)


def _quick(scenario: Scenario) -> Scenario:
    return replace(scenario, quick=True)


def _when_named(scenario: Scenario) -> Scenario:
    return replace(scenario, default=False)


SCENARIOS: tuple[Scenario, ...] = (
    _echo("echo-1x1-128", 128, 1, 1, "one connection, one message of 128 octets at a time: latency"),
    _quick(_echo("echo-32x1-128", 128, 32, 1, "32 connections, each with one message of 128 octets in flight")),
    _quick(_echo("echo-32x32-128", 128, 32, 32, "the same with 32 messages in flight on each: pipelined")),
    _echo("echo-32x1-1k", KIB, 32, 1, "32 connections, messages of 1 KiB"),
    _quick(_echo("echo-32x1-16k", 16 * KIB, 32, 1, "32 connections, messages of 16 KiB")),
    _echo("echo-32x1-64k", 64 * KIB, 32, 1, "32 connections, messages of 64 KiB"),
    _quick(_echo("echo-8x1-1m", MIB, 8, 1, "8 connections, messages of 1 MiB")),
    _text("ascii-32x1-1k", "ascii", KIB, 32, "ASCII text of 1 KiB"),
    _text("ascii-8x1-1m", "ascii", MIB, 8, "ASCII text of 1 MiB"),
    _text("unicode-32x1-1k", "unicode", KIB, 32, "text of 1 KiB, of which hardly a character is ASCII"),
    _quick(_text("unicode-8x1-1m", "unicode", MIB, 8, "text of 1 MiB, of which hardly a character is ASCII")),
    _when_named(replace(_text("unchecked-8x1-1m", "unicode", MIB, 8, "the same, not validated"), validate=False)),
    Scenario("fragmented-32x1-16k", "echo", "16 KiB in 16 frames", Message(16 * KIB, fragments=16)),
    _quick(_deflate("deflate-32x1-1k", KIB, DEFLATE, "JSON text of 1 KiB, compressed in both directions")),
    _deflate("deflate-32x1-16k", 16 * KIB, DEFLATE, "JSON text of 16 KiB, compressed in both directions"),
    _when_named(_deflate("deflate-fresh-32x1-16k", 16 * KIB, FRESH, "the same, each answer compressed for itself")),
    Scenario("tls-32x1-128", "echo", "128 octets over TLS", feature="tls", tls=True),
    Scenario("tls-32x1-16k", "echo", "16 KiB over TLS", Message(16 * KIB), feature="tls", tls=True),
    _quick(Scenario("cycles", "cycles", "connect, open, one message, close; 16 at a time", connections=16)),
    _quick(_broadcast("broadcast-500", 500, "broadcast", "128 octets to 500, by a `Broadcast`")),
    _broadcast("broadcast-5000", 5000, "broadcast", "128 octets to 5000, by a `Broadcast`"),
    _when_named(_broadcast("prepared-500", 500, "each", "128 octets to 500, by `sendPreparedMessage`")),
    _when_named(_broadcast("prepared-5000", 5000, "each", "128 octets to 5000, by `sendPreparedMessage`")),
    _quick(Scenario("memory", "memory", "resident memory of an idle connection", connections=2000)),
    Scenario(
        "memory-deflate",
        "memory",
        "the same with deflate negotiated and not used",
        connections=2000,
        feature="deflate",
        offer=DEFLATE,
    ),
    _quick(Scenario("client-256", "client", "clients with 8 connections, 256 octets", Message(256), 8)),
    Scenario("client-8k", "client", "clients with 8 connections, 8 KiB", Message(8 * KIB), 8),
    Scenario("client-100k", "client", "clients with 8 connections, 100 kB", Message(100_000), 8),
)
