"""`serve echo|chat|broadcast|tunnel`: servers that are ready to use."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import wraps
from ipaddress import ip_address
from typing import Any, Final

from wsframework._core.uri import parse_authority
from wsframework.cli.advice import of_listening
from wsframework.cli.backends import Backend, add_backend_argument, load
from wsframework.cli.failures import Failure, OutputGone, Stopped, UsageError
from wsframework.cli.findings import printable
from wsframework.websocket.broadcast import Broadcast
from wsframework.websocket.types import ConnectionDeny, ConnectionRequest

__all__ = ["Service", "add_arguments", "run"]

_WHAT: Final = {
    "echo": "every message goes back to its sender",
    "chat": "a room with a page for browsers",
    "broadcast": "every message goes to everybody else",
    "tunnel": "every connection is a TCP connection to TARGET",
}
_EPILOG: Final = "\n".join(
    [
        *(f"{name:<10} {purpose}" for name, purpose in _WHAT.items()),
        "",
        "A tunnel takes binary messages. It and the chat refuse pages of other sites, which browsers name in the "
        "header Origin; --origin says which ones may connect. Ctrl-C and SIGTERM close all connections in order.",
    ]
)
# What begins these in PEM; keys are of several kinds.
_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
# Octets in which they must have begun. A chain with its key has a few thousand.
_LARGEST_PEM: Final = 1 << 20
# Of what people do not keep up with so much is kept for them.
_QUEUE: Final = 256


@dataclass(frozen=True, slots=True)
class Service:
    """What is served: the `handler` of each conversation, arguments of `serve`, and who looks at requests where no
    origins are given."""

    handler: Callable[[Any], Awaitable[None]]
    arguments: dict[str, Any] = field(default_factory=dict)
    process_request: Callable[[ConnectionRequest], None] | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `serve` can be told."""
    parser.epilog = _EPILOG
    parser.add_argument("what", metavar="|".join(_WHAT))
    parser.add_argument("target", nargs="?", metavar="TARGET", help="for tunnel: tcp:host:port")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=_port, default=9000, help="0 for any that is free (default: 9000)")
    parser.add_argument("--tls", metavar="CERT", help="speak TLS, with the certificate in this file (PEM)")
    parser.add_argument("--key", metavar="KEY", help="its private key (PEM), where that is not in CERT")
    parser.add_argument(
        "--origin", action="append", metavar="PATTERN",
        help="pages that may connect, as https://*.example.com; may be repeated",
    )  # fmt: skip
    parser.add_argument("--max-connections", type=_number, default=0, metavar="N", help="at once (default: no limit)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no line for each connection")
    add_backend_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes; SIGTERM is how a server is ended in order: 0."""
    _check_words(arguments)
    backend = load(arguments.backend)
    service = _service(backend, arguments)
    backend.show_log(_log, all_lines=not arguments.quiet)
    options: dict[str, Any] = {"maxConnections": arguments.max_connections, **service.arguments}
    if arguments.origin is None:
        options["process_request"] = service.process_request
    else:
        options["origins"] = arguments.origin
    if arguments.tls is not None:
        options["ssl"] = _tls(backend, arguments.tls, arguments.key)
    handler = service.handler if arguments.quiet else _logged(service.handler)
    try:
        return backend.run(lambda: backend.guarded(_serve(backend, arguments, handler, options)))
    except Stopped as stopped:
        if stopped.number == signal.SIGTERM:
            return 0
        raise


async def _serve(backend: Backend, arguments: argparse.Namespace, handler: Any, options: dict[str, Any]) -> int:
    try:
        server = await backend.serve(handler, arguments.host, arguments.port, **options)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    except Exception as error:
        text = of_listening(backend, error, arguments.host, arguments.port)
        if text is None:
            raise
        raise Failure(text) from error
    try:
        _announce(server, arguments)
        await server.serve_forever()
    finally:
        await server.close()
    return 0


def _announce(server: Any, arguments: argparse.Namespace) -> None:
    lines = [f"{arguments.what}: {server.url}"]
    if arguments.what == "chat":
        lines.append(f"page: http{server.url.removeprefix('ws')}/")
    if not _is_of_this_machine(arguments.host):
        print(f"warning: on {arguments.host} everybody who reaches this machine can connect", file=sys.stderr)
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:
        raise OutputGone from None


def _check_words(arguments: argparse.Namespace) -> None:
    """`UsageError` for what cannot be served. A word too many behind --tls CERT is most likely its key."""
    what, target = arguments.what, arguments.target
    if arguments.tls is None and arguments.key is not None:
        raise UsageError("--key goes with --tls CERT")
    problem, extra = "", None
    if what not in _WHAT:
        problem, extra = f"{what!r} is not one of {', '.join(_WHAT)}", what
    elif (what == "tunnel") != (target is not None):
        problem, extra = "tunnel needs a target, tcp:host:port, and nothing else takes one", target
    if problem and extra and arguments.tls and arguments.key is None:
        problem += f"; if {extra} has the key: --tls {arguments.tls} --key {extra}"
    if problem:
        raise UsageError(problem)


def _service(backend: Backend, arguments: argparse.Namespace) -> Service:
    if arguments.what == "chat":
        from wsframework.cli.chat import chat

        handler, more = chat()
        return Service(handler, more, _refuse_other_pages)
    if arguments.what == "tunnel":
        from wsframework.cli.tunnel import tunnel

        host, port = _target(arguments.target)
        # noVNC and its like ask for this subprotocol.
        return Service(tunnel(backend, host, port), {"subprotocols": ["binary"]}, _refuse_pages)
    return Service(_echo if arguments.what == "echo" else _relay())


async def _echo(conversation: Any) -> None:
    async for message in conversation:
        await conversation.send(message)


def _relay() -> Callable[[Any], Awaitable[None]]:
    everybody = Broadcast(max_messages=_QUEUE, max_octets=16 << 20)

    async def relay(conversation: Any) -> None:
        everybody.add(conversation)
        async for message in conversation:
            everybody.send(message, isinstance(message, bytes), exclude=(conversation,))

    return relay


def _refuse_other_pages(request: ConnectionRequest) -> None:
    """A page of another site could act in the name of whoever looks at it. Programs send no Origin."""
    if request.origin and request.origin.partition("://")[2] != request.headers.get("host"):
        raise ConnectionDeny(ConnectionDeny.FORBIDDEN, body="this server is not for pages of other sites\n")


def _refuse_pages(request: ConnectionRequest) -> None:
    """A tunnel has no page of its own."""
    if request.origin:
        raise ConnectionDeny(ConnectionDeny.FORBIDDEN, body="this tunnel is not for web pages; see --origin\n")


def _logged(handler: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    """`handler`, with a line for each connection when it is over."""

    @wraps(handler)
    async def logged(conversation: Any) -> None:
        begun = time.monotonic()

        def over(wasClean: bool, code: int | None, reason: str | None) -> None:
            stats = conversation.trafficStats
            came, went = stats.incomingOctetsAppLevel, stats.outgoingOctetsAppLevel
            path = printable(conversation.http_request_path)[:60]
            passed = time.monotonic() - begun
            how = str(code)
            if wasClean and conversation.closedByMe:
                # What we said is the news; the answer mostly is 1000.
                said = conversation.localCloseReason
                how = f"{conversation.localCloseCode} ({printable(said)})" if said else str(conversation.localCloseCode)
            _log(f"{printable(conversation.peer)} {path} {how} after {passed:.1f} s, {came:,} octets in, {went:,} out")

        conversation.on("close", over)
        await handler(conversation)

    return logged


def _log(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def _tls(backend: Backend, certificate: str, key: str | None) -> Any:
    """What OpenSSL says of files that are something else helps nobody, so that is looked at first."""
    _check_pem(certificate, _CERTIFICATE, "--tls", "certificate")
    _check_pem(key or certificate, _KEY, "--key", "private key" if key else "private key; name its file with --key")
    try:
        return backend.server_tls(certificate, key or certificate)
    except (OSError, ValueError) as error:
        files = certificate if key is None else f"{certificate} --key {key}"
        raise UsageError(f"--tls {files}: {backend.explain(error) or error}") from error


def _check_pem(name: str, mark: bytes, option: str, wanted: str) -> None:
    """Whether a file has something of a kind in it, by the line that such a thing begins with in PEM."""
    try:
        with open(name, "rb") as file:
            found = mark in file.read(_LARGEST_PEM)
    except OSError as error:
        raise UsageError(f"{option} {name}: {error.strerror or error}") from error
    if not found:
        raise UsageError(f"{name} has no {wanted}")


def _target(text: str) -> tuple[str, int]:
    kind, _, place = text.partition(":")
    try:
        host, port = parse_authority(place)
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from error
    if kind != "tcp" or port is None or not host:
        raise UsageError(f"{text}: a target is written tcp:host:port, an IPv6 address in brackets")
    return host, port


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 0 or more")
    return int(text)


def _port(text: str) -> int:
    port = _number(text)
    if port > 65535:
        raise argparse.ArgumentTypeError(f"a port is at most 65535, not {port}")
    return port


def _is_of_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
