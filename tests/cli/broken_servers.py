"""Servers with one fault each, for `wsframework check`: what they do, and what the check has to say about it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from wsframework._core.key import accept_key
from wsframework.cli.explanations import Code

__all__ = [
    "BROKEN",
    "Broken",
    "Speech",
    "answer",
    "at_once",
    "greeting",
    "listening",
    "only",
    "page",
    "silence",
    "talk",
    "upgraded",
]

Speech = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CLOSE, PING, PONG, TEXT = 0x8, 0x9, 0xA, 0x1


@dataclass(frozen=True)
class Broken:
    """A server, the code that is found at it, and words of what is said; `settings` are the check's."""

    name: str
    speech: Speech
    code: Code
    words: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


@asynccontextmanager
async def listening(speech: Speech, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port on which the server speaks, to everybody who comes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await speech(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


# Pieces of servers.


async def read_key(reader: asyncio.StreamReader) -> str:
    """Read the request; its Sec-WebSocket-Key."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    (key,) = [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key: ")] or [""]
    return key


def answer(octets: bytes | str) -> Speech:
    """Reads the request, answers and closes."""
    data = octets.encode() if isinstance(octets, str) else octets

    async def speech(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_key(reader)
        writer.write(data)

    return speech


def page(status: str, *headers: str, body: str = "", kind: str = "text/html") -> Speech:
    """Answers with a whole HTTP response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return answer("\r\n".join(lines) + "\r\n\r\n" + body)


def upgrade(key: str, **changes: str | None) -> bytes:
    """The head of a correct answer, with changes: None leaves a header out. `more` are whole lines."""
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept_key(key)}
    line = changes.pop("line", "HTTP/1.1 101 Switching Protocols")
    more = changes.pop("more", None)
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}  # type: ignore[misc]
    lines = [f"{line}", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    return "\r\n".join([*lines, *([more] if more else []), "", ""]).encode("latin-1")


def upgraded(talk: Speech | None = None, **changes: str | None) -> Speech:
    """Answers with `upgrade`, then talks, by default as it should."""

    async def speech(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(upgrade(await read_key(reader), **changes))
        await (talk or well)(reader, writer)

    return speech


def frame(opcode: int, payload: bytes = b"", mask: bool = False) -> bytes:
    """A short frame; masked with zeros, if at all."""
    return bytes((0x80 | opcode, len(payload) | (0x80 if mask else 0))) + (bytes(4) if mask else b"") + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload of a short frame from the client."""
    first, second = await reader.readexactly(2)
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(second & 0x7F)
    return first & 0xF, bytes(octet ^ mask[number % 4] for number, octet in enumerate(payload))


def talk(
    pong: bool = True, close: bool = True, mask: bool = False, first: bytes = b"", code: bytes | None = None
) -> Speech:
    """Talks after the handshake: answers Pings and Close, or not."""

    async def speech(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            opcode, payload = await read_frame(reader)
            if opcode == PING and pong:
                writer.write(frame(PONG, payload, mask))
            elif opcode == CLOSE and close:
                writer.write(frame(CLOSE, payload if code is None else code, mask))
                return

    return speech


well = talk()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing until the client leaves."""
    await reader.read(-1)


async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes."""


async def drops_at_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers Pings, and Close with the end of TCP."""
    while True:
        opcode, payload = await read_frame(reader)
        if opcode == CLOSE:
            return
        writer.write(frame(PONG, payload))


async def stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers all frames and keeps TCP."""
    await well(reader, writer)
    await reader.read(-1)


def greeting(octets: bytes) -> Speech:
    """Speaks first, as mail servers do, and then waits."""

    async def speech(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await reader.read(-1)

    return speech


def only(count: int, speech: Speech) -> Speech:
    """Serves so many clients in its life, and closes on all others."""
    turns = iter(range(count))

    async def choose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if next(turns, None) is not None:
            await speech(reader, writer)

    return choose


def unfinished_then(octets: bytes, waits: bool) -> Speech:
    async def speech(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_key(reader)
        writer.write(octets)
        if waits:
            await reader.read(-1)

    return speech


async def bare_line_feeds(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A correct answer, but for its line ends."""
    writer.write(upgrade(await read_key(reader)).replace(b"\r\n", b"\n"))


QUICK = {"timeout": 0.5}
SAMPLE = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
CHAT = {"subprotocols": ("chat",)}
HTML = "<html><body>Welcome</body></html>"

BROKEN = [
    # No answer, or none in HTTP.
    Broken("never answers", silence, Code.NO_ANSWER, ("never answered", "0.5 seconds", "log"), QUICK),
    Broken("closes at once", at_once, Code.CLOSED_WITHOUT_ANSWER, ("closed it without a word", "log")),
    Broken("reads and closes", answer(""), Code.CLOSED_WITHOUT_ANSWER, ("no octet came",), QUICK),
    Broken("SSH", greeting(b"SSH-2.0-OpenSSH_9.6\r\n"), Code.NOT_HTTP, ("ssh", "port in the url")),
    Broken("SMTP", greeting(b"220 mail.example ESMTP ready\r\n"), Code.NOT_HTTP, ("smtp", "another protocol")),
    Broken("Redis", answer("-ERR wrong number of arguments for 'get' command\r\n"), Code.NOT_HTTP, ("redis",)),
    Broken("garbage", answer(b"\xff\x1b[31m\x00\x07\r\n"), Code.NOT_HTTP, (r"\x1b[31m\x00\x07",)),
    Broken("bare HTML", answer(HTML), Code.NOT_HTTP, ("html", "http/0.9")),
    Broken("HTTP/2", answer(bytes.fromhex("000006040000000000000300000064")), Code.HTTP2_ONLY, ("http/1.1",)),
    Broken(
        "stops within the head",
        unfinished_then(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n", waits=True),
        Code.INCOMPLETE_ANSWER,
        ("blank line", "time was up"),
        QUICK,
    ),
    Broken(
        "ends within the head",
        unfinished_then(b"HTTP/1.1 101 Switching Protocols\r\nUpgr", waits=False),
        Code.INCOMPLETE_ANSWER,
        ("the server closed the connection",),
    ),
    # Another status.
    Broken(
        "plain page",
        page("200 OK", "Server: nginx", body=HTML),
        Code.PLAIN_PAGE,
        ("html page", "nginx", "proxy_set_header Upgrade"),
    ),
    Broken("no content", page("204 No Content"), Code.PLAIN_PAGE, ("204",)),
    Broken(
        "redirect to https",
        page("301 Moved Permanently", "Location: https://example.com/ws/"),
        Code.REDIRECT,
        ("https://example.com/ws/", "for a websocket wss://example.com/ws/"),
    ),
    Broken("redirect to a path", page("302 Found", "Location: /login"), Code.REDIRECT, ("points to /login",)),
    Broken("permanent redirect", page("308 Permanent Redirect"), Code.REDIRECT, ("does not say where",)),
    Broken(
        "unauthorized",
        page("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'),
        Code.UNAUTHORIZED,
        ("basic realm", "--header"),
    ),
    Broken("forbidden", page("403 Forbidden"), Code.FORBIDDEN, ("no origin was sent", "--origin")),
    Broken(
        "forbidden origin",
        page("403 Forbidden"),
        Code.FORBIDDEN,
        ("the origin was https://a.example",),
        {"origin": "https://a.example"},
    ),
    Broken("not found", page("404 Not Found", body=HTML), Code.NOT_FOUND, ("check the path",)),
    Broken("method not allowed", page("405 Method Not Allowed"), Code.OTHER_STATUS, ("405", "101")),
    Broken("proxy authentication", page("407 Proxy Authentication Required"), Code.PROXY_AUTHENTICATION, ("proxy",)),
    Broken(
        "version refused", page("400 Bad Request", "Sec-WebSocket-Version: 13"), Code.VERSION_REFUSED, ("version: 13",)
    ),
    Broken(
        "old drafts", page("426 Upgrade Required", "Sec-WebSocket-Version: 8, 7"), Code.OLD_DRAFT, ("8, 7", "update")
    ),
    Broken(
        "draft of 2010",
        upgraded(silence, Sec_WebSocket_Accept=None, more="Sec-WebSocket-Location: ws://localhost/"),
        Code.OLD_DRAFT,
        ("2010", "rfc 6455"),
    ),
    Broken(
        "upgrade required", page("426 Upgrade Required", "Upgrade: websocket"), Code.UPGRADE_LOST, ("got lost", "nginx")
    ),
    Broken(
        "upgrade lost",
        page("400 Bad Request", body='Can "Upgrade" only to "WebSocket".', kind="text/plain"),
        Code.UPGRADE_LOST,
        ("proxy_http_version 1.1",),
    ),
    Broken(
        "bad request",
        page("400 Bad Request", body="token missing", kind="text/plain"),
        Code.BAD_REQUEST,
        ("token missing",),
    ),
    Broken(
        "told to use TLS",
        page("400 Bad Request", body="The plain HTTP request was sent to HTTPS port"),
        Code.TLS_EXPECTED,
        ("wss://",),
    ),
    Broken(
        "too many requests",
        page("429 Too Many Requests", "Retry-After: 30"),
        Code.TOO_MANY_REQUESTS,
        ("retry-after: 30",),
    ),
    Broken("server error", page("500 Internal Server Error"), Code.SERVER_ERROR, ("log",)),
    Broken("bad gateway", page("502 Bad Gateway", "Server: nginx"), Code.BAD_GATEWAY, ("behind", "nginx")),
    Broken(
        "unavailable",
        page("503 Service Unavailable", "Retry-After: 5"),
        Code.UNAVAILABLE,
        ("overload", "retry-after: 5"),
    ),
    Broken("gateway timeout", page("504 Gateway Timeout"), Code.GATEWAY_TIMEOUT, ("did not answer in time",)),
    # A status of 101 that is none.
    Broken("HTTP/1.0", upgraded(line="HTTP/1.0 101 Switching Protocols"), Code.HTTP_1_0, ("http/1.0", "proxy")),
    Broken("no Upgrade", upgraded(Upgrade=None), Code.UPGRADE_HEADER, ("no upgrade header",)),
    Broken("another Upgrade", upgraded(Upgrade="h2c"), Code.UPGRADE_HEADER, ('"upgrade: h2c"',)),
    Broken("no Connection", upgraded(Connection=None), Code.CONNECTION_HEADER, ("no connection header",)),
    Broken("another Connection", upgraded(Connection="keep-alive"), Code.CONNECTION_HEADER, ("keep-alive",)),
    Broken("no Accept", upgraded(Sec_WebSocket_Accept=None), Code.ACCEPT_MISSING, ("proof",)),
    Broken("Accept of the sample", upgraded(Sec_WebSocket_Accept=SAMPLE), Code.ACCEPT_WRONG, ("sample value", "cache")),
    Broken("two Accepts", upgraded(more=f"Sec-WebSocket-Accept: {SAMPLE}"), Code.ACCEPT_WRONG, (SAMPLE,)),
    Broken(
        "subprotocol not asked for",
        upgraded(Sec_WebSocket_Protocol="mqtt"),
        Code.SUBPROTOCOL_UNASKED,
        ("mqtt", "asked for: none", "--subprotocol"),
    ),
    Broken(
        "another subprotocol",
        upgraded(Sec_WebSocket_Protocol="mqtt"),
        Code.SUBPROTOCOL_UNASKED,
        ("asked for: chat",),
        CHAT,
    ),
    Broken("no subprotocol", upgraded(), Code.SUBPROTOCOL_NONE, ("took none",), CHAT),
    Broken(
        "extension not offered",
        upgraded(Sec_WebSocket_Extensions="x-zip"),
        Code.EXTENSION_UNOFFERED,
        ("x-zip", "offered: "),
    ),
    Broken(
        "malformed extension",
        upgraded(Sec_WebSocket_Extensions="permessage-deflate;;"),
        Code.EXTENSION_MALFORMED,
        ("permessage-deflate;;",),
    ),
    Broken(
        "window not asked for",
        upgraded(Sec_WebSocket_Extensions="permessage-deflate; server_max_window_bits=99"),
        Code.EXTENSION_MALFORMED,
        ("rfc 7692",),
    ),
    Broken("long header", upgraded(X_Cookie="x" * 9000), Code.HEAD_TOO_LARGE, ("longer than 8192", "maxhandshakesize")),
    Broken("many headers", upgraded(more="\r\n".join(["X-A: b"] * 200)), Code.HEAD_TOO_LARGE, ("128",)),
    Broken(
        "endless head",
        answer(b"HTTP/1.1 101 Switching Protocols\r\n" + b"X-A: b\r\n" * 40_000),
        Code.HEAD_TOO_LARGE,
        ("no end",),
    ),
    Broken("bare line feeds", bare_line_feeds, Code.HEAD_MALFORMED, ("crlf", "grammar")),
    Broken("folded header", upgraded(more="X-A: b\r\n c"), Code.HEAD_MALFORMED, ("grammar",)),
    Broken("no status", answer("HTTP/1.1 hello\r\n\r\n"), Code.HEAD_MALFORMED, ("hello",)),
    # An open connection.
    Broken("drops after 101", upgraded(at_once), Code.DROPPED, ("after 0 answered pings", "without a close frame")),
    Broken(
        "closes with a reason",
        upgraded(talk(first=frame(CLOSE, (4401).to_bytes(2, "big") + b"no \x1b token"))),
        Code.CLOSED_BY_SERVER,
        ("the code 4401", r"no \x1b token"),
    ),
    Broken(
        "refuses by its policy",
        upgraded(talk(first=frame(CLOSE, (1008).to_bytes(2, "big")))),
        Code.CLOSED_BY_SERVER,
        ("the code 1008", "credentials"),
    ),
    Broken(
        "compresses unasked",
        # "hello" by RFC 7692, 7.2.3.1, and RSV1.
        upgraded(talk(first=frame(0x41, bytes.fromhex("ca48cdc9c90700")))),
        Code.RESERVED_BITS,
        ("reserved bits", "permessage-deflate"),
    ),
    Broken("never answers a Ping", upgraded(talk(pong=False)), Code.PING_UNANSWERED, ("ping number 1", "5.5.2"), QUICK),
    Broken("masks its frames", upgraded(talk(mask=True)), Code.MASKED_FRAMES, ("only clients may",)),
    Broken("reserved opcode", upgraded(talk(first=frame(0x3))), Code.PROTOCOL_BROKEN, ("reserved opcode 3",)),
    Broken("proxy text", upgraded(talk(first=b"HTTP/1.1 502 Bad Gateway\r\n\r\n")), Code.RESERVED_BITS, ("proxy",)),
    Broken("never answers Close", upgraded(talk(close=False)), Code.CLOSE_UNANSWERED, ("opcode 8",), QUICK),
    Broken("drops at Close", upgraded(drops_at_close), Code.CLOSE_DROPPED, ("1006",)),
    Broken("keeps TCP", upgraded(stays), Code.TCP_NOT_ENDED, ("7.1.1",), QUICK),
]
