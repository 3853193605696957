"""Rules about the answer to the request of the opening handshake (RFC 6455 sections 4.1 and 4.2.2)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha1
from typing import Final

from wsframework._core.constants import ACCEPT_GUID
from wsframework._core.headers import Headers, lower, parse_extensions, split_list, token_list
from wsframework._core.http import ResponseHead
from wsframework._core.key import accept_key
from wsframework._core.negotiation import check_agreed, parse_offers
from wsframework.cli.explanations import Code, Finding, finding
from wsframework.cli.facts import Answer, Ending, Facts
from wsframework.cli.findings import printable

__all__ = ["ANSWER_RULES"]

_SHOWN: Final = 120

# How other protocols greet, or answer to what they do not understand.
_BANNERS: Final = (
    (re.compile(rb"SSH-"), "SSH"),
    (re.compile(rb"220[ -][^\r\n]*(?i:smtp|mail)"), "SMTP (mail)"),
    (re.compile(rb"220[ -][^\r\n]*(?i:ftp)"), "FTP"),
    (re.compile(rb"220[ -]"), "SMTP (mail) or FTP"),
    (re.compile(rb"\+OK"), "POP3 (mail)"),
    (re.compile(rb"\* OK"), "IMAP (mail)"),
    (re.compile(rb"-ERR"), "Redis"),
    (re.compile(rb"...\x00\x0a", re.DOTALL), "MySQL"),
    (re.compile(rb"RFB "), "VNC"),
    (re.compile(rb"\x15\x03"), "TLS"),
    (re.compile(rb"\s*<(?:!doctype|html|\?xml)", re.IGNORECASE), "bare HTML, as in HTTP/0.9"),
)
# The SETTINGS frame that a server begins HTTP/2 with (RFC 9113 section 3.4).
_HTTP2: Final = re.compile(rb"\x00[\x00-\xff]{2}\x04\x00\x00\x00\x00\x00")
_TOO_LARGE: Final = re.compile(r"longer than|larger than|more than")
_SAMPLE_KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.2


def _no_answer(facts: Facts) -> Iterator[Finding]:
    answer = facts.answer
    if answer is None or answer.octets:
        return
    if answer.speaks_tls:
        yield finding(Code.TLS_EXPECTED, "No answer came in plain text, and a TLS handshake works on this port.")
    elif "certificate required" in answer.error:
        yield finding(Code.CLIENT_CERTIFICATE, f"The TLS library says: {printable(answer.error)}.")
    elif answer.ending is Ending.TIMEOUT:
        yield finding(Code.NO_ANSWER, f"No octet came within {answer.seconds:.1f} seconds.")
    else:
        yield finding(Code.CLOSED_WITHOUT_ANSWER, f"No octet came: {answer.ending.value}.")


def _no_head(facts: Facts) -> Iterator[Finding]:
    answer = facts.answer
    if answer is None or not answer.octets or (answer.head is not None and answer.ending is Ending.COMPLETE):
        return
    if answer.speaks_tls:
        yield finding(Code.TLS_EXPECTED, "The port answered plain text with a TLS alert.")
    elif answer.ending is Ending.TOO_LONG:
        yield finding(Code.HEAD_TOO_LARGE, f"After {len(answer.octets)} octets the head had no end.")
    elif _HTTP2.match(answer.octets):
        yield finding(Code.HTTP2_ONLY, "The answer is a SETTINGS frame of HTTP/2.")
    elif answer.octets.startswith(b"HTTP/"):
        yield _incomplete(answer)
    else:
        yield finding(Code.NOT_HTTP, _banner(answer.octets))


def _incomplete(answer: Answer) -> Finding:
    if answer.ending is Ending.COMPLETE:
        return finding(Code.HEAD_MALFORMED, f'The status line is "{_start(answer.octets)}".')
    seen = f'The answer begins with "{_start(answer.octets)}", {len(answer.octets)} octets in all; '
    return finding(Code.INCOMPLETE_ANSWER, f"{seen}then {answer.ending.value}.")


def _banner(octets: bytes) -> str:
    for pattern, name in _BANNERS:
        if pattern.match(octets):
            return f'The answer begins with "{_start(octets)}". That is {name}.'
    return f'The answer begins with "{_start(octets)}".'


def _start(octets: bytes) -> str:
    return printable(re.split(rb"\r?\n", octets, maxsplit=1)[0][:_SHOWN])


def _head_of(facts: Facts) -> ResponseHead | None:
    """The head of an answer, if all of it came."""
    answer = facts.answer
    return answer.head if answer is not None and answer.ending is Ending.COMPLETE else None


def _flaw(facts: Facts) -> Iterator[Finding]:
    answer = facts.answer
    if answer is None or _head_of(facts) is None or not answer.flaw:
        return
    code = Code.HEAD_TOO_LARGE if _TOO_LARGE.search(answer.flaw) else Code.HEAD_MALFORMED
    yield finding(code, f"In the head of the answer: {answer.flaw}.")


# Another status than 101.

_STATUS: Final = {
    401: Code.UNAUTHORIZED,
    404: Code.NOT_FOUND,
    407: Code.PROXY_AUTHENTICATION,
    410: Code.NOT_FOUND,
    429: Code.TOO_MANY_REQUESTS,
    500: Code.SERVER_ERROR,
    # 520 to 526 are a content delivery network's own.
    **dict.fromkeys((502, 520, 521, 523, 525, 526), Code.BAD_GATEWAY),
    503: Code.UNAVAILABLE,
    **dict.fromkeys((504, 522, 524), Code.GATEWAY_TIMEOUT),
}


def _other_status(facts: Facts) -> Iterator[Finding]:
    head, answer = _head_of(facts), facts.answer
    if head is None or answer is None or head.status == 101:
        return
    seen = f'The server answered "{printable(head.line)}"{_with_page(head)}.'
    if 300 <= head.status < 400 and head.status != 304:
        yield finding(Code.REDIRECT, seen + _place(head.headers))
    elif head.status in (400, 426):
        yield _bad_request(head, answer, seen)
    elif head.status == 403:
        origin = facts.question.origin
        sent = f" The Origin was {printable(origin)}." if origin else " No Origin was sent."
        yield finding(Code.FORBIDDEN, seen + sent)
    elif 200 <= head.status < 300:
        yield finding(Code.PLAIN_PAGE, seen + _signed(head.headers))
    else:
        code = _STATUS.get(head.status, Code.OTHER_STATUS)
        yield finding(code, seen + _signed(head.headers) + _said(head.headers, "Retry-After", "WWW-Authenticate"))


def _bad_request(head: ResponseHead, answer: Answer, seen: str) -> Finding:
    versions = split_list(head.headers.get("sec-websocket-version", ""))
    text = answer.body.lower()
    if b"https port" in text or "tls" in head.headers.get("upgrade", "").lower():
        return finding(Code.TLS_EXPECTED, f'{seen} It says: "{_start(answer.body)}".')
    if versions and "13" not in versions:
        return finding(Code.OLD_DRAFT, f"{seen} It offers the versions {printable(', '.join(versions))}.")
    if b"sec-websocket-version" in text or (versions and head.status == 400):
        return finding(Code.VERSION_REFUSED, seen + _said(head.headers, "Sec-WebSocket-Version"))
    if head.status == 426 or b"upgrade" in text:
        return finding(Code.UPGRADE_LOST, seen + _said(head.headers, "Upgrade", "Via", "Server"))
    return finding(Code.BAD_REQUEST, seen + _body_text(answer.body) + _signed(head.headers))


def _with_page(head: ResponseHead) -> str:
    kind = head.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html":
        return " with an HTML page"
    return f" with {printable(kind)[:_SHOWN]}" if kind else ""


def _place(headers: Headers) -> str:
    location = headers.get("location")
    if location is None:
        return " It does not say where to."
    shown = printable(location)[:_SHOWN]
    scheme, separator, rest = shown.partition("://")
    websocket = {"http": "ws", "https": "wss"}.get(scheme.lower()) if separator else None
    return f" It points to {shown}" + (f", for a WebSocket {websocket}://{rest}." if websocket else ".")


def _signed(headers: Headers) -> str:
    """Who says that he is it: often the proxy."""
    return _said(headers, "Server", "Via")


def _said(headers: Headers, *names: str) -> str:
    return "".join(f" {name}: {printable(headers[name])[:_SHOWN]}." for name in names if name in headers)


def _body_text(body: bytes) -> str:
    return f' The body begins with "{_start(body)}".' if body.strip() else ""


# A status of 101.


def _upgraded(facts: Facts) -> ResponseHead | None:
    head = _head_of(facts)
    return head if head is not None and head.status == 101 else None


def _version(facts: Facts) -> Iterator[Finding]:
    head = _upgraded(facts)
    if head is not None and head.version != "1.1":
        yield finding(Code.HTTP_1_0, f'The status line is "{printable(head.line)}".')


def _old_draft(facts: Facts) -> Iterator[Finding]:
    head = _upgraded(facts)
    if head is not None and _is_hixie(head.headers):
        location = printable(head.headers.get("sec-websocket-location", head.headers.get("websocket-location", "")))
        yield finding(Code.OLD_DRAFT, f"The answer has the headers of a draft of 2010 (its location: {location}).")


def _is_hixie(headers: Headers) -> bool:
    return "sec-websocket-accept" not in headers and (
        "sec-websocket-location" in headers or "websocket-location" in headers
    )


def _upgrade(facts: Facts) -> Iterator[Finding]:
    head = _upgraded(facts)
    if head is not None and head.headers.get("upgrade", "").lower() != "websocket":
        yield finding(Code.UPGRADE_HEADER, _header(head.headers, "Upgrade"))


def _connection(facts: Facts) -> Iterator[Finding]:
    head = _upgraded(facts)
    if head is not None and not _says_upgrade(head.headers):
        yield finding(Code.CONNECTION_HEADER, _header(head.headers, "Connection"))


def _says_upgrade(headers: Headers) -> bool:
    try:
        return "upgrade" in lower(token_list(headers.get("connection", "")))
    except ValueError:
        return False


def _header(headers: Headers, name: str) -> str:
    if name not in headers:
        return f"The answer has no {name} header."
    return f'The answer says "{name}: {printable(headers[name])[:_SHOWN]}".'


def _accept(facts: Facts) -> Iterator[Finding]:
    head, answer = _upgraded(facts), facts.answer
    if head is None or answer is None or _is_hixie(head.headers):
        return
    values = head.headers.get_all("sec-websocket-accept")
    expected = accept_key(answer.key)
    if not values:
        yield finding(Code.ACCEPT_MISSING, _header(head.headers, "Sec-WebSocket-Accept"))
    elif values != [expected]:
        shown = _header(head.headers, "Sec-WebSocket-Accept")
        reasons = (_mistakes(answer.key).get(value, "") for value in values)
        yield finding(Code.ACCEPT_WRONG, f"{shown} It should be {expected}.{max(reasons, key=len)}")


def _mistakes(key: str) -> dict[str, str]:
    """What comes out of the mistakes that are made, and in words what was done."""

    def digest(text: str) -> bytes:
        return sha1(text.encode("ascii"), usedforsecurity=False).digest()

    right = digest(key + ACCEPT_GUID)
    return {
        right.hex(): " This is the right digest, in hexadecimal instead of base64.",
        b64encode(right.hex().encode()).decode(): " This is base64 of the digest in hexadecimal, not of its octets.",
        b64encode(digest(key)).decode(): " This is computed without the GUID.",
        b64encode(digest(key + ACCEPT_GUID.lower())).decode(): " This is computed with the GUID in lower case.",
        accept_key(_SAMPLE_KEY): " This is the sample value of RFC 6455, for another key.",
        key: " This is the key itself.",
    }


def _subprotocol(facts: Facts) -> Iterator[Finding]:
    head, asked = _upgraded(facts), facts.question.subprotocols
    if head is None:
        return
    chosen = head.headers.get_all("sec-websocket-protocol")
    names = ", ".join(asked) or "none"
    if len(chosen) > 1 or not set(chosen) <= set(asked):
        value = printable(", ".join(chosen))[:_SHOWN]
        yield finding(Code.SUBPROTOCOL_UNASKED, f'The answer has the subprotocol "{value}"; asked for: {names}.')
    elif asked and not chosen:
        yield finding(Code.SUBPROTOCOL_NONE, f"The answer has no subprotocol; asked for: {names}.")


def _extensions(facts: Facts) -> Iterator[Finding]:
    head, answer = _upgraded(facts), facts.answer
    if head is None or answer is None:
        return
    value = head.headers.get("sec-websocket-extensions", "")
    shown = f'The answer says "Sec-WebSocket-Extensions: {printable(value)[:_SHOWN]}"'
    try:
        agreed = parse_extensions(value)
        strangers = {extension.name for extension in agreed} - {offer.name for offer in answer.offers}
        if not strangers:
            check_agreed(agreed, parse_offers(answer.offers))
    except ValueError as error:
        yield finding(Code.EXTENSION_MALFORMED, f"{shown}: {error}.")
        return
    if strangers:
        offered = ", ".join(map(str, answer.offers))
        yield finding(Code.EXTENSION_UNOFFERED, f"{shown}; offered: {offered}.")


ANSWER_RULES: Final = (
    _no_answer,
    _no_head,
    _flaw,
    _other_status,
    _version,
    _old_draft,
    _upgrade,
    _connection,
    _accept,
    _subprotocol,
    _extensions,
)
