"""What a server takes, found out by sending it: sizes, fragments, and frames that no server should take.

Strategy: behind everything that is sent goes a Ping, so the Pong says that it was taken, whatever the application does
with messages. What breaks the protocol is tried on a connection of its own. All of it is bounded: about `2 * largest`
octets for the sizes, once `largest` more for fragments, and a handful of small frames.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from wsframework._core.codec import encode_frame
from wsframework._core.constants import OP_CONTINUATION, OP_PING, OP_TEXT, CloseCode
from wsframework.cli.conversation import Caller, call
from wsframework.cli.facts import Experiment, Limits, Question, Reaction
from wsframework.cli.reaching import Way
from wsframework.exceptions import WebSocketError

__all__ = ["SMALLEST", "find_limits"]

SMALLEST: Final = 1024
"""The first size that is tried, in octets."""

_FRAGMENT_SIZE: Final = 16 * 1024
# How long an echo may come behind the Pong.
_ECHO_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Idea:
    """Something to try: the octets, and the close codes that fit; none means that the server should go on."""

    name: str
    octets: bytes
    expected: tuple[int, ...] = ()


def _ideas() -> list[_Idea]:
    key = os.urandom(4)
    protocol_error = (int(CloseCode.PROTOCOL_ERROR),)
    fragments = (
        encode_frame(OP_TEXT, b"in ", key, fin=False),
        encode_frame(OP_PING, b"between", key),
        encode_frame(OP_CONTINUATION, b"three ", key, fin=False),
        encode_frame(OP_CONTINUATION, b"parts", key),
    )
    return [
        _Idea("message in three fragments, a Ping between them", b"".join(fragments)),
        _Idea("frame that is not masked", encode_frame(OP_TEXT, b"bare", None), protocol_error),
        _Idea("frame with the reserved opcode 3", encode_frame(0x3, b"?", key), protocol_error),
        _Idea("frame with a reserved bit set", encode_frame(OP_TEXT, b"?", key, rsv=2), protocol_error),
        _Idea("Ping of 126 octets", encode_frame(OP_PING, bytes(126), key), protocol_error),
        _Idea("text that is not UTF-8", encode_frame(OP_TEXT, b"\xc3\x28", key), (int(CloseCode.INVALID_PAYLOAD),)),
    ]


async def find_limits(way: Way, question: Question, largest: int) -> Limits:
    """Try everything; messages of up to `largest` octets."""
    echoes, accepted, refused, refusal = await _sizes(way, question, largest)
    in_fragments = None
    if accepted and refused is not None:
        in_fragments = await _fragmented(way, question, refused)
    experiments = tuple([await _try_out(way, question, idea) for idea in _ideas()])
    return Limits(echoes, accepted, refused, refusal, in_fragments, experiments)


async def _call(way: Way, question: Question, largest: int = 0) -> Caller:
    # An echo comes back, and messages of the server's own may be larger; what is sent may wait as a whole.
    most = max(2 * largest, 1 << 24)
    return await call(way, question, maxMessagePayloadSize=most, maxSendBuffer=4 * most)


async def _sizes(way: Way, question: Question, largest: int) -> tuple[bool, int, int | None, Experiment | None]:
    """Does it echo, the largest that it took, the smallest that it did not, and what it did then."""
    name = "large message"
    try:
        caller = await _call(way, question, largest)
    except (WebSocketError, OSError, TimeoutError) as error:
        return False, 0, None, _failed(name, (), error)
    echoes = await _echoes(caller, way.timeout)
    accepted, size = 0, min(SMALLEST, largest)
    while await _is_taken(caller, size, way.timeout):
        accepted = size
        if size == largest:
            await caller.hang_up()
            return echoes, accepted, None, None
        size = min(2 * size, largest)
    refusal = await _reaction(caller, name, (int(CloseCode.MESSAGE_TOO_BIG),), taken=False)
    return echoes, accepted, size, refusal


async def _echoes(caller: Caller, timeout: float) -> bool:
    if caller.is_over:
        return False
    text = f"wsframework check \u2713 {os.urandom(4).hex()}"
    caller.sendMessage(text)
    if await caller.ping(timeout) is None:
        return caller.last_message == text.encode()
    return await caller.wait_until(lambda: caller.last_message == text.encode(), min(_ECHO_SECONDS, timeout))


async def _is_taken(caller: Caller, size: int, timeout: float, fragment_size: int | None = None) -> bool:
    if caller.is_over:
        return False
    caller.sendMessage("x" * size, fragmentSize=fragment_size)
    return await caller.ping(timeout) is not None


async def _fragmented(way: Way, question: Question, size: int) -> Experiment:
    """The size that was too large as one frame, in small ones."""
    name = f"message of {size} octets in frames of {_FRAGMENT_SIZE}"
    try:
        caller = await _call(way, question, size)
    except (WebSocketError, OSError, TimeoutError) as error:
        return _failed(name, (), error)
    return await _reaction(caller, name, (), await _is_taken(caller, size, way.timeout, _FRAGMENT_SIZE))


async def _try_out(way: Way, question: Question, idea: _Idea) -> Experiment:
    try:
        caller = await _call(way, question)
    except (WebSocketError, OSError, TimeoutError) as error:
        return _failed(idea.name, idea.expected, error)
    if not caller.is_over:
        # Past the framework, which would not write such a thing.
        caller.transport.write(idea.octets)
    return await _reaction(caller, idea.name, idea.expected, await caller.ping(way.timeout) is not None)


async def _reaction(caller: Caller, name: str, expected: tuple[int, ...], taken: bool) -> Experiment:
    """What became of a connection on which something was sent; ends it."""
    if taken:
        await caller.hang_up()
        return Experiment(name, expected, Reaction.ACCEPTED)
    if not caller.is_over:
        caller.dropConnection(abort=True)
        await caller.is_closed
        return Experiment(name, expected, Reaction.SILENT)
    await caller.is_closed
    if not caller.got_close:
        return Experiment(name, expected, Reaction.DROPPED)
    return Experiment(name, expected, Reaction.CLOSED, caller.remoteCloseCode, caller.remoteCloseReason)


def _failed(name: str, expected: tuple[int, ...], error: Exception) -> Experiment:
    return Experiment(name, expected, Reaction.FAILED, reason=str(error) or type(error).__name__)
