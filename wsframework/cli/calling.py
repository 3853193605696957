"""What a client is told on the command line, for all commands that are one."""

from __future__ import annotations

import argparse
from typing import Any

from wsframework._core.uri import parse_uri
from wsframework.cli.backends import Backend, Trust, add_backend_argument
from wsframework.cli.failures import UsageError

__all__ = ["add_client_arguments", "begin", "header", "seconds"]


def add_client_arguments(parser: argparse.ArgumentParser) -> None:
    """The URL, and how to connect to it."""
    parser.add_argument("url", metavar="URL", help="ws://host:port/path, wss://..., or ws://unix:/path/of/socket")
    asked = parser.add_argument_group("connection")
    asked.add_argument(
        "-H", "--header", action="append", type=header, default=[], metavar="'NAME: VALUE'",
        help="send this header with the handshake; may be repeated",
    )  # fmt: skip
    asked.add_argument(
        "-s", "--subprotocol", action="append", default=[], metavar="NAME", help="offer it; may be repeated"
    )
    asked.add_argument("--origin", metavar="ORIGIN", help="the page that is said to ask, such as https://example.com")
    asked.add_argument("--proxy", metavar="URL", help="go through this HTTP proxy: http://[user:password@]host:port")
    asked.add_argument("-k", "--insecure", action="store_true", help="do not verify the server's certificate")
    asked.add_argument("--ca", metavar="FILE", help="trust the certificates in this file (PEM) and no others")
    asked.add_argument("--compression", action="store_true", help="offer permessage-deflate")
    asked.add_argument(
        "--timeout", type=seconds, default=10.0, metavar="SECONDS", help="for the connection to be open (default: 10)"
    )
    add_backend_argument(asked)  # type: ignore[arg-type]


def begin(backend: Backend, arguments: argparse.Namespace, **options: Any) -> Any:
    """What `connect` returns, for these arguments; `UsageError` where they do not fit."""
    try:
        uri = parse_uri(arguments.url)
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
        return backend.connect(
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


def header(text: str) -> tuple[str, str]:
    """`Name: value` taken apart."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"a header is written 'Name: value', which {text!r} is not")
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
