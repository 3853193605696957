"""The opening handshake, octet by octet: what was sent and what came back, also where that is no handshake."""

from __future__ import annotations

import asyncio
import os
import re
from typing import Final

from wsframework import __version__
from wsframework._core.client_handshake import ClientHello, build_request, check_response
from wsframework._core.codec import encode_frame
from wsframework._core.constants import OP_CLOSE, CloseCode
from wsframework._core.headers import Headers, is_token, parse_extensions
from wsframework._core.http import HeadReader, ResponseHead, parse_response_head
from wsframework._core.key import new_key
from wsframework._core.uri import format_host
from wsframework._core.violation import HandshakeFailed, HandshakeRefused
from wsframework.cli.facts import Answer, Ending, Question
from wsframework.cli.reaching import Stream
from wsframework.options import ClientOptions
from wsframework.websocket.agreeing import client_offers

__all__ = ["OPTIONS", "USER_AGENT", "ask", "hello", "read_head"]

OPTIONS: Final = ClientOptions(perMessageCompressionOffers=True)
"""What is offered."""

USER_AGENT: Final = f"wsframework/{__version__} (check)"

# A head that is longer is not read to its end.
_MAX_HEAD: Final = 128 * 1024
# How much of a refusal's body is read, and for how long.
_MAX_BODY: Final = 2048
_BODY_SECONDS: Final = 2.0
# Interim responses (RFC 9110 section 15.2) before the answer.
_MAX_INTERIM: Final = 8

_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE: Final = re.compile(rb"HTTP/([0-9]\.[0-9]) ([1-9][0-9][0-9])(?: ([^\r\n]*))?")


def hello(question: Question) -> ClientHello:
    """What the request says, with a new key."""
    uri = question.uri
    host = "localhost" if uri.unix_path is not None else uri.host
    return ClientHello(
        host=format_host(host, uri.port, uri.is_secure),
        resource=uri.resource,
        key=new_key(os.urandom(16)),
        version=13,
        origin=question.origin,
        protocols=question.subprotocols,
        extensions=", ".join(offer.get_extension_string() for offer in client_offers(OPTIONS)),
        useragent=USER_AGENT,
        headers=question.headers,
    )


async def ask(stream: Stream, question: Question, timeout: float) -> Answer:
    """Send the request and read the answer, in at most `timeout` seconds; ends the stream."""
    asked = hello(question)
    request = build_request(asked)
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        stream.writer.write(request)
        octets, rest, ending = await _read_answer(stream.reader, timeout)
        seconds = loop.time() - start
        head, flaw = read_head(octets) if octets else (None, "")
        if head is not None and ending is Ending.COMPLETE:
            if head.status == 101:
                stream.writer.write(_goodbye())
            else:
                rest = await _read_body(stream.reader, head, rest, timeout)
    finally:
        await stream.end()
    offers = tuple(parse_extensions(asked.extensions or ""))
    accepted = head is not None and not flaw and _is_accepted(head, asked)
    return Answer(request, asked.key, offers, octets, ending, seconds, head, flaw, rest, is_accepted=accepted)


def _is_accepted(head: ResponseHead, asked: ClientHello) -> bool:
    try:
        check_response(head, asked, "")
    except HandshakeFailed:
        return False
    return head.status == 101


def _goodbye() -> bytes:
    return encode_frame(OP_CLOSE, int(CloseCode.GOING_AWAY).to_bytes(2, "big"), os.urandom(4))


async def _read_answer(reader: asyncio.StreamReader, timeout: float) -> tuple[bytes, bytes, Ending]:
    """Head, what came behind it, and how it ended; whatever came where there is no head."""
    octets = bytearray()
    rest, ending = b"", Ending.COMPLETE
    try:
        async with asyncio.timeout(timeout):
            rest, ending = await _collect(reader, octets)
    except TimeoutError:
        ending = Ending.TIMEOUT
    except OSError:
        ending = Ending.RESET
    return bytes(octets), rest, ending


async def _collect(reader: asyncio.StreamReader, octets: bytearray) -> tuple[bytes, Ending]:
    """Read the head into `octets`; what came behind it, and how it ended."""
    interim = 0
    while data := await reader.read(65536):
        octets += data
        while (end := _HEAD_END.search(octets)) is not None:
            if not _is_interim(octets) or interim == _MAX_INTERIM:
                rest = bytes(octets[end.end() :])
                del octets[end.end() :]
                return rest, Ending.COMPLETE
            del octets[: end.end()]
            interim += 1
        if not octets.startswith(b"HTTP/"[: len(octets)]):
            # Who speaks something else may wait for an answer in that.
            return b"", Ending.COMPLETE
        if len(octets) > _MAX_HEAD:
            return b"", Ending.TOO_LONG
    return b"", Ending.CLOSED


def _is_interim(octets: bytearray) -> bool:
    match = _STATUS_LINE.match(octets)
    return match is not None and match[2].startswith(b"1") and match[2] != b"101"


async def _read_body(reader: asyncio.StreamReader, head: ResponseHead, body: bytes, timeout: float) -> bytes:
    """The beginning of a refusal's body: it often says why."""
    length = head.headers.get("content-length", "")
    wanted = min(int(length[:10]), _MAX_BODY) if length.isascii() and length.isdigit() else _MAX_BODY
    is_chunked = "chunked" in head.headers.get("transfer-encoding", "").lower()
    try:
        async with asyncio.timeout(min(timeout, _BODY_SECONDS)):
            while len(body) < wanted and not (is_chunked and body.endswith(b"\r\n0\r\n\r\n")):
                data = await reader.read(wanted - len(body))
                if not data:
                    break
                body += data
    except OSError:
        # TimeoutError is one: what has come by then is enough.
        return body[:wanted]
    return body[:wanted]


def read_head(octets: bytes) -> tuple[ResponseHead | None, str]:
    """The head of a response, and how it breaks the grammar, "" if it does not.

    A head that does is taken apart in a tolerant way, so that more can be said about it; None if not even that works.
    """
    try:
        # The limits of a client with default options.
        whole = HeadReader(OPTIONS.maxHandshakeSize, OPTIONS.maxHandshakeHeaders).feed(octets)
        if whole is not None:
            return parse_response_head(whole), ""
        flaw = "the head has no end"
    except HandshakeRefused as refusal:
        flaw = refusal.text
    except HandshakeFailed as failure:
        flaw = failure.reason
    return _tolerant_head(octets), flaw


def _tolerant_head(octets: bytes) -> ResponseHead | None:
    match = _STATUS_LINE.match(octets)
    if match is None:
        return None
    line, *lines = re.split(r"\r?\n", octets.decode("latin-1"))
    pairs = (text.partition(":") for text in lines)
    headers = Headers((name.strip(), value.strip()) for name, colon, value in pairs if colon and is_token(name.strip()))
    version, status, reason = match.groups(b"")
    return ResponseHead(version.decode(), int(status), reason.decode("latin-1"), headers, line)
