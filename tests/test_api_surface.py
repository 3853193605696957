"""Every public name that the documentation promises is there, on both backends alike."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from wsframework.options import ClientOptions, ServerOptions, option_names

CLASSES = (
    "WebSocketServerProtocol",
    "WebSocketClientProtocol",
    "WebSocketServerFactory",
    "WebSocketClientFactory",
)
HELPERS = (
    "WebSocketAdapterProtocol",
    "WebSocketAdapterFactory",
    "WrappingWebSocketServerFactory",
    "WrappingWebSocketClientFactory",
    "listenWS",
    "connectWS",
    "create_client_agent",
)

MODULES: dict[str, tuple[str, ...]] = {
    "wsframework.twisted": CLASSES,
    "wsframework.asyncio": CLASSES,
    "wsframework.twisted.websocket": CLASSES + HELPERS,
    "wsframework.asyncio.websocket": CLASSES + HELPERS,
    "wsframework.websocket": (
        "ConnectionRequest",
        "ConnectionResponse",
        "ConnectionAccept",
        "ConnectionDeny",
        "ConnectingRequest",
        "IWebSocketChannel",
    ),
    "wsframework.websocket.types": (
        "ConnectionRequest",
        "ConnectionResponse",
        "ConnectionAccept",
        "ConnectionDeny",
        "ConnectingRequest",
        "TransportDetails",
        "IncomingMessage",
        "OutgoingMessage",
        "Ping",
    ),
    "wsframework.websocket.protocol": (
        "WebSocketProtocol",
        "WebSocketServerProtocol",
        "WebSocketClientProtocol",
        "PreparedMessage",
        "TrafficStats",
        "Timings",
    ),
    "wsframework.websocket.util": ("create_url", "parse_url"),
    "wsframework.websocket.interfaces": (
        "IWebSocketChannel",
        "IWebSocketChannelFrameApi",
        "IWebSocketChannelStreamingApi",
        "IWebSocketServerChannelFactory",
        "IWebSocketClientChannelFactory",
        "IWebSocketClientAgent",
    ),
    "wsframework.twisted.resource": ("WebSocketResource", "WSGIRootResource"),
    "wsframework.twisted.testing": (
        "create_memory_agent",
        "create_pumper",
        "MemoryReactorClock",
        "MemoryReactorClockResolver",
    ),
    "wsframework.asyncio.testing": ("create_memory_agent", "create_pumper"),
    "wsframework.testing": ("RecordingPort", "MemoryBackend", "MemoryLink", "exchange"),
    "wsframework.exception": ("Disconnected", "PayloadExceededError"),
    "wsframework.exceptions": ("Disconnected", "PayloadExceededError"),
}

CALLBACKS = (
    "onConnect",
    "onOpen",
    "onMessage",
    "onPing",
    "onPong",
    "onAutoPong",
    "onAutoPingTimeout",
    "onClose",
    "onCloseFrame",
    "onOpenHandshakeTimeout",
    "onCloseHandshakeTimeout",
    "onServerConnectionDropTimeout",
    "onSendingPaused",
    "onSendingResumed",
    "onMessageBegin",
    "onMessageFrame",
    "onMessageEnd",
    "onMessageFrameBegin",
    "onMessageFrameData",
    "onMessageFrameEnd",
)
METHODS: dict[str, tuple[str, ...]] = {
    "sendMessage": ("payload", "isBinary", "fragmentSize", "sync", "doNotCompress"),
    "sendPreparedMessage": ("prepared",),
    "sendPing": ("payload",),
    "sendPong": ("payload",),
    "sendClose": ("code", "reason"),
    "beginMessage": ("isBinary", "doNotCompress"),
    "beginMessageFrame": ("length",),
    "sendMessageFrameData": ("payload", "sync"),
    "sendMessageFrame": ("payload", "sync"),
    "endMessage": (),
    "registerProducer": ("producer", "streaming"),
    "unregisterProducer": (),
    "pauseReceiving": (),
    "resumeReceiving": (),
    "drain": (),
    "dropConnection": ("abort",),
    "on": ("event", "handler"),
    "off": ("event", "handler"),
    "sendMessageFromThread": ("payload", "isBinary"),
}
ATTRIBUTES = (
    "state",
    "factory",
    "transport",
    "transport_details",
    "peer",
    "is_server",
    "log",
    "http_headers",
    "http_request_uri",
    "http_request_path",
    "websocket_version",
    "websocket_protocol_in_use",
    "websocket_extensions_in_use",
    "wasClean",
    "localCloseCode",
    "localCloseReason",
    "remoteCloseCode",
    "remoteCloseReason",
    "closedByMe",
    "failedByMe",
    "droppedByMe",
    "bufferedAmount",
    "connection_id",
    "is_open",
    "is_closed",
    "trafficStats",
    "trackedTimings",
)
SERVER_ATTRIBUTES = (
    "http_request_params",
    "http_request_host",
    "websocket_origin",
    "websocket_protocols",
    "websocket_extensions",
)
CONSTANTS = (
    *(f"STATE_{name}" for name in ("CLOSED", "CONNECTING", "CLOSING", "OPEN")),
    "MESSAGE_TYPE_TEXT",
    "MESSAGE_TYPE_BINARY",
    "CLOSE_STATUS_CODE_NORMAL",
    "CLOSE_STATUS_CODES_ALLOWED",
    "SUPPORTED_SPEC_VERSIONS",
    "SUPPORTED_PROTOCOL_VERSIONS",
    "DEFAULT_SPEC_VERSION",
)
FACTORY = (
    "protocol",
    "isServer",
    "setSessionParameters",
    "setProtocolOptions",
    "resetProtocolOptions",
    "prepareMessage",
    "isSecure",
    "host",
    "port",
    "path",
    "params",
    "resource",
    "statistics",
)
SERVER_FACTORY = ("getConnectionCount", "connections", "shutdown", "onHttpRequest")

BACKENDS = ("twisted", "asyncio")


def public(backend: str, name: str) -> Any:
    """A class of a backend."""
    return getattr(importlib.import_module(f"wsframework.{backend}.websocket"), name)


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in MODULES.items() for name in names])
def test_modules_have_their_names(module: str, name: str) -> None:
    """Where Autobahn's programs look for them."""
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("role", ["Server", "Client"])
def test_protocols_have_their_callbacks_methods_and_attributes(backend: str, role: str) -> None:
    """All of them, in both roles, on both backends."""
    cls = public(backend, f"WebSocket{role}Protocol")
    missing = [name for name in (*CALLBACKS, *METHODS, *CONSTANTS) if not hasattr(cls, name)]
    known = set(dir(cls)) | {name for base in cls.__mro__ for name in vars(base).get("__annotations__", ())}
    extra = SERVER_ATTRIBUTES if role == "Server" else ("onConnecting", "http_status_line")
    missing += [name for name in (*ATTRIBUTES, *extra) if name not in known]
    assert missing == []


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", METHODS)
def test_methods_take_the_documented_arguments(backend: str, name: str) -> None:
    """In the documented order, by the documented names."""
    for role in ("Server", "Client"):
        signature = inspect.signature(getattr(public(backend, f"WebSocket{role}Protocol"), name))
        assert tuple(signature.parameters)[1:] == METHODS[name]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("role", "options"), [("Server", ServerOptions), ("Client", ClientOptions)])
def test_every_option_can_be_read_on_a_protocol(backend: str, role: str, options: type[Any]) -> None:
    """And set on the factory."""
    factory = public(backend, f"WebSocket{role}Factory")()
    protocol = factory.protocol()
    protocol.factory = factory
    for name in option_names(options):
        value = getattr(protocol, name)
        factory.setProtocolOptions(**{name: value})
        assert getattr(protocol, name) == value


@pytest.mark.parametrize("backend", BACKENDS)
def test_factories_have_their_methods_and_attributes(backend: str) -> None:
    """Both roles; constructing one needs no running loop or reactor."""
    for role, names in (("Server", FACTORY + SERVER_FACTORY), ("Client", FACTORY)):
        factory = public(backend, f"WebSocket{role}Factory")()
        assert [name for name in names if not hasattr(factory, name)] == []


def test_both_backends_have_the_same_names() -> None:
    """Nothing that only one of them has, but for the name of the loop or reactor."""
    differences = set()
    for name in CLASSES:
        one, other = (set(dir(public(backend, name))) for backend in BACKENDS)
        differences |= {n for n in one ^ other if not n.startswith("_")}
    # What each framework calls or offers on its own protocol and factory classes.
    own = {
        "acceptableProtocols", "buildProtocol", "clientConnectionFailed", "clientConnectionLost", "doStop",
        "forProtocol",
        "logPrefix", "noisy", "numPorts", "reactor", "startFactory", "startedConnecting", "stopFactory",
        "connected", "connectionLost", "connectionMade", "dataReceived", "makeConnection",
        "buffer_updated", "connection_lost", "connection_made", "data_received", "eof_received", "get_buffer", "loop",
        "pause_writing", "resume_writing", "transport",
    }  # fmt: skip
    assert differences <= own
