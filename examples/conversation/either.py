"""The type of a conversation on either backend, for handlers that both have. Imported for type checking only."""

from __future__ import annotations

from typing import TypeAlias

from wsframework.asyncio import conversation as on_asyncio
from wsframework.twisted import conversation as on_twisted

__all__ = ["Conversation"]

Conversation: TypeAlias = on_asyncio.ServerConversation | on_twisted.ServerConversation
