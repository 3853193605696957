"""Endpoints that carry a stream inside of WebSocket, over any other stream endpoint.

    serverFromString(reactor, r"wsframework:tcp\\:9000\\:interface=127.0.0.1:url=ws\\://localhost\\:9000")
    clientFromString(reactor, r"wsframework:tcp\\:localhost\\:9000:url=ws\\://localhost\\:9000:subprotocol=base64")

In the string, the description of the endpoint below comes first, with its colons escaped (its equals signs may be).
`url` must be there; `compression` is false, or true (the default): then messages are compressed if the other end wishes
so, too; `autofrag` is the size in octets of the frames to cut messages into, `subprotocol` one more subprotocol than
`binary` and `base64`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

from wsframework._core.uri import parse_uri
from wsframework.twisted.connecting import when_open
from wsframework.twisted.wrapping import WrappingWebSocketClientFactory, WrappingWebSocketServerFactory
from wsframework.websocket.wrapping import subprotocols

__all__ = ["ClientParser", "ServerParser", "WebSocketClientEndpoint", "WebSocketServerEndpoint"]

_PREFIX: Final = "wsframework"
_PARAMETERS: Final = ("url", "compression", "autofrag", "subprotocol")


@implementer(IStreamServerEndpoint)
class WebSocketServerEndpoint:
    """Listens on `endpoint`, and carries what the protocols of the factory given to `listen` send and receive.

    `url` and the options are as in `WrappingWebSocketServerFactory`.
    """

    def __init__(self, reactor: Any, endpoint: IStreamServerEndpoint, url: str, **options: Any) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._url = url
        self._options = options

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen; see `IStreamServerEndpoint`."""
        factory = WrappingWebSocketServerFactory(protocolFactory, self._url, self._reactor, **self._options)
        listening: Deferred[IListeningPort] = self._endpoint.listen(factory)
        return listening


@implementer(IStreamClientEndpoint)
class WebSocketClientEndpoint:
    """Connects through `endpoint`, and carries what the protocol of the factory given to `connect` sends and receives.

    `url` and the options are as in `WrappingWebSocketClientFactory`.
    """

    def __init__(self, reactor: Any, endpoint: IStreamClientEndpoint, url: str, **options: Any) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._url = url
        self._options = options

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """A Deferred of the factory's protocol, connected; see `IStreamClientEndpoint`.

        Fails with a `HandshakeError` when the server does not take the WebSocket connection, or as `endpoint` fails;
        cancelling it drops the attempt.
        """
        factory = WrappingWebSocketClientFactory(protocolFactory, self._url, self._reactor, **self._options)
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: WrappingWebSocketClientFactory) -> Any:
        websocket = await when_open(await self._endpoint.connect(factory))
        return websocket.wrappedProtocol


@implementer(IPlugin, IStreamServerEndpointStringParser)
class ServerParser:
    """What `serverFromString` finds under the prefix `wsframework`."""

    prefix = _PREFIX

    def parseStreamServer(self, reactor: Any, *args: Any, **parameters: Any) -> WebSocketServerEndpoint:
        """The endpoint that a string describes; `ValueError` says what is wrong with it."""
        description, url, options = _parse(args, parameters)
        below = serverFromString(reactor, description)  # type: ignore[no-untyped-call]
        return WebSocketServerEndpoint(reactor, below, url, **options)


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class ClientParser:
    """What `clientFromString` finds under the prefix `wsframework`."""

    prefix = _PREFIX

    def parseStreamClient(self, reactor: Any, *args: Any, **parameters: Any) -> WebSocketClientEndpoint:
        """The endpoint that a string describes; `ValueError` says what is wrong with it."""
        description, url, options = _parse(args, parameters)
        below = clientFromString(reactor, description)  # type: ignore[no-untyped-call]
        return WebSocketClientEndpoint(reactor, below, url, **options)


def _parse(args: tuple[str, ...], given: Mapping[str, str]) -> tuple[str, str, dict[str, Any]]:
    """The endpoint below, the URL and the options of a wrapping factory, all of them checked."""
    # An equals sign of the endpoint below that is not escaped makes a parameter of it, with colons in its name.
    below = (*args, *(f"{name}={value}" for name, value in given.items() if ":" in name))
    parameters = {name: value for name, value in given.items() if ":" not in name}
    if len(below) != 1 or not below[0]:
        raise ValueError(
            rf"one endpoint comes after {_PREFIX}: with its colons escaped, as in {_PREFIX}:tcp\:9000:url=...; "
            f"here are {len(below)}: {', '.join(below)}"
        )
    for name in parameters:
        if name not in _PARAMETERS:
            closest = get_close_matches(name, _PARAMETERS, n=1) or [f"known are {', '.join(_PARAMETERS)}"]
            raise ValueError(f"unknown parameter {name}= in a {_PREFIX}: endpoint; {_hint(closest[0])}")
    if "url" not in parameters:
        raise ValueError(rf"a {_PREFIX}: endpoint needs the parameter url=, for example url=ws\://localhost\:9000")
    url = parameters["url"]
    parse_uri(url)
    options: dict[str, Any] = {}
    if "compression" in parameters:
        options["enableCompression"] = _flag("compression", parameters["compression"])
    if "autofrag" in parameters:
        options["autoFragmentSize"] = _octets("autofrag", parameters["autofrag"])
    if "subprotocol" in parameters:
        subprotocols(parameters["subprotocol"])
        options["subprotocol"] = parameters["subprotocol"]
    return below[0], url, options


def _hint(text: str) -> str:
    return f"did you mean {text}=?" if text in _PARAMETERS else text


def _flag(name: str, text: str) -> bool:
    flags = {"true": True, "false": False}
    if text.strip().lower() not in flags:
        raise ValueError(f"{name} must be true or false, not {text!r}")
    return flags[text.strip().lower()]


def _octets(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} must be a number of octets, 0 for no fragments, not {text!r}")
    return int(text)
