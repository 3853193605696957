"""A Port that writes down what happens, for tests of the core without a framework.

    server = RecordingServer(closeHandshakeTimeout=2)
    server.open()
    server.connection.send_close(1000, None)
    server.advance(2)
    assert server.names("timed_out", "abort") == ["timed_out", "abort"]

The test plays the world: it hands in octets (`receive`), lets time pass (`advance`), lets the peer read or not
(`peer_reads`, `drain`) and ends the transport (`lose`). Nothing happens by itself, and nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from wsframework._core.client_connection import ClientConnection
from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import Connection
from wsframework._core.deflate import Deflater
from wsframework._core.handshake import ClientHello, ConnectionRequest, ConnectionResponse, ServerPolicy
from wsframework._core.http import RequestHead
from wsframework._core.keepalive import AnsweredPing
from wsframework._core.negotiation import PerMessageDeflate
from wsframework._core.server_connection import ServerConnection
from wsframework._core.uri import OriginPatterns
from wsframework.options import ClientOptions, ServerOptions

__all__ = ["Call", "RecordingClient", "RecordingPort", "RecordingServer"]

# The name of a verb or upcall and its arguments.
Call: TypeAlias = tuple[object, ...]

_VERBS: Final = frozenset({"write", "close", "abort", "set_timer", "pause_reading", "resume_reading", "offload"})

# The example of RFC 6455 section 1.3.
_KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
_REQUEST: Final = (
    f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
_RESPONSE: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
_HELLO: Final = ClientHello("localhost", "/", _KEY, 13, None, (), None, None, ())
_MASK_KEY: Final = b"\x01\x02\x03\x04"


class RecordingPort:
    """What both roles share: the verbs, the upcalls, and the world around them.

    `calls` is the record: tuples of a name and its arguments, verbs and upcalls in the order in which they began.
    `hooks` maps names to callables that are called with the same arguments right after the recording, to react inside
    of an upcall. With `immediate` False the questions of the opening handshake are left open until `decide`. With an
    `extension` the connection is opened as if that had been agreed on, though the octets of `open` do not say so.
    """

    connection: Connection

    def __init__(
        self, high_water_mark: int, immediate: bool = True, extension: PerMessageDeflate | None = None
    ) -> None:
        self.calls: list[Call] = []
        self.hooks: dict[str, Callable[..., object]] = {}
        self.immediate = immediate
        self.high_water_mark = high_water_mark
        self.extension = extension
        # What another thread was asked to do.
        self.jobs: list[_Job] = []
        # The clock in seconds, and when the timer runs out on it.
        self.time = 0.0
        self.deadline: float | None = None
        # What reached the peer; what waits for it; whether it reads.
        self.sent = b""
        self.waiting = b""
        self.peer_reads = True
        self._sending_paused = False
        # Whether we read, and what arrived while we do not.
        self.reading = True
        self.unread = b""
        self._decision: Callable[[], object] | None = None
        self._pings = 0

    # What a test looks at.

    def take(self) -> list[Call]:
        """The record since the last time; begins a new one."""
        calls, self.calls = self.calls, []
        return calls

    def take_sent(self) -> bytes:
        """What reached the peer since the last time."""
        sent, self.sent = self.sent, b""
        return sent

    def names(self, *wanted: str) -> list[str]:
        """The names in the record, all or those that are `wanted`."""
        return [str(call[0]) for call in self.calls if not wanted or call[0] in wanted]

    @property
    def upcalls(self) -> list[Call]:
        """The upcalls in the record."""
        return [call for call in self.calls if call[0] not in _VERBS]

    @property
    def closure(self) -> Closure | None:
        """How the connection ended, once it is closed."""
        return self.connection.closure if "closed" in self.names() else None

    # What a test lets happen.

    def receive(self, data: bytes, size: int = 0) -> None:
        """The peer sends `data`, which arrives in pieces of `size` octets (0: in one) as long as we read."""
        self.unread += data
        while self.reading and self.unread:
            end = size or len(self.unread)
            piece, self.unread = self.unread[:end], self.unread[end:]
            self.connection.receive(piece)

    def advance(self, seconds: float) -> None:
        """Time passes, and the timer runs out as often as it is set to."""
        target = self.time + seconds
        while self.deadline is not None and self.deadline <= target:
            self.time, self.deadline = self.deadline, None
            self.connection.timer_expired()
        self.time = target

    def drain(self, octets: int | None = None) -> None:
        """The peer reads so many of the octets that wait; None: all of them, and from now on everything."""
        if octets is None:
            self.peer_reads = True
            octets = len(self.waiting)
        self.sent += self.waiting[:octets]
        self.waiting = self.waiting[octets:]
        # A quarter of the high-water mark, as asyncio has it.
        if self._sending_paused and len(self.waiting) <= self.high_water_mark // 4:
            self._sending_paused = False
            self.connection.resume_writing()

    def lose(self, reason: str = "the cable was cut") -> None:
        """The transport is gone."""
        self.connection.lost(reason)

    @property
    def asked(self) -> bool:
        """True while an answer is left open."""
        return self._decision is not None

    def decide(self) -> None:
        """Give the answer that was left open: yes."""
        decision, self._decision = self._decision, None
        assert decision is not None, "nothing was asked"
        decision()

    def work_off(self) -> None:
        """The other thread does all that it was given, in order."""
        while self.jobs:
            job = self.jobs.pop(0)
            job.run()
            job.done()

    # Verbs; see `Port`.

    def write(self, data: bytes) -> None:
        self._record("write", data)
        if self.peer_reads:
            self.sent += data
            return
        self.waiting += data
        if not self._sending_paused and len(self.waiting) > self.high_water_mark:
            self._sending_paused = True
            self.connection.pause_writing()

    def close(self) -> None:
        self._record("close")

    def abort(self) -> None:
        self.waiting = b""
        self._record("abort")

    def set_timer(self, seconds: float | None) -> None:
        self.deadline = None if seconds is None else self.time + seconds
        self._record("set_timer", seconds)

    def set_timeout(self, seconds: float) -> None:
        self.set_timer(seconds or None)

    def now(self) -> float:
        return self.time

    def buffered_amount(self) -> int:
        return len(self.waiting)

    def pause_reading(self) -> None:
        self.reading = False
        self._record("pause_reading")

    def resume_reading(self) -> None:
        self.reading = True
        self._record("resume_reading")

    def offload(self, work: Callable[[], None], done: Callable[[], None]) -> Callable[[], None]:
        """The work waits for `work_off`, or to be waited for."""
        job = _Job(work, done)
        self.jobs.append(job)
        self._record("offload")
        return job.run

    # Upcalls; see `Port`.

    def opened(self) -> None:
        self._record("opened")

    def message(self, payload: bytes, is_binary: bool) -> None:
        self._record("message", payload, is_binary)

    def ping(self, payload: bytes) -> None:
        self._record("ping", payload)
        if "ping" not in self.hooks:
            self.connection.send_pong(payload)

    def pong(self, payload: bytes) -> None:
        self._record("pong", payload)

    def auto_pong(self, answered: AnsweredPing, payload: bytes) -> None:
        self._record("auto_pong", answered, payload)

    def close_frame(self, code: int | None, reason: bytes) -> None:
        self._record("close_frame", code, reason)

    def timed_out(self, cause: Cause) -> None:
        self._record("timed_out", cause)

    def sending_paused(self) -> None:
        self._record("sending_paused")

    def sending_resumed(self) -> None:
        self._record("sending_resumed")

    def trace_frame(self, outgoing: bool, first: int, masked: bool, size: int, beginning: bytes) -> None:
        self._record("trace_frame", outgoing, first, masked, size, beginning)

    def closed(self, closure: Closure) -> None:
        self._record("closed", closure)

    # A message while it comes, after `connection.stream_to(port, pieces)`; see `StreamSink`.

    def message_begin(self, is_binary: bool) -> None:
        self._record("message_begin", is_binary)

    def frame_begin(self, length: int) -> None:
        self._record("frame_begin", length)

    def frame_data(self, payload: bytes) -> None:
        self._record("frame_data", payload)

    def frame_end(self) -> None:
        self._record("frame_end")

    def frame(self, payload: bytes) -> None:
        self._record("frame", payload)

    def message_end(self) -> None:
        self._record("message_end")

    # Inside.

    def _record(self, name: str, *args: object) -> None:
        self.calls.append((name, *args))
        hook = self.hooks.get(name)
        if hook is not None:
            hook(*args)

    def _ask(self, decision: Callable[[], object], name: str, argument: object = None) -> None:
        """Record a question; a hook answers it instead of us."""
        args = () if argument is None else (argument,)
        self._record(name, *args)
        if name in self.hooks:
            return
        self._decision = decision
        if self.immediate:
            self.decide()

    def _agreed(self) -> tuple[PerMessageDeflate, Deflater] | None:
        if self.extension is None:
            return None
        return self.extension, Deflater(self.extension.compression, takes_over=False)

    def _random(self, size: int) -> bytes:
        """1, 2, 3, ... as the payloads of automatic pings."""
        self._pings += 1
        return self._pings.to_bytes(size, "big")


class _Job:
    """Work for another thread, done once."""

    def __init__(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work
        self.done = done

    def run(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work()


class RecordingServer(RecordingPort):
    """The server's end of a connection; `options` are those of `setProtocolOptions`."""

    connection: ServerConnection

    def __init__(
        self,
        *,
        immediate: bool = True,
        peer: str = "tcp4:192.0.2.1:50000",
        server: str | None = None,
        extension: PerMessageDeflate | None = None,
        **options: object,
    ) -> None:
        chosen = ServerOptions().changed(**options)
        super().__init__(chosen.sendHighWaterMark, immediate, extension)
        origins = OriginPatterns(chosen.allowedOrigins)
        policy = ServerPolicy(chosen.versions, origins, chosen.allowNullOrigin, None, False)
        self.connection = ServerConnection(self, chosen, peer, policy, server, _mask_key, self._random)

    def open(self) -> None:
        """Do the opening handshake; the record begins after it."""
        self.connection.connected()
        self.receive(_REQUEST)
        if not self.immediate:
            self.decide()
        self.take()
        self.take_sent()

    def handshake_received(self, request: ConnectionRequest) -> None:
        """Accepts without a subprotocol."""
        self._ask(lambda: self.connection.accept(None, (), self._agreed()), "handshake_received", request)

    def http_request(self, head: RequestHead) -> None:
        """Answers 200."""
        self._ask(lambda: self.connection.refuse(200, "hello"), "http_request", head)


class RecordingClient(RecordingPort):
    """The client's end of a connection; `hello` is what it asks for. Its frames have the masking key 01020304."""

    connection: ClientConnection

    def __init__(
        self,
        *,
        immediate: bool = True,
        peer: str = "tcp4:192.0.2.2:80",
        hello: ClientHello = _HELLO,
        extension: PerMessageDeflate | None = None,
        **options: object,
    ) -> None:
        chosen = ClientOptions().changed(**options)
        super().__init__(chosen.sendHighWaterMark, immediate, extension)
        self.hello = hello
        self.connection = ClientConnection(self, chosen, peer, _mask_key, self._random)

    def open(self) -> None:
        """Do the opening handshake; the record begins after it."""
        self.connection.connected()
        if not self.immediate:
            self.decide()
        self.receive(_RESPONSE)
        if not self.immediate:
            self.decide()
        self.take()
        self.take_sent()

    def connecting(self) -> None:
        """Asks for `hello`."""
        self._ask(lambda: self.connection.start(self.hello), "connecting")

    def response_received(self, response: ConnectionResponse) -> None:
        """Accepts."""
        self._ask(lambda: self.connection.accept(self._agreed()), "response_received", response)


def _mask_key() -> bytes:
    return _MASK_KEY
