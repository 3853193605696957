"""Programs as users write them, given to a type checker; what it says is held against the comments in them.

`# reveal: str | bytes` at the end of a line: that is the type which `reveal_type` tells. `# error: arg-type`: the line
is wrong, and mypy says so by that name; what pyright calls it is in `RULES`. A line without a comment is right.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import wsframework

__all__ = ["NAMES", "RULES", "SNIPPETS", "Said", "disagreements", "said_of_type", "user_path"]

SNIPPETS = Path(__file__).parent / "snippets"
NAMES = sorted(path.name for path in SNIPPETS.glob("*.py"))

# What mypy calls an error, and what pyright calls the same one.
RULES: Mapping[str, frozenset[str]] = {
    "arg-type": frozenset({"reportArgumentType"}),
    "assignment": frozenset({"reportAssignmentType", "reportAttributeAccessIssue"}),
    "attr-defined": frozenset({"reportAttributeAccessIssue"}),
    "call-arg": frozenset({"reportCallIssue"}),
    "call-overload": frozenset({"reportArgumentType", "reportCallIssue"}),
    "dict-item": frozenset({"reportArgumentType"}),
    "list-item": frozenset({"reportArgumentType"}),
    "misc": frozenset({"reportGeneralTypeIssues"}),
    "override": frozenset({"reportIncompatibleMethodOverride"}),
    "type-var": frozenset({"reportArgumentType", "reportCallIssue"}),
}
_NO_RULES: Mapping[str, Collection[str]] = {}

_COMMENT = re.compile(r"# (reveal|error): ([^#]+)")
_QUALIFIED = re.compile(r"(?:[A-Za-z_]\w*\.)+(\w+)")
# How pyright writes the type of a method's first parameter.
_SELF = re.compile(r"\bSelf@(\w+)")


@dataclass(frozen=True, order=True)
class Said:
    """One thing that a comment or a checker says about a line: `kind` is `reveal` or `error`."""

    line: int
    kind: str
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.kind}: {self.what}"


def user_path(folder: Path) -> Path:
    """A folder that has the package as one that is installed: for PYTHONPATH, where checkers look for `py.typed`."""
    folder.mkdir()
    (folder / "wsframework").symlink_to(Path(wsframework.__file__).parent, target_is_directory=True)
    return folder


def said_of_type(line: int, text: str) -> Said:
    """A type as a checker writes it: without the modules that its names come from, unions in the alphabet's order."""
    name = _SELF.sub(r"\1", _QUALIFIED.sub(r"\1", text))
    return Said(line, "reveal", " | ".join(sorted(_members(name.strip()))))


def disagreements(
    name: str,
    found: Iterable[Said],
    rules: Mapping[str, Collection[str]] = _NO_RULES,
    unsaid: Collection[str] = (),
) -> list[str]:
    """Where a checker and the comments in the program differ, one sentence each.

    `rules` are the checker's names for the errors, where they are others; `unsaid` those errors that it is silent on.
    """
    expected = {said for said in _expected(name) if said.what not in unsaid}
    heard = set(found)
    missing = {said for said in expected if heard.isdisjoint(_names(said, rules))}
    # What else there is to say about a line that is wrong is nobody's business.
    wrong = {said.line for said in expected - missing if said.kind == "error"}
    surprising = {said for said in heard - expected if said.line not in wrong}
    return [
        *(f"{name}, {said}: was not said" for said in sorted(missing)),
        *(f"{name}, {said}: was not expected" for said in sorted(surprising)),
    ]


def _names(said: Said, rules: Mapping[str, Collection[str]]) -> set[Said]:
    """The ways in which a checker may say it."""
    if said.kind == "reveal":
        return {said}
    return {Said(said.line, said.kind, rule) for rule in rules.get(said.what, (said.what,))}


def _expected(name: str) -> Iterator[Said]:
    for line, text in enumerate((SNIPPETS / name).read_text("utf8").splitlines(), 1):
        for kind, what in _COMMENT.findall(text):
            yield said_of_type(line, what) if kind == "reveal" else Said(line, kind, what.strip())


def _members(text: str) -> list[str]:
    """The members of a union; a bar inside of brackets belongs to one of them."""
    members, depth = [""], 0
    for character in text:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and depth == 0:
            members.append("")
        else:
            members[-1] += character
    return [member.strip() for member in members]
