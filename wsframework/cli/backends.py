"""What a command needs of a backend: the same `async def` then runs on asyncio and on Twisted."""

from __future__ import annotations

import argparse
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from wsframework.cli.failures import Failure, UsageError
from wsframework.cli.findings import printable

__all__ = [
    "NAMES",
    "NO_NAME",
    "PATIENCE",
    "UNTRUSTED",
    "Backend",
    "Stream",
    "Trust",
    "add_backend_argument",
    "in_words",
    "load",
]

NAMES: Final = ("asyncio", "twisted")
PATIENCE: Final = 30.0
"""Seconds that a TCP connection has to take what was written when it ends; then it is aborted."""

NO_NAME: Final = "the name cannot be looked up"
"""What `Backend.explain` begins with then; it does not know the name."""

UNTRUSTED: Final = "the server's certificate is not trusted"
"""What it begins with for a certificate that a client does not take."""

# Where a module is not called as what is installed.
_DISTRIBUTIONS: Final = {"OpenSSL": "pyOpenSSL", "twisted": "Twisted"}


@dataclass(frozen=True, slots=True)
class Trust:
    """How a client looks at the certificate of the server `name`: not at all, or by the authorities in a file."""

    name: str
    is_insecure: bool = False
    authorities: str | None = None


class Stream(ABC):
    """A TCP connection, for octets in both directions."""

    @abstractmethod
    def read(self) -> Awaitable[bytes]:
        """Some octets, b"" at the end; `OSError` or the backend's error when it broke. One caller at a time."""

    @abstractmethod
    def write(self, data: bytes) -> Awaitable[None]:
        """Send; comes when there is room for more."""

    @abstractmethod
    def end(self) -> Awaitable[None]:
        """Close it, when what was written has gone; comes then, or when that leads nowhere."""


class Backend(ABC):
    """One of the two. What it gives to wait for can be waited for in coroutines that `run` or `spawn` runs."""

    name: str
    cancelled: tuple[type[BaseException], ...]
    """What a coroutine that is cancelled sees."""

    @abstractmethod
    def run(self, main: Callable[[], Coroutine[Any, Any, int]], *, on_asyncio: bool = False) -> int:
        """Run until `main` is done, its result. `Stopped` when a signal cancelled it.

        `on_asyncio`: there has to be a running asyncio loop, for `asyncio_result`.
        """

    @abstractmethod
    def connect(self, url: str, **arguments: Any) -> Any:
        """`connect` of the conversations."""

    @abstractmethod
    def serve(self, handler: Any, host: str, port: int, **arguments: Any) -> Any:
        """`serve` of the conversations."""

    @abstractmethod
    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Let it run; the result can be awaited, and has a method `cancel`."""

    @abstractmethod
    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let time pass."""

    @abstractmethod
    def asyncio_result(self, coroutine: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        """The result of a coroutine of asyncio."""

    @abstractmethod
    def dial(self, host: str, port: int, timeout: float) -> Awaitable[Stream]:
        """A TCP connection; errors that `explain` explains."""

    @abstractmethod
    def client_tls(self, trust: Trust) -> Any:
        """What `connect` takes as `ssl`. `OSError` or `ValueError` for a file that will not do."""

    @abstractmethod
    def server_tls(self, certificate: str, key: str) -> Any:
        """What `serve` takes as `ssl`, from two files in PEM. `OSError` or `ValueError` for files that will not do."""

    @abstractmethod
    def tls_version(self, conversation: Any) -> str | None:
        """What is spoken below a conversation, None without TLS."""

    @abstractmethod
    def show_log(self, write: Callable[[str], None], *, all_lines: bool) -> None:
        """Give what the framework logs to `write`, by lines; unless `all_lines`, only warnings and errors."""

    @abstractmethod
    def explain(self, error: BaseException) -> str | None:
        """In one line what went wrong outside of the program; None if it did not go wrong there."""

    @abstractmethod
    def error_number(self, error: BaseException) -> int | None:
        """The number that the operating system gave an error, as in `errno`; None where there is none."""

    async def guarded(self, main: Coroutine[Any, Any, int]) -> int:
        """The result of `main`; `Failure` where the network or the server failed."""
        try:
            return await main
        except Exception as error:
            text = self.explain(error)
            if text is None:
                raise
            raise Failure(text) from error


def in_words(number: int | None, text: str) -> str:
    """An error of the operating system, by its `number` where there is one, else as it says itself; one line."""
    return os.strerror(number) if number else printable(" ".join(text.split()))


def add_backend_argument(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """`--backend`."""
    parser.add_argument("--backend", choices=NAMES, default="asyncio", help="what it runs on (default: asyncio)")


def load(name: str) -> Backend:
    """The backend of that name; `UsageError` where it is not installed."""
    if name == "asyncio":
        from wsframework.cli.on_asyncio import AsyncioBackend

        return AsyncioBackend()
    try:
        # First, and not `twisted` alone: our plugin lies in a folder of that name, which is importable without Twisted.
        import_module("twisted.internet")
        from wsframework.cli.on_twisted import TwistedBackend
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        name = _DISTRIBUTIONS.get(missing, missing)
        how = "pip install '.[twisted]' in the checkout"
        raise UsageError(f"--backend twisted: {name} is not installed: {how}") from None
    return TwistedBackend()
