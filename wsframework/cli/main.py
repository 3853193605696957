"""The command line: which command, and what its end means for the exit status.

Strategy: a command is a module with `add_arguments(parser)` and `run(arguments) -> int`, imported only when it is
named. So `--help` is quick, and what a command needs (Twisted, an extra) has to be installed for that command alone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from wsframework import __version__
from wsframework.cli.failures import Failure, OutputGone, Stopped, UsageError
from wsframework.cli.paragraphs import Paragraphs

__all__ = ["COMMANDS", "HINT", "main"]

COMMANDS: Final = {
    "connect": "talk to a server: what you type is sent, what comes is shown",
    "serve": "a server that is ready to use: echo, chat, broadcast, tunnel",
    "check": "look at a server step by step, and say what is wrong",
    "bench": "put a bounded load on an echo server and measure it",
    "options": "what a server or a client can be told, with defaults",
}
"""Each with what it is for."""

HINT: Final = f"Commands: {', '.join(COMMANDS)}; `wsframework --help` says more."

_EPILOG: Final = (
    "With the extra `cli` (pip install '.[cli]' in the checkout) `connect` has a line editor with a history, and "
    "`bench` shows how far it is. `--backend twisted` needs Twisted: the extra `twisted`.\n"
    "\n"
    "exit status: 0 as asked, 1 something failed, 2 wrong usage, 130 Ctrl-C"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` (None: that of the process) names; the exit status.

    `SystemExit` for --help, --version and wrong usage, as argparse does.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        # What a terminal or a file cannot encode is escaped; a message of a server is no reason to stop.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser, commands = _parsers()
    name = next((word for word in given if not word.startswith("-")), "")
    if name not in COMMANDS:
        parser.parse_args(given)
        from wsframework.cli.versions import describe

        print(f"{describe()}\n\n{HINT}")
        return 0
    module = import_module(f"wsframework.cli.{name}")
    module.add_arguments(commands[name])
    # Each parser has its own words: as one, they would answer an option that a command does not know with the usage of
    # the whole.
    begin = given.index(name)
    parser.parse_args(given[:begin])
    # Intermixed: `serve tunnel --port 0 tcp:host:port` has its words on both sides of an option.
    return _run(module, commands[name].parse_intermixed_args(given[begin + 1 :]), commands[name])


def _run(module: Any, arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    try:
        status: int = module.run(arguments)
        sys.stdout.flush()
    except UsageError as error:
        parser.error(str(error))
    except Failure as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        return 128 + stopped.number
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (OutputGone, BrokenPipeError):
        # Python flushes stdout once more at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        prog="wsframework",
        description="WebSocket from a shell. Without a command: versions, for reports of problems.",
        epilog=_EPILOG,
        formatter_class=Paragraphs,
    )
    parser.add_argument("--version", action="version", version=f"wsframework {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands")
    commands = {
        name: subparsers.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            formatter_class=Paragraphs,
            allow_abbrev=False,
        )
        for name, purpose in COMMANDS.items()
    }
    return parser, commands
