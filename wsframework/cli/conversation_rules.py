"""Rules about an open connection, and about what was found out by trying."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wsframework._core.constants import CloseCode
from wsframework.cli.explanations import Code, Finding, finding
from wsframework.cli.facts import Conversation, Experiment, Facts, Limits, Reaction, Stage
from wsframework.cli.findings import Level, printable

__all__ = ["CONVERSATION_RULES", "SMALL_MESSAGE", "reaction_text", "unfit"]

SMALL_MESSAGE: Final = 64 * 1024
"""A limit for messages below this, in octets, is told about."""

# How a server ends what it has begun without complaint.
_FRIENDLY: Final = frozenset({None, CloseCode.NORMAL, CloseCode.GOING_AWAY})


# Violations that have a cause of their own, by words of the framework's texts.
_VIOLATIONS: Final = {"is masked": Code.MASKED_FRAMES, "no extension was negotiated": Code.RESERVED_BITS}


def _opening_again(facts: Facts) -> Iterator[Finding]:
    talk = facts.conversation
    if talk is not None and talk.stage is Stage.OPENING:
        yield finding(Code.UNSTABLE, f"The second connection failed: {printable(talk.failure)}.")


def _violation(facts: Facts) -> Iterator[Finding]:
    talk = facts.conversation
    if talk is not None and talk.violation:
        codes = (code for words, code in _VIOLATIONS.items() if words in talk.violation)
        yield finding(next(codes, Code.PROTOCOL_BROKEN), f"While reading: {talk.violation}.")


def _ended_early(facts: Facts) -> Iterator[Finding]:
    talk = facts.conversation
    if talk is None or talk.violation or talk.stage is not Stage.PINGING:
        return
    pongs = len(talk.round_trips)
    if not talk.close_answered:
        yield finding(Code.DROPPED, f"After {pongs} answered Pings: {printable(talk.failure)}.")
        return
    level = Level.WARNING if talk.close_code in _FRIENDLY else None
    yield finding(Code.CLOSED_BY_SERVER, f"After {pongs} answered Pings came {_close_frame(talk)}.", level)


def _close_frame(talk: Conversation) -> str:
    code = "no code" if talk.close_code is None else f"the code {talk.close_code}"
    reason = f' and the reason "{printable(talk.close_reason)}"' if talk.close_reason else ""
    return f"a Close frame with {code}{reason}"


def _ping(facts: Facts) -> Iterator[Finding]:
    talk = facts.conversation
    if talk is not None and talk.ping_was_ignored:
        yield finding(Code.PING_UNANSWERED, f"Ping number {len(talk.round_trips) + 1} was not answered.")


def _closing(facts: Facts) -> Iterator[Finding]:
    talk = facts.conversation
    if talk is None or talk.violation or talk.stage is not Stage.CLOSING:
        return
    code = Code.CLOSE_DROPPED if talk.was_lost else Code.CLOSE_UNANSWERED
    yield finding(code, f"After our Close frame: {printable(talk.failure)}.")


def _tcp_end(facts: Facts) -> Iterator[Finding]:
    talk = facts.conversation
    if talk is not None and talk.close_answered and not talk.tcp_was_ended:
        yield finding(Code.TCP_NOT_ENDED, "Both Close frames were exchanged, and the connection stayed.")


# Limits.


def reaction_text(experiment: Experiment) -> str:
    """What the server did, in a few words."""
    if experiment.reaction is Reaction.CLOSED:
        code = "without a code" if experiment.code is None else f"with {experiment.code}"
        reason = f' "{printable(experiment.reason)}"' if experiment.reason else ""
        return f"closes {code}{reason}"
    if experiment.reaction is Reaction.FAILED:
        return f"could not be tried: {printable(experiment.reason or '')}"
    text: str = experiment.reaction.value
    return text


def _sizes(facts: Facts) -> Iterator[Finding]:
    limits = facts.limits
    if limits is None or limits.refusal is None or limits.refused is None:
        return
    does = f"the server {reaction_text(limits.refusal)}."
    if not limits.accepted:
        yield finding(Code.MESSAGES_REFUSED, f"At the first message {does}")
        return
    seen = f"A message of {limits.accepted} octets is taken, one of {limits.refused} not: {does}"
    if limits.refused <= SMALL_MESSAGE:
        yield finding(Code.SMALL_LIMIT, seen)
    if limits.refusal.code not in limits.refusal.expected:
        yield finding(Code.LIMIT_WITHOUT_CODE, seen)


def _experiments(facts: Facts) -> Iterator[Finding]:
    limits = facts.limits
    if limits is None:
        return
    for experiment in limits.experiments:
        code = unfit(experiment, limits)
        if code is not None:
            name = f"{experiment.name[0].upper()}{experiment.name[1:]}"
            yield finding(code, f"{name}: the server {reaction_text(experiment)}.")


def unfit(experiment: Experiment, limits: Limits) -> Code | None:
    """What is wrong with the server's reaction, if anything is."""
    reaction = experiment.reaction
    if reaction is Reaction.FAILED:
        return None
    if not experiment.expected:
        # A server that takes no message at all says nothing about fragments by that.
        takes_some = limits.accepted > 0
        return Code.FRAGMENTS_REFUSED if takes_some and reaction is not Reaction.ACCEPTED else None
    if reaction is Reaction.ACCEPTED:
        return Code.VIOLATION_TOLERATED
    if reaction is Reaction.SILENT:
        return Code.NO_REACTION
    # To drop the connection without a word is allowed (RFC 6455 section 7.1.7).
    return Code.WRONG_CLOSE_CODE if reaction is Reaction.CLOSED and experiment.code not in experiment.expected else None


def _not_tried(facts: Facts) -> Iterator[Finding]:
    failed = [] if facts.limits is None else [one for one in _all_of(facts.limits) if one.reaction is Reaction.FAILED]
    if failed:
        names = ", ".join(one.name for one in failed)
        yield finding(Code.NOT_TRIED, f"Not tried: {names} ({printable(failed[0].reason or '')}).")


def _all_of(limits: Limits) -> Iterator[Experiment]:
    for experiment in (limits.refusal, limits.in_fragments):
        if experiment is not None:
            yield experiment
    yield from limits.experiments


CONVERSATION_RULES: Final = (
    _opening_again,
    _violation,
    _ended_early,
    _ping,
    _closing,
    _tcp_end,
    _sizes,
    _experiments,
    _not_tried,
)
