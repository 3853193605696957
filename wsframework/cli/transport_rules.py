"""Rules about everything below HTTP: the name, the addresses, TLS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from wsframework.cli.explanations import Code, Finding, finding
from wsframework.cli.facts import Attempt, Ending, Facts, Resolution, Tls, Trial, Trust
from wsframework.cli.findings import Level, days, printable

__all__ = ["EXPIRES_SOON", "TRANSPORT_RULES"]

EXPIRES_SOON: Final = timedelta(days=14)
"""A certificate that is valid for less is told about."""

# Address and TCP.


def _name(facts: Facts) -> Iterator[Finding]:
    lookup = facts.lookup
    if lookup is None or lookup.resolution is Resolution.FOUND:
        return
    code = Code.NAME_NOT_FOUND if lookup.resolution is Resolution.UNKNOWN else Code.LOOKUP_FAILED
    yield finding(code, f"Looking up {facts.question.uri.host} failed: {printable(lookup.error)}.")


_TRIALS: Final = {
    Trial.REFUSED: Code.CONNECTION_REFUSED,
    Trial.UNREACHABLE: Code.UNREACHABLE,
    Trial.TIMEOUT: Code.CONNECT_TIMEOUT,
    Trial.NO_SOCKET: Code.SOCKET_NOT_FOUND,
}
# The failure that says most: of several addresses, one that answers is nearer to the truth than one that does not.
_TELLING: Final = (Trial.REFUSED, Trial.TIMEOUT, Trial.NO_SOCKET, Trial.UNREACHABLE)


def _connecting(facts: Facts) -> Iterator[Finding]:
    failed = [attempt for attempt in facts.attempts if attempt.trial is not Trial.CONNECTED]
    if not failed:
        return
    seen = f"{'; '.join(map(_attempt, failed))} ({facts.question.place})."
    if len(failed) < len(facts.attempts):
        yield finding(Code.ADDRESS_FAILED, seen)
        return
    worst = min((attempt.trial for attempt in failed), key=_TELLING.index)
    yield finding(_TRIALS[worst], seen)


def _attempt(attempt: Attempt) -> str:
    return f"{printable(attempt.address)}: {printable(attempt.error)}"


# TLS.

_TRUST: Final = {
    Trust.EXPIRED: Code.CERTIFICATE_EXPIRED,
    Trust.NOT_YET_VALID: Code.CERTIFICATE_NOT_YET_VALID,
    Trust.SELF_SIGNED: Code.CERTIFICATE_SELF_SIGNED,
    Trust.UNKNOWN_AUTHORITY: Code.CERTIFICATE_UNKNOWN_AUTHORITY,
    Trust.WRONG_NAME: Code.CERTIFICATE_WRONG_NAME,
    Trust.OTHER: Code.CERTIFICATE_INVALID,
}
_NOTHING_IN_COMMON: Final = ("unsupported protocol", "protocol version", "handshake failure", "no shared cipher")


def _trust(facts: Facts) -> Iterator[Finding]:
    tls = facts.tls
    if tls is None or tls.trust is Trust.TRUSTED:
        return
    parts = [f"The verification says: {printable(tls.verification)}."]
    certificate = tls.certificate
    if certificate is not None:
        until = f"{certificate.not_after:%Y-%m-%d %H:%M} UTC"
        if tls.trust is Trust.EXPIRED:
            parts.append(f"It was valid until {until}, {days((tls.checked_at - certificate.not_after).days)} ago.")
        elif tls.trust is Trust.NOT_YET_VALID:
            parts.append(f"It is valid from {certificate.not_before:%Y-%m-%d %H:%M} UTC.")
        elif tls.trust is Trust.WRONG_NAME:
            names = ", ".join(map(printable, certificate.names)) or "no name at all"
            parts.append(f"The URL asks for {facts.question.uri.host}, the certificate is for {names}.")
        else:
            parts.append(f"Its issuer is {printable(certificate.issuer) or 'not named'}.")
    yield finding(_TRUST[tls.trust], " ".join(parts), Level.WARNING if facts.insecure else None)


def _expiry(facts: Facts) -> Iterator[Finding]:
    tls = facts.tls
    if tls is None or tls.trust is not Trust.TRUSTED or tls.certificate is None:
        return
    left = tls.certificate.not_after - tls.checked_at
    if left < EXPIRES_SOON:
        yield finding(
            Code.CERTIFICATE_EXPIRES_SOON,
            f"It is valid until {tls.certificate.not_after:%Y-%m-%d %H:%M} UTC: {days(left.days)}.",
        )


def _tls_handshake(facts: Facts) -> Iterator[Finding]:
    tls = facts.tls
    if tls is None or tls.version is not None or tls.trust is not Trust.TRUSTED:
        return
    seen = f"The TLS library says: {printable(tls.error)}." if tls.error else f"In the handshake {tls.ending.value}."
    yield finding(_tls_code(tls), seen + _plain(_plain_words(tls)))


def _tls_code(tls: Tls) -> Code:
    if plain := _plain_words(tls):
        return Code.PLAIN_EXPECTED if plain.startswith(b"HTTP/") else Code.NOT_HTTP
    if "no application protocol" in tls.error:
        return Code.ALPN_REFUSED
    if "certificate required" in tls.error:
        return Code.CLIENT_CERTIFICATE
    if any(words in tls.error for words in _NOTHING_IN_COMMON):
        return Code.TLS_REFUSED
    return Code.TLS_TIMEOUT if tls.ending is Ending.TIMEOUT else Code.TLS_FAILED


def _plain_words(tls: Tls) -> bytes:
    """What the port says in plain text, if that is what it speaks.

    Whoever has sent an alert speaks TLS. Some such servers answer plain text in HTTP, to say that they want TLS.
    """
    return b"" if " alert " in tls.error or tls.plain_answer.startswith(b"\x15\x03") else tls.plain_answer


def _plain(answer: bytes) -> str:
    if not answer:
        return ""
    line = printable(answer.splitlines()[0][:80])
    return f' To a question in plain text the port answers "{line}".'


TRANSPORT_RULES: Final = (_name, _connecting, _trust, _expiry, _tls_handshake)
