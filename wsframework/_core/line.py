"""Messages in line behind one that is being compressed in another thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from wsframework._core.port import Port

__all__ = ["Line"]


class Line:
    """Keeps the order: what comes later waits until the message at the head is compressed and sent.

    `octets` is how much payload is here, the head's too.
    """

    __slots__ = ("_head", "_port", "_waiting", "octets")

    def __init__(self, port: Port) -> None:
        self._port = port
        self._head: _Head | None = None
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self.octets = 0

    @property
    def is_busy(self) -> bool:
        """True while what is sent must wait here."""
        return self._head is not None or bool(self._waiting)

    def begin(self, size: int, work: Callable[[], bytes], send: Callable[[bytes | None], None]) -> None:
        """Have `work` done on a payload of `size` octets, then `send` its result, or None if it raised."""
        head = _Head(size, work, send)
        self._head = head
        self.octets += size
        # Perhaps it is done at once.
        head.wait = self._port.offload(head.run, lambda: self._done(head))

    def append(self, size: int, send: Callable[[], None]) -> None:
        """Let a message of `size` octets wait; `send` sends it when its time has come."""
        self._waiting.append((size, send))
        self.octets += size

    def settle(self) -> None:
        """Send all of it now, and wait for the other thread if there is no other way."""
        while self._head is not None or self._waiting:
            if self._head is not None:
                self._end(self._head)
            else:
                self._send_next()

    def discard(self) -> None:
        """Forget all of it."""
        self._head = None
        self._waiting.clear()
        self.octets = 0

    def _done(self, head: _Head) -> None:
        if head is not self._head:
            # Settled or discarded meanwhile.
            return
        self._end(head)
        while self._head is None and self._waiting:
            self._send_next()

    def _end(self, head: _Head) -> None:
        if head.wait is not None:
            head.wait()
        self._head = None
        self.octets -= head.size
        # The transport may call the application back from inside; what it sends then joins those who wait.
        head.send(head.result)

    def _send_next(self) -> None:
        size, send = self._waiting.popleft()
        self.octets -= size
        send()


class _Head:
    """The message that is being compressed."""

    __slots__ = ("_work", "result", "send", "size", "wait")

    def __init__(self, size: int, work: Callable[[], bytes], send: Callable[[bytes | None], None]) -> None:
        self.size = size
        self.send = send
        self.result: bytes | None = None
        self.wait: Callable[[], None] | None = None
        self._work = work

    def run(self) -> None:
        """Called once, in whatever thread."""
        try:
            self.result = self._work()
        except MemoryError:
            # The one thing that compression can raise; uncompressed the message needs less.
            self.result = None
