"""The Port: all that a `Connection` knows of the world above and around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wsframework._core.closure import Cause, Closure
from wsframework._core.handshake import ConnectionRequest, ConnectionResponse
from wsframework._core.http import RequestHead
from wsframework._core.keepalive import AnsweredPing

__all__ = ["ClientPort", "Port", "ServerPort"]


class Port(Protocol):
    """The verbs that a backend carries out, and the upcalls for what the connection finds out.

    No upcall raises: what the application raises inside of one is caught where it is called. Every upcall may call back
    into the connection.
    """

    def write(self, data: bytes) -> None:
        """Send `data`, in order, without waiting."""

    def close(self) -> None:
        """Send what was written, then end our half of the transport; go on reading until the peer ends its half.

        Never a reset: that could destroy what the peer has not read yet.
        """

    def abort(self) -> None:
        """Drop the transport at once, unsent octets with it. `Connection.lost` follows."""

    def set_timer(self, seconds: float | None) -> None:
        """Call `Connection.timer_expired` once in so many seconds, instead of any earlier timer; None: never."""

    def set_timeout(self, seconds: float) -> None:
        """As `set_timer`, for a time that many connections have in common and few reach; 0: never."""

    def now(self) -> float:
        """The backend's clock in seconds, the one that `set_timer` goes by."""

    def buffered_amount(self) -> int:
        """Octets written that the operating system has not taken yet."""

    def pause_reading(self) -> None:
        """Let the peer's octets wait in the operating system."""

    def resume_reading(self) -> None:
        """Go on reading."""

    def offload(self, work: Callable[[], None], done: Callable[[], None]) -> Callable[[], None]:
        """Do `work` in another thread, then call `done` in this one.

        Calling the result returns when the work is done: it waits, or does the work here if that has not begun. `done`
        is called all the same.
        """

    def opened(self) -> None:
        """The opening handshake is complete."""

    def message(self, payload: bytes, is_binary: bool) -> None:
        """A whole message came."""

    def ping(self, payload: bytes) -> None:
        """A Ping came; whoever is told answers it."""

    def pong(self, payload: bytes) -> None:
        """A Pong came, whatever it answers."""

    def auto_pong(self, answered: AnsweredPing, payload: bytes) -> None:
        """The Pong answers one of the automatic pings."""

    def close_frame(self, code: int | None, reason: bytes) -> None:
        """A Close frame came and is about to be acted on."""

    def timed_out(self, cause: Cause) -> None:
        """A deadline passed; the transport is about to be dropped."""

    def sending_paused(self) -> None:
        """The peer does not keep up: more than `sendHighWaterMark` octets wait."""

    def sending_resumed(self) -> None:
        """The peer has caught up."""

    def trace_frame(self, outgoing: bool, first: int, masked: bool, size: int, beginning: bytes) -> None:
        """A frame passes (only with the option logFrames); `first` is its first octet.

        `beginning` is what of its payload is there by now, unmasked, and at most `TRACED` octets: all of a control
        frame's, nothing where the application or the peer has only announced it.
        """

    def closed(self, closure: Closure) -> None:
        """The transport is gone. The last upcall of all."""


class ServerPort(Port, Protocol):
    """What a server's connection asks."""

    def handshake_received(self, request: ConnectionRequest) -> None:
        """Call `accept` or `refuse`, now or later."""

    def http_request(self, head: RequestHead) -> None:
        """A request that is no upgrade; call `refuse` with the response, now or later."""


class ClientPort(Port, Protocol):
    """What a client's connection asks."""

    def connecting(self) -> None:
        """The transport is there; call `start` with what to ask for, now or later."""

    def response_received(self, response: ConnectionResponse) -> None:
        """The server agreed, and rightly so; call `accept` or `fail`, now or later."""
