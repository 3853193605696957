"""All steps of a check, one after the other, up to the first that leaves nothing to go on with."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, replace

from wsframework.cli.conversation import converse
from wsframework.cli.facts import Answer, Ending, Facts, Question
from wsframework.cli.limits import find_limits
from wsframework.cli.opening import ask
from wsframework.cli.reaching import Stream, Way, find_addresses, find_way
from wsframework.cli.tls import begin_tls, late_alert, speaks_tls

__all__ = ["Settings", "examine"]

_TLS_ALERT = b"\x15\x03"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a check is told. `timeout` is in seconds and for each step.

    `context` verifies the server's certificate, None for ws. `largest` is the size in octets up to which limits are
    looked for, None to look for none.
    """

    question: Question
    timeout: float = 10.0
    context: ssl.SSLContext | None = None
    insecure: bool = False
    largest: int | None = None


async def examine(settings: Settings) -> Facts:
    """Observe the server; what goes wrong is part of the result, not an error."""
    facts = Facts(settings.question, settings.insecure)
    lookup, addresses = await find_addresses(settings.question.uri, settings.timeout)
    facts = replace(facts, lookup=lookup)
    attempts, found = await find_way(addresses, settings.timeout)
    facts = replace(facts, attempts=attempts)
    if found is None:
        return facts
    facts, stream, way = await _begin(facts, settings, *found)
    if stream is None:
        return facts
    answer = await ask(stream, settings.question, settings.timeout)
    facts = replace(facts, answer=await _with_hint(answer, way, settings))
    if not answer.is_accepted:
        return facts
    conversation = await converse(way, settings.question)
    facts = replace(facts, conversation=conversation)
    if settings.largest is not None and conversation.round_trips:
        facts = replace(facts, limits=await find_limits(way, settings.question, settings.largest))
    return facts


async def _begin(facts: Facts, settings: Settings, way: Way, sock: socket.socket) -> tuple[Facts, Stream | None, Way]:
    """A stream to ask over, with TLS or without."""
    if settings.context is None:
        return facts, await way.over(sock), way
    way = replace(_with_name(way, settings), context=settings.context)
    tls, stream, way = await begin_tls(way, sock, insecure=settings.insecure)
    return replace(facts, tls=tls), stream, way


def _with_name(way: Way, settings: Settings) -> Way:
    uri = settings.question.uri
    host = "localhost" if uri.unix_path is not None else uri.host
    # Neither the zone of an IPv6 address nor the dot at the end of a name is part of what certificates show.
    return replace(way, tls_name=host.partition("%")[0].removesuffix("."))


async def _with_hint(answer: Answer, way: Way, settings: Settings) -> Answer:
    """Where no answer came, see whether TLS is why."""
    if not settings.question.uri.is_secure:
        if _may_want_tls(answer):
            return replace(answer, speaks_tls=await speaks_tls(_with_name(way, settings)))
    elif not answer.octets and answer.ending is not Ending.TIMEOUT:
        return replace(answer, error=await late_alert(way))
    return answer


def _may_want_tls(answer: Answer) -> bool:
    """Whoever expects TLS says so in it, or not at all."""
    return answer.octets.startswith(_TLS_ALERT) or (not answer.octets and answer.ending is not Ending.COMPLETE)
