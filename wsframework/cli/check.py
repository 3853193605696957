"""`wsframework check URL`: what there is at a URL, step by step, and what is wrong with it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Final

from wsframework._core.client_handshake import build_request
from wsframework._core.uri import parse_uri
from wsframework.cli.calling import add_request_arguments
from wsframework.cli.diagnosis import diagnose, is_usable
from wsframework.cli.facts import Question
from wsframework.cli.failures import UsageError
from wsframework.cli.json_report import json_report
from wsframework.cli.opening import hello
from wsframework.cli.probe import Settings, examine
from wsframework.cli.report import show
from wsframework.cli.tls import verifying_context

__all__ = ["LARGEST", "add_arguments", "run"]

LARGEST: Final = 16 * 1024 * 1024
"""Up to which size, in octets, --limits looks for the largest message unless told."""

_MOST: Final = 1 << 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.description = (
        "Open a WebSocket step by step and report what was found: address, TCP, TLS, the opening handshake, "
        "extensions, pings, the closing handshake. What is wrong is explained. The exit status is 0 for a usable "
        "WebSocket, 1 for problems, 2 for wrong usage."
    )
    add_request_arguments(parser, "each step")
    parser.add_argument(
        "--limits",
        action="store_true",
        help="also send messages of growing size and frames that break the protocol, to see what the server does",
    )
    parser.add_argument(
        "--largest",
        metavar="OCTETS",
        type=_size,
        default=LARGEST,
        help="the largest message that --limits sends (default: 16 MiB)",
    )
    parser.add_argument("--json", action="store_true", help="the report as JSON, for programs")


def run(args: argparse.Namespace) -> int:
    """Check, print the report, and return the exit status; `UsageError` for what cannot be asked."""
    try:
        settings = _settings(args)
    except ValueError as error:
        raise UsageError(str(error)) from error
    facts = asyncio.run(examine(settings))
    findings = diagnose(facts)
    if args.json:
        print(json_report(facts, findings))
    else:
        show(facts, findings, sys.stdout)
    return 0 if is_usable(findings) else 1


def _settings(args: argparse.Namespace) -> Settings:
    """`ValueError` for what cannot be asked."""
    uri = parse_uri(args.url)
    question = Question(args.url, uri, tuple(args.subprotocol), args.origin, tuple(args.header))
    # What cannot stand in the request is found before anything is opened.
    build_request(hello(question))
    context = None
    if uri.is_secure:
        try:
            context = verifying_context(args.ca)
        except OSError as error:
            raise ValueError(f"--ca {args.ca}: {error.strerror or error}") from error
    return Settings(question, args.timeout, context, args.insecure, args.largest if args.limits else None)


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:12]) <= _MOST):
        raise argparse.ArgumentTypeError(f"a number of octets from 1 to {_MOST}")
    return int(text)
