"""Requests that are no upgrade: the application's hook is asked, and what it returns is judged."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

from wsframework._core.headers import HeaderPairs, header_pairs
from wsframework._core.http import RequestHead
from wsframework._core.uri import parse_target
from wsframework.websocket.reporting import one_line
from wsframework.websocket.types import HttpRequest, HttpResponse

__all__ = ["LaterResults", "PlainRequest", "Respond", "phrase"]


class LaterResults(Protocol):
    """What a backend knows about results that come later; see `ProtocolPort`."""

    def attach(self, result: object, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> bool:
        """If `result` comes later, call `done` or `failed` with it, once (perhaps at once), and return True."""

    def log_failure(self, text: str, error: BaseException) -> None:
        """Log `text` with the traceback of `error`."""


class Respond(Protocol):
    """Sends the response; `text` is the body where `body` is None. `ValueError` for headers that cannot be sent."""

    def __call__(
        self,
        status: int,
        text: str,
        headers: HeaderPairs = ...,
        body: bytes | None = ...,
        content_type: str = ...,
    ) -> None: ...


class PlainRequest:
    """One request, from the question to the answer. `hook` may return None, which means the `default` response."""

    __slots__ = ("_default", "_hook", "_later", "_peer", "_respond")

    def __init__(
        self,
        hook: Callable[[HttpRequest], object],
        default: Callable[[], HttpResponse],
        peer: str,
        later: LaterResults,
        respond: Respond,
    ) -> None:
        self._hook = hook
        self._default = default
        self._peer = peer
        self._later = later
        self._respond = respond

    def ask(self, head: RequestHead) -> None:
        """Ask the hook and respond, now or later. `head` has passed `check_plain_request`."""
        path, params = parse_target(head.target)
        request = HttpRequest(head.method, path, params, head.headers, self._peer)
        try:
            result = self._hook(request)
        except Exception as error:
            self._failed(error)
            return
        if result is None or not self._later.attach(result, self._done, self._failed):
            self._done(result)

    def _done(self, response: object) -> None:
        if response is None:
            response = self._default()
        try:
            if not isinstance(response, HttpResponse):
                raise TypeError(f"onHttpRequest must return an HttpResponse or None, not {type(response).__name__}")
            body = response.body.encode() if isinstance(response.body, str) else response.body
            headers = header_pairs(response.headers)
            self._respond(response.status, phrase(response.status), headers, body, response.content_type)
        except (TypeError, ValueError) as error:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self._later.log_failure(f"onHttpRequest failed for {one_line(self._peer)}; answering 500", error)
        self._respond(HTTPStatus.INTERNAL_SERVER_ERROR, "the server could not answer this request")


def phrase(status: int) -> str:
    """The words for a status, also for one that nobody has registered."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"
