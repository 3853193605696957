"""What the two sides of an interop test have in common, whoever wrote them.

A `Side` listens and connects; each connection gives an `End`. All of them are used from one asyncio loop, that of the
test, so a test reads the same whichever side is ours. Our side is in `ours.py`, the others in `peer_*.py`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import signature
from pathlib import Path
from ssl import SSLContext
from typing import Any, ParamSpec, Self

__all__ = [
    "PATIENCE",
    "Address",
    "Certificates",
    "Deflate",
    "End",
    "Ended",
    "Listener",
    "Message",
    "Refused",
    "Setup",
    "Side",
    "bounded",
    "fragments",
]

Message = str | bytes
P = ParamSpec("P")

# No test waits longer than this for anything.
PATIENCE = 20.0


@dataclass(frozen=True)
class Certificates:
    """What a TLS server shows and what a client trusts, as contexts and as PEM files."""

    server: SSLContext
    client: SSLContext
    key_file: Path
    chain_file: Path
    authority_file: Path


@dataclass(frozen=True)
class Address:
    """Where to listen or to connect; port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int = 0
    unix_path: str | None = None
    tls: Certificates | None = None
    resource: str = "/room/1?name=x"

    def at(self, port: int) -> Address:
        """The same with the port that the system has chosen."""
        return replace(self, port=port)

    @property
    def url(self) -> str:
        """For a unix socket the host is a matter of form."""
        if self.unix_path is not None:
            return f"ws://localhost{self.resource}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ws' if self.tls is None else 'wss'}://{host}:{self.port}{self.resource}"


class Refused(Exception):
    """The handshake was answered with another status than 101. None: this library does not tell."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


@dataclass(frozen=True)
class Deflate:
    """What permessage-deflate is to be: how the server's and the client's messages are compressed.

    Whether they may refer to messages before, and how far back (in bits, 9 to 15). Both sides are told the same, and
    each does what it can to bring it about.
    """

    server_takeover: bool = True
    client_takeover: bool = True
    server_bits: int = 15
    client_bits: int = 15


@dataclass(frozen=True)
class Setup:
    """What a side is told for one listener or one connection. `refusal` is for servers.

    `deflate` says whether to compress: True means in the way that the side finds sensible.
    """

    subprotocols: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    max_size: int = 1 << 20
    refusal: Refused | None = None
    deflate: Deflate | bool = False


@dataclass(frozen=True)
class Ended:
    """The other end's Close frame; None where there was none, or where the library does not tell the reason."""

    code: int | None
    reason: str | None
    was_clean: bool


class End(ABC):
    """One end of an open connection. `headers` are those of the other end's handshake, names in lower case."""

    def __init__(self, subprotocol: str | None, headers: Mapping[str, str]) -> None:
        self.subprotocol = subprotocol
        self.headers = {name.lower(): value for name, value in headers.items()}
        self._received: asyncio.Queue[Message] = asyncio.Queue()
        self._pongs: asyncio.Queue[bytes] = asyncio.Queue()
        self._is_ended = asyncio.Event()
        self._ended: Ended

    @abstractmethod
    async def send(self, message: Message) -> None:
        """Send one message."""

    @abstractmethod
    async def send_fragmented(self, message: Message, size: int, pings: bool = False) -> None:
        """Send one message in frames of at most `size` octets (or characters); with `pings` each has a Ping behind it,
        whose payload is the number of the frame.
        """

    @abstractmethod
    async def send_ping(self, payload: bytes) -> None:
        """Send a Ping."""

    @abstractmethod
    async def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""

    async def send_all(self, messages: Iterable[Message]) -> None:
        """Send many messages, waiting for nothing in between."""
        for message in messages:
            await self.send(message)

    async def receive(self) -> Message:
        """The next message."""
        return await self._received.get()

    async def pong(self) -> bytes:
        """The payload of the next Pong."""
        return await self._pongs.get()

    async def ended(self) -> Ended:
        """How it ended, as soon as it has."""
        await self._is_ended.wait()
        return self._ended

    def _end(self, ended: Ended) -> None:
        if not self._is_ended.is_set():
            self._ended = ended
            self._is_ended.set()


class Listener:
    """A listening socket: where it is, and the connections it has accepted."""

    def __init__(self, address: Address, accepted: asyncio.Queue[End]) -> None:
        self.address = address
        self._accepted = accepted

    async def accept(self) -> End:
        """The next connection that is open."""
        return await self._accepted.get()


class Side(ABC):
    """One implementation, in both roles. As a context manager it ends whatever it has begun."""

    echoes_close = True
    """Whether a Close is answered with its own code and reason, or else with 1000."""
    limits_clients = True
    """Whether its server says how clients are to compress."""

    @abstractmethod
    async def listen(self, address: Address, setup: Setup) -> Listener:
        """Begin to listen."""

    @abstractmethod
    async def connect(self, address: Address, setup: Setup) -> End:
        """An open connection; raises `Refused`."""

    @abstractmethod
    async def aclose(self) -> None:
        """End all listeners and connections."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def fragments(message: Message, size: int) -> list[Any]:
    """The message in pieces of the same type."""
    return [message[start : start + size] for start in range(0, len(message), size)]


def bounded(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine as a test, in a new loop and for a limited time."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def within_patience() -> None:
            async with asyncio.timeout(PATIENCE):
                await test(*args, **kwargs)

        with asyncio.Runner() as runner:
            runner.run(within_patience())

    # Only the signature is wanted: whoever looks behind it would find a coroutine, and want to run it.
    run.__signature__ = signature(test)  # type: ignore[attr-defined]
    del run.__wrapped__
    return run
