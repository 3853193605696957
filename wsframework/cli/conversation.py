"""A connection of the framework's own client: opened, pinged and closed, and what the server made of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from wsframework._core.closure import Cause
from wsframework.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from wsframework.cli.facts import Conversation, Question, Stage
from wsframework.cli.opening import USER_AGENT
from wsframework.cli.reaching import Way
from wsframework.exceptions import WebSocketError

__all__ = ["PINGS", "Caller", "call", "converse"]

PINGS: Final = 3
"""How many round trips are measured."""


class Caller(WebSocketClientProtocol):
    """A client that remembers what came, and can be waited for."""

    def __init__(self) -> None:
        self.messages = 0
        self.last_message = b""
        self.got_close = False
        self.closed_after = 0.0
        self._hung_up_at: float | None = None
        self._ping: bytes | None = None
        self._changed = asyncio.Event()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """One more; of them only the last is kept."""
        self.messages += 1
        self.last_message = payload
        self._changed.set()

    def onPong(self, payload: bytes) -> None:
        """Perhaps the one that is waited for; a server may send others."""
        if payload == self._ping:
            self._ping = None
            self._changed.set()

    def onCloseFrame(self, code: int | None, reasonRaw: bytes) -> None:
        """The server's Close frame."""
        self.got_close = True
        if self._hung_up_at is not None:
            self.closed_after = asyncio.get_running_loop().time() - self._hung_up_at
        self._changed.set()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The end of it."""
        self._changed.set()

    @property
    def is_over(self) -> bool:
        """True when nothing can be sent any more."""
        return self.state != self.STATE_OPEN

    async def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait for `condition`, for the end of the connection or for `timeout` seconds; whether the first came."""
        try:
            async with asyncio.timeout(timeout):
                while not condition() and not self.is_over:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return condition()
        return condition()

    async def ping(self, timeout: float) -> float | None:
        """The seconds until the Pong, None without one."""
        self._ping = os.urandom(8)
        loop = asyncio.get_running_loop()
        start = loop.time()
        self.sendPing(self._ping)
        return loop.time() - start if await self.wait_until(lambda: self._ping is None, timeout) else None

    async def hang_up(self) -> None:
        """The closing handshake, in the time that the options give it."""
        self._hung_up_at = asyncio.get_running_loop().time()
        self.sendClose(1000)
        await self.is_closed


async def call(way: Way, question: Question, **options: Any) -> Caller:
    """An open connection; `HandshakeError` and what `Way.connect` and TLS raise. `options` as in setProtocolOptions."""
    factory = WebSocketClientFactory(
        question.url,
        origin=question.origin,
        protocols=question.subprotocols,
        useragent=USER_AGENT,
        headers=question.headers,
    )
    factory.setProtocolOptions(
        openHandshakeTimeout=way.timeout,
        closeHandshakeTimeout=way.timeout,
        serverConnectionDropTimeout=way.timeout,
        **options,
    )
    factory.protocol = Caller
    sock = await way.connect()
    name = way.tls_name if way.context is not None else None
    caller: Caller
    async with asyncio.timeout(way.timeout):
        _, caller = await asyncio.get_running_loop().create_connection(
            factory, sock=sock, ssl=way.context, server_hostname=name
        )
    await caller.is_open
    return caller


async def converse(way: Way, question: Question) -> Conversation:
    """Open, ping and close."""
    try:
        caller = await call(way, question, perMessageCompressionOffers=True)
    except (WebSocketError, OSError, TimeoutError) as error:
        return Conversation(Stage.OPENING, failure=str(error) or type(error).__name__)
    round_trips: list[float] = []
    seconds: float | None = 0.0
    while seconds is not None and len(round_trips) < PINGS:
        seconds = await caller.ping(way.timeout)
        if seconds is not None:
            round_trips.append(seconds)
    stage = Stage.PINGING if caller.is_over else Stage.CLOSING
    was_ignored = seconds is None and stage is Stage.CLOSING
    await caller.hang_up()
    return replace(_described(caller, stage), round_trips=tuple(round_trips), ping_was_ignored=was_ignored)


def _described(caller: Caller, stage: Stage) -> Conversation:
    closure = caller.closure
    assert closure is not None, "it has ended"
    in_use = caller.websocket_extensions_in_use
    answered = closure.cause is Cause.CLOSE_HANDSHAKE
    return Conversation(
        Stage.FINISHED if answered and stage is Stage.CLOSING else stage,
        compression=str(in_use[0]) if in_use else None,
        subprotocol=caller.websocket_protocol_in_use,
        greetings=caller.messages,
        failure=closure.reason or "" if closure.cause in (Cause.LOST, Cause.CLOSING_TIMEOUT) else "",
        was_lost=closure.cause is Cause.LOST,
        violation=closure.reason or "" if closure.cause is Cause.VIOLATION else "",
        close_answered=answered,
        close_code=caller.remoteCloseCode,
        close_reason=caller.remoteCloseReason,
        close_seconds=caller.closed_after,
        tcp_was_ended=not caller.wasServerConnectionDropTimeout,
    )
