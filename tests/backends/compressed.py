"""Two ends in memory that may compress, and what goes between them."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.backends.programs import Backend, Link, note_taker
from wsframework._core.masking import apply_mask
from wsframework.testing.memory import exchange
from wsframework.websocket.compress import DeflatePolicy

__all__ = [
    "JSON",
    "LARGE",
    "MEDIUM",
    "NAME",
    "NOISE",
    "ROLES",
    "SMALL",
    "Frame",
    "Pair",
    "assert_talks",
    "compressed",
    "end_of",
    "frames_of",
    "header_of",
    "message_of",
    "noter",
    "other",
    "pair",
    "with_policy",
]

NAME = "permessage-deflate"
ROLES = ["server", "client"]
SMALL, MEDIUM, LARGE = DeflatePolicy.small(), DeflatePolicy.medium(), DeflatePolicy.large()

JSON = json.dumps([{"id": number, "name": f"sensor {number}", "unit": "degree"} for number in range(20)])
"""A message of about a thousand octets, of which compression leaves a fifth."""

NOISE = random.Random(7692).randbytes(1000)
"""A message of as many octets that compression can only make longer."""


@dataclass(frozen=True)
class Frame:
    """A frame as it went; `compressed` is RSV1."""

    opcode: int
    payload: bytes
    fin: bool = True
    compressed: bool = False


def frames_of(octets: bytes) -> list[Frame]:
    """The frames, of any length, masked or not."""
    found = []
    while octets:
        first, second = octets[:2]
        assert not first & 0x30
        size, start = second & 0x7F, 2
        if size > 125:
            layout = "!H" if size == 126 else "!Q"
            (size,) = struct.unpack_from(layout, octets, 2)
            start += struct.calcsize(layout)
        key = b""
        if second & 0x80:
            key, start = octets[start : start + 4], start + 4
        payload = octets[start : start + size]
        assert len(payload) == size
        payload = apply_mask(payload, key) if key else payload
        found.append(Frame(first & 0x0F, payload, bool(first & 0x80), bool(first & 0x40)))
        octets = octets[start + size :]
    return found


def message_of(frames: list[Frame]) -> Frame:
    """The frames of one message as if they were one."""
    first, *others = frames
    assert [frame.opcode for frame in others] == [0] * len(others)
    assert not any(frame.compressed for frame in others)
    assert [frame.fin for frame in frames] == [False] * len(others) + [True]
    return Frame(first.opcode, b"".join(frame.payload for frame in frames), True, first.compressed)


class Pair:
    """The two ends of one connection; `sent` is what each of them sent since it was last taken."""

    def __init__(self, backend: Backend, server: Any, client: Any) -> None:
        """Connect two factories and do the opening handshake."""
        self.backend = backend
        self.server = backend.connect(server)
        self.client = backend.connect(client)
        self._sent = {"server": bytearray(), "client": bytearray()}
        for name, link in (("server", self.server), ("client", self.client)):
            self._record(link, self._sent[name])
        self.exchange()
        self.request, self.response = self.sent("client"), self.sent("server")

    def _record(self, link: Link, sent: bytearray) -> None:
        take = link.take

        def recording() -> bytes:
            octets = take()
            sent.extend(octets)
            return octets

        setattr(link, "take", recording)  # noqa: B010  # mypy: a method

    def exchange(self, piece: int = 0) -> None:
        """Carry octets until both ends are quiet."""
        exchange(self.backend, self.server, self.client, piece)

    def sent(self, role: str) -> bytes:
        """The octets that one end has sent since the last call."""
        self.exchange()
        octets = bytes(self._sent[role])
        self._sent[role].clear()
        return octets

    def frames(self, role: str) -> list[Frame]:
        """The same as frames."""
        return frames_of(self.sent(role))

    @property
    def one(self) -> Any:
        """The server's protocol."""
        return self.server.protocol

    @property
    def other(self) -> Any:
        """The client's protocol."""
        return self.client.protocol

    @property
    def is_open(self) -> bool:
        """True when both ends are."""
        return bool(self.one.state == self.other.state == self.one.STATE_OPEN)

    @property
    def in_use(self) -> list[str]:
        """The extension in use as each end sees it, the server's end first; empty without one."""
        return [str(extension) for end in (self.one, self.other) for extension in end.websocket_extensions_in_use]

    @property
    def answered(self) -> str | None:
        """What the server said about extensions."""
        return header_of(self.response, "Sec-WebSocket-Extensions")

    @property
    def offered(self) -> str | None:
        """What the client said about extensions."""
        return header_of(self.request, "Sec-WebSocket-Extensions")

    def messages(self, role: str) -> list[Any]:
        """What one end, a note taker, has received since the last call."""
        self.exchange()
        events = (self.one if role == "server" else self.other).events
        found = [event for event in events if isinstance(event, str | bytes) and event not in ("connect", "open")]
        events.clear()
        return found


def header_of(head: bytes, name: str) -> str | None:
    """The value of a header that is there once, None if it is not there."""
    values = [line.partition(": ")[2] for line in head.decode().split("\r\n") if line.startswith(f"{name}: ")]
    assert len(values) < 2
    return values[0] if values else None


def pair(
    backend: Backend,
    accept: Any = True,
    offers: Any = True,
    client_accept: Any = None,
    *,
    server: Any = None,
    client: Any = None,
    server_options: Mapping[str, Any] | None = None,
    client_options: Mapping[str, Any] | None = None,
) -> Pair:
    """A server and a client with these options, by default two note takers, after the opening handshake."""
    one = backend.make_server(server or note_taker(backend))
    one.setProtocolOptions(perMessageCompressionAccept=accept, **server_options or {})
    other = backend.make_client(client or note_taker(backend, "client"), url="ws://localhost/")
    other.setProtocolOptions(
        perMessageCompressionOffers=offers, perMessageCompressionAccept=client_accept, **client_options or {}
    )
    return Pair(backend, one, other)


def assert_talks(ends: Pair, is_compressed: bool) -> None:
    """A long message goes in both directions, compressed or not."""
    for sender, link, receiver in (("server", ends.server, "client"), ("client", ends.client, "server")):
        ends.messages(receiver)
        for _ in range(2):
            link.protocol.sendMessage(JSON)
        one, two = ends.frames(sender)
        assert one.compressed is two.compressed is is_compressed
        assert (len(one.payload) < len(JSON) // 2) is is_compressed
        assert ends.messages(receiver) == [JSON, JSON]


def with_policy(backend: Backend, policy: DeflatePolicy, **options: Any) -> Pair:
    """Both ends have this policy."""
    return pair(backend, policy, policy.offers(), policy, server_options=options, client_options=options)


def end_of(ends: Pair, role: str) -> Any:
    """The protocol in this role."""
    return ends.one if role == "server" else ends.other


def other(role: str) -> str:
    """The role of the end at the other side."""
    return "client" if role == "server" else "server"


def compressed(frames: list[Frame]) -> list[bool]:
    """Of each message, whether it went compressed."""
    return [frame.compressed for frame in frames if frame.opcode]


def noter(base: Any, *names: str, chains: bool = False) -> Any:
    """A subclass that notes the callbacks of these names, and calls what they override if it `chains`."""

    def noting(name: str) -> Callable[..., Any]:
        def note(self: Any, *arguments: Any) -> Any:
            self.events.append((name, *arguments))
            return getattr(super(protocol, self), name)(*arguments) if chains else None

        return note

    protocol: Any = type("Noter", (base,), {name: noting(name) for name in names})
    return protocol
