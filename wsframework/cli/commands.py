"""What a line that was typed means: a message, or one of the commands that begin with a slash."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from wsframework._core.connection import check_close
from wsframework.cli.backends import Backend
from wsframework.cli.findings import printable
from wsframework.cli.screen import Screen, octets
from wsframework.exceptions import Disconnected

__all__ = ["NAMES", "Commands"]

_HELP: Final = {
    "/ping [text]": "send a Ping",
    "/pong [text]": "send a Pong",
    "/close [code [reason]]": "close, with 1000",
    "/file PATH": "send a file, as text if it is UTF-8",
    "/bin HEX": "send octets: /bin 00 ff 7f",
    "/json VALUE": "send valid JSON",
    "/headers": "the handshake",
    "/stats": "what was counted",
    "/help": "this list",
    "//text": "send /text",
}
_NAMES_WIDTH: Final = max(map(len, _HELP)) + 1


class Commands:
    """Does what lines say, on one conversation of this backend."""

    def __init__(self, conversation: Any, screen: Screen, backend: Backend, *, frames: bool) -> None:
        self._conversation = conversation
        self._screen = screen
        self._backend = backend
        self._frames = frames
        self._begun = perf_counter()

    async def obey(self, line: str) -> None:
        """One line. `ValueError` or `OSError` for what cannot be done, `Disconnected` when nothing can any more."""
        if not line.startswith("/") or line.startswith("//"):
            await self._send(line.removeprefix("/") if line.startswith("//") else line)
            return
        name, _, rest = line[1:].partition(" ")
        action = _ACTIONS.get(name)
        if action is None:
            raise ValueError(f"there is no /{name}; /help lists what there is, and //{name} sends it")
        await action(self, rest.strip())

    async def _send(self, message: str | bytes) -> None:
        limit = self._conversation.maxMessagePayloadSize
        size = len(message.encode("utf-8", "surrogatepass") if isinstance(message, str) else message)
        if limit and size > limit:
            raise ValueError(f"{octets(size)} are over the limit of {limit:,}; --max-size raises it")
        await self._conversation.send(message)

    async def _ping(self, rest: str) -> None:
        payload = rest.encode() if rest else None
        if payload is not None and len(payload) > 125:
            raise ValueError(f"a Ping has at most 125 octets, not {len(payload)}")
        if self._frames:
            self._screen.frame(">", "PING", repr(rest) if rest else "")
        self._backend.spawn(self._pinged(payload))

    async def _pinged(self, payload: bytes | None) -> None:
        try:
            passed = await self._conversation.ping(payload)
        except Disconnected:
            return
        # A Deferred comes at once, before the frame itself is shown.
        await self._backend.sleep(0)
        self._screen.note(f"pong after {1000 * passed:.1f} ms")

    async def _pong(self, rest: str) -> None:
        self._conversation.sendPong(rest.encode())
        if self._frames:
            self._screen.frame(">", "PONG", repr(rest) if rest else "")

    async def _close(self, rest: str) -> None:
        number, _, reason = rest.partition(" ")
        if number and not (number.isascii() and number.isdigit() and len(number) == 4):
            raise ValueError("/close [code [reason]]: the code is one of 1000 to 1003, 1007 to 1014 or 3000 to 4999")
        code = int(number or "1000")
        check_close(code, reason)
        if self._frames:
            self._screen.frame(">", "CLOSE", f"{code} {reason!r}" if reason else str(code))
        # Not `close` of the conversation: what still comes is to be shown.
        self._conversation.sendClose(code, reason.strip() or None)

    async def _file(self, rest: str) -> None:
        if not rest:
            raise ValueError("/file PATH")
        path = Path(rest).expanduser()
        if not path.is_file():
            raise ValueError(f"{path} is no file")
        limit = self._conversation.maxMessagePayloadSize
        size = path.stat().st_size
        if limit and size > limit:
            raise ValueError(f"{path} has {octets(size)}, over the limit of {limit:,}; --max-size raises it")
        data = path.read_bytes()
        try:
            message: str | bytes = data.decode("utf-8")
        except UnicodeDecodeError:
            message = data
        await self._send(message)
        kind = "text" if isinstance(message, str) else "binary"
        self._screen.note(f"sent {octets(len(data))} as {kind}")

    async def _bin(self, rest: str) -> None:
        try:
            data = bytes.fromhex(rest)
        except ValueError:
            raise ValueError("/bin HEX: two hexadecimal digits for each octet, as in /bin 00 ff 7f") from None
        await self._send(data)

    async def _json(self, rest: str) -> None:
        try:
            json.loads(rest)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"that is no JSON: {error}") from None
        # As it was typed: another spelling may be what is to be tried.
        await self._send(rest)

    async def _headers(self, rest: str) -> None:
        self._screen.note(f"  {printable(self._conversation.http_status_line)}")
        self._screen.table(list(self._conversation.http_headers.items()))

    async def _stats(self, rest: str) -> None:
        stats = self._conversation.trafficStats
        rows = [("seconds", f"{perf_counter() - self._begun:.1f}")]
        for title, way in (("sent", "outgoing"), ("received", "incoming")):
            messages, wire = getattr(stats, f"{way}WebSocketMessages"), getattr(stats, f"{way}OctetsWireLevel")
            payload = getattr(stats, f"{way}OctetsAppLevel")
            count = "1 message" if messages == 1 else f"{messages:,} messages"
            rows += [(title, f"{count}, {octets(payload)}"), ("", f"{octets(wire)} on the wire")]
        self._screen.table(rows)

    async def _help(self, rest: str) -> None:
        # A cursor at the end of a full line would be on the next.
        width = shutil.get_terminal_size().columns - 1
        fill = partial(textwrap.wrap, width=width, subsequent_indent=" " * _NAMES_WIDTH)
        rows = (fill(f"{name:<{_NAMES_WIDTH}}{purpose}") for name, purpose in _HELP.items())
        self._screen.note("\n".join(line for row in rows for line in row))


_Action = Callable[[Commands, str], Awaitable[None]]
_ACTIONS: Final[dict[str, _Action]] = {
    "ping": Commands._ping,
    "pong": Commands._pong,
    "close": Commands._close,
    "file": Commands._file,
    "bin": Commands._bin,
    "json": Commands._json,
    "headers": Commands._headers,
    "stats": Commands._stats,
    "help": Commands._help,
}
NAMES: Final = tuple(f"/{name}" for name in _ACTIONS)
"""With their slash."""
