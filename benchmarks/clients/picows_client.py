"""picows on asyncio or uvloop, as a client."""

# The checks run where picows is not installed, too.
# mypy: disable-error-code="import-not-found", allow-subclassing-any

from __future__ import annotations

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.clients.common import Settings, Tally, run_asyncio


class Echo(WSListener):
    def __init__(self, payload: bytes, tally: Tally) -> None:
        super().__init__()
        self._payload = payload
        self._tally = tally

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.BINARY, self._payload)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self._tally.count += 1
        transport.send(WSMsgType.BINARY, frame.get_payload_as_memoryview())


async def connect(settings: Settings, tally: Tally) -> object:
    payload = settings.payload
    return await ws_connect(lambda: Echo(payload, tally), settings.url, use_aiofastnet=False)


if __name__ == "__main__":
    run_asyncio(connect)
