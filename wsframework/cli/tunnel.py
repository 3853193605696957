"""Every conversation as a TCP connection: binary messages in one direction and the other are the octets.

Both ends set the pace: octets are read from TCP when what was read before has gone out, and messages are taken when
TCP has room. WebSocket cannot end one direction alone, so the end of either side is the end of both, after all that
was sent before it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from wsframework.cli.backends import Backend, Stream
from wsframework.exceptions import ConnectionClosed

__all__ = ["tunnel"]

_NORMAL: Final = 1000
_UNSUPPORTED: Final = 1003
_BROKEN: Final = 1011
_NO_WAY: Final = 1014
# Seconds for TCP to be connected.
_TIMEOUT: Final = 10.0


def tunnel(backend: Backend, host: str, port: int) -> Callable[[Any], Awaitable[None]]:
    """The handler of a server whose conversations go to this place.

    It closes with 1014 where that cannot be reached, 1000 when TCP ends, 1011 when it breaks, 1003 for a text message.
    """

    async def handler(conversation: Any) -> None:
        try:
            stream = await backend.dial(host, port, _TIMEOUT)
        except backend.cancelled:
            raise
        except Exception as error:
            await _close_because(backend, conversation, _NO_WAY, error)
            return
        inwards = backend.spawn(_inwards(backend, conversation, stream))
        try:
            await _outwards(backend, conversation, stream)
        finally:
            await stream.end()
            await inwards

    return handler


async def _inwards(backend: Backend, conversation: Any, stream: Stream) -> None:
    """From TCP to the conversation, until either ends."""
    try:
        while data := await stream.read():
            await conversation.send(data)
        conversation.sendClose(_NORMAL, "the TCP connection was ended")
    except ConnectionClosed:
        # Whoever takes what comes from there learns of it, too.
        pass
    except Exception as error:
        await _close_because(backend, conversation, _BROKEN, error)


async def _outwards(backend: Backend, conversation: Any, stream: Stream) -> None:
    """From the conversation to TCP, until either ends."""
    try:
        async for message in conversation:
            if isinstance(message, str):
                conversation.sendClose(_UNSUPPORTED, "a tunnel takes binary messages")
                return
            await stream.write(message)
    except ConnectionClosed:
        pass
    except backend.cancelled:
        raise
    except Exception as error:
        await _close_because(backend, conversation, _BROKEN, error)


async def _close_because(backend: Backend, conversation: Any, code: int, error: Exception) -> None:
    reason = backend.explain(error)
    if reason is None:
        raise error
    conversation.sendClose(code, reason)
