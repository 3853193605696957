"""Sends every message back to where it came from, over TLS, on asyncio. Ctrl-C ends it.

python echo_tls_server.py CERTIFICATE KEY           both are PEM files, the first with the whole chain
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl

from wsframework.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class EchoServerProtocol(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


async def main(certificate: str, key: str, host: str, port: int) -> None:
    factory = WebSocketServerFactory()
    factory.protocol = EchoServerProtocol
    # "Client authentication" is Python's name for the server's side, which authenticates clients if it likes.
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.get_running_loop().create_server(factory, host, port, ssl=context)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"echo server on wss://{host}:{port}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await factory.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("certificate")
    parser.add_argument("key")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(args.certificate, args.key, args.host, args.port))
