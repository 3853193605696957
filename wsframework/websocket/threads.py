"""Sending from other threads: messages wait in line, and the loop or reactor is woken once for all that wait."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from wsframework.exceptions import Disconnected, SendBufferFull

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["ThreadInbox"]


class ThreadInbox:
    """The messages that threads want to send over a factory's connections.

    `wake(function)` makes the factory's loop or reactor call `function`, from any thread.
    """

    def __init__(self, wake: Callable[[Callable[[], None]], object]) -> None:
        self._wake = wake
        self._lock = Lock()
        self._waiting: list[tuple[WebSocketProtocol, bytes, bool]] = []
        self._octets: dict[WebSocketProtocol, int] = {}

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
            self._octets = {}
        for protocol, payload, is_binary in batch:
            try:
                protocol.sendMessage(payload, is_binary)
            except Disconnected:
                # Closed meanwhile: onClose has told so, or will.
                continue
            except Exception as error:
                protocol._port_failed("sendMessageFromThread", error)
