"""WebSocket beside other resources of a `twisted.web` Site, over HTTP and HTTPS.

    root = File("htdocs")
    root.putChild(b"ws", WebSocketResource(factory))
    endpoint.listen(Site(root))

Strategy: twisted.web reads the request. One without an Upgrade it answers too, in its own way: keep-alive, access log,
HTTP/2. For a WebSocket handshake the `HTTPChannel` is made to let go of the connection, with public names only. Its
`requestDone` hands over what it has kept back and reads on; then `dataReceived` and `connectionLost` of this one
instance become the protocol's, which is how `twisted.web.websocket` does it since Twisted has that. (Setting the
transport's `protocol` would need to know every wrapper around the transport.) The connection then gets the request as
it was parsed, and its answer goes straight to the transport.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.iweb import IRequest
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from wsframework._core.closure import Closure
from wsframework._core.handshake import check_plain_request, wants_upgrade
from wsframework._core.headers import HeaderPairs
from wsframework._core.http import REASONS, RequestHead, has_content, make_request_head
from wsframework._core.uri import parse_target
from wsframework._core.violation import HandshakeRefused
from wsframework.twisted.port import DeferredResults, TwistedServerPort
from wsframework.twisted.util import peer2str
from wsframework.twisted.websocket import WebSocketServerFactory
from wsframework.websocket.plain import PlainRequest
from wsframework.websocket.reporting import one_line, path_of
from wsframework.websocket.types import HttpResponse
from wsframework.websocket.unrouted import default_response

__all__ = ["WSGIRootResource", "WebSocketResource"]

_PLAIN_TEXT = "text/plain; charset=utf-8"


@implementer(IResource)
class WebSocketResource:
    """A leaf in a Site's tree of resources where clients of `factory` connect.

    A GET without an Upgrade is answered by the factory's `onHttpRequest` or with its status page. On HTTP/2, which has
    no Upgrade, what the hook leaves unanswered gets 426. The limits on the size of a request are the Site's.

    While the Site listens, from the first request on, the factory counts as started: its `startFactory` and
    `stopFactory` are called (as `doStart` and `doStop` count), so the application need not do that.
    """

    isLeaf = True

    def __init__(self, factory: WebSocketServerFactory) -> None:
        if not isinstance(factory, WebSocketServerFactory):
            raise TypeError(f"factory must be a WebSocketServerFactory, not {type(factory).__name__}")
        self.factory = factory
        self._sites: set[Any] = set()

    def getChildWithDefault(self, name: bytes, request: IRequest) -> IResource:
        """A leaf has no children: 404."""
        return notFound()

    def putChild(self, path: bytes, child: IResource) -> None:
        """A leaf takes no children: `TypeError`."""
        raise TypeError("a WebSocketResource is a leaf: put the child beside it, not below it")

    def render(self, request: Request) -> int:
        """Answer the request, or take its connection over."""
        self._start(request.site)
        answer = _Answer(request)
        is_http1 = _is_http1(request)
        # Of HTTP/2 there is no request line; its rules for the rest are the same.
        version = request.clientproto if is_http1 else b"HTTP/1.1"
        raw = request.requestHeaders.getAllRawHeaders()
        fields = [(name, value) for name, values in raw for value in values]
        try:
            head = make_request_head(request.method, request.uri, version, fields)
            if is_http1 and wants_upgrade(head):
                self._upgrade(request, head)
                return NOT_DONE_YET
            check_plain_request(head)
        except HandshakeRefused as refusal:
            answer.respond(refusal.status, refusal.text, refusal.headers)
        else:
            self._ask(answer, head, is_http1)
        return NOT_DONE_YET

    def _ask(self, answer: _Answer, head: RequestHead, is_http1: bool) -> None:
        factory = self.factory
        path, _ = parse_target(head.target)
        default = partial(default_response, factory, factory.router, path) if is_http1 else _needs_http1
        peer = peer2str(answer.request.channel)
        results = _RequestResults(peer, head.target)
        PlainRequest(factory.onHttpRequest, default, peer, results, answer.respond).ask(head)
        answer.limit(factory.reactor, factory._options.onConnectTimeout)

    def _upgrade(self, request: Any, head: RequestHead) -> None:
        channel = request.channel
        protocol = self.factory.buildProtocol(channel.getPeer())
        if protocol is None:
            raise HandshakeRefused(503, "the server does not take this connection")
        transport, early = _take_over(channel, protocol)
        protocol._port_type = partial(_ResourcePort, _TakenRequest(request))
        protocol.makeConnection(transport)
        protocol._port.connection.receive_head(head, early)

    def _start(self, site: Any) -> None:
        """Start the factory with the first request; stop it with the Site."""
        is_listening = isinstance(site, Factory) and site.numPorts > 0
        if not is_listening or site in self._sites:
            return
        factory: Any = self.factory
        factory.doStart()
        self._sites.add(site)
        # Nobody tells resources that their Site stops.
        stop = site.stopFactory

        def stop_both() -> None:
            site.stopFactory = stop
            self._sites.discard(site)
            factory.doStop()
            stop()

        site.stopFactory = stop_both


class WSGIRootResource(Resource):
    """`wsgiResource` (a `twisted.web.wsgi.WSGIResource`) as the root of a Site, with other resources below it.

    `children` are those resources by the first segment of their path, str or bytes.
    """

    def __init__(self, wsgiResource: IResource, children: Mapping[str | bytes, IResource]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._wsgi_resource = wsgiResource
        for path, child in children.items():
            self.putChild(path.encode() if isinstance(path, str) else path, child)

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Whatever is not among the children is the WSGI application's, which wants to see the whole path."""
        assert request.prepath is not None, "twisted.web has split the path"
        assert request.postpath is not None, "twisted.web has split the path"
        request.prepath.pop()
        request.postpath.insert(0, path)
        return self._wsgi_resource


class _RequestResults(DeferredResults):
    """For a request that is no connection of ours: the log has its peer and its path."""

    def __init__(self, peer: str, target: str) -> None:
        self._peer = peer
        self._target = target

    def log_fields(self) -> Mapping[str, Any]:
        """See the base class; there is no `ws_id`."""
        return {"ws_role": "server", "ws_peer": one_line(self._peer), "ws_path": path_of(self._target)}

    def log_failure(self, text: str, error: BaseException) -> None:
        """See `LaterResults`."""
        self.write_failure(text, error)


class _Answer:
    """The answer of twisted.web to one request, as long as the client waits for it."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self._timer: Any = None
        self._is_over = False

    def respond(
        self,
        status: int,
        text: str,
        headers: HeaderPairs = (),
        body: bytes | None = None,
        content_type: str = _PLAIN_TEXT,
    ) -> None:
        """See `wsframework.websocket.plain.Respond`."""
        if self._is_over:
            return
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        request = self.request
        request.setResponseCode(status, REASONS.get(status, "").encode("ascii"))
        self._set_headers(headers)
        if has_content(status):
            content = f"{text}\n".encode() if body is None else body
            if not request.responseHeaders.hasHeader("Content-Type"):
                request.setHeader("Content-Type", content_type)
            request.setHeader("Content-Length", str(len(content)))
            request.write(content)
        request.finish()

    def _set_headers(self, headers: HeaderPairs) -> None:
        lines: dict[str, list[bytes]] = {}
        for name, value in headers:
            lines.setdefault(name.lower(), []).append(value.encode("latin-1"))
        if "upgrade" in lines:
            # RFC 9110 section 7.8: who sends Upgrade lists it in Connection.
            lines["connection"] = [b"Upgrade"]
        for name, values in lines.items():
            self.request.responseHeaders.setRawHeaders(name.encode("ascii"), values)

    def limit(self, reactor: Any, seconds: float) -> None:
        """If there is no answer yet, wait for it so long (0: for ever), or until the client goes."""
        if self._is_over:
            return
        self.request.notifyFinish().addErrback(self._lost)
        if seconds:
            self._timer = reactor.callLater(seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self.respond(503, "the server did not answer this request in time")

    def _lost(self, _: Failure) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()


class _TakenRequest:
    """A request whose connection was taken over, until its end; then nothing of it is kept."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def end(self, status: int | None) -> None:
        """The client got its answer with this status; or, None, it went before."""
        request, self._request = self._request, None
        if request is None or request.finished:
            return
        if status is None:
            request.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]
            return
        # What this writes goes to the channel, which is mute.
        request.setResponseCode(status)
        request.finish()


class _ResourcePort(TwistedServerPort):
    """Also tells twisted.web how its request ended: for the access log, and for whoever waits with `notifyFinish`."""

    __slots__ = ("_request",)

    def __init__(self, request: _TakenRequest, protocol: Any, transport: Any, reactor: Any) -> None:
        super().__init__(protocol, transport, reactor)
        self._request = request

    def opened(self) -> None:
        """See the base class."""
        self._request.end(101)
        super().opened()

    def closed(self, closure: Closure) -> None:
        """See the base class."""
        self._request.end(None if closure.failure is None else closure.failure.status)
        super().closed(closure)


def _is_http1(request: Request) -> bool:
    return isinstance(request.channel, HTTPChannel)


def _needs_http1() -> HttpResponse:
    """Without the Upgrade that RFC 9110 section 15.5.22 asks of a 426: RFC 9113 section 8.2.2 forbids it."""
    return HttpResponse("this address wants a WebSocket handshake, which needs HTTP/1.1\n", 426, _PLAIN_TEXT)


def _take_over(channel: Any, protocol: Any) -> tuple[Any, bytes]:
    """The transport of an `HTTPChannel`, for `protocol` from now on, and the octets that came after the request."""
    early: list[bytes] = []
    channel.dataReceived = early.append
    # Or else the channel would close the connection: after "Connection: close, Upgrade", or on HTTP/1.0.
    channel.persistent = True
    channel.requestDone(channel.requests[0])
    early.append(channel.clearLineBuffer())
    channel.setTimeout(None)
    # The request is still there, and those who wrap resources may do anything to it.
    for name in ("loseConnection", "requestDone", "write", "writeHeaders", "writeSequence"):
        setattr(channel, name, _do_nothing)
    channel.dataReceived = protocol.dataReceived
    channel.connectionLost = protocol.connectionLost
    transport = channel.transport
    transport.unregisterProducer()
    # The channel pauses it while a client does not read earlier responses.
    transport.resumeProducing()
    return transport, b"".join(early)


def _do_nothing(*_: object) -> None:
    """In place of a method of a channel that is not in charge any more."""
