"""What is logged about a connection, in which words and at which level; the backends hand it to their loggers.

Strategy: whoever looks after a server wants to hear of what is wrong, once, and of nothing else.

* error, with the traceback: the application raised.
* info: one line for a peer that was refused or dropped, with the rule or the limit that it broke.
* debug: what the options logFrames and logOctets ask for, and ends that nobody is to blame for.

Every line has the connection's id in front and the fields of `ConnectionAttributes._log_fields` with it. What a peer
chose (its path, its reasons) is escaped and cut: it must not be able to begin a line of its own or to steer a terminal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import Connection
from wsframework._core.constants import CloseCode, State
from wsframework._core.uri import parse_target
from wsframework.websocket.frame_lines import FrameLines, count_octets

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["Reporting", "one_line", "path_of"]

# Ends that somebody looking after a server wants to find in the log; each reason names the rule or the limit.
_TOLD: Final = frozenset(Cause) - {Cause.CLOSE_HANDSHAKE, Cause.CALLBACK_ERROR, Cause.DROPPED, Cause.LOST}

# How many characters of something that a peer chose may be in a line.
_LONGEST: Final = 200
_LONGEST_PEER: Final = 100
_LONGEST_PATH: Final = 60
_LONGEST_ORIGIN: Final = 60

_OTHER_ORIGIN: Final = "this origin is not allowed"


class Reporting(ABC):
    """The part of a port that logs."""

    __slots__ = ()
    protocol: WebSocketProtocol
    connection: Connection

    # What a backend adds. All of them log the connection's fields, too.

    @abstractmethod
    def write_failure(self, line: str, error: BaseException) -> None:
        """Log an error with its traceback."""

    @abstractmethod
    def write_info(self, line: str) -> None:
        """Log what somebody looking after the program wants to know."""

    @abstractmethod
    def write_debug(self, line: str) -> None:
        """Log what somebody looking for a fault wants to know."""

    # What is logged.

    def log_failure(self, text: str, error: BaseException) -> None:
        """Log a mistake of the application's, with the traceback of `error`."""
        if self.connection.state is State.CONNECTING:
            # The peer is refused because of this; that is not worth a second line.
            self.protocol._is_told = True
        self.write_failure(f"{self.protocol._log_id}: {text}", error)

    def log_info(self, text: str) -> None:
        """Log a line about a peer that was refused or dropped."""
        self.write_info(f"{self.protocol._log_id}: {text}")

    def log_debug(self, text: str) -> None:
        """Log what happened without being anybody's fault."""
        self.write_debug(f"{self.protocol._log_id}: {text}")

    def log_octets(self, outgoing: bool, data: bytes) -> None:
        """The option logOctets: octets as the transport has them, but before TLS."""
        direction = ">" if outgoing else "<"
        self.write_debug(f"{self.protocol._log_id} {direction} RAW {count_octets(len(data))} {data.hex()}")

    def trace_frame(self, outgoing: bool, first: int, masked: bool, size: int, beginning: bytes) -> None:
        """See `Port.trace_frame`."""
        protocol = self.protocol
        if protocol._frame_lines is None:
            protocol._frame_lines = FrameLines(protocol.is_server)
        line = protocol._frame_lines.line(outgoing, first, masked, size, beginning)
        self.write_debug(f"{protocol._log_id} {line}")

    def log_end(self, closure: Closure) -> None:
        """The connection is over: log that, if it was refused or dropped and the reason is not in the log already."""
        if closure.cause not in _TOLD or _is_answered(closure) or self.protocol._is_told:
            return
        peer = self._peer
        reason = one_line(closure.reason or "")
        if self._never_asked(closure):
            self.log_debug(f"connection with {peer} ended before a request came: {reason}")
            return
        reason = self._with_origin(reason)
        is_server = self.protocol.is_server
        path = self.protocol._log_fields()["ws_path"] if is_server and closure.failure is not None else ""
        where = f" for {one_line(path, _LONGEST_PATH)}" if path else ""
        self.log_info(f"connection with {peer}{where} {_end_of(closure, is_server)}: {reason}")

    def _with_origin(self, reason: str) -> str:
        """`reason`, with the origin where that is what was refused: perhaps it has to be on the list."""
        head = getattr(self.connection, "head", None) if reason.endswith(_OTHER_ORIGIN) else None
        origin = None if head is None else head.headers.get("origin")
        return reason if origin is None else f"{reason}: {one_line(origin, _LONGEST_ORIGIN)}"

    @property
    def _peer(self) -> str:
        """Who is at the other end; a client on a unix socket chooses its path."""
        return one_line(self.protocol.peer, _LONGEST_PEER)

    def _never_asked(self, closure: Closure) -> bool:
        """Whether a client came and went without a word to us: a port scan, a check that the port is open, a browser
        that connects in advance, TLS that did not come about.
        """
        connection = self.connection
        return (
            self.protocol.is_server
            and closure.cause is Cause.OPENING
            and connection.octets_received == 0
            and not self.protocol.http_request_uri
        )


def one_line(text: str, longest: int = _LONGEST) -> str:
    """`text` with everything but printable ASCII escaped, and cut behind so many characters."""
    escaped = text if text.isascii() and text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return escaped if len(escaped) <= longest else f"{escaped[: longest - 3]}..."


def path_of(target: str) -> str:
    """The path of a request target, fit for the log; without the query, where tokens may be."""
    path = target.partition("?")[0]
    # What is no target at all is refused for that, and of interest all the same.
    with suppress(ValueError):
        path, _ = parse_target(path)
    return one_line(path)


def _is_answered(closure: Closure) -> bool:
    """Whether a request got a page, or was sent elsewhere: no refusal."""
    status = None if closure.failure is None else closure.failure.status
    return status is not None and status < HTTPStatus.BAD_REQUEST


def _end_of(closure: Closure, is_server: bool) -> str:
    """What became of the connection."""
    failure = closure.failure
    if failure is not None and not is_server:
        return "failed"
    if failure is not None and failure.status is not None:
        return "was refused"
    if closure.cause is Cause.OPENING:
        return "was lost"
    if closure.code == CloseCode.ABNORMAL:
        return "was dropped"
    return f"was closed with {closure.code}"
