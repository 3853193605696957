"""The directive `error-index`: one topic of the messages that users can meet, each by its exact text.

    ```{error-index} limits
    ```

The texts come from the source (`source_messages`), what they mean from `reference/errors.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from source_messages import PACKAGE, Message, collect
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_id

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["EXPLANATIONS", "Entry", "entries", "explained"]

EXPLANATIONS = Path(__file__).resolve().parents[1] / "reference" / "errors.toml"


@dataclass
class Entry:
    """What some messages have in common: their texts as patterns, what they mean and what to do about them.

    `others` are texts of Python, Twisted or OpenSSL, which the source does not have, with what they come as.
    """

    topic: str
    texts: list[str]
    means: str
    do: str
    others: dict[str, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    def kinds(self) -> dict[str, list[str]]:
        """Each text with what it comes as, in the order of `texts` and then of the alphabet."""
        found = {text: [kind] for text, kind in self.others.items()}
        for pattern in self.texts:
            for message in self.messages:
                if fits(pattern, message.text):
                    kinds = found.setdefault(message.text, [])
                    kinds += [] if message.kind in kinds else [message.kind]
        return found


def fits(pattern: str, text: str) -> bool:
    """Whether a text is what the pattern says, in which `*` stands for anything."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None


def exactness(pattern: str) -> tuple[bool, int]:
    """The larger, the fewer texts it fits."""
    return "*" not in pattern, len(pattern)


def explained(messages: Iterable[Message], entries: Iterable[Entry]) -> list[Message]:
    """Give each message to the entry that fits it most exactly; those that fit none are returned."""
    entries = list(entries)
    left = []
    used: set[tuple[str, str]] = set()
    for message in messages:
        fitting = [(exactness(p), p, entry) for entry in entries for p in entry.texts if fits(p, message.text)]
        if not fitting:
            left.append(message)
            continue
        _, pattern, entry = max(fitting, key=lambda one: one[0])
        entry.messages.append(message)
        used.add((entry.topic, pattern))
    for entry in entries:
        entry.stale = [pattern for pattern in entry.texts if (entry.topic, pattern) not in used]
    return left


def entries(explanations: Mapping[str, list[dict[str, Any]]]) -> list[Entry]:
    """The entries of an explanation file."""
    return [Entry(topic, **{"texts": [], **entry}) for topic, given in explanations.items() for entry in given]


@cache
def index() -> list[Entry]:
    """All entries with their messages. What is missing or stale is for the tests to tell, not for a build."""
    found = entries(tomllib.loads(EXPLANATIONS.read_text("utf-8")))
    explained(collect(), found)
    return found


class ErrorIndex(SphinxDirective):
    """Lists the messages of one topic."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        topic = self.arguments[0]
        for path in (EXPLANATIONS, *PACKAGE.rglob("*.py")):
            self.env.note_dependency(str(path))
        chosen = [entry for entry in index() if entry.topic == topic]
        if not chosen:
            raise self.error(f"error-index: no topic {topic} in {EXPLANATIONS.name}")
        return [self.describe(entry) for entry in chosen if entry.messages or entry.others]

    def describe(self, entry: Entry) -> nodes.Node:
        """The texts, one above the other, and below them what there is to say. Several are a list, which is lighter."""
        found = entry.kinds()
        classes = ["error-message", "several"] if len(found) > 1 else ["error-message"]
        group = addnodes.desc(domain="", objtype="message", desctype="message", classes=classes)
        for text, kinds in found.items():
            signature = addnodes.desc_signature(text, "", is_multiline=False)
            signature += addnodes.desc_name(text, text)
            signature += nodes.inline("", ", ".join(kinds), classes=["error-kind"])
            signature["ids"].append(make_id(self.env, self.state.document, "error", text[:60]))
            group += signature
        content = addnodes.desc_content()
        content += self.parse_text_to_nodes(entry.means)
        content += self.parse_text_to_nodes(f"**What to do.** {entry.do}")
        group += content
        return group


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("error-index", ErrorIndex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
