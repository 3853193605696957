"""What `wsframework check` has observed of a server, as values: no judgement, and nothing that can be asked again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, unique

from wsframework._core.headers import ExtensionOffer
from wsframework._core.http import ResponseHead
from wsframework._core.uri import WebSocketUri

__all__ = [
    "Answer",
    "Attempt",
    "Certificate",
    "Conversation",
    "Ending",
    "Experiment",
    "Facts",
    "Limits",
    "Lookup",
    "Question",
    "Reaction",
    "Resolution",
    "Stage",
    "Tls",
    "Trial",
    "Trust",
]


@unique
class Ending(Enum):
    """How the reading of an answer ended."""

    COMPLETE = "complete"
    CLOSED = "the server closed the connection"
    RESET = "the server reset the connection"
    TIMEOUT = "time was up"
    TOO_LONG = "it was longer than what is read of one"


@unique
class Resolution(Enum):
    """What became of the look-up of a name."""

    FOUND = "found"
    UNKNOWN = "there is no such name"
    FAILED = "the look-up failed"


@unique
class Trial(Enum):
    """What became of an attempt to connect."""

    CONNECTED = "connected"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "no answer"
    NO_SOCKET = "no such socket"


@unique
class Trust(Enum):
    """What a verification of the server's certificate said."""

    TRUSTED = "trusted"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    SELF_SIGNED = "self-signed"
    UNKNOWN_AUTHORITY = "unknown authority"
    WRONG_NAME = "wrong name"
    OTHER = "other"


@unique
class Stage(Enum):
    """How far a conversation went before it ended."""

    OPENING = "the opening handshake"
    PINGING = "the pings"
    CLOSING = "the closing handshake"
    FINISHED = "its end"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for: the URL in both forms, and what goes into the request beside it.

    `headers` are the application's own lines.
    """

    url: str
    uri: WebSocketUri
    subprotocols: tuple[str, ...] = ()
    origin: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        """Where it is asked: `host port 80`, or the path of a unix socket."""
        if self.uri.unix_path is not None:
            return self.uri.unix_path
        return f"{self.uri.host} port {self.uri.port}"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The addresses of the name, in the system's order."""

    resolution: Resolution
    addresses: tuple[str, ...]
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address that was connected to, or not."""

    address: str
    trial: Trial
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server's certificate shows; `names` are its subjectAltName entries."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Tls:
    """The TLS handshake.

    `version` is None when there was none; then `error` is what the TLS library says, or `ending` how the server ended
    it. `plain_answer` are the first octets of the answer to a question in plain text, asked after such a failure.
    `checked_at` is when all this was, to compare with the certificate.
    """

    seconds: float
    checked_at: datetime
    version: str | None = None
    cipher: str | None = None
    alpn: str | None = None
    trust: Trust = Trust.TRUSTED
    verification: str = ""
    certificate: Certificate | None = None
    error: str = ""
    ending: Ending = Ending.COMPLETE
    plain_answer: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to the request of the opening handshake.

    `octets` are its head, or all that came where no head did. `flaw` is how it breaks the grammar of HTTP; `head` may
    be there all the same, as far as it can be understood. `body` is the beginning of what follows the head, or for a
    status of 101 the first WebSocket frames. `error` is what the TLS library says of a server that did not answer.
    `is_accepted` says that the framework's own client takes the answer; `speaks_tls` that the port took a TLS
    handshake, which is tried where plain text was asked for and not answered.
    """

    request: bytes
    key: str
    offers: tuple[ExtensionOffer, ...]
    octets: bytes
    ending: Ending
    seconds: float
    head: ResponseHead | None = None
    flaw: str = ""
    body: bytes = b""
    error: str = ""
    is_accepted: bool = False
    speaks_tls: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A second connection, by the framework's own client.

    `stage` is what it was in when it ended. `failure` is why it did not open, or what ended it without a closing
    handshake; `was_lost` if that was the transport, and not our patience. `violation` is the rule that the server
    broke. `round_trips` are those of the Pings that were answered, `greetings` the messages that came by themselves;
    the close code and reason are the server's.
    """

    stage: Stage
    compression: str | None = None
    subprotocol: str | None = None
    round_trips: tuple[float, ...] = ()
    ping_was_ignored: bool = False
    greetings: int = 0
    failure: str = ""
    was_lost: bool = False
    violation: str = ""
    close_answered: bool = False
    close_code: int | None = None
    close_reason: str | None = None
    close_seconds: float = 0.0
    tcp_was_ended: bool = False


@unique
class Reaction(Enum):
    """What a server did with something that was sent to it."""

    ACCEPTED = "goes on"
    CLOSED = "closes"
    DROPPED = "drops the connection"
    SILENT = "goes silent"
    FAILED = "could not be asked"


@dataclass(frozen=True, slots=True)
class Experiment:
    """One thing that was tried on a connection of its own; `expected` are the close codes that fit, none: go on.

    `breaks` tells that what was sent breaks the protocol.
    """

    name: str
    expected: tuple[int, ...]
    reaction: Reaction
    code: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What was found by trying. Sizes are in octets; `refused` is the smallest message tried that was not taken.

    `in_fragments` tells what the server did with a message of that size in small frames, None if it was not tried.
    """

    echoes: bool
    accepted: int
    refused: int | None
    refusal: Experiment | None
    in_fragments: Experiment | None
    experiments: tuple[Experiment, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it, as far as it went: a step that was not come to is None.

    `insecure` says that a certificate that cannot be trusted was to be put up with.
    """

    question: Question
    insecure: bool = False
    lookup: Lookup | None = None
    attempts: tuple[Attempt, ...] = field(default=())
    tls: Tls | None = None
    answer: Answer | None = None
    conversation: Conversation | None = None
    limits: Limits | None = None
