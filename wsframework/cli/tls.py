"""The TLS handshake: tried as a client should, then looked into, where that failed."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from wsframework.cli.facts import Certificate, Ending, Tls, Trust
from wsframework.cli.reaching import Stream, Way

__all__ = ["begin_tls", "late_alert", "speaks_tls", "unverified_context", "verifying_context"]

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module has no name for.
_NO_CHECK_TIME: Final = 0x200000

# Codes of OpenSSL's x509_vfy.h.
_TRUST: Final = {
    9: Trust.NOT_YET_VALID,
    10: Trust.EXPIRED,
    18: Trust.SELF_SIGNED,
    19: Trust.UNKNOWN_AUTHORITY,
    20: Trust.UNKNOWN_AUTHORITY,
    21: Trust.UNKNOWN_AUTHORITY,
    62: Trust.WRONG_NAME,
    64: Trust.WRONG_NAME,
}

# What is asked in plain text where TLS did not work; nothing of the user's is in it.
_PLAIN_QUESTION: Final = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_PLAIN_SECONDS: Final = 2.0
_PLAIN_SIZE: Final = 512
# How long the port may take for TLS that nobody asked for.
_TRIAL_SECONDS: Final = 3.0


def verifying_context(ca_file: str | None = None) -> ssl.SSLContext:
    """What trusts the system's authorities, or those in `ca_file`; `OSError` for a file that has none."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def unverified_context() -> ssl.SSLContext:
    """What takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


async def begin_tls(way: Way, sock: socket.socket, *, insecure: bool) -> tuple[Tls, Stream | None, Way]:
    """The TLS handshake over `sock`, which is connected; `way` has the context that verifies.

    A certificate that cannot be trusted is fetched again without asking for trust, to tell what it shows; with
    `insecure` the result is a stream all the same. The last of the result is the way for further connections.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        stream = await way.over(sock)
    except ssl.SSLCertVerificationError as error:
        tls = Tls(
            loop.time() - start,
            datetime.now(UTC),
            trust=_TRUST.get(error.verify_code, Trust.OTHER),
            verification=error.verify_message,
        )
        return await _without_trust(tls, replace(way, context=unverified_context()), insecure)
    except (OSError, TimeoutError) as error:
        return await _failure(error, loop.time() - start, way), None, way
    return _described(Tls(loop.time() - start, datetime.now(UTC)), stream, _peer_certificate(stream)), stream, way


async def _without_trust(tls: Tls, way: Way, insecure: bool) -> tuple[Tls, Stream | None, Way]:
    """The same without verification, after one that failed."""
    try:
        stream = await way.open()
    except (OSError, TimeoutError):
        # What could be verified a moment ago; then there is nothing more to tell.
        return tls, None, way
    assert stream.ssl_object is not None, "the way has a context"
    certificate = await _read_certificate(way, stream.ssl_object.getpeercert(True) or b"")
    tls = _described(tls, stream, certificate)
    if insecure:
        return tls, stream, way
    await stream.end()
    return tls, None, way


async def _read_certificate(way: Way, der: bytes) -> Certificate | None:
    """What a certificate says that nobody trusts.

    The ssl module only takes apart what it has verified, so the certificate is made its own authority for one more
    connection, over which nothing is sent.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME)
    try:
        context.load_verify_locations(cadata=der)
        stream = await replace(way, context=context).open()
    except (OSError, TimeoutError, ValueError):
        return None
    certificate = _peer_certificate(stream)
    await stream.end()
    return certificate


def _described(tls: Tls, stream: Stream, certificate: Certificate | None) -> Tls:
    ssl_object = stream.ssl_object
    assert ssl_object is not None, "the stream is one over TLS"
    cipher = ssl_object.cipher()
    return replace(
        tls,
        version=ssl_object.version(),
        cipher=None if cipher is None else cipher[0],
        alpn=ssl_object.selected_alpn_protocol(),
        certificate=certificate,
    )


def _peer_certificate(stream: Stream) -> Certificate | None:
    assert stream.ssl_object is not None, "the stream is one over TLS"
    shown: Any = stream.ssl_object.getpeercert()
    if not shown:
        return None
    return Certificate(
        _name(shown.get("subject", ())),
        _name(shown.get("issuer", ())),
        tuple(str(value) for _, value in shown.get("subjectAltName", ())),
        _moment(shown["notBefore"]),
        _moment(shown["notAfter"]),
    )


def _name(sequence: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    return ", ".join(f"{key}={value}" for part in sequence for key, value in part)


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


async def _failure(error: OSError, seconds: float, way: Way) -> Tls:
    """A handshake that did not come to a certificate; perhaps the port does not speak TLS."""
    ending, text = Ending.COMPLETE, ""
    if isinstance(error, TimeoutError):
        ending = Ending.TIMEOUT
    elif isinstance(error, ssl.SSLError):
        text = _words(error)
    elif isinstance(error, ConnectionResetError) and error.errno is not None:
        ending = Ending.RESET
    else:
        # asyncio's own error for an end of the stream has no number.
        ending = Ending.CLOSED
    answer = await _plain_answer(replace(way, context=None))
    return Tls(seconds, datetime.now(UTC), error=text, ending=ending, plain_answer=answer)


def _words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


async def _plain_answer(way: Way) -> bytes:
    """The beginning of what the port says to a question in plain text, or to nobody's question."""
    answer = b""
    with suppress(OSError, TimeoutError):
        stream = await way.open()
        try:
            stream.writer.write(_PLAIN_QUESTION)
            async with asyncio.timeout(min(_PLAIN_SECONDS, way.timeout)):
                answer = await stream.reader.read(_PLAIN_SIZE)
        finally:
            await stream.end()
    return answer


async def late_alert(way: Way) -> str:
    """What the TLS library says when a server refuses only after the handshake, "" if it does not.

    TLS 1.3 allows that, and whoever has sent something by then is told of a reset instead; so nothing is sent here.
    """
    try:
        stream = await way.open()
        try:
            async with asyncio.timeout(min(_PLAIN_SECONDS, way.timeout)):
                await stream.reader.read(1)
        finally:
            await stream.end()
    except ssl.SSLError as error:
        return _words(error)
    except OSError:
        return ""
    return ""


async def speaks_tls(way: Way) -> bool:
    """True if a TLS handshake works there, whatever the certificate; nothing is sent over it."""
    try:
        stream = await replace(way, context=unverified_context(), timeout=min(_TRIAL_SECONDS, way.timeout)).open()
    except (OSError, TimeoutError):
        return False
    await stream.end()
    return True
