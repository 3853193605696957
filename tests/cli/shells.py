"""Commands as processes, with pipes or in a terminal, and a server of another library for them."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

__all__ = ["BACKENDS", "ROOT", "SECONDS", "Command", "Peer", "Terminal", "client", "echo"]

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ["asyncio", "twisted"]
SECONDS = 30
"""How long something may take; nothing needs that long."""

# Twisted leaves a file open for the end of the process, which Python then complains about.
_PROGRAM = [sys.executable, "-W", "error", "-W", "ignore:unclosed file:ResourceWarning", "-m", "wsframework"]
# What a terminal shows is looked at without its colors and movements.
_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")


def _environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([*([more.pop("first")] if "first" in more else []), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "NO_PROXY": "127.0.0.1", **more}


class Command:
    """With pipes. `text` is all of its input; without it the input stays open until `write` and `end`.

    `stdout` is where its stdout goes instead, and `more` is for its environment.
    """

    def __init__(
        self,
        arguments: tuple[str, ...],
        folder: Path,
        text: str | bytes | None = None,
        stdout: int = subprocess.PIPE,
        **more: str,
    ) -> None:
        self.process = subprocess.Popen(
            [*_PROGRAM, *arguments],
            cwd=folder,
            env=_environment(**more),
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        if stdout == subprocess.PIPE:
            self._output = _lines_of(self.process.stdout)
        self._errors = _lines_of(self.process.stderr)
        if text is not None:
            self.write(text)
            self.end()

    def write(self, text: str | bytes) -> None:
        """To its stdin."""
        assert self.process.stdin is not None, "it was made with pipes"
        self.process.stdin.write(text.encode() if isinstance(text, str) else text)
        self.process.stdin.flush()

    def end(self) -> None:
        """There is no more input."""
        assert self.process.stdin is not None, "it was made with pipes"
        self.process.stdin.close()

    def line(self) -> str:
        """The next line of its stdout."""
        line = self._output.get(timeout=SECONDS)
        assert line is not None, self.errors()
        return line

    def url(self) -> str:
        """Where it serves."""
        return self.line().split()[-1]

    def error_with(self, text: str) -> str:
        """The next line of its stderr that has `text` in it."""
        while (line := self._errors.get(timeout=SECONDS)) is not None:
            if text in line:
                return line
        raise AssertionError(f"it ended without saying {text!r}")

    def signal(self, number: int) -> None:
        """As the shell does for Ctrl-C."""
        self.process.send_signal(number)

    def status(self) -> int:
        """Wait until it has ended."""
        return self.process.wait(SECONDS)

    def output(self) -> list[str]:
        """The lines of its stdout that were not looked at yet, to the end."""
        return list(iter(lambda: self._output.get(timeout=SECONDS), None))

    def errors(self) -> list[str]:
        """The lines of its stderr that were not looked at yet, to the end."""
        return list(iter(lambda: self._errors.get(timeout=SECONDS), None))

    def kill(self) -> None:
        """Make sure that it is gone."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None, "it was made with pipes"
        # It may have ended before it read all that was written.
        with suppress(BrokenPipeError):
            self.process.stdin.close()


def _lines_of(stream: IO[bytes] | None) -> queue.Queue[str | None]:
    """The lines of a pipe as they come, None at its end; a thread, so that a full pipe never stops the program."""
    assert stream is not None, "it was made with pipes"
    lines: queue.Queue[str | None] = queue.Queue()

    def read(stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                lines.put(line.decode().removesuffix("\n"))
        lines.put(None)

    threading.Thread(target=read, args=(stream,), daemon=True).start()
    return lines


class Terminal:
    """In a terminal of so many columns."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, columns: int = 80, **more: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        # No cursor position reports: nobody here answers the question.
        environment = _environment(TERM="xterm-256color", PROMPT_TOOLKIT_NO_CPR="1", **more)
        # The terminal has a size of its own; readline, which pytest imports, leaves that of another one there.
        environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, *_PROGRAM, *arguments],
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._ours = ours
        self._shown = ""
        self._changed = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:
                data = b""
            with self._changed:
                self._shown += data.decode("utf-8", "replace")
                self._is_over = not data
                self._changed.notify_all()
            if not data:
                return

    def type(self, text: str) -> None:
        """As somebody at the keyboard; \\r is Enter."""
        os.write(self._ours, text.encode())

    def until(self, text: str, count: int = 1) -> str:
        """Wait until `text` was shown so many times; everything that was shown, without what steers the terminal."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._seen().count(text) >= count or self._is_over, SECONDS)
        shown = self._seen()
        assert found, shown
        assert shown.count(text) >= count, shown
        return shown

    def _seen(self) -> str:
        return _STEERING.sub("", self._shown).replace("\r", "")

    def raw(self) -> str:
        """Everything that was written to the terminal."""
        return self._shown

    def status(self) -> int:
        """Wait until it has ended."""
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        """Make sure that it is gone."""
        self.process.kill()
        self.process.wait()
        self._reader.join(SECONDS)
        os.close(self._ours)


# Makes the terminal the controlling one, so that Ctrl-C in it is a signal.
_IN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


def client(url: str, **options: Any) -> ClientConnection:
    """A client of websockets, for `with`; `options` as its `connect` takes them."""
    everywhere: dict[str, Any] = {"open_timeout": SECONDS, "close_timeout": SECONDS, "ping_interval": None}
    connection: ClientConnection = connect(url, proxy=None, max_size=None, **everywhere, **options)
    return connection


def echo(connection: ServerConnection) -> None:
    """What most servers here do."""
    for message in connection:
        connection.send(message)


class Peer:
    """A server of websockets in a thread. Its handler runs in one thread for each connection."""

    def __init__(self, handler: Callable[[ServerConnection], None] = echo, **options: Any) -> None:
        self.requests: queue.Queue[Any] = queue.Queue()
        self.closures: queue.Queue[tuple[int | None, str | None]] = queue.Queue()

        def handle(connection: ServerConnection) -> None:
            self.requests.put(connection.request)
            try:
                handler(connection)
            finally:
                connection.close()
                self.closures.put((connection.close_code, connection.close_reason))

        self._server = serve(handle, "127.0.0.1", 0, **options)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        host, port = self._server.socket.getsockname()
        self.url = f"ws://{host}:{port}/"

    def request(self) -> Any:
        """The next handshake's request."""
        return self.requests.get(timeout=SECONDS)

    def closure(self) -> tuple[int | None, str | None]:
        """How the next connection ended."""
        return self.closures.get(timeout=SECONDS)

    def stop(self) -> None:
        """No more connections."""
        self._server.shutdown()
        self._thread.join(SECONDS)
