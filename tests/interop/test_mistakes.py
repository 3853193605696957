"""Mistakes that are made in the first hour, over real sockets: each says what is wrong, and nothing goes astray."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.interop.processes import ROOT

pytestmark = pytest.mark.interop

BACKENDS = ["asyncio", "twisted"]

RECORDER = """
import socket, sys, threading

def record(listener, heard):
    while True:
        client, _ = listener.accept()
        client.settimeout(5)
        try:
            heard.append(client.recv(1000))
        except TimeoutError:
            heard.append("nothing came")
        client.close()

listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
heard = []
threading.Thread(target=record, args=[listener, heard], daemon=True).start()
"""

CLIENTS = {
    "asyncio": """
import asyncio
from wsframework.asyncio.websocket import WebSocketClientFactory

async def main():
    factory = WebSocketClientFactory(f"wss://127.0.0.1:{port}/?token=secret")
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(factory, factory.host, factory.port)
    try:
        await protocol.is_open
    except Exception as error:
        print(type(error).__name__, error)

asyncio.run(main())
""",
    "twisted": """
from twisted.internet import reactor
from wsframework.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol

class Client(WebSocketClientProtocol):
    def onClose(self, wasClean, code, reason):
        print("HandshakeError", reason)
        reactor.stop()

factory = WebSocketClientFactory(f"wss://127.0.0.1:{port}/?token=secret")
factory.protocol = Client
reactor.connectTCP(factory.host, factory.port, factory)
reactor.run()
""",
}


def said(source: str) -> str:
    """What a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_wss_url_is_never_sent_in_the_clear(backend: str) -> None:
    """I copied the client and wrote wss:// into its URL. The token must not go out without TLS."""
    out = said(f"{RECORDER}{CLIENTS[backend]}print(heard)")
    assert "HandshakeError the URL begins with wss://, but the transport does not encrypt" in out
    assert "secret" not in out.replace("token=secret/", "")
    assert "GET" not in out


MAKERS = {
    "raises": "lambda: 1 / 0",
    "needs an argument": "lambda one: None",
    "an instance": "Protocol()",
    "the other backend's": "Other",
}


@pytest.mark.parametrize("made", MAKERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_protocol_that_cannot_be_made_is_told(backend: str, made: str) -> None:
    """The client only sees that the connection ends; the server's log says why."""
    other = "twisted" if backend == "asyncio" else "asyncio"
    start = {
        "asyncio": """
import asyncio

async def main():
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await reader.read() == b""
    writer.close()
    server.close()

asyncio.run(main())
""",
        "twisted": """
import sys
from twisted.internet import reactor
from twisted.internet.protocol import ClientFactory, Protocol as Plain
from twisted.python.log import startLogging

startLogging(sys.stderr)
port = reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port

class Client(Plain):
    def connectionLost(self, reason):
        reactor.stop()

visitor = ClientFactory()
visitor.protocol = Client
reactor.connectTCP("127.0.0.1", port, visitor)
reactor.run()
""",
    }[backend]
    out = said(
        f"""
from wsframework.{backend}.websocket import WebSocketServerFactory, WebSocketServerProtocol as Protocol
from wsframework.{other}.websocket import WebSocketServerProtocol as Other
factory = WebSocketServerFactory()
factory.protocol = {MAKERS[made]}
{start}"""
    )
    words = {
        "raises": "ZeroDivisionError",
        "needs an argument": "missing 1 required positional argument",
        "an instance": "object is not callable",
        "the other backend's": f"must be one for {backend.capitalize() if backend == 'twisted' else backend}",
    }[made]
    assert "Traceback" in out
    assert words in out


def test_forgetting_to_await_says_so_where_it_is_used() -> None:
    """`ws = connect(url)` and then `ws.send(...)`."""
    from wsframework.asyncio import connect, serve

    async def handler(ws: Any) -> None:
        """Not called."""

    connecting: Any = connect("ws://127.0.0.1:9/")
    with pytest.raises(AttributeError, match=r"connect\(\.\.\.\) gives its conversation by `await`.*no send"):
        connecting.send("hello")
    serving: Any = serve(handler, "127.0.0.1", 0)
    with pytest.raises(AttributeError, match=r"serve\(\.\.\.\) gives its server by `await`.*no url"):
        _ = serving.url
    connecting._was_used = serving._was_used = True


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("max_size", "maxMessagePayloadSize"), ("extra_headers", "headers"), ("ping_interval", "autoPingInterval")],
)
def test_the_names_of_other_packages_lead_to_ours(backend: str, theirs: str, ours: str) -> None:
    """I come from `websockets`."""
    out = said(f"from wsframework.{backend} import connect\nconnect('ws://127.0.0.1:9/', {theirs}=1)")
    assert f"TypeError: connect has no argument {theirs}, and there is no such option; did you mean {ours}?" in out


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_handler_with_other_arguments_is_told_at_once(backend: str) -> None:
    """Handlers of old `websockets` had a path."""
    out = said(
        f"from wsframework.{backend} import serve\nasync def handler(ws, path): pass\nserve(handler, '127.0.0.1', 0)"
    )
    assert "TypeError: a handler takes one argument, the conversation; this one is (ws, path)" in out


def test_the_reason_of_a_refusal_is_in_the_error() -> None:
    """Not only 404: also what the server says to people, in one line that cannot move anything."""
    from wsframework.asyncio import connect, serve
    from wsframework.exceptions import HandshakeRejected
    from wsframework.websocket import ConnectionDeny

    async def handler(ws: Any) -> None:
        """Not called."""

    def refuse(request: Any) -> None:
        raise ConnectionDeny(403, body="not today\x1b[31m\nand not tomorrow")

    async def main() -> str:
        async with serve({"/here": handler}, "127.0.0.1", 0, process_request=refuse) as server:
            with pytest.raises(HandshakeRejected) as missing:
                await connect(f"{server.url}/there")
            with pytest.raises(HandshakeRejected) as refused:
                await connect(f"{server.url}/here")
        return f"{missing.value} | {refused.value}"

    assert asyncio.run(main()) == (
        "the server answered HTTP 404 Not Found: there is no WebSocket endpoint at this path | "
        "the server answered HTTP 403 Forbidden: not today\N{REPLACEMENT CHARACTER}[31m"
    )
