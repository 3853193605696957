"""What can be read on a protocol instance: constants, options, the state of the connection and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, overload

from wsframework._core.closure import Cause, Closure
from wsframework._core.connection import Connection
from wsframework._core.constants import State
from wsframework.exceptions import Disconnected
from wsframework.options import CommonOptions, option_names
from wsframework.websocket.reporting import one_line, path_of
from wsframework.websocket.types import TransportDetails

if TYPE_CHECKING:
    from wsframework.websocket.frame_lines import FrameLines
    from wsframework.websocket.membership import Membership
    from wsframework.websocket.routing import RouteMatch

__all__ = ["ConnectionAttributes", "OptionAttribute", "install_options"]

# Autobahn's numbers for the states that an application can see.
_PUBLIC_STATES: Final = {State.CLOSED: 0, State.CONNECTING: 1, State.CLOSING: 2, State.DRAINING: 2, State.OPEN: 3}


# The numbers of the connections that were ever mentioned in the log.
_numbers: Final = count(1)

# What did not go wrong on our side of the connection.
_NOT_FAILED = frozenset({Cause.CLOSE_HANDSHAKE, Cause.DROPPED, Cause.LOST})
_NO_PARAMS: Final[Mapping[str, str]] = MappingProxyType({})
_DROPPED = frozenset(
    {
        Cause.DROPPED,
        Cause.SEND_BUFFER,
        Cause.OPENING_TIMEOUT,
        Cause.CLOSING_TIMEOUT,
        Cause.PING_TIMEOUT,
    }
)


class OptionAttribute:
    """Reads an option through an instance: that of the connection, or of the factory before there is one.

    Not a data descriptor, so an attribute of the same name on a subclass or an instance comes first; when the transport
    is connected such attributes become the connection's options.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> OptionAttribute: ...
    @overload
    def __get__(self, instance: ConnectionAttributes, owner: type) -> Any: ...
    def __get__(self, instance: ConnectionAttributes | None, owner: type) -> Any:
        if instance is None:
            return self
        connection = instance._connection
        return getattr(instance.factory._options if connection is None else connection.options, self._name)


class ConnectionAttributes:
    """The attributes that do not belong to one role; read-only, and harmless to read at any time."""

    STATE_CLOSED: Final = 0
    STATE_CONNECTING: Final = 1
    STATE_CLOSING: Final = 2
    STATE_OPEN: Final = 3

    MESSAGE_TYPE_TEXT: Final = 1
    MESSAGE_TYPE_BINARY: Final = 2

    SUPPORTED_SPEC_VERSIONS: Final = (10, 11, 12, 13, 14, 15, 16, 17, 18)
    SUPPORTED_PROTOCOL_VERSIONS: Final = (8, 13)
    DEFAULT_SPEC_VERSION: Final = 18

    CLOSE_STATUS_CODE_NORMAL: Final = 1000
    CLOSE_STATUS_CODE_GOING_AWAY: Final = 1001
    CLOSE_STATUS_CODE_PROTOCOL_ERROR: Final = 1002
    CLOSE_STATUS_CODE_UNSUPPORTED_DATA: Final = 1003
    CLOSE_STATUS_CODE_NULL: Final = 1005
    CLOSE_STATUS_CODE_ABNORMAL_CLOSE: Final = 1006
    CLOSE_STATUS_CODE_INVALID_PAYLOAD: Final = 1007
    CLOSE_STATUS_CODE_POLICY_VIOLATION: Final = 1008
    CLOSE_STATUS_CODE_MESSAGE_TOO_BIG: Final = 1009
    CLOSE_STATUS_CODE_MANDATORY_EXTENSION: Final = 1010
    CLOSE_STATUS_CODE_INTERNAL_ERROR: Final = 1011
    CLOSE_STATUS_CODE_SERVICE_RESTART: Final = 1012
    CLOSE_STATUS_CODE_TRY_AGAIN_LATER: Final = 1013
    CLOSE_STATUS_CODE_BAD_GATEWAY: Final = 1014
    CLOSE_STATUS_CODE_TLS_HANDSHAKE_FAILED: Final = 1015
    CLOSE_STATUS_CODES_ALLOWED: Final = (1000, 1001, 1002, 1003, *range(1007, 1015))

    is_server: ClassVar[bool]
    factory: Any = None
    _connection: Connection | None = None
    _transport_details: TransportDetails | None = None
    _timeout: Cause | None = None
    _route: RouteMatch | None = None
    # The groups that this is a receiver of; a new tuple at each change, so that nobody is disturbed while telling them.
    _memberships: tuple[Membership, ...] = ()
    # For the log: the path, once it is known; the frames; and whether it says already why the opening handshake fails.
    _log_path = ""
    _frame_lines: FrameLines | None = None
    _is_told = False

    if TYPE_CHECKING:

        @property
        def http_request_uri(self) -> str: ...
        @property
        def http_headers(self) -> Mapping[str, str]: ...

    @property
    def state(self) -> int:
        """One of the STATE constants."""
        return _PUBLIC_STATES[self._state]

    @property
    def _state(self) -> State:
        return State.CONNECTING if self._connection is None else self._connection.state

    @property
    def peer(self) -> str:
        """Who is at the other end: `tcp4:192.0.2.1:80`, `tcp6:2001:db8::1:80`, `unix:/path`, or an address from
        X-Forwarded-For (trustXForwardedFor)."""
        return "unknown" if self._connection is None else self._connection.peer

    @cached_property
    def connection_id(self) -> str:
        """Names this connection in the log: `ws-` and a number that no other connection of the process has.

        Made when it is first needed. An application that has a name of its own for the connection may set it.
        """
        return f"ws-{next(_numbers)}"

    @property
    def _log_id(self) -> str:
        return one_line(str(self.connection_id))

    def _log_fields(self) -> dict[str, str]:
        """What goes with everything that is logged about this connection; all of it escaped and cut to one line.

        `ws_id` is `connection_id`, `ws_role` says which end this is (`server` or `client`), `ws_peer` is `peer`, and
        `ws_path` the path that was asked for without its query, empty before it is known.
        """
        if not self._log_path:
            self._log_path = path_of(self.http_request_uri)
        role = "server" if self.is_server else "client"
        return {"ws_id": self._log_id, "ws_role": role, "ws_peer": one_line(self.peer), "ws_path": self._log_path}

    @property
    def transport_details(self) -> TransportDetails:
        """The transport as it is underneath, whatever headers say."""
        details = self._transport_details
        if details is None:
            raise Disconnected("there is no transport yet")
        if self._state is State.CONNECTING:
            return details
        # Worked out when somebody asks: most never do, and it is much to keep.
        return replace(
            details, http_headers_received=self.http_headers, websocket_protocol=self.websocket_protocol_in_use
        )

    @property
    def route_params(self) -> Mapping[str, str]:
        """What the path says for the parameters of its route, by name and percent-decoded; empty without a router."""
        return _NO_PARAMS if self._route is None else self._route.params

    @property
    def bufferedAmount(self) -> int:
        """Octets that were sent and that the operating system has not taken yet."""
        return 0 if self._connection is None else self._connection.buffered_amount

    @property
    def closure(self) -> Closure | None:
        """How the connection ended: `cause`, `code`, `reason`; None while that is not known."""
        return None if self._connection is None else self._connection.closure

    @property
    def wasClean(self) -> bool:
        """True once both Close frames were exchanged."""
        return self.closure is not None and self.closure.was_clean

    @property
    def wasNotCleanReason(self) -> str | None:
        """Why the connection ended without a closing handshake."""
        return None if self.closure is None or self.wasClean else self.closure.reason

    @property
    def localCloseCode(self) -> int | None:
        """The code in the Close frame that we sent."""
        return None if self._connection is None else self._connection.local_close_code

    @property
    def localCloseReason(self) -> str | None:
        """The reason in the Close frame that we sent."""
        return None if self._connection is None else self._connection.local_close_reason

    @property
    def remoteCloseCode(self) -> int | None:
        """The code in the peer's Close frame."""
        return None if self._connection is None else self._connection.remote_close_code

    @property
    def remoteCloseReason(self) -> str | None:
        """The reason in the peer's Close frame."""
        return None if self._connection is None else self._connection.remote_close_reason

    @property
    def closedByMe(self) -> bool:
        """True when our Close frame was the first."""
        return self._connection is not None and self._connection.closed_by_us

    @property
    def failedByMe(self) -> bool:
        """True when we ended the connection because something was wrong."""
        return self.closure is not None and self.closure.cause not in _NOT_FAILED

    @property
    def droppedByMe(self) -> bool:
        """True when we dropped the transport before the closing handshake was complete."""
        return self.closure is not None and self.closure.cause in _DROPPED

    @property
    def wasOpenHandshakeTimeout(self) -> bool:
        """True when the opening handshake took too long."""
        return self._timeout is Cause.OPENING_TIMEOUT

    @property
    def wasCloseHandshakeTimeout(self) -> bool:
        """True when the peer did not answer our Close frame in time."""
        return self._timeout is Cause.CLOSING_TIMEOUT

    @property
    def wasServerConnectionDropTimeout(self) -> bool:
        """True when the peer did not end TCP in time."""
        return self._timeout is Cause.DROP_TIMEOUT

    @property
    def websocket_protocol_in_use(self) -> str | None:
        """The subprotocol that was agreed on."""
        return None if self._connection is None else self._connection.protocol

    @property
    def websocket_extensions_in_use(self) -> list[Any]:
        """The extensions that were agreed on: none, or a `PerMessageDeflate` that says how messages are compressed."""
        connection = self._connection
        return [] if connection is None or connection.extension is None else [connection.extension]


def install_options(cls: type, options: type[CommonOptions]) -> None:
    """Make every option of the table readable on instances of `cls`."""
    for name in option_names(options):
        setattr(cls, name, OptionAttribute(name))
