"""The report for programs: one JSON object. Keys and codes stay; new ones may be added."""

from __future__ import annotations

import json
from typing import Any

from wsframework.cli.diagnosis import is_usable
from wsframework.cli.explanations import Finding
from wsframework.cli.facts import Answer, Conversation, Experiment, Facts, Limits, Tls
from wsframework.cli.findings import printable
from wsframework.cli.report import head_lines

__all__ = ["json_report"]


def json_report(facts: Facts, findings: tuple[Finding, ...]) -> str:
    """The report as text in ASCII; a step that was not come to is null. Times are in seconds, sizes in octets."""
    report = {
        "url": facts.question.url,
        "usable": is_usable(findings),
        "findings": [_finding(found) for found in findings],
        "address": None
        if facts.lookup is None
        else {
            "result": facts.lookup.resolution.name,
            "addresses": list(facts.lookup.addresses),
            "seconds": facts.lookup.seconds,
        },
        "tcp": [
            {"address": attempt.address, "result": attempt.trial.name, "seconds": attempt.seconds}
            for attempt in facts.attempts
        ],
        "tls": None if facts.tls is None else _tls(facts.tls),
        "handshake": None if facts.answer is None else _handshake(facts.answer),
        "conversation": None if facts.conversation is None else _conversation(facts.conversation),
        "limits": None if facts.limits is None else _limits(facts.limits),
    }
    return json.dumps(report, indent=2)


def _finding(found: Finding) -> dict[str, str]:
    explanation = found.code.value
    return {
        "code": found.code.name,
        "level": found.level.value,
        "section": explanation.section.value,
        "subject": explanation.subject,
        "seen": found.seen,
        "meaning": explanation.meaning,
        "advice": explanation.advice,
    }


def _tls(tls: Tls) -> dict[str, Any]:
    certificate = tls.certificate
    return {
        "seconds": tls.seconds,
        "version": tls.version,
        "cipher": tls.cipher,
        "alpn": tls.alpn,
        "verification": tls.trust.name,
        "error": tls.error or tls.verification or None,
        "certificate": None
        if certificate is None
        else {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "names": list(certificate.names),
            "not_before": certificate.not_before.isoformat(),
            "not_after": certificate.not_after.isoformat(),
            "days_left": (certificate.not_after - tls.checked_at).days,
        },
    }


def _handshake(answer: Answer) -> dict[str, Any]:
    head = answer.head
    extensions = None if head is None else head.headers.get("sec-websocket-extensions")
    return {
        "seconds": answer.seconds,
        "ending": answer.ending.name,
        "status": None if head is None else head.status,
        "request": head_lines(answer.request),
        "response": head_lines(answer.octets) if answer.octets else [],
        "body": printable(answer.body) if head is not None and head.status != 101 else None,
        "extensions": {"offered": [str(offer) for offer in answer.offers], "agreed": extensions},
        "subprotocol": None if head is None else head.headers.get("sec-websocket-protocol"),
        "octets_behind_head": len(answer.body) if head is not None and head.status == 101 else 0,
    }


def _conversation(talk: Conversation) -> dict[str, Any]:
    return {
        "ended_in": talk.stage.name,
        "compression": talk.compression,
        "subprotocol": talk.subprotocol,
        "ping_seconds": list(talk.round_trips),
        "unasked_messages": talk.greetings,
        "failure": talk.failure or talk.violation or None,
        "close": {
            "answered": talk.close_answered,
            "code": talk.close_code,
            "reason": talk.close_reason,
            "seconds": talk.close_seconds,
            "tcp_ended_by_server": talk.tcp_was_ended,
        },
    }


def _limits(limits: Limits) -> dict[str, Any]:
    return {
        "echoes": limits.echoes,
        "largest_taken": limits.accepted,
        "smallest_refused": limits.refused,
        "refusal": None if limits.refusal is None else _experiment(limits.refusal),
        "in_fragments": None if limits.in_fragments is None else _experiment(limits.in_fragments),
        "experiments": [_experiment(experiment) for experiment in limits.experiments],
    }


def _experiment(experiment: Experiment) -> dict[str, Any]:
    return {
        "name": experiment.name,
        "expected_codes": list(experiment.expected),
        "reaction": experiment.reaction.name,
        "code": experiment.code,
        "reason": experiment.reason,
    }
