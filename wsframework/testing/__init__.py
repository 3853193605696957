"""What tests of WebSocket code need: fakes that are honest about what a transport does, and no mocks.

`RecordingServer` and `RecordingClient` are one end of a connection each, without a framework, sockets or time that
passes by itself; see `wsframework.testing.recording`. `MemoryBackend` and `MemoryLink` are what both backends' own
testing modules, `wsframework.twisted.testing` and `wsframework.asyncio.testing`, have in common.
"""

from __future__ import annotations

from wsframework.testing.memory import MemoryBackend, MemoryLink, Pumper, carry, exchange
from wsframework.testing.recording import Call, RecordingClient, RecordingPort, RecordingServer

__all__ = [
    "Call",
    "MemoryBackend",
    "MemoryLink",
    "Pumper",
    "RecordingClient",
    "RecordingPort",
    "RecordingServer",
    "carry",
    "exchange",
]
