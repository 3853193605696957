"""The report for people: sections of aligned lines, then a verdict that explains."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from statistics import median
from typing import Final, TextIO, TypeAlias

from wsframework._core.http import ResponseHead
from wsframework._core.key import accept_key
from wsframework.cli.conversation_rules import reaction_text, unfit
from wsframework.cli.diagnosis import is_usable
from wsframework.cli.explanations import Finding
from wsframework.cli.facts import Answer, Conversation, Facts, Limits, Resolution, Stage, Tls, Trial
from wsframework.cli.findings import Level, Section, days, printable

__all__ = ["Line", "head_lines", "report_lines", "show"]

# Text and what to mark it as: a level, "title" or "".
Line: TypeAlias = tuple[tuple[str, str], ...]

_SECRET: Final = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
_STYLES: Final = {
    Level.OK.value: "green",
    Level.WARNING.value: "yellow",
    Level.PROBLEM.value: "bold red",
    "title": "bold",
}
_MARK_WIDTH: Final = 9
_SUBJECT_WIDTH: Final = 23
# Where a terminal is narrower than the second, texts stand below what they are about.
_NARROWEST, _STACKED, _WIDEST = 34, 60, 110
_TEXT_INDENT: Final = 4
_BODY_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class _Item:
    """A line of a section. `level` None: it only informs. `details` stand below it as they are."""

    subject: str
    text: str
    level: Level | None = Level.OK
    details: tuple[str, ...] = ()


def report_lines(facts: Facts, findings: tuple[Finding, ...], width: int = 100) -> Iterator[Line]:
    """The report, line by line; `width` is in characters."""
    yield (("wsframework check ", ""), (printable(facts.question.url), "title"))
    for section in Section:
        items = _with_findings(section, list(_items(section, facts)), findings)
        if items:
            yield ()
            yield ((section.value, "title"),)
            for item in items:
                yield from _item_lines(item, width)
    yield ()
    yield from _verdict(findings, width)


def show(facts: Facts, findings: tuple[Finding, ...], stream: TextIO) -> None:
    """Write the report: with colours on a terminal if the library rich is installed, else as plain text."""
    is_terminal = stream.isatty()
    width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns)) if is_terminal else 100
    lines = list(report_lines(facts, findings, width))
    if not (is_terminal and _show_colored(lines, stream)):
        text = "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)
        # Not every terminal and pipe has all characters that names and headers have.
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _show_colored(lines: list[Line], stream: TextIO) -> bool:
    """False without colours."""
    if os.environ.get("NO_COLOR"):
        return False
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return False
    console = Console(file=stream, soft_wrap=True, highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(Text.assemble(*((text, _STYLES.get(style, "")) for text, style in line)))
    return True


# Layout.


def _with_findings(section: Section, items: list[_Item], findings: tuple[Finding, ...]) -> list[_Item]:
    """Mark the lines that something was found about; what has no line gets one."""
    for found in findings:
        explanation = found.code.value
        if explanation.section is not section or explanation.subject in ("violation", "fragments"):
            # Each experiment has a line of its own already.
            continue
        for number, item in enumerate(items):
            if item.subject == explanation.subject:
                items[number] = _Item(item.subject, item.text, _worse(item.level, found.level), item.details)
                break
        else:
            items.append(_Item(explanation.subject, found.seen, found.level))
    return items


def _worse(one: Level | None, other: Level) -> Level:
    return Level.PROBLEM if Level.PROBLEM in (one, other) else other


def _item_lines(item: _Item, width: int) -> Iterator[Line]:
    mark = "" if item.level is None else item.level.value
    marked = ("  ", ""), (mark.ljust(_MARK_WIDTH), mark)
    column = 2 + _MARK_WIDTH + _SUBJECT_WIDTH
    if item.details or width < _STACKED:
        yield (*marked, (item.subject, ""))
        for text in _below(item, width - _TEXT_INDENT, folds=width < _STACKED):
            yield ((" " * _TEXT_INDENT + text, ""),)
        return
    first, *others = _wrapped(item.text, width - column)
    yield (*marked, (item.subject.ljust(_SUBJECT_WIDTH), ""), (first, ""))
    for text in others:
        yield ((" " * column + text, ""),)


def _below(item: _Item, width: int, *, folds: bool) -> Iterator[str]:
    """What stands below a subject. Lines of the wire stay whole, unless everything is narrow."""
    if not item.details:
        yield from _wrapped(item.text, width)
        return
    for line in (item.text, *item.details):
        yield from textwrap.wrap(line, width, subsequent_indent="    ", break_on_hyphens=False) if folds else [line]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False) or [""]


def _verdict(findings: tuple[Finding, ...], width: int) -> Iterator[Line]:
    counts = {level: sum(found.level is level for found in findings) for level in (Level.PROBLEM, Level.WARNING)}
    usable = is_usable(findings)
    said = ", ".join(f"{count} {level.value}{'s' * (count > 1)}" for level, count in counts.items() if count)
    style = Level.OK.value if usable else Level.PROBLEM.value
    verdict = ("Verdict: ", "title"), ("a usable WebSocket" if usable else "no usable WebSocket", style)
    if sum(len(text) for text, _ in verdict) + len(said) + 3 <= width:
        yield (*verdict, (f", {said}." if said else ".", ""))
    else:
        yield (*verdict, (",", ""))
        yield ((f"  {said}.", ""),)
    for found in sorted(findings, key=lambda found: found.level is not Level.PROBLEM):
        yield ()
        yield ((found.level.value.ljust(_MARK_WIDTH), found.level.value), (f" {found.code.name}", "title"))
        explanation = found.code.value
        for label, text in (("Seen", found.seen), ("Means", explanation.meaning), ("Do", explanation.advice)):
            first, *others = _wrapped(text, width - 10)
            yield ((f"  {label + ':':<8}{first}", ""),)
            for other in others:
                yield ((" " * 10 + other, ""),)


# What stands in the sections.


def _items(section: Section, facts: Facts) -> Iterator[_Item]:
    if section is Section.ADDRESS:
        yield from _address(facts)
    elif section is Section.TCP:
        yield from _tcp(facts)
    elif section is Section.TLS and facts.tls is not None:
        yield from _tls(facts.tls)
    elif section is Section.HANDSHAKE and facts.answer is not None:
        yield from _handshake(facts.answer)
    elif section is Section.EXTENSIONS and facts.answer is not None:
        yield from _extensions(facts.answer, facts.conversation)
    elif section is Section.CONVERSATION and facts.conversation is not None:
        yield from _conversation(facts.conversation)
    elif section is Section.LIMITS and facts.limits is not None:
        yield from _limits(facts.limits)


def _address(facts: Facts) -> Iterator[_Item]:
    lookup, uri = facts.lookup, facts.question.uri
    if lookup is None or lookup.resolution is not Resolution.FOUND:
        return
    if uri.unix_path is not None:
        yield _Item("name", "a unix socket, nothing to look up")
    elif _is_address(uri.host):
        yield _Item("name", f"{uri.host} is an address, nothing to look up")
    else:
        addresses = ", ".join(map(printable, lookup.addresses))
        yield _Item("name", f"{uri.host} is {addresses} ({_ms(lookup.seconds)})")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _tcp(facts: Facts) -> Iterator[_Item]:
    for attempt in facts.attempts:
        if attempt.trial is Trial.CONNECTED:
            address = printable(attempt.address)
            port = "" if facts.question.uri.unix_path is not None else f" port {facts.question.uri.port}"
            yield _Item("connect", f"{address}{port} in {_ms(attempt.seconds)}")


def _tls(tls: Tls) -> Iterator[_Item]:
    if tls.version is not None:
        yield _Item("version", f"{tls.version}, {tls.cipher}, ALPN {tls.alpn or 'none'}, in {_ms(tls.seconds)}")
    certificate = tls.certificate
    if certificate is None:
        return
    number = (certificate.not_after - tls.checked_at).days
    left = f"{days(number)} left" if number >= 0 else f"{days(-number)} ago"
    yield _Item("certificate", f"valid until {certificate.not_after:%Y-%m-%d} ({left})")
    for subject, text in (
        ("subject", certificate.subject),
        ("names", ", ".join(certificate.names) or "none"),
        ("issuer", certificate.issuer),
    ):
        yield _Item(subject, printable(text), None)


def _handshake(answer: Answer) -> Iterator[_Item]:
    request = tuple(f"> {line}" for line in head_lines(answer.request))
    yield _Item("request", request[0], None, request[1:])
    if answer.head is None:
        return
    head, headers = answer.head, answer.head.headers
    response = tuple(f"< {line}" for line in head_lines(answer.octets))
    yield _Item("response", response[0], None, (*response[1:], *_body_lines(answer)))
    yield _Item("status", f"{printable(head.line)} ({_ms(answer.seconds)})")
    yield _Item("headers", f"{len(headers.raw)} lines, {len(answer.octets)} octets")
    if head.status == 101:
        yield from _upgrade(answer, head)


def _upgrade(answer: Answer, head: ResponseHead) -> Iterator[_Item]:
    headers = head.headers
    for name in ("Upgrade", "Connection"):
        yield _Item(name, printable(headers.get(name, "missing")))
    values = headers.get_all("sec-websocket-accept")
    text = "answers the key" if values == [accept_key(answer.key)] else printable(", ".join(values)) or "missing"
    yield _Item("Sec-WebSocket-Accept", text)
    yield _Item("subprotocol", printable(headers.get("sec-websocket-protocol", "none")))
    if answer.body:
        yield _Item("behind the head", f"{len(answer.body)} octets of frames", None)


def _body_lines(answer: Answer) -> Iterator[str]:
    if answer.head is None or answer.head.status == 101 or not answer.body:
        return
    yield "<"
    for line in answer.body.splitlines()[:_BODY_LINES]:
        yield f"< {printable(line[:100])}"


def head_lines(octets: bytes) -> list[str]:
    """A head's lines, fit to be shown to anybody: the values of headers with credentials are left out."""
    lines = []
    for line in octets.decode("latin-1").rstrip("\r\n").split("\n")[:100]:
        name, colon, _ = line.partition(":")
        is_secret = colon and name.strip().lower() in _SECRET
        lines.append(printable(f"{name}: ***" if is_secret else line.removesuffix("\r"))[:400])
    return lines


def _extensions(answer: Answer, talk: Conversation | None) -> Iterator[_Item]:
    if answer.head is None or answer.head.status != 101:
        return
    yield _Item("offered", ", ".join(map(str, answer.offers)) or "none", None)
    yield _Item("agreed", printable(answer.head.headers.get("sec-websocket-extensions", "none")))
    if talk is not None and talk.compression is not None:
        yield _Item("in use", talk.compression, None)


def _conversation(talk: Conversation) -> Iterator[_Item]:
    if talk.stage is Stage.OPENING:
        return
    yield _Item("open", "opened by the framework's own client")
    if talk.greetings:
        yield _Item("messages", f"{talk.greetings} came unasked", None)
    if talk.round_trips:
        yield _Item("ping", f"median {_ms(median(talk.round_trips))} of {len(talk.round_trips)}")
    if talk.stage is Stage.FINISHED:
        yield _Item("close", f"answered with {talk.close_code or 'no code'} after {_ms(talk.close_seconds)}")
        yield _Item("TCP end", "by the server" if talk.tcp_was_ended else "not by the server")


def _limits(limits: Limits) -> Iterator[_Item]:
    yield _Item("echo", "text comes back" if limits.echoes else "text does not come back", None)
    if limits.refusal is None:
        yield _Item("large message", f"{_size(limits.accepted)} taken, the largest that was tried")
    elif not limits.accepted:
        yield _Item("large message", f"at the first message the server {reaction_text(limits.refusal)}")
    elif limits.refused is not None:
        yield _Item(
            "large message",
            f"{_size(limits.accepted)} taken; at {_size(limits.refused)} the server {reaction_text(limits.refusal)}",
        )
    if limits.in_fragments is not None:
        yield _Item("in frames", f"{limits.in_fragments.name}: the server {reaction_text(limits.in_fragments)}", None)
    for experiment in limits.experiments:
        code = unfit(experiment, limits)
        level = Level.OK if code is None else code.value.level
        yield _Item("tried", f"{experiment.name}: the server {reaction_text(experiment)}", level)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _size(octets: int) -> str:
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if octets >= unit and octets % unit == 0:
            return f"{octets // unit} {name}"
    return f"{octets} octets"
