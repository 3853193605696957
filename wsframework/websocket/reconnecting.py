"""Connecting for a conversation, once or again and again, without a framework."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final, Generic, Self, TypeVar

from wsframework.exceptions import HandshakeError, HandshakeLost, HandshakeTimeout
from wsframework.options import SECONDS, ClientOptions
from wsframework.websocket.compress import DeflatePolicy
from wsframework.websocket.conversation import MAX_QUEUE
from wsframework.websocket.serving import KEEPALIVE, check_max_queue, check_option_names, compression_options

__all__ = ["ConversationClient", "Reconnecting", "pause_before"]

ConversationT = TypeVar("ConversationT", bound=Any)

# Refusals that may be over in a while (RFC 9110): 408, 425 and 429 ask to come back, the others are a server's trouble.
_FOR_NOW: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE: Final = 60.0
# A connection that lasted so many seconds was a good one: the next failure is the first again.
_GOOD: Final = 5.0


class ConversationClient(Generic[ConversationT]):
    """What `connect` is told, and the ways to use it. A backend adds `_attempt` and what awaits it."""

    factory: Any
    _conversation: ConversationT | None = None
    # What the last attempt made, however far it came.
    _made: ConversationT | None = None

    def _configure(
        self,
        connect: Any,
        factory: Any,
        timeout: float | None,
        compression: bool | DeflatePolicy,
        max_queue: int,
        options: Mapping[str, Any],
    ) -> None:
        self.factory = factory
        self._timeout = None if timeout is None else SECONDS.check("timeout", timeout)
        self._max_queue = check_max_queue(max_queue)
        # The argument `timeout` is for the opening handshake, too.
        defaults = {**KEEPALIVE, "openHandshakeTimeout": 0, **compression_options(compression, is_server=False)}
        check_option_names(connect, ClientOptions, options)
        factory.setProtocolOptions(**{**defaults, **options})
        factory.protocol = self._make

    def _make(self) -> ConversationT:
        conversation = self._made = self._new_conversation()
        if self._max_queue != MAX_QUEUE:
            conversation._max_queue = self._max_queue
        return conversation

    @property
    def _place(self) -> str:
        """Where to, for people; without the query, which may hold a token."""
        factory = self.factory
        return f"{'wss' if factory.isSecure else 'ws'}://{factory.host}:{factory.port}{factory.path}"

    def _too_late(self) -> TimeoutError:
        return TimeoutError(f"no connection with {self._place} within {self._timeout:g} seconds")

    async def __aenter__(self) -> ConversationT:
        self._conversation = await self._first()
        return self._conversation

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        assert self._conversation is not None, "the block was entered"
        await self._conversation.__aexit__(kind, error, traceback)

    def __aiter__(self) -> Reconnecting[ConversationT]:
        """One conversation after the other, for as long as somebody asks for the next; see `Reconnecting`."""
        return Reconnecting(self)

    # What a backend adds.

    @abstractmethod
    async def _first(self) -> ConversationT:
        """The conversation of the first attempt, which may have begun."""

    @abstractmethod
    async def _attempt(self) -> ConversationT:
        """Connect: the conversation, when it is open."""

    @abstractmethod
    def _is_of_the_network(self, error: Exception) -> bool:
        """Whether this error came from the network, and not from a certificate: another attempt may succeed."""

    @abstractmethod
    def _new_conversation(self) -> ConversationT:
        """The backend's own protocol."""

    @abstractmethod
    async def _sleep(self, seconds: float) -> None:
        """Let time pass."""

    @abstractmethod
    def _seconds(self) -> float:
        """The backend's clock."""


class Reconnecting(Generic[ConversationT]):
    """`async for ws in connect(...)`: a new connection whenever the last one is over.

    The body runs once for each; at its end, or when it is left by `continue`, its connection is closed. Errors leave
    the loop, also `ConnectionClosed`: `except ConnectionClosed: continue` is how to say that the next one is wanted.
    After a failure that may pass (the network; 408, 425, 429, 500, 502, 503, 504) there is a pause and another attempt:
    up to a second, twice that for each further failure, a minute at most, at random so that many clients of a server
    that comes back do not come all at once, and not less than its Retry-After says. Any other failure is raised. After
    `break`, or an error that leaves the loop, the connection of that round is yours to close; `async with ws` in the
    body does that.
    """

    def __init__(self, client: ConversationClient[ConversationT]) -> None:
        self._client = client
        self._last: ConversationT | None = None
        self._is_first = True
        self._failures = 0
        self._since = 0.0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ConversationT:
        client = self._client
        if self._last is not None:
            await self._last._close()
            self._last = None
            self._failures = 0 if client._seconds() - self._since >= _GOOD else self._failures + 1
            await client._sleep(pause_before(self._failures))
        while True:
            is_first, self._is_first = self._is_first, False
            try:
                self._last = await (client._first() if is_first else client._attempt())
            except Exception as error:
                if not self._may_pass(error):
                    raise
                await self._pause_after(error)
                continue
            self._since = client._seconds()
            return self._last

    def _may_pass(self, error: Exception) -> bool:
        if isinstance(error, HandshakeError) and not isinstance(error, HandshakeLost):
            # What is no WebSocket handshake today will be none tomorrow.
            return error.status in _FOR_NOW or isinstance(error, HandshakeTimeout)
        return self._client._is_of_the_network(error)

    async def _pause_after(self, error: Exception) -> None:
        seconds = max(pause_before(self._failures), _retry_after(error))
        self._failures += 1
        text = f"no connection with {self._client._place}: {error}; the next attempt is in {seconds:.1f} seconds"
        self._client.factory.log.info("{text}", text=text)
        await self._client._sleep(seconds)


def pause_before(failures: int) -> float:
    """Seconds to wait after so many failures before the one that just was: random, doubled for each."""
    return random.random() * min(2.0 ** min(failures, 10), _LONGEST_PAUSE)


def _retry_after(error: Exception) -> float:
    """What the server asks for (RFC 9110 section 10.2.3), where it does so in seconds, and within reason."""
    text = error.headers.get("retry-after", "") if isinstance(error, HandshakeError) else ""
    return min(float(text), _LONGEST_PAUSE) if text.isascii() and text.isdigit() else 0.0
