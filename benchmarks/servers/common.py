"""What the servers have in common: their command line, how they run, how they say that they listen, how they end."""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = [
    "HOST",
    "NO_LIMIT",
    "Settings",
    "announce",
    "end_with_input",
    "listen_twisted",
    "run_asyncio",
    "run_twisted",
    "settle_memory",
]

HOST = "127.0.0.1"

NO_LIMIT = 1 << 30
"""The largest message in octets, for peers that know no way to say "any"."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is to be.

    `level`, `window` (in bits) and `memory_level` are zlib's. What a peer cannot set it says in its note.
    """

    loop: str
    role: str
    deflate: bool
    level: int
    window: int
    memory_level: int
    validate: bool
    certificate: str | None
    key: str | None

    @classmethod
    def from_command_line(cls) -> Settings:
        """Those of this program."""
        settle_memory()
        parser = argparse.ArgumentParser()
        parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
        parser.add_argument("--role", choices=["echo", "broadcast", "each"], default="echo")
        parser.add_argument("--deflate", action="store_true", help="accept permessage-deflate")
        parser.add_argument("--level", type=int, default=1)
        parser.add_argument("--window", type=int, default=15)
        parser.add_argument("--memory-level", type=int, default=8)
        parser.add_argument("--no-utf8", action="store_true", help="do not validate text, where that can be chosen")
        parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), default=(None, None))
        given = parser.parse_args()
        return cls(
            loop=given.loop,
            role=given.role,
            deflate=given.deflate,
            level=given.level,
            window=given.window,
            memory_level=given.memory_level,
            validate=not given.no_utf8,
            certificate=given.tls[0],
            key=given.tls[1],
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """For servers that take one of the standard library."""
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


def settle_memory() -> None:
    """Bring the C library's allocator into the state that it reaches in programs that run for a while.

    asyncio receives into fresh objects of 256 KiB. glibc maps blocks of that size into memory and out of it each time,
    until a larger one was freed; from then on it keeps them, and everything is up to three times as fast. Whether some
    import or an earlier scenario did that would decide what is measured, so it is done for all.
    """
    bytearray(1 << 20)


def announce(port: int, note: str = "") -> None:
    """Say that it listens: the port, and what about the settings is not as it was asked for."""
    print(port, note, flush=True)


def end_with_input() -> None:
    """End this process with its standard input, so that none outlives the program that started it."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def run_asyncio(start: Callable[[Settings], Awaitable[int]], note: Callable[[Settings], str] | None = None) -> None:
    """Run a server on the loop that was asked for. `start` gives its port."""
    settings = Settings.from_command_line()
    end_with_input()

    async def main() -> None:
        announce(await start(settings), note(settings) if note else "")
        await asyncio.Event().wait()

    factory = import_module("uvloop").new_event_loop if settings.loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def run_twisted(make_factory: Callable[[Settings], Any], note: Callable[[Settings], str] | None = None) -> None:
    """Run a server on Twisted's default reactor. `make_factory` is called when that is installed."""
    settings = Settings.from_command_line()
    reactor: Any = import_module("twisted.internet.reactor")
    port = listen_twisted(reactor, make_factory(settings), settings)
    reactor.callWhenRunning(announce, port, note(settings) if note else "")
    end_with_input()
    reactor.run()


def listen_twisted(reactor: Any, factory: Any, settings: Settings) -> int:
    """Listen on TCP or TLS; the port."""
    if settings.certificate is None or settings.key is None:
        port: int = reactor.listenTCP(0, factory, interface=HOST).getHost().port
        return port
    from twisted.internet.ssl import PrivateCertificate

    pem = Path(settings.key).read_bytes() + Path(settings.certificate).read_bytes()
    options = PrivateCertificate.loadPEM(pem).options()
    secure_port: int = reactor.listenSSL(0, factory, options, interface=HOST).getHost().port
    return secure_port
