"""What a client is told on the command line, for all commands that are one."""

from __future__ import annotations

import argparse
import socket
from typing import Any, Final

from wsframework._core.headers import check_header
from wsframework._core.uri import parse_uri
from wsframework.cli.advice import of_connecting
from wsframework.cli.backends import Backend, Trust, add_backend_argument
from wsframework.cli.failures import Failure, UsageError

__all__ = ["add_client_arguments", "add_request_arguments", "begin", "seconds"]

_LONGEST_TIMEOUT: Final = 3600.0


def add_client_arguments(parser: argparse.ArgumentParser) -> None:
    """The URL, how to connect to it, and on what."""
    asked = add_request_arguments(parser, "the connection to be open")
    asked.add_argument("--proxy", metavar="URL", help="go through this HTTP proxy: http://[user:password@]host:port")
    asked.add_argument("--compression", action="store_true", help="offer permessage-deflate")
    add_backend_argument(asked)


def add_request_arguments(parser: argparse.ArgumentParser, timed: str) -> argparse._ArgumentGroup:
    """The URL, and what to ask it for, in a group that is returned; `timed` is what --timeout is for."""
    parser.add_argument(
        "url", type=_url, metavar="URL", help="ws://host:port/path, wss://..., or ws://unix:/path/of/socket"
    )
    asked = parser.add_argument_group("connection")
    asked.add_argument(
        "-H", "--header", action="append", type=_header, default=[], metavar="'NAME: VALUE'",
        help="send this header with the handshake; may be repeated",
    )  # fmt: skip
    asked.add_argument(
        "-s", "--subprotocol", action="append", default=[], metavar="NAME", help="offer it; may be repeated"
    )
    asked.add_argument("--origin", metavar="ORIGIN", help="the page that is said to ask, such as https://example.com")
    asked.add_argument("-k", "--insecure", action="store_true", help="do not verify the server's certificate")
    asked.add_argument("--ca", metavar="FILE", help="trust the certificates in this file (PEM) and no others")
    asked.add_argument("--timeout", type=_timeout, default=10.0, metavar="SECONDS", help=f"for {timed} (default: 10)")
    return asked


async def begin(backend: Backend, arguments: argparse.Namespace, **options: Any) -> Any:
    """An open conversation; `UsageError` where the arguments do not fit, `Failure` where there is no connection."""
    uri = parse_uri(arguments.url)
    try:
        asks_about_tls = arguments.insecure or arguments.ca is not None
        if asks_about_tls and not uri.is_secure:
            raise UsageError("--insecure and --ca are for wss URLs")
        if asks_about_tls:
            options["ssl"] = backend.client_tls(Trust(uri.host, arguments.insecure, arguments.ca))
    except OSError as error:
        raise UsageError(f"--ca {arguments.ca}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        connecting = backend.connect(
            arguments.url,
            subprotocols=arguments.subprotocol or None,
            origin=arguments.origin,
            headers=arguments.header,
            timeout=arguments.timeout,
            proxy=arguments.proxy,
            compression=arguments.compression,
            **options,
        )
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    try:
        return await connecting
    except Exception as error:
        text = of_connecting(backend, error, uri, has_proxy=arguments.proxy is not None)
        if text is None:
            raise
        raise Failure(text) from error


def _url(text: str) -> str:
    """A WebSocket URL; for one of the web the error says how it would be written."""
    try:
        uri = parse_uri(text)
    except ValueError as error:
        scheme, separator, rest = text.partition("://")
        websocket = {"http": "ws", "https": "wss"}.get(scheme.lower()) if separator else None
        # Here the URL may be quoted.
        problem = f"{str(error).partition(';')[0]}; write {websocket}://{rest}" if websocket else str(error)
        raise argparse.ArgumentTypeError(problem) from error
    if uri.unix_path is not None and not hasattr(socket, "AF_UNIX"):
        raise argparse.ArgumentTypeError("there are no unix sockets on this system")
    return text


def _header(text: str) -> tuple[str, str]:
    """`Name: value` taken apart."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"a header is written 'Name: value', which {text!r} is not")
    try:
        check_header(name.strip(), value.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return name.strip(), value.strip()


def seconds(text: str) -> float:
    """A time, as an argument."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e7:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _timeout(text: str) -> float:
    value = seconds(text)
    if not 0 < value <= _LONGEST_TIMEOUT:
        raise argparse.ArgumentTypeError(f"a number of seconds, more than 0 and at most {_LONGEST_TIMEOUT:g}")
    return value
