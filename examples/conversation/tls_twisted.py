"""Sends every message back over TLS, on Twisted.

python tls_twisted.py PORT CERTIFICATE KEY           both are PEM files
"""

# Not all of Twisted is annotated.
# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from pathlib import Path

from on_twisted import run_server
from twisted.internet.ssl import PrivateCertificate

from wsframework.twisted.conversation import Conversation

certificate = PrivateCertificate.loadPEM(b"".join(Path(path).read_bytes() for path in sys.argv[2:4]))


async def echo(ws: Conversation) -> None:
    async for message in ws:
        await ws.send(message)


run_server(echo, ssl=certificate.options())
