"""A server for streams, without a word about WebSocket, inside of WebSocket, on asyncio. Ctrl-C ends it.

It turns every line around.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from wsframework.asyncio.websocket import WrappingWebSocketServerFactory


async def turn_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # As for asyncio.start_server: there are no messages here, but a stream with flow control.
    with contextlib.suppress(ConnectionError):
        async for line in reader:
            writer.write(line.rstrip(b"\r\n")[::-1] + b"\n")
            await writer.drain()
    writer.close()


def make_stream() -> asyncio.StreamReaderProtocol:
    # Any asyncio.Protocol will do.
    return asyncio.StreamReaderProtocol(asyncio.StreamReader(), turn_lines)


async def main(host: str, port: int) -> None:
    factory = WrappingWebSocketServerFactory(make_stream)
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"wrapping server on ws://{host}:{port}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await factory.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(args.host, args.port))
