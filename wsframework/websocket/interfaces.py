"""What protocols and factories provide, the same on both backends, as zope interfaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zope.interface import Attribute, Interface

from wsframework._core.headers import HeadersInput
from wsframework.websocket.types import ConnectionRequest, ConnectionResponse

__all__ = [
    "IWebSocketChannel",
    "IWebSocketChannelFactory",
    "IWebSocketChannelFrameApi",
    "IWebSocketChannelStreamingApi",
    "IWebSocketClientAgent",
    "IWebSocketClientChannelFactory",
    "IWebSocketServerChannelFactory",
]


class IWebSocketChannel(Interface):
    """One connection: callbacks to override and methods to call.

    Every callback may be a plain method, an `async def`, or return a later result of its backend. The order is a
    promise: onConnect, onOpen, messages, onClose; onClose is called once, and nothing after it.
    """

    state = Attribute("The state of the connection, one of the `STATE_*` constants.")
    peer = Attribute("The other end, for example `tcp4:127.0.0.1:9000`; behind trusted proxies the client's address.")
    transport_details = Attribute("The `TransportDetails` of the connection.")
    is_open = Attribute("A later result: None when the connection is open; rejected when the opening fails.")
    is_closed = Attribute("A later result: this protocol, when the connection is closed.")
    wasClean = Attribute("True when both sides finished the closing handshake; False until then.")
    localCloseCode = Attribute("The code of the Close that was sent, None when there was none.")
    localCloseReason = Attribute("The reason of the Close that was sent, None when there was none.")
    remoteCloseCode = Attribute("The code of the Close that was received, None when there was none.")
    remoteCloseReason = Attribute("The reason of the Close that was received, None when there was none.")

    def onConnect(request_or_response: ConnectionRequest | ConnectionResponse) -> object:
        """A client asks to connect (server), or the server has agreed (client); the connection is not open yet.

        On a server the result may be None, a subprotocol, a pair (subprotocol or None, headers) or a
        `ConnectionAccept`; raising `ConnectionDeny` refuses.
        """

    def onOpen() -> object:
        """The connection is open: messages may be sent."""

    def onMessage(payload: bytes, isBinary: bool) -> object:
        """A message was received; the payload of a text message is valid UTF-8."""

    def onPing(payload: bytes) -> object:
        """A Ping was received; the default answers with a Pong of the same payload."""

    def onPong(payload: bytes) -> object:
        """A Pong was received, asked for or not."""

    def onClose(wasClean: bool, code: int | None, reason: str | None) -> object:
        """The connection is closed, or was never opened; the last callback."""

    def sendMessage(
        payload: bytes | str,
        isBinary: bool = False,
        fragmentSize: int | None = None,
        sync: bool = False,
        doNotCompress: bool = False,
    ) -> None:
        """Send a message; a str goes out as text.

        `fragmentSize` splits it into frames of at most so many octets. `Disconnected` unless open;
        `PayloadExceededError` for a message longer than `maxMessagePayloadSize`. `sync` is for Autobahn's callers and
        changes nothing.
        """

    def sendPing(payload: bytes | None = None) -> None:
        """Send a Ping with up to 125 octets, `ValueError` for more; nothing happens unless open."""

    def sendPong(payload: bytes | None = None) -> None:
        """Send a Pong with up to 125 octets, `ValueError` for more; nothing happens unless open."""

    def sendClose(code: int | None = None, reason: str | None = None) -> None:
        """Start the closing handshake; nothing happens when closing or closed.

        `code` is one of 1000 to 1003, 1007 to 1014, 3000 to 4999 (RFC 6455 section 7.4), `ValueError` otherwise; a
        reason needs a code and is cut to 123 octets.
        """


class IWebSocketChannelFrameApi(IWebSocketChannel):
    """Messages by frames: what overriding `onMessageFrame` gives, and sending a message frame by frame."""

    def onMessageBegin(isBinary: bool) -> object:
        """A message begins."""

    def onMessageFrame(payload: list[bytes]) -> object:
        """A whole frame of it came, in pieces to be put together."""

    def onMessageEnd() -> object:
        """The message is complete."""

    def beginMessage(isBinary: bool = False, doNotCompress: bool = False) -> None:
        """Begin a message; `SequenceError` inside of an unfinished one."""

    def sendMessageFrame(payload: bytes, sync: bool = False) -> None:
        """Send its next frame."""

    def endMessage() -> None:
        """End it."""


class IWebSocketChannelStreamingApi(IWebSocketChannelFrameApi):
    """Messages by pieces: what overriding `onMessageFrameData` gives, and sending a frame piece by piece."""

    def onMessageFrameBegin(length: int) -> object:
        """A frame begins; its payload has `length` octets."""

    def onMessageFrameData(payload: bytes) -> object:
        """A piece of it came."""

    def onMessageFrameEnd() -> object:
        """The frame is complete."""

    def beginMessageFrame(length: int) -> None:
        """Begin a frame of `length` octets."""

    def sendMessageFrameData(payload: bytes, sync: bool = False) -> int:
        """Send octets of it; how many are still missing, or minus how many were too much."""


class IWebSocketChannelFactory(Interface):
    """What the factories of both roles have in common."""

    protocol = Attribute("The protocol class to make for each connection.")
    isSecure = Attribute("True for a wss URL.")
    host = Attribute("The URL's host.")
    port = Attribute("The URL's port; for a unix socket its path.")
    path = Attribute("The URL's path, percent-decoded.")
    params = Attribute("The fields of the URL's query, each with the list of its values.")

    def setProtocolOptions(**options: object) -> None:
        """Change options for connections still to come; None or not given leaves an option as it is.

        `TypeError` for an unknown name or a wrong type, `ValueError` for a value out of range; nothing changes then.
        """

    def resetProtocolOptions() -> None:
        """Set all options back to their defaults."""


class IWebSocketServerChannelFactory(IWebSocketChannelFactory):
    """Makes the protocols of a server's connections."""

    def setSessionParameters(
        url: str | None = None,
        protocols: Iterable[str] | None = None,
        server: str | None = None,
        headers: HeadersInput = None,
        externalPort: int | None = None,
    ) -> None:
        """Set what the constructor sets.

        `url` is where the server is reachable, None for `ws://localhost`; `protocols` the subprotocols it speaks;
        `server` the Server header, None to leave it out; `headers` are added to each opening handshake; a client's Host
        header must name the port `externalPort`, unless None.
        """

    def getConnectionCount() -> int:
        """The number of connections."""


class IWebSocketClientChannelFactory(IWebSocketChannelFactory):
    """Makes the protocols of a client's connections."""

    def setSessionParameters(
        url: str | None = None,
        origin: str | None = None,
        protocols: Iterable[str] | None = None,
        useragent: str | None = None,
        headers: HeadersInput = None,
        proxy: str | Mapping[str, object] | None = None,
    ) -> None:
        """Set what the constructor sets.

        `url` is what to ask for, None for `ws://localhost`; `origin` the Origin header; `protocols` the subprotocols to
        offer; `useragent` the User-Agent header, None to leave it out; `headers` are added to the request; `proxy` is
        the HTTP proxy to go through, a URL or a mapping with `host` and `port`.
        """


class IWebSocketClientAgent(Interface):
    """Opens client connections by URL."""

    def open(
        url: str, options: Mapping[str, Any] | None = None, protocol_class: Callable[[], Any] | None = None
    ) -> object:
        """Connect to `url`: a later result, the protocol when its connection is open.

        `options` may have the keys `origin`, `protocols`, `useragent`, `headers` and `proxy`, and the names of options
        of `setProtocolOptions`. `protocol_class` is the class (or a callable) that makes the protocol, None for the
        plain client protocol. `TypeError` or `ValueError` for unfit arguments are raised at once.

        The result fails with a `HandshakeError` (`HandshakeRejected` with status, headers and the beginning of the
        body, `ProxyError` with those of a proxy, `HandshakeTimeout`), or with the error of the transport that could not
        be connected. Cancelling it drops the attempt.
        """
