"""The rules of `wsframework check`, without a network: from what was observed to what is wrong."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.observed import FACTS, KEY, QUESTION, TALK, accepted, answered, attempt, secure, tried
from wsframework._core.client_handshake import check_response
from wsframework._core.constants import ACCEPT_GUID
from wsframework._core.key import accept_key
from wsframework._core.violation import HandshakeFailed
from wsframework.cli.conversation_rules import SMALL_MESSAGE
from wsframework.cli.diagnosis import diagnose, is_usable
from wsframework.cli.explanations import Code
from wsframework.cli.facts import (
    Attempt,
    Ending,
    Experiment,
    Facts,
    Limits,
    Lookup,
    Reaction,
    Resolution,
    Stage,
    Trial,
    Trust,
)
from wsframework.cli.findings import Level
from wsframework.cli.opening import hello
from wsframework.cli.transport_rules import EXPIRES_SOON

NOTHING = replace(FACTS, attempts=(), answer=None, conversation=None)
ASKED = replace(FACTS, question=replace(QUESTION, subprotocols=("chat",)))


def looked_up(resolution: Resolution) -> Facts:
    return replace(NOTHING, lookup=Lookup(resolution, (), 0.1, "no luck"))


def connecting(*trials: Trial) -> Facts:
    return replace(NOTHING, attempts=tuple(map(attempt, trials)))


def trust(trust: Trust) -> Facts:
    return secure(trust=trust, verification="no")


def no_tls(**given: Any) -> Facts:
    return secure(version=None, certificate=None, **given)


def no_head(octets: bytes = b"", ending: Ending = Ending.CLOSED, **given: Any) -> Facts:
    return answered(octets, ending=ending, **given)


def status(line: str, *lines: str, body: bytes = b"") -> Facts:
    return answered("\r\n".join([f"HTTP/1.1 {line}", *lines, "", ""]).encode("latin-1"), body=body)


def talk(**given: Any) -> Facts:
    return replace(FACTS, conversation=replace(TALK, **given))


def limits(*experiments: Experiment, accepted: int = 1 << 24, refusal: Experiment | None = None) -> Facts:
    refused = None if refusal is None or refusal.reaction is Reaction.FAILED else 2 * accepted
    return replace(FACTS, limits=Limits(True, accepted, refused, refusal, None, experiments))


CASES: list[tuple[Facts, Code, str]] = [
    (looked_up(Resolution.UNKNOWN), Code.NAME_NOT_FOUND, "no luck"),
    (looked_up(Resolution.FAILED), Code.LOOKUP_FAILED, "no luck"),
    (connecting(Trial.REFUSED), Code.CONNECTION_REFUSED, "192.0.2.1"),
    (connecting(Trial.UNREACHABLE, Trial.REFUSED), Code.CONNECTION_REFUSED, "192.0.2.1"),
    (connecting(Trial.TIMEOUT, Trial.UNREACHABLE), Code.CONNECT_TIMEOUT, "192.0.2.1"),
    (connecting(Trial.UNREACHABLE), Code.UNREACHABLE, "192.0.2.1"),
    (connecting(Trial.NO_SOCKET), Code.SOCKET_NOT_FOUND, "192.0.2.1"),
    (connecting(Trial.UNREACHABLE, Trial.CONNECTED), Code.ADDRESS_FAILED, "192.0.2.1"),
    (trust(Trust.EXPIRED), Code.CERTIFICATE_EXPIRED, "ago"),
    (trust(Trust.NOT_YET_VALID), Code.CERTIFICATE_NOT_YET_VALID, "valid from"),
    (trust(Trust.SELF_SIGNED), Code.CERTIFICATE_SELF_SIGNED, "issuer"),
    (trust(Trust.UNKNOWN_AUTHORITY), Code.CERTIFICATE_UNKNOWN_AUTHORITY, "issuer"),
    (trust(Trust.WRONG_NAME), Code.CERTIFICATE_WRONG_NAME, "other.example"),
    (trust(Trust.OTHER), Code.CERTIFICATE_INVALID, "says: no"),
    (secure(days=EXPIRES_SOON.days - 1), Code.CERTIFICATE_EXPIRES_SOON, f"{EXPIRES_SOON.days - 1} days"),
    (
        no_tls(error="wrong version number", plain_answer=b"HTTP/1.0 400 Bad\r\n"),
        Code.PLAIN_EXPECTED,
        "HTTP/1.0 400 Bad",
    ),
    (no_tls(error="wrong version number", plain_answer=b"220 mail\r\n"), Code.NOT_HTTP, "220 mail"),
    (
        no_tls(error="sslv3 alert handshake failure", plain_answer=b"\x15\x03\x01"),
        Code.TLS_REFUSED,
        "handshake failure",
    ),
    (no_tls(error="unsupported protocol"), Code.TLS_REFUSED, "unsupported"),
    (
        no_tls(error="tlsv1 alert internal error", plain_answer=b"HTTP/1.1 400 The plain HTTP request was sent to ..."),
        Code.TLS_FAILED,
        "internal error",
    ),
    (no_tls(error="tlsv1 alert no application protocol"), Code.ALPN_REFUSED, "application protocol"),
    (no_tls(error="tlsv13 alert certificate required"), Code.CLIENT_CERTIFICATE, "required"),
    (no_tls(ending=Ending.TIMEOUT), Code.TLS_TIMEOUT, "time was up"),
    (no_tls(ending=Ending.RESET), Code.TLS_FAILED, "reset"),
    (no_tls(error="internal error"), Code.TLS_FAILED, "internal error"),
    (no_head(speaks_tls=True), Code.TLS_EXPECTED, "TLS handshake works"),
    (no_head(b"\x15\x03\x01\x00\x02\x02\x28", speaks_tls=True), Code.TLS_EXPECTED, "alert"),
    (no_head(ending=Ending.TIMEOUT), Code.NO_ANSWER, "within"),
    (no_head(), Code.CLOSED_WITHOUT_ANSWER, "closed"),
    (no_head(ending=Ending.RESET), Code.CLOSED_WITHOUT_ANSWER, "reset"),
    (no_head(error="tlsv13 alert certificate required"), Code.CLIENT_CERTIFICATE, "required"),
    (no_head(b"HTTP/1.1 101"), Code.INCOMPLETE_ANSWER, "HTTP/1.1 101"),
    (no_head(b"SSH-2.0-x\r\n", Ending.COMPLETE), Code.NOT_HTTP, "That is SSH"),
    (no_head(b"220 x ESMTP\r\n", Ending.COMPLETE), Code.NOT_HTTP, "That is SMTP"),
    (no_head(b"220 (vsFTPd 3)\r\n", Ending.COMPLETE), Code.NOT_HTTP, "That is FTP"),
    (no_head(b"220 hello\r\n", Ending.COMPLETE), Code.NOT_HTTP, "SMTP (mail) or FTP"),
    (no_head(b"+OK ready\r\n", Ending.COMPLETE), Code.NOT_HTTP, "POP3"),
    (no_head(b"* OK IMAP\r\n", Ending.COMPLETE), Code.NOT_HTTP, "IMAP"),
    (no_head(b"-ERR what\r\n", Ending.COMPLETE), Code.NOT_HTTP, "Redis"),
    (no_head(b"J\x00\x00\x00\x0a8.0\x00", Ending.COMPLETE), Code.NOT_HTTP, "MySQL"),
    (no_head(b"RFB 003.008\n", Ending.COMPLETE), Code.NOT_HTTP, "VNC"),
    (no_head(b"\x15\x03\x01\x00\x02", Ending.COMPLETE), Code.NOT_HTTP, "TLS"),
    (no_head(b"\n<!DOCTYPE html>", Ending.COMPLETE), Code.NOT_HTTP, "HTML"),
    (no_head(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", Ending.COMPLETE), Code.HTTP2_ONLY, "SETTINGS"),
    (no_head(b"HTTP/1.1 101 x\r\n" * 9, Ending.TOO_LONG), Code.HEAD_TOO_LARGE, "no end"),
    (accepted(more=["X: " + "x" * 9000]), Code.HEAD_TOO_LARGE, "longer than"),
    (accepted(more=["X : y"]), Code.HEAD_MALFORMED, "token"),
    (no_head(b"HTTP/1.1 x\r\n\r\n", Ending.COMPLETE), Code.HEAD_MALFORMED, "HTTP/1.1 x"),
    (status("200 OK", "Content-Type: text/html; charset=utf-8"), Code.PLAIN_PAGE, "HTML page"),
    (status("200 OK", "Server: a\x9b31m"), Code.PLAIN_PAGE, r"a\x9b31m"),
    (status("301 Moved", "Location: http://b.example/"), Code.REDIRECT, "ws://b.example/"),
    (status("303 See Other", "Location: javascript:alert(1)"), Code.REDIRECT, "points to javascript:"),
    (status("304 Not Modified"), Code.OTHER_STATUS, "304"),
    (status("401 Unauthorized"), Code.UNAUTHORIZED, "401"),
    (status("403 Forbidden"), Code.FORBIDDEN, "No Origin"),
    (status("404 Not Found"), Code.NOT_FOUND, "404"),
    (status("410 Gone"), Code.NOT_FOUND, "410"),
    (status("407 Who"), Code.PROXY_AUTHENTICATION, "407"),
    (status("400 Bad", body=b"bad Sec-WebSocket-Version"), Code.VERSION_REFUSED, "400"),
    (status("400 Bad", "Sec-WebSocket-Version: 13, 8"), Code.VERSION_REFUSED, "13, 8"),
    (status("426 Upgrade", "Sec-WebSocket-Version: 8"), Code.OLD_DRAFT, "versions 8"),
    (status("426 Upgrade", "Upgrade: TLS/1.2"), Code.TLS_EXPECTED, "426"),
    (status("426 Upgrade", "Upgrade: websocket", "Via: 1.1 cache"), Code.UPGRADE_LOST, "1.1 cache"),
    (status("400 Bad", body=b"Missing Upgrade header"), Code.UPGRADE_LOST, "400"),
    (status("400 Bad", body=b"no"), Code.BAD_REQUEST, '"no"'),
    (status("429 Slow", "Retry-After: 3"), Code.TOO_MANY_REQUESTS, "Retry-After: 3"),
    (status("500 Oh"), Code.SERVER_ERROR, "500"),
    (status("502 Bad Gateway"), Code.BAD_GATEWAY, "502"),
    (status("521 Down"), Code.BAD_GATEWAY, "521"),
    (status("503 Later"), Code.UNAVAILABLE, "503"),
    (status("504 Late"), Code.GATEWAY_TIMEOUT, "504"),
    (status("418 Teapot"), Code.OTHER_STATUS, "418"),
    (accepted(version="1.0"), Code.HTTP_1_0, "HTTP/1.0"),
    (accepted(accept=None, more=["WebSocket-Location: ws://x/"]), Code.OLD_DRAFT, "ws://x/"),
    (accepted(upgrade=None), Code.UPGRADE_HEADER, "no Upgrade"),
    (accepted(upgrade="websocket, h2c"), Code.UPGRADE_HEADER, "h2c"),
    (accepted(connection="close"), Code.CONNECTION_HEADER, "close"),
    (accepted(accept=None), Code.ACCEPT_MISSING, "no Sec-WebSocket-Accept"),
    (accepted(accept="x"), Code.ACCEPT_WRONG, "It should be"),
    (accepted(more=["Sec-WebSocket-Protocol: chat"]), Code.SUBPROTOCOL_UNASKED, "chat"),
    (replace(accepted(), question=ASKED.question), Code.SUBPROTOCOL_NONE, "chat"),
    (accepted(more=["Sec-WebSocket-Extensions: x-y"]), Code.EXTENSION_UNOFFERED, "x-y"),
    (accepted(more=["Sec-WebSocket-Extensions: permessage-deflate; a=b"]), Code.EXTENSION_MALFORMED, "a=b"),
    (talk(stage=Stage.OPENING, failure="HTTP 429", round_trips=()), Code.UNSTABLE, "HTTP 429"),
    (talk(stage=Stage.PINGING, close_answered=False, failure="gone", round_trips=()), Code.DROPPED, "0 answered"),
    (talk(stage=Stage.PINGING, close_code=1008, close_reason="no\x07"), Code.CLOSED_BY_SERVER, r"1008 and the reason"),
    (
        talk(stage=Stage.CLOSING, close_answered=False, violation="frame from a server is masked"),
        Code.MASKED_FRAMES,
        "masked",
    ),
    (
        talk(
            stage=Stage.PINGING,
            close_answered=False,
            violation="reserved bits are set and no extension was negotiated",
        ),
        Code.RESERVED_BITS,
        "reserved bits",
    ),
    (talk(stage=Stage.PINGING, close_answered=False, violation="reserved opcode 3"), Code.PROTOCOL_BROKEN, "opcode 3"),
    (talk(ping_was_ignored=True, round_trips=(0.1,)), Code.PING_UNANSWERED, "number 2"),
    (talk(stage=Stage.CLOSING, close_answered=False, failure="x"), Code.CLOSE_UNANSWERED, "After our Close"),
    (talk(stage=Stage.CLOSING, close_answered=False, was_lost=True), Code.CLOSE_DROPPED, "After our Close"),
    (talk(tcp_was_ended=False), Code.TCP_NOT_ENDED, "stayed"),
    (
        limits(accepted=SMALL_MESSAGE // 2, refusal=tried(Reaction.CLOSED, 1009, expected=(1009,))),
        Code.SMALL_LIMIT,
        "1009",
    ),
    (
        limits(tried(Reaction.CLOSED, 1008), accepted=0, refusal=tried(Reaction.CLOSED, 1008, expected=(1009,))),
        Code.MESSAGES_REFUSED,
        "closes with 1008",
    ),
    (limits(accepted=1 << 20, refusal=tried(Reaction.DROPPED, expected=(1009,))), Code.LIMIT_WITHOUT_CODE, "drops"),
    (limits(accepted=1 << 20, refusal=tried(Reaction.CLOSED, 1002, expected=(1009,))), Code.LIMIT_WITHOUT_CODE, "1002"),
    (limits(tried(Reaction.CLOSED, 1003)), Code.FRAGMENTS_REFUSED, "1003"),
    (limits(tried(Reaction.ACCEPTED, expected=(1002,))), Code.VIOLATION_TOLERATED, "goes on"),
    (limits(tried(Reaction.CLOSED, 1000, expected=(1002,))), Code.WRONG_CLOSE_CODE, "1000"),
    (limits(tried(Reaction.SILENT, expected=(1002,))), Code.NO_REACTION, "silent"),
    (limits(tried(Reaction.FAILED, expected=(1002,))), Code.NOT_TRIED, "Not tried"),
    (limits(refusal=tried(Reaction.FAILED)), Code.NOT_TRIED, "Not tried"),
]


@pytest.mark.parametrize(("facts", "code", "words"), CASES, ids=[f"{n}-{case[1].name}" for n, case in enumerate(CASES)])
def test_one_fault_is_one_finding(facts: Facts, code: Code, words: str) -> None:
    """The code, and in the sentence what was seen at this server."""
    (found,) = diagnose(facts)
    assert found.code is code
    assert words in found.seen
    assert found.seen.isprintable()
    assert found.level is code.value.level
    assert is_usable((found,)) == (code.value.level is Level.WARNING)


def test_every_code_has_a_case() -> None:
    """What is never found need not be explained."""
    assert {case[1] for case in CASES} == set(Code)


@pytest.mark.parametrize(
    "facts",
    [
        FACTS,
        accepted(),
        secure(),
        secure(days=EXPIRES_SOON.days),
        talk(greetings=3),
        limits(),
        limits(
            tried(Reaction.ACCEPTED),
            tried(Reaction.CLOSED, 1002, expected=(1002,)),
            tried(Reaction.DROPPED, expected=(1002,)),
        ),
        limits(accepted=1 << 20, refusal=tried(Reaction.CLOSED, 1009, expected=(1009,))),
        accepted(more=["Sec-WebSocket-Extensions: permessage-deflate"]),
        replace(accepted(more=["Sec-WebSocket-Protocol: chat"]), question=ASKED.question),
        accepted(connection="keep-alive, upgrade"),
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(facts: Facts) -> None:
    """No false alarm."""
    assert diagnose(facts) == ()


@pytest.mark.parametrize(
    "trust", [trust for trust in Trust if trust is not Trust.TRUSTED], ids=lambda trust: trust.name
)
def test_insecure_makes_a_warning_of_the_certificate(trust: Trust) -> None:
    """I know, and want to see the rest."""
    (found,) = diagnose(replace(secure(trust=trust, verification="no"), insecure=True))
    assert found.level is Level.WARNING


@pytest.mark.parametrize("code", [None, 1000, 1001])
def test_a_server_that_says_goodbye_in_a_friendly_way_is_usable(code: int | None) -> None:
    """It sends what it has, and closes."""
    (found,) = diagnose(talk(stage=Stage.PINGING, close_code=code, round_trips=()))
    assert (found.code, found.level) == (Code.CLOSED_BY_SERVER, Level.WARNING)


PROTOCOLS = st.sampled_from(["chat", "Chat", "soup", ""])
ANSWERS = st.builds(
    accepted,
    version=st.sampled_from(["1.1", "1.0", "1.2"]),
    upgrade=st.sampled_from(["websocket", "WebSocket", "h2c", " ", None]),
    connection=st.sampled_from(["Upgrade", "keep-alive, upgrade", "close", "Upgrade, a b", None]),
    accept=st.sampled_from([accept_key(KEY), accept_key(KEY) + " ", "x", None]),
    more=st.lists(
        st.sampled_from(
            ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept_key(KEY)}", "A:b", "x"]
        )
        | st.builds("Sec-WebSocket-Protocol: {}".format, PROTOCOLS)
        | st.builds(
            "Sec-WebSocket-Extensions: {}".format,
            st.sampled_from(
                ["permessage-deflate", "permessage-deflate; client_max_window_bits=9", "x", "permessage-deflate; x"]
            ),
        ),
        max_size=2,
    ),
)


@given(ANSWERS)
def test_the_rules_and_the_frameworks_client_agree(facts: Facts) -> None:
    """There is a problem in an answer exactly when the library would refuse it."""
    facts = replace(facts, question=ASKED.question)
    assert facts.answer is not None
    assert facts.answer.head is not None
    asked = replace(hello(ASKED.question), key=KEY)
    is_accepted = not facts.answer.flaw
    try:
        check_response(facts.answer.head, asked, "")
    except HandshakeFailed:
        is_accepted = False
    assert is_usable(diagnose(facts)) == is_accepted, diagnose(facts)


@given(
    st.binary(max_size=80).map(lambda octets: b"HTTP/1.1 " + octets) | st.binary(max_size=80), st.sampled_from(Ending)
)
def test_there_is_something_to_say_about_any_octets(octets: bytes, ending: Ending) -> None:
    """Whatever a server answers."""
    findings = diagnose(answered(octets, ending=ending))
    assert not is_usable(findings)
    for found in findings:
        assert found.seen.isprintable()


def digest(text: str) -> bytes:
    return sha1(text.encode()).digest()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (digest(KEY + ACCEPT_GUID).hex(), "in hexadecimal instead of base64"),
        (b64encode(digest(KEY + ACCEPT_GUID).hex().encode()).decode(), "not of its octets"),
        (b64encode(digest(KEY)).decode(), "without the GUID"),
        (b64encode(digest(KEY + ACCEPT_GUID.lower())).decode(), "lower case"),
        ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "sample value"),
        (KEY, "the key itself"),
    ],
)
def test_a_wrong_accept_value_tells_how_it_came_about(value: str, words: str) -> None:
    """The mistakes that everybody makes who writes the answer by hand."""
    (found,) = diagnose(accepted(accept=value))
    assert found.code is Code.ACCEPT_WRONG
    assert words in found.seen


def test_a_long_text_of_the_server_is_cut() -> None:
    """A report is for reading."""
    for facts in (status("302 Found", "Location: /" + "a" * 5000), status("200 OK", "Content-Type: " + "a" * 5000)):
        (found,) = diagnose(facts)
        assert len(found.seen) < 400


def test_the_days_of_an_expired_certificate_are_those_of_the_check() -> None:
    """Not those of when the report is read."""
    facts = secure(trust=Trust.EXPIRED, verification="no", days=-7)
    assert facts.tls is not None
    assert facts.tls.checked_at < datetime.now(UTC) - timedelta(days=365)
    (found,) = diagnose(facts)
    assert "7 days ago" in found.seen


def test_attempts_that_failed_name_their_address() -> None:
    """Which of them it was."""
    facts = replace(
        NOTHING, attempts=(Attempt("2001:db8::1", Trial.UNREACHABLE, 0.1, "no route"), attempt(Trial.CONNECTED))
    )
    (found,) = diagnose(facts)
    assert found.seen == "2001:db8::1: no route (x.example port 80)."
