"""Sends every message back over TLS, on Twisted.

python tls_twisted.py PORT CERTIFICATE KEY           both are PEM files
"""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet.ssl import PrivateCertificate

from wsframework.twisted.conversation import Conversation, serve

certificate = PrivateCertificate.loadPEM(b"".join(Path(path).read_bytes() for path in sys.argv[2:4]))


async def echo(ws: Conversation) -> None:
    async for message in ws:
        await ws.send(message)


serve(echo, "127.0.0.1", int(sys.argv[1]), ssl=certificate.options()).run(
    lambda server: print(f"serving on {server.url}", flush=True)
)
