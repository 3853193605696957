"""The texts that users can meet, read off the source: what is raised, why a connection ends, what is refused, the log.

Strategy: nothing is imported or run. A message is what an expression in one of the known places can evaluate to: the
arguments of `raise X(...)` and of error classes, what these hand to their base, warnings, and the arguments of the
verbs that end connections and write to the log. Literals and f-strings are taken apart, conditional expressions give
both texts, names are looked up in the function and the module around them, calls of functions beside it give what
these return, and a parameter what the callers in the module hand in. A function of another module counts if it says
that it returns a str. What remains unknown stands as a placeholder, `<name>`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from itertools import product
from math import prod
from pathlib import Path
from typing import Final, TypeAlias

from wsframework._core.constants import CloseCode

__all__ = ["Message", "collect", "messages_in"]

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "wsframework"

# Verbs of the framework whose texts arrive at the user: as the reason of onClose, as HTTP's text, or in the log.
# Each with its close code where none is said.
ENDINGS: Final = {
    "fail": 1006,
    "drop": 1006,
    "lost": 1006,
    "ended": 1006,
    "refuse": 1006,
    "refuse_message": 1009,
    "_record": 1006,
    "_render": 1006,
    "_respond": 1006,
    "respond": 1006,
}
LOG_CALLS: Final = {
    "log_failure": "error",
    "log_info": "info",
    "log_debug": "debug",
    "write_failure": "error",
    "write_info": "info",
    "write_debug": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "failure": "error",
    "_warn": "warning",
}
# Classes of errors: those of Python, and those that wsframework has.
ERROR_NAME: Final = re.compile(
    r"(Error|Exception|Full|Refused|Failed|Rejected|Timeout|Violation|Deny|Lost|^Disconnected|^UnfitMessage|^HttpResponse|Warning)$"
)
# Says that a caller within the framework is wrong, which users do not meet.
INTERNAL: Final = frozenset({"AssertionError", "NotImplementedError"})
# What the log puts before the texts that it is given.
PREFIXES: Final = ("<log_id>",)
# How many texts one expression may unfold to before its unknown parts are left as placeholders.
MOST_VARIANTS: Final = 24

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Scope: TypeAlias = Function | ast.ClassDef | None


@dataclass(frozen=True, order=True)
class Message:
    """A text with the placeholders of what is only known at run time, and what comes with it.

    `kind` is the error's class, `close code 1009`, `HTTP 400` or `log, info`.
    """

    text: str
    kind: str
    module: str = field(compare=False)


def collect(package: Path = PACKAGE, leave_out: Iterable[str] = ("cli",)) -> list[Message]:
    """All messages of the package, sorted, without the subpackages to leave out."""
    paths = {path.relative_to(package).as_posix(): path for path in sorted(package.rglob("*.py"))}
    return messages_in({n: path.read_text("utf-8") for n, path in paths.items() if n.split("/")[0] not in leave_out})


def messages_in(sources: Mapping[str, str]) -> list[Message]:
    """The messages of modules, which are given by name."""
    modules = [_Module(source, name) for name, source in sources.items()]
    shared = {name: module for module in modules for name in module.shared_names()}
    found = {message for module in modules for message in module.messages(shared)}
    texts = {message.text for message in found}
    # A line of the log with its prefix, which the callers' texts are given by a function for that, counts once.
    repeated = {f"{prefix}: {text}" for text in texts for prefix in PREFIXES}
    return sorted(message for message in found if _says_something(message.text) and message.text not in repeated)


def _says_something(text: str) -> bool:
    """Whether it is a phrase: no header, name or content type, and not only placeholders."""
    words = re.sub(r"<[^>]*>", "", text)
    return " " in text and re.search(r"(^|\s)\(?[a-z]{2,}[,:;)]*(\s|$)", words) is not None


class _Module:
    """A module's tree, and the answers to what an expression in it can say."""

    def __init__(self, source: str, name: str) -> None:
        self.name = name
        self.tree = ast.parse(source)
        self.functions: dict[str, list[Function]] = {}
        self.calls: dict[str, list[tuple[ast.Call, Scope]]] = {}
        self.scoped: list[tuple[ast.AST, Scope]] = list(_walk(self.tree, None))
        for node, scope in self.scoped:
            if isinstance(node, Function):
                self.functions.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Call):
                self.calls.setdefault(_name(node.func), []).append((node, scope))
        self.errors = dict(_inits_of_errors(self.tree))
        self._busy: set[ast.AST] = set()
        self._shared: Mapping[str, _Module] = {}

    def shared_names(self) -> list[str]:
        """The names of its functions that return texts, and of its constants, for other modules."""
        constants = [_name(node) for node, scope in self.scoped if scope is None and isinstance(node, ast.Name)]
        functions = [name for name, (function, *_) in self.functions.items() if _returns_str(function)]
        return functions + [name for name in constants if name.isupper() and self._assigned(name, None)]

    def messages(self, shared: Mapping[str, _Module]) -> Iterator[Message]:
        self._shared = shared
        for node, scope in self.scoped:
            kind = self._kind_of(node, scope) if isinstance(node, ast.Call) else None
            if kind is None or not isinstance(node, ast.Call):
                continue
            # A code may stand before the text, headers and a body after it.
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            for argument in arguments:
                if not isinstance(argument, ast.Tuple | ast.List | ast.Dict):
                    for text in self.texts(argument, scope):
                        yield Message(_tidy(text, kind), kind, self.name)

    def _kind_of(self, call: ast.Call, scope: Scope) -> str | None:
        """What the call does with its text; None if that does not reach users."""
        name = _name(call.func)
        if name == "__init__" and isinstance(scope, Function):
            return self.errors.get(scope)
        if name == "warn" and isinstance(call.func, ast.Name):
            return next(filter(ERROR_NAME.search, map(_name, call.args)), "UserWarning")
        if name in LOG_CALLS and isinstance(call.func, ast.Attribute):
            is_ours = name.startswith(("log_", "write_", "_")) or _name(call.func.value) in ("log", "_log", "logger")
            return f"log, {LOG_CALLS[name]}" if is_ours else None
        if name in ENDINGS:
            return self._code(call) or f"close code {ENDINGS[name]}"
        if name in INTERNAL or not ERROR_NAME.search(name):
            return None
        # A page is a refusal if it has another status than 200.
        return self._code(call) or (None if name == "HttpResponse" else name)

    def _code(self, call: ast.Call) -> str | None:
        """The close code or the HTTP status among the arguments."""
        for argument in call.args:
            number = self._number(argument)
            if number is not None and 1000 <= number < 5000:
                return f"close code {number}"
            if number is not None and 100 <= number < 600:
                return f"HTTP {number}"
        return None

    def _number(self, node: ast.expr) -> int | None:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, int) and not isinstance(node.value, bool) else None
        if isinstance(node, ast.Name):
            numbers = [self._number(value) for value in self._assigned(node.id, None)]
            return numbers[0] if numbers else None
        if isinstance(node, ast.Attribute):
            for kind in (CloseCode, HTTPStatus):
                if node.attr in kind.__members__:
                    return int(kind[node.attr])
        return None

    # What an expression can say.

    def texts(self, node: ast.expr, scope: Scope) -> list[str]:
        """All texts it can evaluate to; none where nothing is known."""
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else []
        if isinstance(node, ast.JoinedStr):
            return _joined([self._part(part, scope) for part in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = [self._part(side, scope) for side in (node.left, node.right)]
            return _joined(sides) if any(texts for texts, _ in sides) else []
        if isinstance(node, ast.Name):
            return self._texts_of_name(node.id, scope)
        if isinstance(node, ast.Attribute):
            return self._texts_of_attribute(node)
        if isinstance(node, ast.Subscript):
            return self.texts(node.value, scope)
        if isinstance(node, ast.GeneratorExp):
            return self.texts(node.elt, scope)
        if isinstance(node, ast.Call):
            return self._texts_of_call(node, scope)
        choices = [self.texts(choice, scope) for choice in _choices(node)]
        if isinstance(node, ast.IfExp) and any(map(any, choices)):
            # The other way that this reads, where it is not known. A constant such as None says nothing.
            values = zip(choices, _choices(node), strict=True)
            choices = [texts or [_placeholder(value)][isinstance(value, ast.Constant) :] for texts, value in values]
        return [text for texts in choices for text in texts]

    def _part(self, part: ast.expr, scope: Scope) -> tuple[list[str], str]:
        """What a part of a text can be, and the placeholder for when that is unknown."""
        value = part.value if isinstance(part, ast.FormattedValue) else part
        # In quotation marks stands what somebody gave, never one of our texts.
        is_foreign = isinstance(part, ast.FormattedValue) and part.conversion == ord("r")
        texts = [] if is_foreign else self.texts(value, scope)
        # `reason or ""` says nothing that is known.
        return texts if any(texts) else [], _placeholder(value)

    def _texts_of_name(self, name: str, scope: Scope) -> list[str]:
        if isinstance(scope, Function) and name in _parameters(scope):
            return self._once(scope, lambda: self._texts_of_parameter(name, scope))
        values = self._assigned(name, scope) or self._assigned(name, None)
        if not values and name.isupper() and name in self._shared:
            return self._shared[name]._texts_of_name(name, None)
        return self._texts_of_values(values, scope)

    def _texts_of_attribute(self, node: ast.Attribute) -> list[str]:
        """What the module's classes have under the name, or give it."""
        if _name(node.value) != "self":
            return []
        values: list[tuple[ast.expr, Scope]] = []
        for assigned, scope in self.scoped:
            if isinstance(assigned, ast.Assign) and assigned.value is not None:
                for target in assigned.targets:
                    is_own = isinstance(target, ast.Attribute) and _name(target.value) == "self"
                    if (is_own or isinstance(scope, ast.ClassDef)) and _name(target) == node.attr:
                        values.append((assigned.value, scope))
        found = [self._texts_of_values([value], scope) for value, scope in values]
        # If not all is known, nothing is.
        return [text for texts in found for text in texts] if all(found) else []

    def _texts_of_values(self, values: list[ast.expr], scope: Scope) -> list[str]:
        found: list[str] = []
        for value in values:
            found += self._once(value, partial(self.texts, value, scope))
        return list(dict.fromkeys(found))

    def _texts_of_parameter(self, name: str, function: Function) -> list[str]:
        """What the callers in this module hand in, if that is known of all."""
        position = _parameters(function).index(name)
        found: list[str] = []
        # Who calls `__init__` by its name calls that of the base.
        for call, scope in self.calls.get(function.name, []) if function.name != "__init__" else []:
            given = [keyword.value for keyword in call.keywords if keyword.arg == name]
            # `self` is not among a call's arguments.
            place = position - (isinstance(call.func, ast.Attribute) and _parameters(function)[0] in ("self", "cls"))
            given += call.args[place : place + 1]
            texts = self.texts(given[0], scope) if given else []
            if not texts:
                return []
            found += texts
        return list(dict.fromkeys(found))

    def _texts_of_call(self, call: ast.Call, scope: Scope) -> list[str]:
        name = _name(call.func)
        if isinstance(call.func, ast.Attribute) and name in ("rstrip", "strip"):
            return [text.strip() for text in self.texts(call.func.value, scope)]
        if name in ("tuple", "list"):
            return self.texts(call.args[0], scope) if call.args else []
        if name == "join" and isinstance(call.args[0], ast.GeneratorExp):
            # Any number of them: none is the other way that this reads.
            return ["", *self.texts(call.args[0], scope)]
        if ERROR_NAME.search(name) or name in ENDINGS or name in LOG_CALLS:
            # Has an entry of its own.
            return []
        found = self._returned(name)
        if not found and name in self.functions:
            found = [text for argument in call.args for text in self.texts(argument, scope)]
        if not found and name in self._shared:
            found = self._shared[name]._returned(name)
        # What only shortens or quotes another text says nothing of its own.
        has_letters = any(re.search("[A-Za-z]", re.sub(r"<[^>]*>", "", text)) for text in found)
        return list(dict.fromkeys(found)) if has_letters else []

    def _returned(self, name: str) -> list[str]:
        """What the functions of this name in this module return."""
        found: list[str] = []
        for function in self.functions.get(name, []):
            values = [node.value for node, scope in self.scoped if scope is function and isinstance(node, ast.Return)]
            answers = [value for value in values if value is not None]
            found += self._once(function, partial(self._texts_of_values, answers, function))
        return found

    def _assigned(self, name: str, scope: Scope) -> list[ast.expr]:
        """What is assigned to the name in a function or, with None, in the module."""
        found: list[ast.expr] = []
        for node, around in self.scoped:
            if around is not scope:
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            for target in targets:
                if isinstance(target, ast.Name) and target.id == name and isinstance(value, ast.expr):
                    found.append(value)
                elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    names = [item.id if isinstance(item, ast.Name) else None for item in target.elts]
                    found += [item for given, item in zip(names, value.elts, strict=True) if given == name]
        return found

    def _once(self, node: ast.AST, question: Callable[[], list[str]]) -> list[str]:
        """The answer, or nothing while the same question is being answered: a name may stand for itself."""
        if node in self._busy:
            return []
        self._busy.add(node)
        try:
            return question()
        finally:
            self._busy.discard(node)


def _walk(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    """Every node below, with the function or class that it is in."""
    for child in ast.iter_child_nodes(node):
        yield child, scope
        yield from _walk(child, child if isinstance(child, Function | ast.ClassDef) else scope)


def _name(node: ast.AST) -> str:
    """The last part of a dotted name."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _inits_of_errors(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """The `__init__` of each class that is an error, with the name of the class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(map(ERROR_NAME.search, [node.name, *map(_name, node.bases)])):
            yield from ((part, node.name) for part in node.body if getattr(part, "name", "") == "__init__")


def _parameters(function: Function) -> list[str]:
    arguments = function.args
    return [parameter.arg for parameter in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _choices(node: ast.expr) -> list[ast.expr]:
    """Those of an expression of which it is one."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.Tuple | ast.List):
        return node.elts
    return node.values if isinstance(node, ast.Dict) else []


def _joined(parts: list[tuple[list[str], str]]) -> list[str]:
    """All ways to put the parts together; the parts with several texts are left open where those are too many."""
    known = [texts or [placeholder] for texts, placeholder in parts]
    if prod(map(len, known)) > MOST_VARIANTS:
        known = [texts if len(texts) == 1 else [placeholder] for texts, placeholder in parts]
    return ["".join(choice) for choice in product(*known)]


def _placeholder(node: ast.expr) -> str:
    return f"<{_called(node)}>"


def _called(node: ast.expr) -> str:
    """A name for a value that is only known at run time."""
    if isinstance(node, ast.Call):
        function = _name(node.func)
        if function in ("type", "len"):
            return {"type": "type", "len": "number"}[function]
        if function == "join" or not isinstance(node.func, ast.Attribute):
            return _called(node.args[0]) if node.args else function.strip("_")
        return _called(node.func.value)
    if isinstance(node, ast.Attribute) and node.attr in ("__name__", "value", "payload"):
        return _called(node.value)
    if isinstance(node, ast.Subscript | ast.Starred | ast.FormattedValue):
        return _called(node.value)
    if isinstance(node, ast.BoolOp):
        return _called(node.values[0])
    name = _name(node).lstrip("_")
    return (name.lower() if name.isupper() else name) or "value"


def _returns_str(function: Function) -> bool:
    return function.returns is not None and "str" in ast.unparse(function.returns).split(" | ")


def _tidy(text: str, kind: str) -> str:
    """One line, in which the placeholders of `logging` and of Twisted's logger are like all others."""
    if kind.startswith("log"):
        text = re.sub(r"\{(\w+)[^}]*\}", r"<\1>", text.replace("%s", "<text>").replace("%r", "<text>"))
    return text.strip()
