"""picows on asyncio or uvloop. Its interface is frames: a fragmented message is answered frame by frame."""

# The checks run where picows is not installed, too.
# mypy: disable-error-code="import-not-found", allow-subclassing-any

from __future__ import annotations

from functools import partial

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from benchmarks.servers.common import HOST, NO_LIMIT, Settings, run_asyncio


class Echo(WSListener):
    def __init__(self, validate: bool) -> None:
        super().__init__()
        self._validate = validate

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type == WSMsgType.TEXT and frame.fin and self._validate:
            # What checks that it is UTF-8; picows itself does not.
            frame.get_payload_as_utf8_text()
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview(), frame.fin)


def make_listener(validate: bool, _: WSUpgradeRequest) -> Echo:
    return Echo(validate)


async def start(settings: Settings) -> int:
    server = await ws_create_server(
        partial(make_listener, settings.validate),
        HOST,
        0,
        ssl=settings.tls_context(),
        max_frame_size=NO_LIMIT,
        # The loop's own transports, as for everybody here.
        use_aiofastnet=False,
    )
    port: int = server.sockets[0].getsockname()[1]
    return port


if __name__ == "__main__":
    run_asyncio(start)
