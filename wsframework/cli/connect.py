"""`connect URL`: talk to a server by hand, or send what a pipe brings."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import Any, Final

from wsframework.cli.backends import Backend, load
from wsframework.cli.calling import add_client_arguments, begin, seconds
from wsframework.cli.commands import NAMES, Commands
from wsframework.cli.findings import printable
from wsframework.cli.keyboard import Keyboard, find_keyboard
from wsframework.cli.screen import DISPLAYS, Screen, close_name
from wsframework.exceptions import ConnectionClosed, Disconnected

__all__ = ["add_arguments", "run"]

_IN_ORDER: Final = (1000, 1001, 1005)
_EPILOG: Final = (
    "A line is sent as a text message; /help lists the commands. Ctrl-D ends it, with a Close of 1000. When the lines "
    "come from a pipe or a file, it waits at their end until the server has answered a Ping and nothing has come for "
    "--wait seconds, and closes then. Messages go to stdout, all else to stderr.\n"
    "\n"
    "exit status: 0 if the server's Close has 1000, 1001 or no code, else 1; 130 after Ctrl-C"
)
_MIB: Final = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `connect` can be told."""
    parser.epilog = _EPILOG
    add_client_arguments(parser)
    shown = parser.add_argument_group("display")
    shown.add_argument("--binary", choices=DISPLAYS, default="hex", help="how to show binary messages (default: hex)")
    shown.add_argument("--json", action="store_true", help="show messages that are JSON with indents")
    shown.add_argument("--frames", action="store_true", help="show Ping, Pong and Close, too, with the time")
    parser.add_argument(
        "--wait", type=seconds, default=0.5, metavar="SECONDS",
        help="at the end of a pipe, how long nothing must have come before it is closed (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--max-size", type=_size, default=16 * _MIB, metavar="OCTETS",
        help="the largest message, sent or received; 0 for no limit (default: 16 MiB)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Talk until it is over; the exit status."""
    backend = load(arguments.backend)
    screen = Screen(binary=arguments.binary, pretty=arguments.json)
    keyboard = find_keyboard(NAMES)
    talk = _Talk(backend, screen, keyboard, arguments)
    return backend.run(lambda: backend.guarded(talk.whole()), on_asyncio=True)


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of octets")
    return int(text)


class _Talk:
    """One connection, from its beginning to its end."""

    def __init__(self, backend: Backend, screen: Screen, keyboard: Keyboard, arguments: argparse.Namespace) -> None:
        self._backend = backend
        self._screen = screen
        self._keyboard = keyboard
        self._arguments = arguments
        self._received = 0
        self._conversation: Any = None
        self._commands: Any = None

    async def whole(self) -> int:
        """Connect, talk, and say how it ended; the exit status."""
        limit = self._arguments.max_size
        connecting = begin(self._backend, self._arguments, maxMessagePayloadSize=limit, failByDrop=False)
        self._conversation = await connecting
        self._opened()
        try:
            with self._keyboard.ready():
                await self._talk()
        except self._backend.cancelled:
            await self._conversation.close(1001)
            if self._keyboard.is_echoed:
                self._screen.end_line()
            self._closed()
            raise
        except BaseException:
            self._conversation.dropConnection(abort=True)
            raise
        return self._closed()

    async def _talk(self) -> None:
        typing = self._backend.spawn(self._type())
        try:
            with suppress(ConnectionClosed):
                async for message in self._conversation:
                    self._received += 1
                    self._screen.message(message)
        finally:
            typing.cancel()
            await typing

    async def _type(self) -> None:
        """Lines, until there are no more, the connection is gone or this is cancelled."""
        try:
            while await self._obeyed_line():
                pass
            await self._say_goodbye()
        except Disconnected:
            pass
        except self._backend.cancelled:
            pass
        except BaseException:
            self._conversation.dropConnection(abort=True)
            raise

    async def _obeyed_line(self) -> bool:
        """Do what the next line says; False if there is none."""
        try:
            line = await self._backend.asyncio_result(self._keyboard.line())
            if line is None:
                return False
            await self._commands.obey(line)
        except (ValueError, OSError) as error:
            self._screen.problem(str(error))
        return True

    async def _say_goodbye(self) -> None:
        if not self._keyboard.is_typed:
            # The server has read all that was sent when it answers this.
            await self._conversation.ping()
            before = -1
            while before != self._received:
                before = self._received
                await self._backend.sleep(self._arguments.wait)
        await self._commands.obey("/close")

    def _opened(self) -> None:
        conversation, screen = self._conversation, self._screen
        frames = self._arguments.frames
        self._commands = Commands(conversation, screen, self._backend, frames=frames)
        screen.start_clock()
        screen.title(f"Connected to {self._arguments.url}")
        extensions = ", ".join(str(extension) for extension in conversation.websocket_extensions_in_use)
        rows = [
            ("address", _address(conversation.peer)),
            ("subprotocol", conversation.websocket_protocol_in_use or "none"),
            ("extensions", extensions or "none"),
            ("TLS", self._backend.tls_version(conversation) or "none"),
        ]
        screen.table(rows)
        if frames:
            conversation.on("ping", lambda payload: screen.frame("<", "PING", _payload(payload)))
            conversation.on("pong", lambda payload: screen.frame("<", "PONG", _payload(payload)))
        if self._keyboard.is_typed:
            # Without a line editor there is no prompt: what comes would stand behind it.
            how = "type a line and press Enter; " if self._keyboard.is_echoed else ""
            screen.note(f"{how}/help for commands, Ctrl-D to close")

    def _closed(self) -> int:
        conversation, screen = self._conversation, self._screen
        closure = conversation.closure
        if self._arguments.frames and conversation.remoteCloseCode is not None:
            reason = conversation.remoteCloseReason
            screen.frame("<", "CLOSE", f"{conversation.remoteCloseCode} {reason!r}" if reason else str(closure.code))
        screen.title(printable(_ending(conversation)))
        return 0 if closure.was_clean and closure.code in _IN_ORDER else 1


def _ending(conversation: Any) -> str:
    """Who closed it and with what; what we said ourselves is the news where the server only answered."""
    closure = conversation.closure
    if closure.was_clean and conversation.closedByMe:
        ours = _code_and_reason(conversation.localCloseCode, conversation.localCloseReason)
        theirs = _code_and_reason(conversation.remoteCloseCode, conversation.remoteCloseReason)
        return f"Closed by you with {ours} (the server answered {theirs})"
    how = "Closed by the server" if closure.was_clean else "Ended"
    return f"{how}: {closure.code} ({close_name(closure.code)}) {closure.reason or ''}".rstrip()


def _code_and_reason(code: int | None, reason: str | None) -> str:
    if code is None:
        return "without a code"
    return f'{code} "{reason}"' if reason else str(code)


def _payload(payload: bytes) -> str:
    if not payload:
        return ""
    try:
        return repr(payload.decode("utf-8"))
    except UnicodeDecodeError:
        return payload.hex(" ")


def _address(peer: str) -> str:
    """`tcp4:127.0.0.1:9000` as people write it."""
    kind, _, rest = peer.partition(":")
    if kind != "tcp6":
        return rest or peer
    host, _, port = rest.rpartition(":")
    return f"[{host}]:{port}"
