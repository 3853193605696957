"""What tests of WebSocket code need: fakes that are honest about what a transport does, and no mocks.

`RecordingServer` and `RecordingClient` are one end of a connection each, without a framework, sockets or time that
passes by itself; see `wsframework.testing.recording`.
"""

from __future__ import annotations

from wsframework.testing.recording import Call, RecordingClient, RecordingPort, RecordingServer

__all__ = ["Call", "RecordingClient", "RecordingPort", "RecordingServer"]
