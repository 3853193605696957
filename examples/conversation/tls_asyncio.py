"""Sends every message back over TLS, on asyncio.

python tls_asyncio.py PORT CERTIFICATE KEY           both are PEM files, the first with the whole chain
"""

from __future__ import annotations

import ssl
import sys

from wsframework.asyncio.conversation import Conversation, serve

ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ssl_context.load_cert_chain(certfile=sys.argv[2], keyfile=sys.argv[3])


async def echo(ws: Conversation) -> None:
    async for message in ws:
        await ws.send(message)


serve(echo, "127.0.0.1", int(sys.argv[1]), ssl=ssl_context).run(
    lambda server: print(f"serving on {server.url}", flush=True)
)
