"""The ports of the two roles: what a server and a client ask the application before a connection is open."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from wsframework._core.client_connection import ClientConnection
from wsframework._core.handshake import ConnectionRequest, ConnectionResponse
from wsframework._core.headers import header_pairs
from wsframework._core.http import RequestHead
from wsframework._core.server_connection import ServerConnection
from wsframework.websocket.agreeing import accept_offers, accept_response
from wsframework.websocket.plain import PlainRequest, phrase
from wsframework.websocket.port import ProtocolPort
from wsframework.websocket.types import ConnectingRequest, ConnectionAccept, ConnectionDeny

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketClientProtocol, WebSocketServerProtocol

__all__ = ["ClientProtocolPort", "ServerProtocolPort"]

# What onConnect says by returning None.
_YES: Final = ConnectionAccept()


class ServerProtocolPort(ProtocolPort):
    """What a server asks the application before the connection is open."""

    __slots__ = ()
    protocol: WebSocketServerProtocol
    connection: ServerConnection

    def handshake_received(self, request: ConnectionRequest) -> None:
        protocol = self.protocol
        if protocol._route is not None:
            request = replace(request, route=protocol.route_params)
        protocol._request = request
        refusal = protocol.factory._admit(protocol, self.connection.options.maxConnections)
        if refusal is not None:
            self.connection.refuse(HTTPStatus.SERVICE_UNAVAILABLE, refusal, (("Retry-After", "5"),))
            return
        try:
            result = protocol.onConnect(request)
        except Exception as error:
            self._connect_failed(error)
            return
        self.fire("connect", "onConnect", request)
        if result is None or not self.attach(result, self._connect_done, self._connect_failed):
            self._connect_done(result)

    def _connect_done(self, result: object) -> None:
        """Carry out what onConnect returned. What cannot be carried out is the application's error: 500."""
        try:
            agreed = accept_offers(self.connection.options, self.connection_request.extensions)
        except Exception as error:
            # Raised by a function of the application's, perhaps.
            self._connect_failed(error, "perMessageCompressionAccept")
            return
        try:
            accept = _as_accept(result)
            subprotocol = self._choose_subprotocol(accept.subprotocol)
            headers = (*header_pairs(self.protocol.factory.headers), *header_pairs(accept.headers))
            self.connection.accept(subprotocol, headers, self._with_deflater(agreed))
        except (TypeError, ValueError) as error:
            self._connect_failed(error)
            return
        if self.connection.keeps_request:
            # It takes some KiB, and most applications have seen all they want of it.
            self.protocol._request = None

    def _choose_subprotocol(self, chosen: str | None) -> str | None:
        offered = self.connection_request.protocols
        if chosen is None:
            known = self.protocol.factory.protocols
            return next((protocol for protocol in offered if protocol in known), None)
        if chosen not in offered:
            raise ValueError(f"onConnect chose the subprotocol {chosen!r}, which is none of those offered: {offered}")
        return chosen

    @property
    def connection_request(self) -> ConnectionRequest:
        """The request that is being decided about."""
        request = self.protocol._request
        assert request is not None, "set before onConnect is called"
        return request

    def _connect_failed(self, error: BaseException, name: str = "onConnect") -> None:
        if isinstance(error, ConnectionDeny):
            try:
                self._deny(error)
            except (TypeError, ValueError) as misuse:
                error = misuse
            else:
                return
        self.log_failure(f"{name} failed for {self._peer}; refusing with 500", error)
        self.connection.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "the server could not decide about the connection")

    def _deny(self, deny: ConnectionDeny) -> None:
        text = deny.reason or phrase(deny.code)
        body = deny.body.encode() if isinstance(deny.body, str) else deny.body
        self.connection.refuse(deny.code, text, header_pairs(deny.headers), body)

    def http_request(self, head: RequestHead) -> None:
        """A request without an upgrade: the factory's hook answers it, or the status page, or 426."""
        protocol = self.protocol

        def respond(status: int, text: str, *rest: Any, **more: Any) -> None:
            if status == HTTPStatus.NOT_FOUND:
                # What browsers ask for beside a page, and what scanners look for: nobody was refused anything.
                protocol._is_told = True
            self.connection.refuse(status, text, *rest, **more)

        request = PlainRequest(protocol.factory.onHttpRequest, protocol._default_response, protocol.peer, self, respond)
        request.ask(head)


class ClientProtocolPort(ProtocolPort):
    """What a client asks the application before the connection is open."""

    __slots__ = ()
    protocol: WebSocketClientProtocol
    connection: ClientConnection

    def connecting(self) -> None:
        protocol = self.protocol
        try:
            result = protocol.onConnecting(protocol.transport_details)
        except Exception as error:
            self._connecting_failed(error)
            return
        if result is None or not self.attach(result, self._connecting_done, self._connecting_failed):
            self._connecting_done(result)

    def _connecting_done(self, result: object) -> None:
        try:
            if result is not None and not isinstance(result, ConnectingRequest):
                raise TypeError(f"onConnecting must return a ConnectingRequest or None, not {type(result).__name__}")
            hello = self.protocol.factory._hello(result or ConnectingRequest(), self.connection.options)
            self.protocol._target = hello.resource
            self.connection.start(hello)
        except (TypeError, ValueError) as error:
            self._connecting_failed(error)

    def _connecting_failed(self, error: BaseException) -> None:
        self._give_up("onConnecting", error)

    def response_received(self, response: ConnectionResponse) -> None:
        self.protocol._response = response
        self.protocol._version = response.version
        try:
            result = self.protocol.onConnect(response)
        except Exception as error:
            self._connect_failed(error)
            return
        self.fire("connect", "onConnect", response)
        if result is None or not self.attach(result, self._connect_done, self._connect_failed):
            self._connect_done(result)

    def _connect_done(self, _: object) -> None:
        response, self.protocol._response = self.protocol._response, None
        compression = None if response is None else response.compression
        if compression is None:
            self.connection.accept()
            return
        try:
            agreed = accept_response(self.connection.options, compression)
        except Exception as error:
            self._give_up("perMessageCompressionAccept", error)
            return
        if agreed is None:
            self.connection.refuse("perMessageCompressionAccept refused what the server answered to our offer")
        else:
            self.connection.accept(self._with_deflater(agreed))

    def _connect_failed(self, error: BaseException) -> None:
        self._give_up("onConnect", error)

    def _give_up(self, name: str, error: BaseException) -> None:
        self.log_failure(f"{name} failed for {self._peer}; dropping the connection", error)
        self.connection.refuse(f"{name} raised {type(error).__name__}", error)


def _as_accept(result: object) -> ConnectionAccept:
    """What a server's onConnect may return, as one type."""
    if isinstance(result, ConnectionAccept):
        return result
    if result is None:
        return _YES
    if isinstance(result, str):
        return ConnectionAccept(result)
    if isinstance(result, tuple) and len(result) == 2:
        subprotocol, headers = result
        return ConnectionAccept(subprotocol, headers)
    allowed = "None, a subprotocol, a pair (subprotocol or None, headers) or a ConnectionAccept"
    raise TypeError(f"onConnect must return {allowed}, not {type(result).__name__}")
