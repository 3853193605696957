"""`wsframework check` at servers that are broken: it says what is wrong, in words that help."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.cli.broken_servers import (
    BROKEN,
    Broken,
    Speech,
    answer,
    at_once,
    greeting,
    listening,
    only,
    silence,
    upgraded,
)
from tests.cli.certificates import refusing_tls, self_signed
from tests.cli.checking import bounded, check
from wsframework.cli.diagnosis import diagnose, is_usable
from wsframework.cli.explanations import Code, Finding
from wsframework.cli.facts import Facts
from wsframework.cli.findings import Level, Section


def said(findings: tuple[Finding, ...], code: Code) -> str:
    """All that is said about one code, in lower case; fails if it was not found, or more than once."""
    assert [found.code.name for found in findings].count(code.name) == 1, [found.code.name for found in findings]
    (found,) = [found for found in findings if found.code is code]
    return f"{found.seen} {code.value.meaning} {code.value.advice}".lower()


def assert_found(facts: Facts, code: Code, words: tuple[str, ...]) -> None:
    findings = diagnose(facts)
    text = said(findings, code)
    assert [word for word in words if word.lower() not in text] == [], text
    assert is_usable(findings) == (code.value.level is not Level.PROBLEM)
    # What follows from a fault is not told as more of them.
    assert [found.code.name for found in findings] == [code.name]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
@bounded
async def test_a_broken_server_is_explained(broken: Broken) -> None:
    """My client only says that it could not connect."""
    async with listening(broken.speech) as port:
        facts = await check(f"ws://127.0.0.1:{port}/chat", **broken.settings)
    assert_found(facts, broken.code, broken.words)
    # The check and the library never disagree about an answer.
    assert facts.answer is not None
    in_answer = broken.code.value.section in (Section.HANDSHAKE, Section.EXTENSIONS)
    assert facts.answer.is_accepted != (in_answer and broken.code.value.level is Level.PROBLEM)


@bounded
async def test_a_server_that_works_once() -> None:
    """Every other attempt fails."""
    async with listening(only(1, upgraded())) as port:
        assert_found(await check(f"ws://127.0.0.1:{port}"), Code.UNSTABLE, ("second connection failed",))


# Below HTTP.


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(socket.EAI_NONAME, Code.NAME_NOT_FOUND, "does not exist"), (socket.EAI_AGAIN, Code.LOOKUP_FAILED, "resolver")],
)
@bounded
async def test_a_name_without_address(number: int, code: Code, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """I mistyped it, or my DNS is gone: not the same."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "no luck")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    facts = await check("ws://nobody.example/")
    assert_found(facts, code, (words, "nobody.example", "no luck"))


@bounded
async def test_a_name_that_cannot_be_one() -> None:
    """A label has at most 63 characters."""
    assert_found(await check(f"ws://{'a' * 64}.example/"), Code.NAME_NOT_FOUND, ("label",))


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@bounded
async def test_nothing_listens() -> None:
    """The server is not running."""
    port = unused_port()
    assert_found(
        await check(f"ws://127.0.0.1:{port}"), Code.CONNECTION_REFUSED, ("refused", f"port {port}", "start the server")
    )


@bounded
async def test_one_of_two_addresses_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name has an IPv6 address, but the server does not listen there."""
    async with listening(upgraded()) as port:
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each)) for each in (unused_port(), port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        facts = await check(f"ws://two.example:{port}")
    assert_found(facts, Code.ADDRESS_FAILED, ("127.0.0.1: connection refused", "ipv6"))


@bounded
async def test_a_unix_socket_that_is_not_there(tmp_path: Path) -> None:
    """The path is wrong."""
    assert_found(await check(f"ws://unix:{tmp_path}/none"), Code.SOCKET_NOT_FOUND, (f"{tmp_path}/none",))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENETUNREACH, "Network is unreachable"), Code.UNREACHABLE),
        (TimeoutError(), Code.CONNECT_TIMEOUT),
    ],
    ids=lambda value: getattr(value, "name", type(value).__name__),
)
@bounded
async def test_an_address_that_cannot_be_reached(error: OSError, code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    """No route, or a firewall that drops packets."""

    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", fail)
    assert_found(await check("ws://192.0.2.1"), code, ("192.0.2.1",))


# TLS.


@bounded
async def test_plain_text_to_a_tls_port() -> None:
    """ws:// where it should be wss://."""
    context, _ = server_tls(trustme.CA().issue_cert("127.0.0.1"))
    async with listening(upgraded(), context) as port:
        assert_found(await check(f"ws://127.0.0.1:{port}"), Code.TLS_EXPECTED, ("use wss://",))


@pytest.mark.parametrize(
    ("speech", "code", "words"),
    [
        (answer("HTTP/1.1 400 Bad Request\r\n\r\n"), Code.PLAIN_EXPECTED, ("http/1.1 400", "use ws://")),
        (greeting(b"SSH-2.0-OpenSSH_9.6\r\n"), Code.NOT_HTTP, ("ssh-2.0",)),
        (at_once, Code.TLS_FAILED, ("in the handshake",)),
        (silence, Code.TLS_TIMEOUT, ("says nothing",)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@bounded
async def test_tls_to_a_plain_port(speech: Speech, code: Code, words: tuple[str, ...]) -> None:
    """wss:// where it should be ws://."""
    async with listening(speech) as port:
        assert_found(await check(f"wss://127.0.0.1:{port}", timeout=1.0), code, words)


def server_tls(certificate: trustme.LeafCert) -> tuple[ssl.SSLContext, trustme.LeafCert]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context, certificate


NOW = datetime.now(UTC)
CERTIFICATES: list[tuple[Code, tuple[str, ...], dict[str, Any]]] = [
    (
        Code.CERTIFICATE_EXPIRED,
        ("has expired", "5 days ago", "renew"),
        {"not_before": NOW - timedelta(days=30), "not_after": NOW - timedelta(days=5, hours=1)},
    ),
    (
        Code.CERTIFICATE_NOT_YET_VALID,
        ("valid from", "clock"),
        {"not_before": NOW + timedelta(days=3), "not_after": NOW + timedelta(days=30)},
    ),
    (
        Code.CERTIFICATE_WRONG_NAME,
        ("asks for 127.0.0.1", "is for other.example, 10.0.0.1"),
        {"names": ("other.example", "10.0.0.1")},
    ),
    (Code.CERTIFICATE_UNKNOWN_AUTHORITY, ("--ca file", "its issuer is", "trustme"), {"trusted": False}),
    (Code.CERTIFICATE_EXPIRES_SOON, ("3 days", "renew"), {"not_after": NOW + timedelta(days=3, hours=1)}),
]


@pytest.mark.parametrize("insecure", [False, True], ids=["", "insecure"])
@pytest.mark.parametrize(("code", "words", "given"), CERTIFICATES, ids=[case[0].name for case in CERTIFICATES])
@bounded
async def test_a_certificate_that_is_not_right(
    code: Code, words: tuple[str, ...], given: dict[str, Any], insecure: bool, tmp_path: Path
) -> None:
    """Browsers refuse it and do not say why."""
    authority = trustme.CA()
    given = dict(given)
    names, trusted = given.pop("names", ("127.0.0.1",)), given.pop("trusted", True)
    context, _ = server_tls(authority.issue_cert(*names, **given))
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with listening(upgraded(), context) as port:
        facts = await check(f"wss://127.0.0.1:{port}", ca=str(tmp_path / "ca.pem"), insecure=insecure)
    assert_certificate(facts, code, words, insecure)


@pytest.mark.parametrize("insecure", [False, True], ids=["", "insecure"])
@bounded
async def test_a_self_signed_certificate(insecure: bool, tmp_path: Path) -> None:
    """As tools make it that ask nobody."""
    async with listening(upgraded(), self_signed(tmp_path / "own.pem")) as port:
        facts = await check(f"wss://127.0.0.1:{port}", insecure=insecure)
        assert_certificate(facts, Code.CERTIFICATE_SELF_SIGNED, ("self-signed", "--insecure"), insecure)
        trusting = await check(f"wss://127.0.0.1:{port}", ca=str(tmp_path / "own.pem"))
    assert diagnose(trusting) == ()


def assert_certificate(facts: Facts, code: Code, words: tuple[str, ...], insecure: bool) -> None:
    """Nothing is sent to whoever shows it, unless that is wished."""
    text = said(diagnose(facts), code)
    assert [word for word in words if word.lower() not in text] == [], text
    goes_on = insecure or code.value.level is Level.WARNING
    assert is_usable(diagnose(facts)) == goes_on
    assert (facts.conversation is not None) == goes_on
    assert facts.tls is not None
    assert facts.tls.certificate is not None


@bounded
async def test_no_tls_in_common(tmp_path: Path) -> None:
    """The server only has a cipher that nobody else uses any more."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context, _ = server_tls(authority.issue_cert("127.0.0.1"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA256")
    with refusing_tls(context) as port:
        facts = await check(f"wss://127.0.0.1:{port}", ca=str(tmp_path / "ca.pem"))
    assert_found(facts, Code.TLS_REFUSED, ("handshake failure", "tls 1.2"))


@bounded
async def test_a_tls_port_takes_http2_only() -> None:
    """Its list of ALPN protocols lacks http/1.1; in plain text it says what nginx says of a port with TLS."""
    plain = b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port\r\n"

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A fatal alert: no_application_protocol.
        is_tls = (await reader.read(1)) == b"\x16"
        writer.write(b"\x15\x03\x03\x00\x02\x02\x78" if is_tls else plain)
        await writer.drain()

    async with listening(speak) as port:
        assert_found(await check(f"wss://127.0.0.1:{port}"), Code.ALPN_REFUSED, ("http/1.1", "http/2"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda value: value.name)
@bounded
async def test_a_certificate_is_asked_for(version: ssl.TLSVersion, tmp_path: Path) -> None:
    """With TLS 1.3 that comes after the client's handshake."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context, _ = server_tls(authority.issue_cert("127.0.0.1"))
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with refusing_tls(context) as port:
        facts = await check(f"wss://127.0.0.1:{port}", ca=str(tmp_path / "ca.pem"))
    if version is ssl.TLSVersion.TLSv1_3:
        assert_found(facts, Code.CLIENT_CERTIFICATE, ("mutual tls",))
    else:
        # Before TLS 1.3 there was no alert that says so.
        assert_found(facts, Code.TLS_REFUSED, ("handshake failure",))
