"""What has to do with other threads: sending from them, and having them do what takes long."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock
from typing import TYPE_CHECKING

from wsframework.exceptions import Disconnected, SendBufferFull, SequenceError

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["Job", "ThreadInbox"]


class Job:
    """Work for another thread, done once: there, or where it is waited for if no thread has begun."""

    __slots__ = ("_begun", "_ended", "_work")

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._begun = Lock()
        self._ended = Event()

    def run(self) -> None:
        """Do the work, unless somebody does it already."""
        if not self._begun.acquire(blocking=False):
            return
        try:
            self._work()
        finally:
            self._ended.set()

    def wait(self) -> None:
        """Return when the work is done. Never waits for a free thread, which might itself wait for us."""
        self.run()
        self._ended.wait()


class ThreadInbox:
    """The messages that threads want to send over a factory's connections.

    `wake(function)` makes the factory's loop or reactor call `function`, from any thread.
    """

    def __init__(self, wake: Callable[[Callable[[], None]], object]) -> None:
        self._wake = wake
        self._lock = Lock()
        self._waiting: list[tuple[WebSocketProtocol, bytes, bool]] = []
        self._octets: dict[WebSocketProtocol, int] = {}
        # What waits for the end of a message that the application sends by parts.
        self._held: dict[WebSocketProtocol, list[tuple[bytes, bool]]] = {}

    def put(self, protocol: WebSocketProtocol, payload: bytes, is_binary: bool, limit: int) -> None:
        """Let it be sent, in order with what else was put. `SendBufferFull` when `limit` octets wait (0: never)."""
        with self._lock:
            octets = self._octets.get(protocol, 0) + len(payload)
            if limit and octets > limit:
                raise SendBufferFull(f"more than maxSendBuffer ({limit}) octets from threads wait for this connection")
            self._octets[protocol] = octets
            first = not self._waiting
            self._waiting.append((protocol, payload, is_binary))
        if first:
            self._wake(self._deliver)

    def _deliver(self) -> None:
        """In the loop's own thread: send all that waits."""
        with self._lock:
            batch, self._waiting = self._waiting, []
            held = self._held.items()
            self._octets = {protocol: sum(len(payload) for payload, _ in kept) for protocol, kept in held}
        for protocol, payload, is_binary in batch:
            self._send(protocol, payload, is_binary)

    def _send(self, protocol: WebSocketProtocol, payload: bytes, is_binary: bool) -> None:
        if protocol in self._held:
            self._hold(protocol, payload, is_binary)
            return
        try:
            protocol.sendMessage(payload, is_binary)
        except SequenceError:
            # The application is in the middle of a message that it sends by parts.
            self._hold(protocol, payload, is_binary)
        except Disconnected:
            # Closed meanwhile: onClose has told so, or will.
            return
        except Exception as error:
            protocol._port_failed("sendMessageFromThread", error)

    def _hold(self, protocol: WebSocketProtocol, payload: bytes, is_binary: bool) -> None:
        self._held.setdefault(protocol, []).append((payload, is_binary))
        with self._lock:
            self._octets[protocol] = self._octets.get(protocol, 0) + len(payload)

    def flush(self, protocol: WebSocketProtocol) -> None:
        """The message by parts is complete: send what waited for that."""
        held = self._held.pop(protocol, None)
        if held is None:
            return
        with self._lock:
            self._octets[protocol] = self._octets.get(protocol, 0) - sum(len(payload) for payload, _ in held)
        for payload, is_binary in held:
            self._send(protocol, payload, is_binary)

    def forget(self, protocol: WebSocketProtocol) -> None:
        """The connection is gone, and what waited for it with it."""
        self._held.pop(protocol, None)
        with self._lock:
            self._octets.pop(protocol, None)
