"""The shape of what a check says: levels, the sections of a report, and what belongs to an explanation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

__all__ = ["Explanation", "Level", "Section", "days", "printable"]


@unique
class Level(Enum):
    """How bad it is. Only a problem makes the check fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@unique
class Section(Enum):
    """The parts of a report, in their order."""

    ADDRESS = "Address"
    TCP = "TCP"
    TLS = "TLS"
    HANDSHAKE = "Handshake"
    EXTENSIONS = "Extensions"
    CONVERSATION = "Conversation"
    LIMITS = "Limits"


@dataclass(frozen=True, slots=True)
class Explanation:
    """`subject` is the line of the section that this is about; `meaning` and `advice` are sentences."""

    section: Section
    subject: str
    level: Level
    meaning: str
    advice: str


def days(number: int) -> str:
    """So many days, in words."""
    return "1 day" if number == 1 else f"{number} days"


def printable(text: str | bytes) -> str:
    """`text` on one line and without what steers a terminal or changes the direction of writing; octets as Latin-1."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
