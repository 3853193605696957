"""Where the lines come from that `connect` sends: a line editor on a terminal where there is one, else stdin as it is.

Both are asyncio's: prompt_toolkit runs on its loop alone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from typing import Any, Final, Protocol

__all__ = ["Editor", "Keyboard", "Lines", "find_keyboard"]

_CHUNK: Final = 64 * 1024
_STDIN: Final = 0


class Keyboard(Protocol):
    """Gives lines, inside of `with keyboard.ready()`."""

    is_typed: bool
    """Somebody types them, and looks at what comes."""
    is_echoed: bool
    """The terminal shows what is typed by itself, also Ctrl-C, which it shows as `^C`."""

    def ready(self) -> AbstractContextManager[Any]:
        """While lines are asked for."""

    async def line(self) -> str | None:
        """The next line without its end, None when there are no more; `ValueError` for one that is not UTF-8."""


def find_keyboard(words: Iterable[str]) -> Keyboard:
    """The best there is; `words` complete what is typed in a line editor."""
    is_typed = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    if is_typed:
        with suppress(ModuleNotFoundError):
            return Editor(words)
    return Lines(is_typed=is_typed)


class Lines:
    """Lines from stdin.

    Read by a thread, because files and terminals cannot be waited for everywhere, and by the file descriptor: a thread
    inside of Python's buffered stdin would hold up the end of the process. It reads on only when lines are wanted.
    """

    def __init__(self, read: Callable[[], bytes] = lambda: os.read(_STDIN, _CHUNK), *, is_typed: bool = False) -> None:
        self.is_typed = self.is_echoed = is_typed
        self._read = read
        self._rest = b""
        self._lines: list[bytes] = []
        self._is_over = False

    def ready(self) -> AbstractContextManager[Any]:
        """Nothing to do."""
        return nullcontext()

    async def line(self) -> str | None:
        """See `Keyboard.line`."""
        pieces = [self._rest]
        while not self._lines:
            if self._is_over:
                return None
            chunk = await _in_thread(self._read)
            self._is_over = not chunk
            pieces.append(chunk)
            if b"\n" in chunk or self._is_over:
                *lines, self._rest = b"".join(pieces).split(b"\n")
                if self._is_over and self._rest:
                    lines, self._rest = [*lines, self._rest], b""
                self._lines = lines[::-1]
                pieces = [self._rest]
        try:
            return self._lines.pop().removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("a line is not UTF-8, so it was not sent; /bin and /file send octets") from None


async def _in_thread(work: Callable[[], bytes]) -> bytes:
    """The result of `work` from a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bytes] = loop.create_future()

    def resolve(data: bytes) -> None:
        if not future.done():
            future.set_result(data)

    def run() -> None:
        try:
            data = work()
        except OSError:
            # A terminal that has gone is the end of its lines.
            data = b""
        # The loop may be closed before a line comes.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve, data)

    threading.Thread(target=run, daemon=True).start()
    return await future


class Editor:
    """prompt_toolkit: a line at the bottom that what comes does not disturb, with a history for as long as it runs."""

    is_typed = True
    is_echoed = False

    def __init__(self, words: Iterable[str]) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter

        completer = WordCompleter(list(words), sentence=True)
        self._session: Any = PromptSession(completer=completer, complete_while_typing=False, reserve_space_for_menu=3)

    def ready(self) -> AbstractContextManager[Any]:
        """What is printed goes above the line; `raw`, because the colors are ours.

        The terminal gives single keys for the whole time, also between two lines and while something is printed:
        otherwise what is typed just then would be echoed, and a Ctrl-D be lost.
        """
        from prompt_toolkit.patch_stdout import patch_stdout

        stack = ExitStack()
        keys = self._session.app.input
        stack.enter_context(keys.raw_mode())
        keys.cooked_mode = nullcontext
        stack.enter_context(patch_stdout(raw=True))
        return stack

    async def line(self) -> str | None:
        """See `Keyboard.line`. Ctrl-C becomes the signal that it is elsewhere."""
        try:
            line: str = await self._session.prompt_async("> ", handle_sigint=False)
        except EOFError:
            return None
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            # That cancels this.
            await asyncio.get_running_loop().create_future()
            raise
        return line
