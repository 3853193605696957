"""Looks at the headers of a request, refuses some, and adds headers to its answer, on asyncio. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import secrets
from functools import partial

from wsframework.asyncio.websocket import (
    ConnectionAccept,
    ConnectionDeny,
    ConnectionRequest,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)

GREETINGS = {"de": "Guten Tag", "en": "Good day"}


class HeadersServerProtocol(WebSocketServerProtocol):
    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token

    def onConnect(self, request: ConnectionRequest) -> ConnectionAccept:
        # Names are the same in upper and lower case.
        given = request.headers.get("Authorization", "")
        # Comparing with == would tell by its duration how much of a guess is right.
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            challenge = {"WWW-Authenticate": "Bearer"}
            raise ConnectionDeny(ConnectionDeny.UNAUTHORIZED, headers=challenge, body="a token is needed\n")
        language = "de" if request.headers.get("Accept-Language", "").startswith("de") else "en"
        # A list repeats the header.
        cookies = [f"session={secrets.token_urlsafe(16)}; HttpOnly; SameSite=Strict", f"language={language}"]
        return ConnectionAccept(headers={"Set-Cookie": cookies, "X-Greeting": GREETINGS[language]})


async def main(host: str, port: int, token: str) -> None:
    # These headers are the same in all answers.
    factory = WebSocketServerFactory(headers={"X-Served-By": "asyncio"})
    factory.protocol = partial(HeadersServerProtocol, token)
    server = await asyncio.get_running_loop().create_server(factory, host, port)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"headers server on ws://{host}:{port}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await factory.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes any free port")
    parser.add_argument("--token", default="sesame", help="what clients have to know")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(args.host, args.port, args.token))
