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


STARTS = {
    "asyncio": """
import asyncio, sys

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    print("closed")
    writer.close()
    server.close()

if "uvloop" in sys.argv:
    import uvloop
    uvloop.run(main())
else:
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
        print("closed", file=sys.__stdout__)
        reactor.stop()

visitor = ClientFactory()
visitor.protocol = Client
reactor.connectTCP("127.0.0.1", port, visitor)
reactor.callLater(20, reactor.stop)
reactor.run()
""",
}
LOOPS = ["asyncio", "uvloop", "twisted"]


def said_by_server(loop: str, factory: str, imported_from: str | None = None) -> str:
    """What a program prints that serves by this factory, and has one visitor; at last `closed`, if that was let go."""
    backend = "twisted" if loop == "twisted" else "asyncio"
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    imports = f"from wsframework.{imported_from or backend}.websocket import *"
    choose = "import sys; sys.argv.append('uvloop')" if loop == "uvloop" else ""
    return said("\n".join((imports, choose, factory, STARTS[backend])))


MAKERS = {
    "raises": ("lambda: 1 / 0", "ZeroDivisionError"),
    "needs an argument": ("Demanding", "missing 1 required positional argument: 'database'"),
    "has an unfit option": ("Unfit", "ValueError: maxMessagePayloadSize must be 0 or more octets, not -1"),
    "makes nothing": ("lambda: None", "must make a new WebSocketServerProtocol of wsframework."),
}
DEMANDING = """
class Demanding(WebSocketServerProtocol):
    def __init__(self, database):
        super().__init__()
class Unfit(WebSocketServerProtocol):
    maxMessagePayloadSize = -1
factory = WebSocketServerFactory()
"""


@pytest.mark.parametrize("made", MAKERS)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_protocol_that_cannot_be_made_is_told(loop: str, made: str) -> None:
    """The client sees that the connection ends, at once; the server's log says why."""
    maker, words = MAKERS[made]
    out = said_by_server(loop, f"{DEMANDING}factory.protocol = {maker}")
    assert out.count("Traceback") == 1
    assert out.count("the protocol of a connection could not be made; closing the connection") == 1
    assert words in out
    assert "closed" in out.splitlines()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_factory_of_the_other_backend_is_told(backend: str) -> None:
    """The editor completed the other import."""
    other = "twisted" if backend == "asyncio" else "asyncio"
    out = said_by_server(backend, "factory = WebSocketServerFactory()", other)
    names = {"asyncio": "asyncio", "twisted": "Twisted"}
    assert (
        f"this factory is for {names[other]}, and {names[backend]} calls it: "
        f"import it from wsframework.{backend}.websocket" in out
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("function", "role"), [("connectWS", "Client"), ("listenWS", "Server")])
def test_a_factory_of_the_other_backend_is_refused_with_a_url(backend: str, function: str, role: str) -> None:
    """By what takes host and port from it."""
    other = "twisted" if backend == "asyncio" else "asyncio"
    out = said(f"""
import asyncio
from wsframework.{other}.websocket import WebSocket{role}Factory
from wsframework.{backend}.websocket import {function}

async def main():
    {"await" if backend == "asyncio" else ""} {function}(WebSocket{role}Factory("ws://127.0.0.1:9/"))

asyncio.run(main())
""")
    assert (
        f"TypeError: factory must be a WebSocket{role}Factory of wsframework.{backend}.websocket, "
        f"not a WebSocket{role}Factory of wsframework.{other}.websocket" in out
    )


@pytest.mark.parametrize("loop", LOOPS)
def test_a_class_in_place_of_a_factory_is_told(loop: str) -> None:
    """I forgot the parentheses."""
    out = said_by_server(loop, "factory = WebSocketServerFactory")
    if loop == "twisted":
        assert "TypeError" in out
        return
    assert "was given the class WebSocketServerFactory; give it a factory: WebSocketServerFactory()" in out
    assert "closed" in out.splitlines()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_protocol_class_is_no_handler(backend: str) -> None:
    """Two ways to use it, mixed up."""
    out = said(
        f"from wsframework.{backend} import serve, WebSocketServerProtocol\n"
        "class Chat(WebSocketServerProtocol): pass\nserve(Chat, '127.0.0.1', 0)"
    )
    assert "TypeError: a handler must be an async def of one argument, not the protocol class Chat" in out


@pytest.mark.parametrize("backend", BACKENDS)
def test_forgetting_to_await_says_so_where_it_is_used(backend: str) -> None:
    """`ws = connect(url)` and then `ws.send(...)`."""
    out = said(f"""
from wsframework.{backend} import connect, serve

async def handler(ws):
    pass

for use in (
    lambda: connect("ws://127.0.0.1:9/").send("hello"),
    lambda: serve(handler, "127.0.0.1", 0).url,
):
    try:
        use()
    except AttributeError as error:
        print(error)
""")
    assert "connect(...) gives its conversation by `await` or `async with`; this itself has no send" in out
    assert "serve(...) gives its server by `await` or `async with`; this itself has no url" in out


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_option_of_the_other_role_is_named_so(backend: str) -> None:
    """I took it from a server's settings."""
    out = said(f"from wsframework.{backend} import connect\nconnect('ws://127.0.0.1:9/', maxConnections=1)")
    assert "TypeError: connect has no argument maxConnections; it is an option of servers" in out


TLS_ON_ONE_SIDE = """
import asyncio, ssl, sys, threading, trustme
from wsframework.asyncio import serve

async def handler(ws):
    await ws.wait_closed()

async def listen(**more):
    return (await serve(handler, "127.0.0.1", 0, **more)).port

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
ports = [asyncio.run_coroutine_threadsafe(listen(**more), loop).result() for more in ({}, {"ssl": context})]
urls = [f"wss://127.0.0.1:{ports[0]}/", f"ws://127.0.0.1:{ports[1]}/"]

async def ask(*ways):
    for way in ways:
        for url in urls:
            try:
                await way(url)
            except Exception as error:
                print(*error.__notes__)
"""
ASKERS = {
    "asyncio": """
from wsframework.asyncio import connect
from wsframework.asyncio.websocket import create_client_agent
asyncio.run(ask(connect, lambda url: create_client_agent().open(url)))
""",
    "twisted": """
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from wsframework.twisted import connect
from wsframework.twisted.websocket import create_client_agent
react(lambda reactor: Deferred.fromCoroutine(ask(connect, create_client_agent(reactor).open)))
""",
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_tls_on_one_side_only_is_suspected(backend: str) -> None:
    """ws:// for a port that speaks TLS, or the reverse: the traceback ends with what to try."""
    hints = [
        "does this port speak TLS? If it does not, use ws://",
        "perhaps this port speaks TLS; if it does, use wss://",
    ]
    assert said(TLS_ON_ONE_SIDE + ASKERS[backend]).splitlines() == hints * 2


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
