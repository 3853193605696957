"""Observations for the tests of what `wsframework check` makes of them; nothing was asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from wsframework._core.headers import parse_extensions
from wsframework._core.key import accept_key
from wsframework._core.uri import parse_uri
from wsframework.cli.facts import (
    Answer,
    Attempt,
    Certificate,
    Conversation,
    Ending,
    Experiment,
    Facts,
    Lookup,
    Question,
    Reaction,
    Resolution,
    Stage,
    Tls,
    Trial,
)
from wsframework.cli.opening import read_head

__all__ = ["FACTS", "KEY", "QUESTION", "TALK", "accepted", "answered", "attempt", "secure", "tried"]

KEY = "AAECAwQFBgcICQoLDA0ODw=="
QUESTION = Question("ws://x.example/", parse_uri("ws://x.example/"))
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: x.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nAuthorization: Bearer secret\r\n\r\n"
)
OFFERS = tuple(parse_extensions("permessage-deflate; client_max_window_bits"))
THEN = datetime(2024, 5, 17, 12, 0, tzinfo=UTC)
TALK = Conversation(
    Stage.FINISHED,
    round_trips=(0.001, 0.002, 0.003),
    close_answered=True,
    close_code=1000,
    close_seconds=0.001,
    tcp_was_ended=True,
)


def attempt(trial: Trial) -> Attempt:
    """An attempt to connect that ended in this way."""
    return Attempt("192.0.2.1", trial, 0.01, "" if trial is Trial.CONNECTED else trial.value)


BEFORE_ANSWER = Facts(
    QUESTION, lookup=Lookup(Resolution.FOUND, ("192.0.2.1",), 0.001), attempts=(attempt(Trial.CONNECTED),)
)


def answered(octets: bytes, *, ending: Ending = Ending.COMPLETE, **given: Any) -> Facts:
    """Facts up to an answer."""
    head, flaw = read_head(octets)
    answer = Answer(REQUEST, KEY, OFFERS, octets, ending, 0.02, head, flaw if head is not None else "", **given)
    return replace(BEFORE_ANSWER, answer=answer)


def accepted(
    *,
    version: str = "1.1",
    upgrade: str | None = "websocket",
    connection: str | None = "Upgrade",
    accept: str | None = accept_key(KEY),
    more: Sequence[str] = (),
    body: bytes = b"",
) -> Facts:
    """Facts up to an answer with the status 101, correct unless changed; None leaves a header out."""
    fields = {"Upgrade": upgrade, "Connection": connection, "Sec-WebSocket-Accept": accept}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return answered(
        "\r\n".join([f"HTTP/{version} 101 Switching Protocols", *lines, *more, "", ""]).encode("latin-1"), body=body
    )


FACTS = replace(accepted(), conversation=TALK)


def secure(*, days: int = 90, **given: Any) -> Facts:
    """Facts up to a TLS handshake, some time ago; the certificate is valid for so many days, then."""
    certificate = Certificate(
        "commonName=x.example",
        "commonName=Authority",
        ("other.example", "*.other.example"),
        THEN - timedelta(days=30),
        THEN + timedelta(days=days),
    )
    uri = parse_uri("wss://x.example/")
    shown: dict[str, Any] = {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "certificate": certificate}
    tls = Tls(0.03, THEN, **(shown | given))
    return replace(BEFORE_ANSWER, question=Question("wss://x.example/", uri), tls=tls)


def tried(
    reaction: Reaction, code: int | None = None, *, expected: tuple[int, ...] = (), reason: str | None = None
) -> Experiment:
    """Something that was tried."""
    return Experiment("some frame", expected, reaction, code, reason)
