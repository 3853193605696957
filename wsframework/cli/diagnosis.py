"""From what was observed to what is wrong: all rules, each a pure function from `Facts` to findings."""

from __future__ import annotations

from typing import Final

from wsframework.cli.answer_rules import ANSWER_RULES
from wsframework.cli.conversation_rules import CONVERSATION_RULES
from wsframework.cli.explanations import Finding, Rule
from wsframework.cli.facts import Facts
from wsframework.cli.findings import Level
from wsframework.cli.transport_rules import TRANSPORT_RULES

__all__ = ["RULES", "diagnose", "is_usable"]

RULES: Final[tuple[Rule, ...]] = (*TRANSPORT_RULES, *ANSWER_RULES, *CONVERSATION_RULES)
"""In the order of the steps."""


def diagnose(facts: Facts) -> tuple[Finding, ...]:
    """What is wrong, in the order of the steps; nothing for a server that is all right."""
    return tuple(found for rule in RULES for found in rule(facts))


def is_usable(findings: tuple[Finding, ...]) -> bool:
    """False with a problem among them."""
    return all(found.level is not Level.PROBLEM for found in findings)
