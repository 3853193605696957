"""The way of a message in and out, in the build that runs; see `_messages_py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsframework.build import pick

if TYPE_CHECKING:
    from wsframework.websocket import _messages_py as _messages
else:
    _messages = pick("_messages", __package__)

__all__ = ["BufferReceiving", "MessageDelivery", "MessageSending"]

BufferReceiving = _messages.BufferReceiving
MessageDelivery = _messages.MessageDelivery
MessageSending = _messages.MessageSending
