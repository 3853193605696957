"""Which protocol class a connection gets, by the path in its request.

    router = Router()
    router.add("/chat", Chat)
    router.add("/rooms/<name>", Room, maxMessagePayloadSize=4096)
    factory.router = router

Strategy: a backend asks its factory for a protocol when TCP connects, long before the path is known. There are three
ways to get from there to the class that the path stands for.

* One connection whose protocol, options and frame reader are exchanged in flight. Every part that was made from the
  options or from the class (limits, masks, which callbacks are overridden) would have to be made again, in the right
  order, and so would every part that is added later.
* The user's instance in front of a shared connection, which is made late. Then `connectionMade` and its like, which
  programs for Twisted override, come late, or never.
* Two connections on one transport, one after the other. The first (`wsframework.websocket.unrouted`) has no user and
  reads no more than the head. Then the user's protocol is made and connected to the same transport, exactly as if it
  had been there from the beginning, and is given the head. This is what happens here: what a protocol is made from is
  known when it is made, and the order of its callbacks is the one of every connection. It costs one more connection
  object while the handshake lasts.

So what applies before the path is known (the size of the head, the time it may take, the number of connections) is the
factory's, and cannot be an option of a route. Everything else can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote_to_bytes

from wsframework._core.uri import OriginPatterns
from wsframework.options import ServerOptions
from wsframework.websocket.protocol import WebSocketServerProtocol

if TYPE_CHECKING:
    from typing import Unpack

    from wsframework.websocket.hints import RouteOptionsDict

__all__ = ["Route", "RouteMatch", "Router"]

ProtocolT = TypeVar("ProtocolT", bound=Callable[[], WebSocketServerProtocol])

_TOO_EARLY: Final = frozenset(
    {
        "flashSocketPolicy",
        "maxConnections",
        "maxHandshakeHeaders",
        "maxHandshakeSize",
        "openHandshakeTimeout",
        "serveFlashSocketPolicy",
        "versions",
    }
)

_PARAMETER: Final = re.compile(r"<(?:([^<>:]*):)?([^<>:]*)>")
_MALFORMED: Final = re.compile("%(?![0-9A-Fa-f]{2})")
# Slashes that were sent as %2F, and control characters.
_UNFIT: Final = re.compile("[/\x00-\x1f\x7f]")
# RFC 3986 section 5.2.4: they are instructions to whoever resolves a path, not names.
_DOTS: Final = frozenset({".", ".."})


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One entry of a router: `pattern`, the `protocol` class (or callable) for it, and the `options` of its own.

    `names` are those of the pattern's parameters, from left to right.
    """

    pattern: str
    protocol: Callable[[], WebSocketServerProtocol]
    options: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The route that a path belongs to, and what the path says for its parameters, percent-decoded."""

    route: Route
    params: Mapping[str, str]


class Router:
    """Paths and the protocol classes behind them, for the `router` of one or more server factories.

    A pattern is made of segments between slashes. A segment is text, which stands for itself; `<name>`, any one
    segment that is not empty; or, as the last one, `<path:name>`, all that is left, at least one segment. Where several
    patterns fit a path, text is preferred to `<name>` and that to `<path:name>`, from left to right; the order in which
    they were added does not matter.

    A path is taken apart at its slashes first, then each segment is percent-decoded, once, as UTF-8; so patterns are
    written without escapes. A slash at the end counts: `/chat` is not `/chat/`. No pattern fits a path with an escape
    that is malformed or not UTF-8, with an encoded slash (`%2F`) or control character, or with a segment `.` or `..`,
    and the value of `<path:name>` never begins with a slash: so parameters stay below the directory they are joined to.

    The time to find a route grows with the length of the path and the number of patterns, whatever the path is.
    """

    def __init__(self) -> None:
        self._root = _Node()
        self._routes: list[Route] = []

    def add(
        self, pattern: str, protocol: Callable[[], WebSocketServerProtocol], /, **options: Unpack[RouteOptionsDict]
    ) -> Route:
        """Let `protocol` (a class, or a callable that makes instances) serve the paths that fit `pattern`.

        `options` are those of `setProtocolOptions`, and for these connections come before the factory's and before
        those that the class sets. Raises `ValueError` for a malformed pattern, one that fits the same paths as another,
        an option that is out of range or that counts before the path is known; `TypeError` for an unknown option, one
        of a wrong type, and for a protocol that is no server's protocol class. Then nothing is added.
        """
        parts = _parse(pattern)
        _check_protocol(protocol)
        route = Route(pattern, protocol, _checked_options(options), tuple(part.name for part in parts if part.name))
        node = self._root
        for part in parts:
            node = node.child(part)
        if node.route is not None:
            raise ValueError(f"the pattern {pattern!r} fits the same paths as {node.route.pattern!r}")
        node.route = route
        self._routes.append(route)
        return route

    def route(self, pattern: str, /, **options: Unpack[RouteOptionsDict]) -> Callable[[ProtocolT], ProtocolT]:
        """`add` as a decorator of the protocol class."""

        def decorate(protocol: ProtocolT) -> ProtocolT:
            self.add(pattern, protocol, **options)
            return protocol

        return decorate

    def match(self, path: str) -> RouteMatch | None:
        """The route for a request's path, as it was sent (without the query); None if there is none."""
        segments = _decode(path)
        if segments is None:
            return None
        # What is left to try, the best last. Every node of the tree comes here once at most.
        left: list[tuple[_Node, int, tuple[str, ...]]] = [(self._root, 0, ())]
        while left:
            node, index, values = left.pop()
            if node.takes_rest:
                values = (*values, "/".join(segments[index:]))
                index = len(segments)
            if index < len(segments):
                left += node.next(segments[index], index, values)
            elif node.route is not None:
                return RouteMatch(node.route, MappingProxyType(dict(zip(node.route.names, values, strict=True))))
        return None

    def __iter__(self) -> Iterator[Route]:
        return iter(tuple(self._routes))

    def __len__(self) -> int:
        return len(self._routes)


@dataclass(frozen=True, slots=True)
class _Part:
    """One segment of a pattern: `text` that stands for itself, or a parameter's `name`, perhaps of all the rest."""

    text: str = ""
    name: str = ""
    takes_rest: bool = False


class _Node:
    """What may follow some segments; the names of parameters are the routes', so that patterns can share a node."""

    __slots__ = ("_parameter", "_rest", "_texts", "route", "takes_rest")

    def __init__(self, takes_rest: bool = False) -> None:
        self.takes_rest = takes_rest
        self.route: Route | None = None
        self._texts: dict[str, _Node] = {}
        self._parameter: _Node | None = None
        self._rest: _Node | None = None

    def child(self, part: _Part) -> _Node:
        """The node after one more segment, made if it is new."""
        if part.takes_rest:
            self._rest = self._rest or _Node(takes_rest=True)
            return self._rest
        if part.name:
            self._parameter = self._parameter or _Node()
            return self._parameter
        return self._texts.setdefault(part.text, _Node())

    def next(self, segment: str, index: int, values: tuple[str, ...]) -> list[tuple[_Node, int, tuple[str, ...]]]:
        """The nodes that `segment`, the one at `index`, leads to, the most specific last."""
        found: list[tuple[_Node, int, tuple[str, ...]]] = []
        if segment and self._rest is not None:
            found.append((self._rest, index, values))
        if segment and self._parameter is not None:
            found.append((self._parameter, index + 1, (*values, segment)))
        text = self._texts.get(segment)
        if text is not None:
            found.append((text, index + 1, values))
        return found


def _parse(pattern: str) -> list[_Part]:
    if not isinstance(pattern, str):
        raise TypeError(f"a pattern must be a str, not {type(pattern).__name__}")
    if not pattern.startswith("/"):
        raise ValueError(f"the pattern {pattern!r} does not start with a slash")
    parts = [_parse_segment(pattern, segment) for segment in pattern[1:].split("/")]
    if any(part.takes_rest for part in parts[:-1]):
        raise ValueError(f"in the pattern {pattern!r} something follows <path:...>, which takes all that is left")
    names = [part.name for part in parts if part.name]
    if len(set(names)) < len(names):
        raise ValueError(f"in the pattern {pattern!r} two parameters have the same name")
    return parts


def _parse_segment(pattern: str, segment: str) -> _Part:
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        if re.search("[%?#<>]", segment) or _UNFIT.search(segment) or segment in _DOTS:
            raise ValueError(
                f"in the pattern {pattern!r} the segment {segment!r} is neither text nor <name>: {_SYNTAX}"
            )
        return _Part(segment)
    kind, name = parameter.groups()
    if kind not in (None, "path"):
        raise ValueError(f"in the pattern {pattern!r} the kind {kind!r} is unknown: {_SYNTAX}")
    if not name.isidentifier():
        raise ValueError(f"in the pattern {pattern!r} the name {name!r} is no identifier")
    return _Part(name=name, takes_rest=kind == "path")


_SYNTAX: Final = "a segment is unescaped text without query, <name>, or at the end <path:name>"


def _decode(path: str) -> list[str] | None:
    """The segments of a path, percent-decoded; None where that cannot be done or would not be safe."""
    if not path.startswith("/") or _MALFORMED.search(path):
        return None
    try:
        segments = [unquote_to_bytes(segment).decode() for segment in path[1:].split("/")]
    except UnicodeDecodeError:
        return None
    if any(segment in _DOTS or _UNFIT.search(segment) for segment in segments):
        return None
    return segments


def _check_protocol(protocol: object) -> None:
    if not callable(protocol):
        raise TypeError(f"a route's protocol must be a class or a callable, not {type(protocol).__name__}")
    if isinstance(protocol, type) and not issubclass(protocol, WebSocketServerProtocol):
        raise TypeError(f"a route's protocol must be a server's protocol class, which {protocol.__name__} is not")


def _checked_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options that are given, as the option table has them."""
    checked = ServerOptions().changed(**options)
    OriginPatterns(checked.allowedOrigins)
    given = {name: getattr(checked, name) for name, value in options.items() if value is not None}
    for name in given:
        if name in _TOO_EARLY:
            raise ValueError(f"{name} counts before the path of a request is known: set it on the factory")
    return MappingProxyType(given)
