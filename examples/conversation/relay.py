"""What is said in one conversation is told in all of them, with the number of who said it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from wsframework.websocket.broadcast import Broadcast

if TYPE_CHECKING:
    from either import Conversation

everybody = Broadcast()
numbers = itertools.count()


async def relay(ws: Conversation) -> None:
    number = next(numbers)
    everybody.add(ws)
    async for message in ws:
        if isinstance(message, str):
            # Waits for nobody: what one does not take at once is kept for them, within limits.
            everybody.send(f"{number}: {message}")
