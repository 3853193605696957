"""Load on an echo server: many connections, on each of them some messages on their way at a time.

Every message of a connection is another one, of a few that were made before, so a server that mixes them up, or answers
with something of its own, is found out.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import Any, Final

from wsframework.cli.backends import Backend
from wsframework.cli.failures import Failure
from wsframework.cli.latencies import Latencies
from wsframework.exceptions import ConnectionClosed, Disconnected

__all__ = ["Load", "Plan", "messages_of"]

# How many different messages a connection sends in turn.
_VARIANTS: Final = 16
# Connections that are opened at a time: a server's queue of those that wait to be accepted is often that long.
_AT_A_TIME: Final = 50
# What passes between two looks at how far it is, in seconds.
_TICK: Final = 0.1
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for; times in seconds, `messages` None for as many as there is time for."""

    connections: int
    seconds: float
    messages: int | None
    size: int
    pipeline: int
    is_binary: bool
    warmup: float
    timeout: float


class Load:
    """One run. `connect` opens a conversation, or raises `Failure`."""

    def __init__(self, backend: Backend, plan: Plan, connect: Callable[[], Any]) -> None:
        self._backend = backend
        self._plan = plan
        self._connect = connect
        self._conversations: list[Any] = []
        self._remaining = plan.messages
        self._is_measured = False
        self._is_over = False
        self._running = 0
        self.latencies = Latencies()
        self.errors: Counter[str] = Counter()
        self.seconds = 0.0
        """How long was measured."""

    async def run(self, progress: Callable[[float], None]) -> None:
        """Open, warm up, measure and close; `progress` is told how much of it is done, from 0 to 1.

        `Failure` when no connection can be opened, or the server does not echo.
        """
        try:
            await self._open()
            await self._try_out(self._conversations[0])
            self._running = len(self._conversations)
            workers = [self._backend.spawn(self._work(*entry)) for entry in enumerate(self._conversations)]
            try:
                await self._pass_time(progress)
            finally:
                self._is_over = True
                for worker in workers:
                    worker.cancel()
                for worker in workers:
                    await worker
        finally:
            for conversation in self._conversations:
                conversation.sendClose(1000)
            for conversation in self._conversations:
                await conversation.close()

    async def _open(self) -> None:
        # The first alone: what is wrong with it is wrong with all.
        await self._open_one()
        if not self._conversations:
            raise Failure("; ".join(self.errors))
        wanted = self._plan.connections - 1
        while wanted:
            several = [self._backend.spawn(self._open_one()) for _ in range(min(wanted, _AT_A_TIME))]
            wanted -= len(several)
            for one in several:
                await one

    async def _open_one(self) -> None:
        try:
            self._conversations.append(await self._connect())
        except Failure as failure:
            self.errors[str(failure)] += 1

    async def _try_out(self, conversation: Any) -> None:
        """One message there and back, or `Failure`."""
        message = messages_of(self._plan, -1)[0]
        timer = self._backend.spawn(self._give_up(conversation))
        try:
            await conversation.send(message)
            answer = await conversation.recv()
        except ConnectionClosed as error:
            closed_by_us = conversation.closedByMe
            what = f"nothing came back within {self._plan.timeout:g} seconds" if closed_by_us else str(error)
            raise Failure(f"this server does not echo: {what}") from None
        finally:
            timer.cancel()
            await timer
        if answer != message:
            raise Failure("this server does not echo: what came back is not what was sent")

    async def _give_up(self, conversation: Any) -> None:
        try:
            await self._backend.sleep(self._plan.timeout)
        except self._backend.cancelled:
            return
        conversation.sendClose(1000)

    async def _pass_time(self, progress: Callable[[float], None]) -> None:
        """Until the time is over, all messages are there, or nobody works any more."""
        plan = self._plan
        begin = perf_counter()
        # Sleeping a little at a time, because what it waits for may come earlier.
        while (left := begin + plan.warmup - perf_counter()) > 0 and self._running:
            progress(0.0)
            await self._backend.sleep(min(_TICK, left))
        begin = perf_counter()
        self._is_measured = True
        while (passed := perf_counter() - begin) < plan.seconds and self._running:
            share = self.latencies.count / plan.messages if plan.messages else 0.0
            progress(max(passed / plan.seconds, share))
            await self._backend.sleep(min(_TICK, plan.seconds - passed))
        self.seconds = perf_counter() - begin
        progress(1.0)

    async def _work(self, number: int, conversation: Any) -> None:
        try:
            await self._exchange(conversation, messages_of(self._plan, number))
        except self._backend.cancelled:
            pass
        except Disconnected:
            if not self._is_over:
                await conversation.wait_closed()
                closure = conversation.closure
                self.errors[f"closed with {closure.code}: {closure.reason or 'no reason given'}"] += 1
        finally:
            self._running -= 1

    async def _exchange(self, conversation: Any, messages: list[Any]) -> None:
        """Send as many as may be on their way, then one for each that comes."""
        plan, latencies = self._plan, self.latencies
        # When each was sent, and whether it counts; what was sent before the time began does not.
        sent: deque[tuple[float, bool]] = deque()
        number = answered = 0
        while True:
            while len(sent) < plan.pipeline and (counts := self._may_send()) is not None:
                sent.append((perf_counter(), counts))
                # Not `send`: while it waited for room, nobody would take the answers that make it.
                conversation.sendMessage(messages[number % _VARIANTS], plan.is_binary)
                number += 1
            if not sent:
                return
            answer = await conversation.recv()
            begin, counts = sent.popleft()
            if answer != messages[answered % _VARIANTS]:
                self.errors["what came back is not what was sent"] += 1
                return
            answered += 1
            if counts and not self._is_over:
                latencies.add(perf_counter() - begin)

    def _may_send(self) -> bool | None:
        """Whether the next message counts; None if there is to be no next one."""
        if not self._is_measured or self._remaining is None:
            return self._is_measured
        if not self._remaining:
            return None
        self._remaining -= 1
        return True


def messages_of(plan: Plan, connection: int) -> list[str | bytes]:
    """What a connection sends in turn."""
    if plan.is_binary:
        return [os.urandom(plan.size) for _ in range(_VARIANTS)]
    # Of a seed: making text of system randomness would take longer than sending it.
    random = Random(connection)
    return ["".join(random.choices(_ALPHABET, k=plan.size)) for _ in range(_VARIANTS)]
